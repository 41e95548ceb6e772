"""hp-lab plan, predict and benchmark pool, as a person and as a program call them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hp_lab.cli import output
from hp_lab.cli.main import app

pytestmark = pytest.mark.slow
CAMPAIGN = """\
name: two
seed: 1
space:
  n: {type: ordinal, values: [1, 2, 3, 4, 5]}
  br: {type: continuous, low: 0, high: 1}
objectives:
  - {quantity: pl_log_intensity, goal: maximize}
  - {quantity: gap_ev, goal: target, value: 1.9}
planner: {initial: 3, hypotheses: [{name: confinement, quantity: gap_ev}]}
budget: {films: 10}
"""
FILMS = """\
id,n,br,gap_ev,pl_log_intensity,pl_log_intensity_kind,pl_log_intensity_cause
a,1,0,2.43,1,,
b,2,.2,2.17,4,,
c,5,.4,1.83,9,lower_bound,detector_saturated
d,3,.3,2.03,8,,
"""
Q = "pl_log_intensity"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    (tmp_path / "o.csv").write_text(FILMS)
    (tmp_path / "at.csv").write_text("id,n,br\nx,2,.5\n,4,.5\n")
    rows = [f"{i},{i % 7},{(i * i) % 23}" for i in range(30)]
    (tmp_path / "pool.csv").write_text("\n".join([",t,y", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(output.console, "width", 100)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


PLAN = ("plan", "--campaign", "c.yaml", "--observations", "o.csv")
PREDICT = ("predict", *PLAN[1:], "--at", "at.csv")
POOL = ("benchmark", "pool", "pool.csv", "--target", "y", "--goal", "max")
SHORT = ("--ignore", "", "--seeds", "1", "--budget", "4")


def test_a_plan_tells_all_that_was_found(files: Path) -> None:
    told = json.loads(run(*PLAN, "--json"))
    assert set(told["pareto_front"]) <= set("abcd")
    assert told["pareto_front"]
    models = told["model_probabilities"]
    assert set(models) == {f"{Q}/gp", "gap_ev/gp", "gap_ev/confinement"}
    assert models["gap_ev/gp"] + models["gap_ev/confinement"] == pytest.approx(1)
    assert any("shorter exposure" in note for note in told["notes"])
    (film,) = told["candidates"]

    printed = run(*PLAN)
    for mean, sigma in zip(
        film["predicted_mean"], film["predicted_sigma"], strict=True
    ):
        assert f"{mean:.4g} +- {sigma:.2g}" in printed
    assert f"{film['feasibility']:.2f}" in printed
    assert f"gap_ev/confinement {models['gap_ev/confinement']:.2f}" in printed
    assert f"Pareto front: {', '.join(told['pareto_front'])}" in printed


def test_films_that_fill_the_space_have_no_prediction(files: Path) -> None:
    printed = run("plan", "--campaign", "c.yaml")
    assert re.search(r"c0001 +- +- +1.00", printed)
    assert "models" not in printed


def test_what_was_learned_is_carried_on_from_a_file(files: Path) -> None:
    carried = (*PLAN, "--posterior", "kept/learned", "--json")
    assert any("fitted cold" in note for note in json.loads(run(*carried))["notes"])
    with (files / "o.csv").open("a") as film:
        film.write("e,4,.1,1.95,6,,\n")
    assert not any("fitted cold" in note for note in json.loads(run(*carried))["notes"])
    assert [path.name for path in (files / "kept").iterdir()] == ["learned"]


def test_where_nothing_was_learned_yet_no_file_is_written(files: Path) -> None:
    run("plan", "--campaign", "c.yaml", "--posterior", "learned")
    assert not (files / "learned").exists()


def test_a_posterior_that_cannot_be_written_costs_no_answer(files: Path) -> None:
    (files / "learned.draft").mkdir()
    result = CliRunner().invoke(app, (*PLAN, "--posterior", "learned"))
    assert "Proposed" in result.output
    assert "learned: cannot be written" in str(result.exception)


def test_a_file_that_is_no_posterior_is_not_replaced(files: Path) -> None:
    result = CliRunner().invoke(app, (*PLAN, "--posterior", "o.csv"))
    assert "o.csv: is no posterior" in str(result.exception)
    assert (files / "o.csv").read_text() == FILMS


def test_forecasts_are_told_row_by_row(files: Path) -> None:
    told = json.loads(run(*PREDICT, "--json"))
    assert set(told) == {"sigma", "predictions", "notes"}
    assert [one["id"] for one in told["predictions"]] == ["x", "2"]
    assert told["predictions"][1]["settings"] == {"n": 4, "br": 0.5}
    reading = told["predictions"][0]["readings"]["gap_ev"]
    assert set(reading) == {"mean", "sd", "intervals"}
    low, high = reading["intervals"]["80"]
    assert set(reading["intervals"]) == {"50", "80", "95"}
    assert low < reading["mean"] < high

    printed = run(*PREDICT)
    assert f"{low:.4g} to {high:.4g}" in printed
    assert "gap_ev: readings" in printed
    assert "shorter exposure" in printed


def test_forecasts_of_scores_tell_the_probability_of_each(files: Path) -> None:
    space, _ = CAMPAIGN.split("objectives:")
    wanted = "{quantity: grade, goal: maximize, scores: [0, 1, 2]}"
    text = f"{space}objectives: [{wanted}]\nbudget: {{films: 10}}\n"
    (files / "c.yaml").write_text(text)
    (files / "o.csv").write_text("n,br,grade\n1,0,0\n2,.2,1\n5,.4,2\n3,.3,2\n")
    told = json.loads(run(*PREDICT, "--json"))
    reading = told["predictions"][0]["readings"]["grade"]
    assert set(reading["scores"]) == {"0", "1", "2"}
    assert sum(reading["scores"].values()) == pytest.approx(1)
    assert "score 2" in run(*PREDICT)


def test_a_replay_tells_its_inputs_and_what_it_cannot_know(files: Path) -> None:
    told = json.loads(run(*POOL, *SHORT, "--json"))
    assert told["inputs"] == {"t": "continuous"}
    for method in ("planner", "sklearn", "greedy", "random"):
        assert told[method]["ef20"]["mean"] is None
        assert told[method]["ef40"]["mean"] is None
        assert len(told[method]["curve"]) == 4
    printed = run(*POOL, *SHORT)
    assert "inputs: t (continuous)" in printed
    assert "too small to tell" in printed


def test_a_replay_prints_standard_errors_where_there_are_any(files: Path) -> None:
    rows = [f"{i},{(i * 7) % 60}" for i in range(60)]
    (files / "pool.csv").write_text("\n".join(["t,y", *rows]) + "\n")
    several = (*POOL, "--seeds", "2", "--budget", "4")
    told = json.loads(run(*several, "--json"))["random"]["to80"]
    line = f"{told['mean']:.4g} +- {told['se']:.2g}"
    assert line in run(*several)
    assert "+-" not in run(*POOL, "--seeds", "1", "--budget", "4")


def test_a_replay_that_finds_too_few_is_told_as_such(files: Path) -> None:
    # Of 60 experiments 3 are the best: two random ones and two more do not hold them.
    rows = [f"{i},{(i * 7) % 60}" for i in range(60)]
    (files / "pool.csv").write_text("\n".join(["t,y", *rows]) + "\n")
    printed = run(*POOL, "--seeds", "1", "--budget", "4")
    assert "to 80 %: a run that needs more than 4 counts as 5" in printed


def test_an_index_without_a_name_is_no_input(files: Path) -> None:
    result = CliRunner().invoke(app, POOL)
    assert result.exit_code != 0
    assert '--ignore ""' in str(result.exception)
