"""Bad input is answered with a sentence that helps, and leaves nothing half-written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from commands import ROOT, hp_lab

from hp_lab.cli.main import main

pytestmark = pytest.mark.slow
# Arguments of hp-lab to its exit code and what it says of the error.
Type = Callable[..., tuple[int, str]]
NETLIST = ROOT / "hp_lab/recipes/data/pascal/netlist_36.json"
UNKNOWN_SPACER = {"type": "molecule", "choices": ["PEZ"]}
DEMO = yaml.safe_load((ROOT / "config/campaigns/demo.yaml").read_text())
SHORT_SIMPLEX = {
    "type": "simplex",
    "components": ["MA", "FA"],
    "upper": {"MA": 0.3, "FA": 0.3},
}
PURTY = {"quantity": "phase_purty", "goal": "maximize"}
NO_STOCK = {"type": "molecule", "choices": ["NMA"]}


def space(**dimensions: object) -> dict[str, object]:
    """The demo's space with other dimensions."""
    return {"space": {**DEMO["space"], **dimensions}}


def below_zero(how_far: float) -> dict[str, object]:
    return {"type": "continuous", "low": -how_far, "high": how_far}


@pytest.fixture
def type_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Type:
    """Type a command in an empty directory; in this process, as imports take long."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["hp-lab", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not (tmp_path / "runs").exists()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


def campaign(tmp_path: Path, content: object) -> str:
    file = tmp_path / "c.yaml"
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"space": {**DEMO["space"], "spacer": UNKNOWN_SPACER}}, ["PEZ"]),
        ({"budget": {"films": 0}}, ["budget.films", "0", "1"]),
        ({"budget": {"films": "many"}}, ["budget.films", "many"]),
        ({"objectives": []}, ["objectives"]),
        ({"objectives": [{"quantity": "pl_peak_ev", "goal": "target"}]}, ["value"]),
        ({"process": {"precursor_ul": -5}}, ["process.precursor_ul", "-5"]),
        ({"colour": "red"}, ["colour"]),
        ({"objectives": [PURTY]}, ["phase_purty", "phase_purity"]),
        ({"process": {"measurements": []}}, ["phase_purity", "absorbance"]),
        ({"name": "../evil"}, ["name"]),
        ({"constraints": ["fa_fraction > 2"]}, ["constraint"]),
        (space(a_site=SHORT_SIMPLEX), ["space.a_site", "0.3", "sum to one"]),
        ({"process": {"solvents": {"DMF": 0.5, "DMSO": 0.6}}}, ["solvents", "1.1"]),
        (space(antisolvent_ul=below_zero(50)), ["antisolvent_ul", "-50", "than 0"]),
        (space(br_fraction=below_zero(0.1)), ["br_fraction", "-0.1", "from 0 to 1"]),
        (space(magic=below_zero(1)), ["magic", "unknown"]),
        (space(spacer=NO_STOCK), ["NMA", "none of the stocks"]),
        ({"process": {"concentration_m": 5}}, ["5 M", "0.5 M"]),
        ({"process": {"substrate": "ITO"}}, ["ITO", "glass"]),
        ({"planner": {"costs": "anneal_x"}}, ["planner: costs", "anneal_s"]),
        ({"planner": {"hypotheses": ["windw"]}}, ["planner: hypotheses", "windw"]),
    ],
)  # fmt: skip
def test_a_wrong_campaign_file_names_field_value_and_limit(
    tmp_path: Path, type_in: Type, change: dict[str, object], words: list[str]
) -> None:
    file = campaign(tmp_path, {**DEMO, **change})
    code, text = type_in("campaign", "run", file, "--virtual-time")
    assert code == 2, text
    for word in words:
        assert word in text


def test_a_file_that_is_not_yaml_is_said_to_be_none(
    tmp_path: Path, type_in: Type
) -> None:
    file = campaign(tmp_path, "name: [1, 2\n: :")
    code, text = type_in("campaign", "run", file, "--virtual-time")
    assert code == 2
    assert "is not YAML" in text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = hp_lab("campaign", "run", "nowhere.yaml", "--virtual-time", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_does_not_exist_is_named(type_in: Type) -> None:
    code, text = type_in("campaign", "status", "demo-999")
    assert code == 2
    assert "demo-999" in text


def test_a_broken_worklist_says_what_was_expected(
    tmp_path: Path, type_in: Type
) -> None:
    (tmp_path / "w.json").write_text("{}")
    code, text = type_in("worklist", "run", "w.json")
    assert code == 2
    assert "samples" in text


def test_a_volume_that_no_pipette_moves_names_sample_volume_and_limit(
    tmp_path: Path, type_in: Type
) -> None:
    netlist = json.loads(NETLIST.read_text())
    first = next(iter(netlist["samples"].values()))
    drops = [
        t["details"]["drops"] for t in first["worklist"] if "drops" in t["details"]
    ]
    drops[0][0]["volume"] = 5000
    (tmp_path / "w.json").write_text(json.dumps(netlist))
    code, text = type_in("worklist", "run", "w.json", "--first", "2")
    assert code == 2
    for word in ("sample0", "5000 uL", "300 uL"):
        assert word in text


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--films", "0"), ["budget.films", "0", "1"]),
        (("--seed", "-3"), ["seed", "-3", "0"]),
    ],
)
def test_a_wrong_option_is_refused_as_the_file_s_field_would_be(
    type_in: Type, option: tuple[str, str], words: list[str]
) -> None:
    file = str(ROOT / "config/campaigns/demo.yaml")
    code, text = type_in("campaign", "run", file, "--virtual-time", *option)
    assert code == 2
    for word in words:
        assert word in text


def test_an_unknown_spectrum_says_what_was_expected(
    tmp_path: Path, type_in: Type
) -> None:
    (tmp_path / "x.txt").write_text("hello\nworld\n")
    code, text = type_in("analyze", "x.txt")
    assert code == 2
    assert "x.txt" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--emulated", "--speed", "0"], ["speed 0", "above 0"]),
        (["up", "--emulated", "--speed", "nan"], ["speed nan", "above 0"]),
        (["schedule", str(NETLIST), "--effort", "-1"], ["--effort", "0"]),
        (["plan", "--campaign", "c.yaml", "--seed", "-1"], ["--seed", "0"]),
        (["analyze", "x.txt", "--plot", "x.xls"], ["x.xls", ".png"]),
        (["analyze", "x.txt", "--plot", "no/x.png"], ["no/x.png", "no directory no"]),
    ],
)
def test_a_wrong_option_names_itself_and_the_limit_before_anything_starts(
    type_in: Type, arguments: list[str], words: list[str]
) -> None:
    code, text = type_in(*arguments)
    assert code == 2
    for word in words:
        assert word in text
