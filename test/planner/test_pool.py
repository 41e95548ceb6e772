"""Replays of data sets, and proposals from tables."""

import numpy as np
import pytest

from hp_lab.errors import InvalidInput
from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.plan import plan_from_csv
from hp_lab.planner.pool import (
    METHODS,
    Pool,
    benchmark_pool,
    load_pool,
    replay,
    summary,
)
from hp_lab.planner.space import Space


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "films.csv"
    rows = ["smiles,solvent,t,y"]
    for i, smiles in enumerate(["CC[NH3+]", "CCC[NH3+]", "CCCC[NH3+]", "CCCCC[NH3+]"]):
        for solvent in ("DMF", "DMSO"):
            for t in (10, 20, 30):
                value = i - abs(t - 20) / 10 + (solvent == "DMF")
                rows += [
                    f"{smiles},{solvent},{t},{value}",
                    f"{smiles},{solvent},{t},{value + 0.1}",
                ]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_replicates_are_averaged_and_columns_understood(file):
    pool = load_pool(file, target="y", goal="max")
    assert len(pool.value) == 24
    kinds = [d.type for d in pool.space.dimensions.values()]
    assert kinds == ["molecule", "categorical", "continuous"]
    assert np.allclose(pool.sigma, pool.sigma[0])


@pytest.mark.slow
def test_every_method_reports_its_figures(file):
    result = benchmark_pool(file, target="y", goal="max", seeds=2, budget=8)
    for method in METHODS:
        assert {"ef20", "ef40", "to80", "curve"} <= set(result[method])
        assert len(result[method]["curve"]) == 8
    assert result["planner"]["to80"]["mean"] <= 9


def test_enrichment_counts_what_was_found(file):
    pool = load_pool(file, target="y", goal="max")
    best = int(pool.top[0])
    rest = [i for i in range(24) if i != best]
    found = summary(pool, [[best, *rest[:11]]], 12)
    assert found["to80"]["mean"] == 1
    assert found["ef20"]["mean"] == pytest.approx(24 / 12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "z"}, "no column 'z'"),
        ({"goal": "up"}, "min or max"),
        ({"budget": 2}, "random starts"),
        ({"seeds": 0}, "seeds 0"),
        ({"budget": 25}, "budget 25 is above the 24 distinct"),
    ],
)
def test_wrong_arguments_are_named(file, change, words):
    arguments = {"target": "y", "goal": "max", "seeds": 1, "budget": 5, **change}
    with pytest.raises(InvalidInput, match=words):
        benchmark_pool(file, **arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t,y\n1,2\nabc,3\n", "row 2: t 'abc' is not a number"),
        ("t,y\nabc,3\n1,2\n", "row 1: t 'abc' is not a number"),
        ("t,y\n1,2\n2,abc\n", "row 2: y 'abc' is not a number"),
        ("t,y\n1,2\n,3\n", "row 2: t is empty"),
        ("t,y\n1,2\ninf,3\n", "row 2: t 'inf' must be a finite"),
        ("smiles,y\nCC,2\nXX(,3\n", r"row 2: smiles: molecule 'XX\('"),
        ("t,t,y\n1,2,3\n", "column 't' is there twice"),
        ("t,y\n1,2\n1,3\n", "no input column varies"),
        ("y\n1\n", "no column besides"),
        ("", "no rows"),
    ],
)
def test_a_wrong_data_set_is_refused_with_its_row(tmp_path, text, words):
    path = tmp_path / "films.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=words):
        load_pool(path, target="y", goal="max")


def test_numbers_written_in_two_ways_are_replicates(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("t,y\n1,2\n1.0,4\n2,5\n")
    assert load_pool(path, target="y", goal="max").value.tolist() == [3, 5]


def test_a_replay_ends_where_no_figure_can_change(file):
    pool = load_pool(file, target="y", goal="max")
    order = list(range(95, -1, -1))

    def first_the_best(pool, tried, rng, memory):
        return next(i for i in order if i not in tried)

    wide = Pool(
        space=pool.space,
        codes=np.tile(pool.codes, (4, 1)),
        X=np.tile(pool.X, (4, 1)),
        value=np.arange(96.0),
        sigma=np.tile(pool.sigma, 4),
    )
    short = replay(wide, first_the_best, 0, 80, share=0.8)
    assert len(short) == 40
    full = [*short, *(i for i in order if i not in short)][:80]
    assert summary(wide, [short], 80) == summary(wide, [full], 80)


SPACE = Space.parse(
    {
        "t": {"type": "continuous", "low": 0, "high": 10},
        "solvent": {"type": "categorical", "choices": ["DMF", "DMSO"]},
    }
)
GOALS = (Objective(quantity="q", goal="maximize"),)


def plan(path):
    return plan_from_csv(SPACE, GOALS, PlannerSettings(), observations=path, count=2)


def test_a_table_of_films_is_planned_from(tmp_path):
    path = tmp_path / "o.csv"
    # Nobody but the person who wrote them reads the notes.
    lines = ["t,solvent,q,q_kind,status,notes"]
    lines += [f"{t},DMF,{5 - abs(t - 5)},,,hazy" for t in range(6)]
    lines += ["7,DMSO,,,failed,", "8,DMF,2,lower_bound,,"]
    path.write_text("\n".join(lines) + "\n")
    answer = plan(path)
    assert [c.candidate_id for c in answer.candidates] == ["c0009", "c0010"]
    assert answer.model_names == ("gp",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t,solvent,q\nx,DMF,1\n", "row 1.*t 'x' is not a number"),
        ("t,q\n1,1\n", "column 'solvent'"),
        ("t,solvent\n1,DMF\n", "column 'q' of the objectives is missing"),
        ("t,solvent,q\n1,DMF\n", "row 1"),
        ("t,solvent,q\n", "no rows"),
        ("t,solvent,q\n1,DMF,nan\n", "finite"),
        ("t,solvent,q,q_kind\n1,DMF,1,most\n", "q_kind 'most'"),
        ("t,solvent,q,status\n1,DMF,1,odd\n", "status 'odd'"),
        ("t,solvent,q\n99,DMF,1\n", "99"),
        ("t,solvent,q,q_sigam\n1,DMF,1,2\n", "'q_sigam' .* q_sigma"),
        ("t,solvent,q,q_Kind\n1,DMF,1,\n", "'q_Kind' .* q_kind"),
        ("t,solvent,q,Status\n1,DMF,,failed\n", "'Status' .* status"),
        ("t,solvent,q,status\n1,DMF,1,pending\n", "row 1.*pending and has a value"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(tmp_path, text, words):
    path = tmp_path / "o.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=words):
        plan(path)


def test_a_molecule_may_be_given_as_another_smiles_of_it(tmp_path):
    space = Space.parse(
        {"cation": {"type": "molecule", "choices": {"EA": "CC[NH3+]", "MA": "C[NH3+]"}}}
    )
    path = tmp_path / "o.csv"
    path.write_text("cation,q\n[NH3+]CC,1\n")
    answer = plan_from_csv(space, GOALS, PlannerSettings(), observations=path)
    assert answer.candidates[0].settings["cation"] == "MA"
    path.write_text("cation,q\nCCCC[NH3+],1\n")
    with pytest.raises(InvalidInput, match=r"'CCCC\[NH3\+\]' is not one of EA, MA"):
        plan_from_csv(space, GOALS, PlannerSettings(), observations=path)
