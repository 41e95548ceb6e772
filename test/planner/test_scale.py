"""Laws of a quantity's scale: it is learned, said where it is not, and no unit's."""

import numpy as np
import pytest
from pydantic import ValidationError

from hp_lab.planner.goal import Goal, PlannerSettings
from hp_lab.planner.model_space import differ
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.propose import propose
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.records import Candidate, Observation

SPACE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})
LABELLED = Space.parse(
    {
        "s": {"type": "categorical", "choices": ["a", "b"]},
        "x": {"type": "continuous", "low": 0, "high": 1},
    }
)
MOST = (Objective(quantity="a", goal="maximize"),)
BOTH = (*MOST, Objective(quantity="b", goal="minimize"))


def seen(value, sigma, quantity="a", **more):
    return Observation(
        quantity=quantity, value=value, sigma=sigma, unit="", sample_id="s", **more
    )


def films(*rows):
    """Films of a place and its observations each."""
    return tuple(
        (Candidate(candidate_id=f"c{i + 1:04d}", settings={"x": float(x)}), told)
        for i, (x, *told) in enumerate(rows)
    )


def answered(trials, objectives=MOST, space=SPACE, failed=(), count=1, **settings):
    return propose(
        Goal(
            space=space,
            objectives=objectives,
            trials=trials,
            failed=frozenset(failed),
            settings=PlannerSettings(**{"initial": 1, **settings}),
            count=count,
        )
    )


@pytest.mark.parametrize(
    "told",
    [
        [seen(0.5, 0.001)],
        [seen(2.0, 0.1)] * 5,
        [seen(3.0, 0.1, kind="lower_bound", cause="detector_saturated")] * 5,
    ],
    ids=["one", "equal", "only bounds"],
)
def test_films_are_spread_until_two_of_them_differ_and_that_is_said(told):
    places = np.linspace(0, 1, len(told))
    answer = answered(films(*zip(places, told, strict=True)))
    assert answer.candidates[0].reason == "initial"
    assert answer.model_probabilities == ()
    assert any("a: no two films are known to differ" in n for n in answer.notes)
    saturated = any(one.kind != "exact" for one in told)
    assert any("shorter exposure" in n for n in answer.notes) == saturated


def test_two_films_that_differ_are_enough_for_a_model():
    answer = answered(films((0.1, seen(0.5, 0.1)), (0.9, seen(0.8, 0.1))))
    assert answer.candidates[0].reason == "acquisition"


def test_values_differ_by_more_than_rounding():
    y = np.array([0.1 + 0.2, 0.3, 0.3])
    assert not differ(y)
    assert differ(1e-9 * np.array([1, 1 + 1e-6]))
    assert not differ(y[:1])
    assert not differ(y[:0])


def test_one_precise_film_says_little_of_those_far_away():
    belief = Surrogate(
        SPACE,
        np.array([[0.1]]),
        [Reading(value=0.5, sigma=0.001)],
        ["c1"],
        rng=np.random.default_rng(0),
    )
    assert any("films differ by about 0.5" in note for note in belief.notes)
    _, (here, there) = belief.predict(np.array([[0.1], [1.0]])).moments()
    assert here < 0.3 * there
    assert there > 0.1


def test_an_objective_that_nothing_tells_of_is_named():
    trials = films(*((x, seen(-(x**2), 0.01)) for x in np.linspace(0, 1, 6)))
    answer = answered(trials, BOTH)
    assert [c.reason for c in answer.candidates] == ["initial"]
    assert "b: no film tells of it yet" in answer.notes
    assert not any(note.startswith("a: ") for note in answer.notes)


def test_an_objective_that_is_the_same_everywhere_does_not_hold_up_another():
    trials = films(
        *((x, seen(-(x**2), 0.01), seen(2, 0.01, "b")) for x in np.linspace(0, 1, 6))
    )
    answer = answered(trials, BOTH)
    assert answer.candidates[0].reason == "acquisition"
    assert any("films differ by about 2" in note for note in answer.notes)


def test_the_first_films_avoid_what_failed():
    rows = [("a", 0.1), ("a", 0.6), ("a", 0.9), ("b", 0.5), ("b", 0.2)]
    trials = tuple(
        (
            Candidate(candidate_id=f"c{i}", settings={"s": s, "x": x}),
            () if s == "a" else (seen(x, 0.01),),
        )
        for i, (s, x) in enumerate(rows)
    )
    failed = ("c0", "c1", "c2")
    more = {"space": LABELLED, "count": 4, "initial": 9}
    warned = answered(trials, failed=failed, **more).candidates
    assert {c.settings["s"] for c in warned} == {"b"}
    blind = answered(trials, failed=failed, learn_feasibility=False, **more).candidates
    assert {c.settings["s"] for c in blind} == {"a", "b"}


def test_of_a_list_that_rather_fails_other_films_are_still_made():
    choices = tuple({"x": float(x)} for x in np.linspace(0, 1, 6))
    trials = films((0.0,), (0.2,), (0.4,))
    answer = propose(
        Goal(
            space=SPACE,
            objectives=MOST,
            trials=trials,
            failed=frozenset(c.candidate_id for c, _ in trials),
            choices=choices,
            count=3,
        )
    )
    made = [round(c.settings["x"], 6) for c in answer.candidates]
    assert sorted(made) == [0.6, 0.8, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("goal", "settings"),
    [
        ("maximize", {}),
        ("maximize", {"acquisition": "expected_improvement"}),
        ("maximize", {"acquisition": "exploration"}),
        ("maximize", {"acquisition": "boundary", "boundary": 0.3}),
        ("target", {}),
        ("front", {}),
    ],
)
def test_films_do_not_depend_on_the_unit_of_the_quantity(goal, settings):
    x = np.linspace(0, 1, 7)

    def proposed(unit):
        target = {"value": 0.3 * unit, "tolerance": 0.01 * unit}
        objectives = {
            "maximize": MOST,
            "target": (Objective(quantity="a", goal="target", **target),),
            "front": BOTH,
        }[goal]
        trials = films(
            *(
                (
                    one,
                    seen(np.sin(3 * one) * unit, 0.01 * unit),
                    seen((one - 0.9) ** 2 * unit, 0.01 * unit, "b"),
                )
                for one in x
            )
        )
        own = dict(settings)
        if "boundary" in own:
            own["boundary"] *= unit
        batch = answered(trials, objectives, count=2, **own).candidates
        return [c.settings["x"] for c in batch]

    base = proposed(1.0)
    for unit in (1e-12, 1e12):
        assert proposed(unit) == pytest.approx(base, abs=1e-3)


@pytest.mark.parametrize("acquisition", ["upper_confidence_bound", "thompson"])
def test_costs_of_what_is_no_gain_are_refused(acquisition):
    with pytest.raises(ValidationError, match="use acquisition expected_improvement"):
        PlannerSettings(acquisition=acquisition, costs="1 + x")
