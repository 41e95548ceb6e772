"""What a campaign file may say, and what is answered where it says something else."""

import json
from pathlib import Path

import pytest
import yaml

from hp_lab.cli.campaign import _with_changes
from hp_lab.cli.main import main
from hp_lab.errors import InvalidConfig
from hp_lab.orchestration.campaign_file import load_campaign, read_campaign
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.orchestration.status import choices_of, objectives_of

EXAMPLES = Path(__file__).parents[2] / "examples"
OWN = EXAMPLES / "own_hypothesis.yaml"
DEMO = EXAMPLES.parent / "config" / "campaigns" / "demo.yaml"
MODULE = EXAMPLES / "own_hypothesis.py"
CAMPAIGN = {
    "name": "t",
    "space": {
        "spacer": {"type": "molecule", "choices": ["PEA", "BA"]},
        "n": {"type": "ordinal", "values": [1, 2, 3, 4]},
    },
    "objectives": [{"quantity": "gap_ev", "goal": "target", "value": 1.9}],
    "budget": {"films": 10},
}


def load(folder, **changes):
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump({**CAMPAIGN, **changes}))
    return load_campaign(path)


def test_constraints_of_the_space_and_of_the_campaign_all_hold(tmp_path):
    space = {**CAMPAIGN["space"], "constraints": ["n <= 2"]}
    campaign = load(tmp_path, space=space, constraints=["n >= 2"])
    assert campaign.space.constraints == ("n <= 2", "n >= 2")


def test_every_wrong_planner_setting_is_told_before_anything_is_written(tmp_path):
    planner = {"costs": "anneal_x", "hypotheses": ["confinment"], "ucb_beta": 9}
    with pytest.raises(InvalidConfig) as error:
        load(tmp_path, planner=planner)
    lines = str(error.value).splitlines()
    for line, words in zip(lines, ("confinment", "anneal_x", "ucb_beta"), strict=True):
        assert "c.yaml: planner: " in line
        assert words in line


def test_one_quantity_has_one_goal(tmp_path):
    with pytest.raises(InvalidConfig, match=r"objectives: two .* 'gap_ev'"):
        load(tmp_path, objectives=CAMPAIGN["objectives"] * 2)


def test_the_only_objective_is_not_called_none_where_it_is_wrong(tmp_path):
    with pytest.raises(InvalidConfig) as error:
        load(tmp_path, objectives=[{"quantity": "gap_ev", "goal": "max"}])
    (line,) = str(error.value).splitlines()
    assert "objectives.0.goal" in line
    with pytest.raises(InvalidConfig, match=r"objectives: .* at least 1 item"):
        load(tmp_path, objectives=[])


def test_a_category_that_yaml_takes_for_something_else_is_to_be_quoted(tmp_path):
    dimension = {"type": "categorical", "choices": [True, 10]}
    with pytest.raises(InvalidConfig) as error:
        load(tmp_path, space={"aged": dimension})
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    for line, value in zip(lines, ("True", "10"), strict=True):
        assert f"put it in quotes (got {value})" in line
    with pytest.raises(InvalidConfig) as error:
        load(tmp_path, space={"aged": {"type": "categorical", "choices": [["a"]]}})
    assert "quotes" not in str(error.value)


def test_a_molecule_that_is_not_listed_is_asked_for_as_name_and_smiles(tmp_path):
    dimension = {"type": "molecule", "choices": ["CCCN"]}
    with pytest.raises(InvalidConfig, match=r"as name: SMILES, and spacer 'CCCN'"):
        load(tmp_path, space={"cation": dimension})


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("m.smi", "CCC[NH3+] PRA\n\nC[NH3+]\n"),
        ("m.csv", "name,SMILES,price\nPRA,CCC[NH3+],1\n,C[NH3+],2\n"),
    ],
)
def test_molecules_of_a_file_are_written_into_the_campaign(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    space = {"spacer": {"type": "molecule", "library": file}}
    wanted = {"PRA": "CCC[NH3+]", "C[NH3+]": "C[NH3+]"}
    assert load(tmp_path, space=space).space.dimensions["spacer"].choices == wanted
    copy = tmp_path / "elsewhere.yaml"
    copy.write_text(yaml.safe_dump(read_campaign(tmp_path / "c.yaml")))
    (tmp_path / file).unlink()
    assert load_campaign(copy).space.dimensions["spacer"].choices == wanted
    with pytest.raises(InvalidConfig, match=rf"space\.spacer\.library: .*{file}"):
        load_campaign(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 molecules"),
        ("C[NH3+] A\nCC[NH3+] A\n", "'A' is there twice"),
        ("C[NH3+ A\n", "A: molecule"),
        ("C[NH3+]\n[NH3+]C\n", "one molecule"),
        ("\n".join("C" * i for i in range(1, 1002)), "1001 molecules.*1000"),
    ],
)
def test_a_file_of_molecules_that_cannot_be_used_says_why(tmp_path, text, words):
    (tmp_path / "m.smi").write_text(text)
    space = {"spacer": {"type": "molecule", "library": "m.smi"}}
    with pytest.raises(InvalidConfig, match=words):
        load(tmp_path, space=space)


def test_molecules_are_listed_or_in_a_file_not_both(tmp_path):
    both = {"type": "molecule", "library": "m.smi", "choices": ["PEA"]}
    with pytest.raises(InvalidConfig, match="exclude each other"):
        load(tmp_path, space={"spacer": both})


def test_the_run_s_copy_of_a_campaign_finds_its_modules(tmp_path):
    _, text = _with_changes(OWN, seed=None, films=None)
    copy = tmp_path / "campaign.yaml"
    copy.write_text(text)
    assert load_campaign(copy).planner.modules == (str(MODULE),)
    # What names no files is kept as it was written, with its comments.
    assert _with_changes(DEMO, seed=None, films=None)[1] == DEMO.read_text("utf-8")


def test_a_run_whose_module_is_gone_is_shown_but_not_gone_on_with(tmp_path):
    planner = {"modules": ["gone.py"], "hypotheses": ["well"]}
    run = RunDir(tmp_path)
    run.campaign.write_text(yaml.safe_dump({**CAMPAIGN, "planner": planner}))
    with pytest.raises(InvalidConfig, match=r"planner: modules: .*gone\.py: cannot be"):
        load_campaign(run.campaign)
    assert objectives_of(run)[0].quantity == "gap_ev"
    assert choices_of(run)["n"] == (1, 2, 3, 4)


@pytest.mark.slow
def test_a_module_s_hypothesis_is_compared_by_hp_lab_plan(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    table = str(OWN.with_suffix(".csv"))
    words = ["plan", "--campaign", str(OWN), "--observations", table, "--json"]
    monkeypatch.setattr("sys.argv", ["hp-lab", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    answer = json.loads(capsys.readouterr().out)
    assert list(answer["model_probabilities"]) == ["gp", "well", "line", "confinement"]
