"""Laws of films that are made at the same time: each is worth the hands it takes."""

import numpy as np
import pytest

from hp_lab.planner import hypervolume
from hp_lab.planner.goal import Goal, PlannerSettings
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.propose import propose
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.records import Candidate, Observation

LINE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})
SQUARE = Space.parse({n: {"type": "continuous", "low": 0, "high": 1} for n in "xz"})
MOST = Objective(quantity="a", goal="maximize")
LEAST = Objective(quantity="b", goal="minimize")
LEVEL = Objective(quantity="a", goal="target", value=-0.1)
MODES = {
    "maximum": ((MOST,), {}),
    "minimum": ((LEAST,), {}),
    "target": ((LEVEL,), {}),
    "front": ((MOST, LEAST), {}),
    "front and target": ((LEVEL, LEAST), {}),
    "weighted": ((MOST, LEAST), {"several": "weighted"}),
    "improvement": ((MOST,), {"acquisition": "expected_improvement"}),
    "confidence": ((MOST,), {"acquisition": "upper_confidence_bound"}),
    "exploration": ((MOST,), {"acquisition": "exploration"}),
    "boundary": ((MOST,), {"acquisition": "boundary", "boundary": -0.1}),
    "costs": ((MOST,), {"costs": "1 + x"}),
}


def value(quantity, x, z):
    if quantity == "a":
        return -((x - 0.4) ** 2) - (z - 0.6) ** 2
    return (x - 0.8) ** 2 + (z - 0.2) ** 2


def seen(quantity, number, sigma=0.01):
    return Observation(
        quantity=quantity, value=number, sigma=sigma, unit="", sample_id="s"
    )


def films(count=10):
    made = []
    for i, (x, z) in enumerate(np.random.default_rng(1).random((count, 2))):
        one = Candidate(candidate_id=f"c{i + 1:04d}", settings={"x": x, "z": z})
        made.append((one, tuple(seen(q, value(q, x, z)) for q in "ab")))
    return tuple(made)


def asked(objectives, settings, count=1, pending=()):
    return propose(
        Goal(
            space=SQUARE,
            objectives=objectives,
            settings=PlannerSettings(initial=1, **settings),
            trials=films(),
            pending=pending,
            count=count,
        )
    ).candidates


def nearest(candidates, space=SQUARE):
    """Return the smallest distance of two candidates, as a share of a range."""
    codes = space.codes([c.settings for c in candidates])
    far = np.abs(codes[:, None] - codes[None]).max(axis=2)
    return far[np.triu_indices(len(codes), 1)].min()


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_films_of_a_batch_are_apart(mode):
    assert nearest(asked(*MODES[mode], count=4)) > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_pending_films_count_like_those_of_the_batch(mode):
    first, second = asked(*MODES[mode], count=2)
    (then,) = asked(*MODES[mode], pending=(first,))
    assert nearest((first, second)) > 0.02
    assert nearest((first, then)) > 0.02


@pytest.mark.slow
def test_a_batch_brackets_a_target_and_promises_less_from_film_to_film():
    trials = tuple(
        (
            Candidate(candidate_id=f"c{i}", settings={"x": x}),
            (seen("gap", 1.6 + 0.7 * x),),
        )
        for i, x in enumerate((0.0, 0.2, 0.6, 1.0))
    )
    goal = Goal(
        space=LINE,
        objectives=(Objective(quantity="gap", goal="target", value=1.9),),
        settings=PlannerSettings(initial=3),
        trials=trials,
        count=4,
    )
    batch = propose(goal).candidates
    x = [c.settings["x"] for c in batch]
    assert min(x) < x[0] < max(x)
    assert nearest(batch, LINE) > 0.02
    gains = [c.acquisition for c in batch]
    assert gains == sorted(gains, reverse=True)
    assert propose(goal).candidates == batch


@pytest.mark.slow
def test_a_batch_holds_a_film_of_each_label_where_that_is_wanted():
    space = Space.parse(
        {
            "who": {"type": "categorical", "choices": ["a", "b", "c"]},
            "x": {"type": "continuous", "low": 0, "high": 1},
        }
    )
    trials = []
    for i, (who, x) in enumerate([(w, x) for w in "abc" for x in (0.1, 0.4, 0.8)]):
        one = Candidate(candidate_id=f"c{i}", settings={"who": who, "x": x})
        trials.append((one, (seen("a", "cba".index(who) - (x - 0.5) ** 2),)))
    goal = Goal(
        space=space,
        objectives=(MOST,),
        settings=PlannerSettings(initial=1, distinct="who"),
        trials=tuple(trials),
        count=3,
    )
    assert {c.settings["who"] for c in propose(goal).candidates} == {"a", "b", "c"}


def surrogate():
    x = np.linspace(0, 1, 6)
    return Surrogate(
        LINE,
        x[:, None],
        [Reading(value=float(np.sin(6 * one)), sigma=0.3) for one in x],
        [f"c{i}" for i in range(6)],
        rng=np.random.default_rng(0),
    )


def test_imagined_films_teach_each_particle_its_own_value_and_nothing_on_average():
    belief = surrogate()
    place, all_over = np.array([[0.31], [0.7]]), np.linspace(0, 1, 9)[:, None]
    imagined = belief.imagine(place, np.random.default_rng(0))
    before, after = belief.predict(place), imagined.predict(place)
    assert len(imagined.seen) == len(belief.seen) + 2
    # Known to each, so that nothing is left to gain by making the film again ...
    assert (after.sd < 0.01 * before.sd).all()
    # ... but they differ by as much as was uncertain.
    _, sd = before.moments()
    assert after.moments()[1] == pytest.approx(sd, rel=0.3)
    mean, sd = belief.predict(all_over).moments()
    shift = imagined.predict(all_over).moments()[0] - mean
    assert np.abs(shift / sd).max() < 0.2


def test_what_is_imagined_one_after_the_other_is_imagined_together():
    belief, rng = surrogate(), np.random.default_rng(0)
    one = belief.imagine(np.array([[0.3]]), rng).imagine(np.array([[0.35]]), rng)
    sd = one.predict(np.array([[0.3], [0.35]])).sd
    assert (sd < 0.01 * belief.noise_sd).all()


@pytest.mark.slow
@pytest.mark.parametrize("acquisition", ["automatic", "expected_improvement"])
def test_a_batch_makes_no_film_more_often_than_is_wanted(acquisition):
    noisy = tuple(
        (one, (seen("a", first.value + 0.5 * (-1) ** i, 0.5),))
        for i, (one, (first, _)) in enumerate(films(12))
    )
    goal = Goal(
        space=SQUARE,
        objectives=(MOST,),
        settings=PlannerSettings(initial=1, replicates=2, acquisition=acquisition),
        trials=noisy,
        count=4,
    )
    batch = propose(goal).candidates
    again = [tuple(c.settings.values()) for c in batch if c.reason == "replicate"]
    assert 1 <= len(again) == len(set(again))


def test_a_film_that_is_known_to_be_beaten_promises_nothing():
    front = np.array([[1.0, 0.0], [0.0, 1.0], [0.9, 0.9]])
    reference = np.array([-0.1, -0.1])
    mean = np.array([[0.8, 0.8], [0.8, 0.8]])
    sd = np.array([[1e-6, 1e-6], [0.1, 0.1]])
    known, unknown = hypervolume.log_expected_gain(mean, sd, front, reference)
    assert known < unknown - 100
