"""Replays of data sets, and proposals from tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.errors import InvalidInput
from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.plan import goal_from_csv, plan_from_csv
from hp_lab.planner.pool import Pool, load_pool
from hp_lab.planner.replay import METHODS, benchmark_pool, replay, replays, summary
from hp_lab.planner.space import Space

SPACE = Space.parse(
    {
        "t": {"type": "continuous", "low": 0, "high": 10},
        "solvent": {"type": "categorical", "choices": ["DMF", "DMSO"]},
    }
)


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


# New processes import all there is first, which takes its time on a busy machine.
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_runs_are_the_same_in_processes_of_their_own(file):
    pool = load_pool(file, target="y", goal="max")
    shared = replays(pool, METHODS["planner"], [3, 1], 4, jobs=2)
    assert shared == [replay(pool, METHODS["planner"], seed, 4) for seed in (3, 1)]


def test_enrichment_counts_what_was_found(file):
    pool = load_pool(file, target="y", goal="max")
    best = int(pool.top[0])
    rest = [i for i in range(24) if i != best]
    found = summary(pool, [[best, *rest[:20]]], 21)
    assert found["to80"]["mean"] == 1
    assert found["ef20"]["mean"] == pytest.approx(24 / 20)


def test_a_figure_that_a_run_cannot_have_is_none(file):
    pool = load_pool(file, target="y", goal="max")
    found = summary(pool, [list(range(20))], 20)
    assert found["ef20"]["mean"] is not None
    assert found["ef40"] == {"mean": None, "se": None, "runs": []}
    assert summary(pool, [list(range(19))], 19)["ef20"]["mean"] is None


def test_one_run_has_no_standard_error_and_two_have_that_of_their_mean(file):
    pool = load_pool(file, target="y", goal="max")
    late = [*range(20)]
    soon = [int(pool.top[0]), *(i for i in range(20) if i != pool.top[0])][:20]
    assert summary(pool, [late], 20)["to80"]["se"] is None
    both = summary(pool, [late, soon], 20)["to80"]
    assert both["se"] == pytest.approx(abs(np.diff(both["runs"])[0]) / 2)
    assert both["se"] > 0
    alike = [made([0] * 26 + [1]), [[*range(7, 27)]] * 3]
    assert summary(*alike, 20)["ef20"]["se"] == 0


def made(values):
    count = len(values)
    return Pool(
        space=SPACE,
        codes=np.zeros((count, SPACE.width)),
        X=np.arange(count)[:, None] / count,
        value=np.array(values, dtype=float),
        sigma=np.full(count, 0.1),
    )


def test_where_a_twentieth_is_less_than_one_experiment_it_takes_no_time_to_find():
    for size, known in ((19, False), (20, True)):
        found = summary(made(range(size)), [list(range(size))], size)
        assert (found["to80"]["mean"] is not None) is known


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.randoms())
def test_the_best_do_not_depend_on_the_order_of_rows(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    best = made(values).top
    again = made([values[i] for i in order]).top
    assert {order[i] for i in again} == set(best.tolist())
    worst = min(values[i] for i in best)
    assert sum(v > worst for v in values) < max(1, round(0.05 * len(values)))
    assert len(best) == sum(v >= worst for v in values)


def test_ties_are_found_as_a_whole_and_counted_by_their_number():
    pool = made([1] * 6 + [0] * 34)
    found = summary(pool, [list(range(40))], 40)
    assert found["to80"]["mean"] == 5
    assert found["ef20"]["mean"] == pytest.approx(40 / 20)
    assert found["curve"][:6] == pytest.approx([k / 6 for k in range(1, 7)])


def test_replicates_in_another_order_tie_all_the_same(tmp_path):
    path = tmp_path / "films.csv"
    # Their means differ in the last digit.
    one, other = (0.1, 0.2, 0.3), (0.3, 0.2, 0.1)
    rows = [f"0,{y}" for y in one] + [f"1,{y}" for y in other]
    path.write_text("\n".join(["t,y", *rows, *(f"{t},0" for t in range(2, 9))]) + "\n")
    assert len(load_pool(path, target="y", goal="max").top) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([3] * 30, "'y' is 3 in all of the 30 experiments"),
        ([0.1 + 0.2, 0.3] * 15, "in all of the 30"),
        ([1] * 9 + [0] * 21, "ties make 9 of the 30 experiments the best by 'y'"),
    ],
)
def test_a_target_that_tells_nothing_apart_is_refused(tmp_path, values, words):
    path = tmp_path / "films.csv"
    rows = [f"{i},{value!r}" for i, value in enumerate(values)]
    path.write_text("\n".join(["t,y", *rows]) + "\n")
    with pytest.raises(InvalidInput, match=words):
        benchmark_pool(path, target="y", goal="max", seeds=1)


def test_the_columns_that_are_used_are_told(file):
    inputs = load_pool(file, target="y", goal="max").inputs
    assert inputs == {
        "smiles": "molecule", "solvent": "categorical", "t": "continuous"
    }  # fmt: skip
    pool = load_pool(file, target="y", goal="max", ignore=["t"])
    assert pool.inputs == {"smiles": "molecule", "solvent": "categorical"}
    assert len(pool.value) == 8


@pytest.mark.parametrize(
    ("name", "texts", "kind"),
    [
        ("halide", ["I", "Br", "Cl"], "categorical"),
        ("block", ["N", "S", "W"], "categorical"),
        ("alkane", ["CC", "CCC", "C"], "molecule"),
        ("halide_smiles", ["I", "Br", "Cl"], "molecule"),
    ],
)
def test_single_atoms_are_labels_unless_they_are_called_smiles(
    tmp_path, name, texts, kind
):
    path = tmp_path / "films.csv"
    rows = [f"{text},{t},{t}" for text in texts for t in (1, 2)]
    path.write_text("\n".join([f"{name},t,y", *rows]) + "\n")
    assert load_pool(path, target="y", goal="max").inputs[name] == kind


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        (",t,y", "{i},{t},{y}", 'column 1 has no name.*ignore ""'),
        ("t,Unnamed: 0,y", "{t},{i},{y}", 'column 2 has no name.*ignore "Unnamed: 0"'),
        ("film,t,y", "s{i},{t},{y}", "'film' has another text in each.*--ignore"),
    ],
)  # fmt: skip
def test_a_column_that_is_no_input_is_refused_until_it_is_ignored(
    tmp_path, header, row, words
):
    path = tmp_path / "films.csv"
    rows = [row.format(i=i, t=i % 5, y=i) for i in range(10)]
    path.write_text("\n".join([header, *rows]) + "\n")
    with pytest.raises(InvalidInput, match=words):
        load_pool(path, target="y", goal="max")
    (name,) = set(header.split(",")) - {"t", "y"}
    pool = load_pool(path, target="y", goal="max", ignore=[name])
    assert pool.inputs == {"t": "continuous"}


@pytest.mark.parametrize(
    ("ignore", "words"),
    [
        (["z"], "no column 'z'"),
        (["y"], "'y' is the target"),
        (["smiles", "solvent", "t"], "no column besides 'y' that is not ignored"),
    ],
)
def test_what_cannot_be_ignored_is_named(file, ignore, words):
    with pytest.raises(InvalidInput, match=words):
        load_pool(file, target="y", goal="max", ignore=ignore)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "z"}, "no column 'z'"),
        ({"goal": "up"}, "min or max"),
        ({"budget": 2}, "random starts"),
        ({"seeds": 0}, "seeds 0"),
        ({"jobs": 0}, "jobs 0"),
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
        ("t,y\n1,2\n2,\n", "row 2: y is empty; .*leave out the row"),
        ("t;y\n1,5;2\n", "semicolons .* save it with commas"),
        ("t\ty\n1\t2\n", "tabs .* save it with commas"),
        ("t,y\n1,5,2\n", "row 1: its number of cells is 3, that of the header 2"),
        ('t,y\n1,"1,5"\n', "row 1: y '1,5' is not a number; .*point"),
        ("t,y\n1,2\n1_0,3\n", "row 2: t '1_0' is not a number"),
        ("smiles,y\nCC,2\nCC N,3\n", "row 2: smiles: molecule 'CC N' holds a blank"),
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


def test_a_file_in_another_encoding_is_refused_with_what_helps(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("T / °C,y\n1,2\n", encoding="latin-1")
    with pytest.raises(InvalidInput, match=r"films.csv: is no text in UTF-8.*save"):
        load_pool(path, target="y", goal="max")


def test_rows_that_a_spreadsheet_leaves_empty_are_none(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("t,y\n1,2\n,\n2,5\n , \n\n")
    assert load_pool(path, target="y", goal="max").value.tolist() == [2, 5]


def test_a_semicolon_in_a_name_parts_no_columns(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("t; hot,y\n1,2\n2,5\n")
    assert load_pool(path, target="y", goal="max").inputs == {"t; hot": "continuous"}


def test_replicates_that_all_agree_are_not_known_without_end(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("t,y\n1,5\n1,5\n2,5\n")
    assert (load_pool(path, target="y", goal="max").sigma > 0).all()


def test_labels_that_python_takes_for_numbers_are_labels(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("ratio,t,y\n1_2,1,2\n2_1,1,4\n1_2,2,3\n")
    pool = load_pool(path, target="y", goal="max")
    assert pool.inputs["ratio"] == "categorical"


def test_a_molecule_that_is_written_in_two_ways_is_one(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("cation,y\nCC[NH3+],2\n[NH3+]CC,4\nC[NH3+],5\n")
    pool = load_pool(path, target="y", goal="max")
    assert pool.inputs == {"cation": "molecule"}
    assert pool.value.tolist() == [3, 5]


@pytest.mark.parametrize("unit", [1e-9, 1e9])
@pytest.mark.parametrize("scatter", [0.0, 0.1])
def test_the_unit_of_the_target_changes_no_replay(tmp_path, unit, scatter):
    found = {}
    for scale in (1, unit):
        path = tmp_path / f"{scale}.csv"
        values = [((i * i) % 23, (i * i) % 23 + scatter) for i in range(20)]
        rows = [f"{i},{y * scale!r}" for i, pair in enumerate(values) for y in pair]
        path.write_text("\n".join(["t,y", *rows]) + "\n")
        pool = load_pool(path, target="y", goal="max")
        found[scale] = (
            pool.sigma / pool.value.std(),
            replay(pool, METHODS["sklearn"], 0, 8),
        )
    np.testing.assert_allclose(found[unit][0], found[1][0], rtol=1e-6)
    assert found[unit][1] == found[1][1]


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


@pytest.mark.parametrize(("value", "sigma"), [("0.1", 0.002), ("0", 0.02)])
def test_equal_values_without_sigma_are_good_to_a_share_of_themselves(
    tmp_path, value, sigma
):
    path = tmp_path / "o.csv"
    # The deviation of three equal decimals is no 0, by rounding.
    path.write_text("\n".join(["t,solvent,q", *(f"{t},DMF,{value}" for t in "123")]))
    goal = goal_from_csv(SPACE, GOALS, PlannerSettings(), observations=path)
    assert [one.sigma for _, (one,) in goal.trials] == pytest.approx([sigma] * 3)


def test_a_film_without_a_value_may_have_a_kind_that_is_no_bound(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("t,solvent,q,q_kind\n1,DMF,,exact\n2,DMF,,\n")
    goal = goal_from_csv(SPACE, GOALS, PlannerSettings(), observations=path)
    assert [found for _, found in goal.trials] == [(), ()]


def test_the_cause_of_a_bound_leads_to_advice(tmp_path):
    path = tmp_path / "o.csv"
    lines = ["t,solvent,q,q_kind,q_cause"]
    lines += [f"{t},DMF,{5 - abs(t - 5)},," for t in range(6)]
    lines += ["7,DMF,3,lower_bound,detector_saturated", "8,DMF,2,lower_bound,"]
    path.write_text("\n".join(lines) + "\n")
    notes = plan(path).notes
    (advice,) = [note for note in notes if "shorter exposure" in note]
    assert "c0007" in advice
    assert "c0008" not in advice


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
        ("t,solvent,q,q_cause\n1,DMF,1,below_noise\n", "row 1: q_cause.*q_kind"),
        ("t,solvent,q\n99,DMF,1\n", "99"),
        ("t,solvent,q,q_sigam\n1,DMF,1,2\n", "'q_sigam' .* q_sigma"),
        ("t,solvent,q,q_Kind\n1,DMF,1,\n", "'q_Kind' .* q_kind"),
        ("t,solvent,q,Status\n1,DMF,,failed\n", "'Status' .* status"),
        ("t,solvent,q,status\n1,DMF,1,pending\n", "row 1.*pending and has a value"),
        ("T,solvent,q\n1,DMF,1\n", "o.csv: column 't' .* it has T, solvent, q"),
        ("t,solvent,q\n1,DMF,1\n99,DMF,1\n", "o.csv, row 2: setting t: 99"),
        ("t,solvent,q\n1,DMF,1\n1,DMF,a\n", "o.csv, row 2: q 'a'"),
        ("t,solvent,q,q_sigma\n1,DMF,1,0\n", "row 1: q_sigma 0 must be above 0"),
        ("t,solvent,q,q_kind\n1,DMF,,lower_bound\n", "row 1: q_kind.* q is empty"),
        ("id,t,solvent,q\na,1,DMF,1\na,2,DMF,1\n", "row 2: 'a' is the film of row 1"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(tmp_path, text, words):
    path = tmp_path / "o.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=words):
        plan(path)


@pytest.mark.parametrize("kind", ["", "exact", "lower_bound", "upper_bound"])
def test_what_is_no_score_of_the_scale_is_refused_with_its_row(tmp_path, kind):
    scores = Objective(quantity="q", goal="maximize", scores=(0, 1, 2))
    path = tmp_path / "o.csv"
    path.write_text(f"t,solvent,q,q_kind\n1,DMF,1,\n2,DMF,3,{kind}\n")
    with pytest.raises(InvalidInput, match="row 2: q: 3 is none of the scores 0 to 2"):
        plan_from_csv(SPACE, (scores,), PlannerSettings(), observations=path)


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
