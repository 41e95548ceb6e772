"""Laws of what is chosen: failures, bounds, costs, noise, constraints, batches."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.planner.feasibility import Feasibility
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import Goal, PlannerSettings, propose
from hp_lab.planner.space import Space
from hp_lab.records import Candidate, Observation

SQUARE = {n: {"type": "continuous", "low": 0, "high": 1} for n in ("a", "b")}
SPACE = Space.parse(SQUARE)
BEST = (Objective(quantity="q", goal="maximize"),)


def film(number, a, b, *observations):
    candidate = Candidate(candidate_id=f"c{number:04d}", settings={"a": a, "b": b})
    return candidate, observations


def seen(value, sigma=0.02, **more):
    return Observation(
        quantity="q", value=value, sigma=sigma, unit="", sample_id="s", **more
    )


def hill(a, b):
    return -((a - 0.7) ** 2) - (b - 0.5) ** 2


def hill_films(count=10, noise=0.0, space=SPACE):
    rng = np.random.default_rng(0)
    trials = []
    for i, one in enumerate(space.settings(space.sample_codes(rng, count))):
        value = hill(**one) + noise * (-1) ** i
        trials.append(film(i + 1, one["a"], one["b"], seen(value, max(noise, 0.02))))
    return tuple(trials)


def next_settings(trials, space=SPACE, count=1, **settings):
    goal = Goal(
        space=space,
        objectives=BEST,
        trials=trials,
        settings=PlannerSettings(initial=1, **settings),
        count=count,
    )
    return [c.settings for c in propose(goal).candidates]


def test_what_lies_further_beyond_a_limit_is_not_possible_either():
    x = np.linspace(0, 0.75, 9)
    X = np.column_stack([x, np.full(9, 0.5)])
    chance = Feasibility(X, x < 0.6).probability(
        np.column_stack([np.linspace(0.75, 1, 6), np.full(6, 0.5)])
    )
    assert chance.max() < 0.5


def test_a_film_that_failed_is_not_made_again_even_without_a_model_of_failures():
    trials = hill_films()
    first = next_settings(trials, learn_feasibility=False)[0]
    failed = film(99, first["a"], first["b"])
    goal = Goal(
        space=SPACE,
        objectives=BEST,
        trials=(*trials, failed),
        failed=frozenset({"c0099"}),
        settings=PlannerSettings(initial=1, learn_feasibility=False),
    )
    then = propose(goal).candidates[0].settings
    assert max(abs(then[n] - first[n]) for n in "ab") > 0.02


def test_of_equal_gains_the_cheaper_film_is_made():
    flat = tuple(
        film(i, a, b, seen(0.01 * (-1) ** i))
        for i, (a, b) in enumerate([(0.5, 0.1), (0.5, 0.5), (0.5, 0.9)])
    )
    dear = next_settings(flat, costs="1 + 100 * a")[0]
    other = next_settings(flat, costs="101 - 100 * a")[0]
    assert dear["a"] < 0.5 < other["a"]


def test_the_cheaper_film_is_made_for_several_objectives_too():
    goals = (*BEST, Objective(quantity="p", goal="maximize"))
    trials = []
    for i, (a, b) in enumerate([(0.5, 0.1), (0.5, 0.5), (0.5, 0.9)]):
        value = 0.01 * (-1) ** i
        both = (seen(value), replace(seen(value), quantity="p"))
        trials.append(film(i, a, b, *both))

    def first(costs):
        settings = PlannerSettings(initial=1, costs=costs)
        goal = Goal(
            space=SPACE, objectives=goals, trials=tuple(trials), settings=settings
        )
        return propose(goal).candidates[0].settings

    assert first("1 + 100 * a")["a"] < 0.5 < first("101 - 100 * a")["a"]


def test_gains_are_divided_by_costs():
    def value(costs):
        goal = Goal(
            space=SPACE,
            objectives=BEST,
            trials=hill_films(),
            settings=PlannerSettings(initial=1, costs=costs),
            choices=({"a": 0.6, "b": 0.6},),
        )
        return propose(goal).candidates[0].acquisition

    assert value("8 * a") == pytest.approx(value("1") / 4.8)


def test_gains_count_by_the_chance_that_there_is_a_film():
    failed = film(90, 0.95, 0.95)

    def candidate(learn):
        goal = Goal(
            space=SPACE,
            objectives=BEST,
            trials=(*hill_films(), failed),
            failed=frozenset({"c0090"}),
            settings=PlannerSettings(initial=1, learn_feasibility=learn),
            choices=({"a": 0.65, "b": 0.5},),
        )
        return propose(goal).candidates[0]

    sure, doubtful = candidate(learn=False), candidate(learn=True)
    assert sure.feasibility == 1
    assert 0.5 < doubtful.feasibility < 0.98
    share = doubtful.acquisition / sure.acquisition
    assert share == pytest.approx(doubtful.feasibility)


def test_of_a_list_what_is_free_is_proposed():
    choices = tuple({"a": a, "b": 0.5} for a in (0.68, 0.3, 0.05))
    pending = Candidate(candidate_id="p", settings=choices[0])
    goal = Goal(
        space=SPACE,
        objectives=BEST,
        trials=hill_films(),
        settings=PlannerSettings(initial=1),
        choices=choices,
    )
    assert propose(goal).candidates[0].settings == choices[0]
    later = replace(goal, pending=(pending,), count=2)
    found = [c.settings for c in propose(later).candidates]
    assert found == list(choices[1:])


def test_a_prediction_far_from_films_is_less_certain():
    near, far = (
        Goal(
            space=SPACE,
            objectives=BEST,
            trials=tuple(
                film(i, a, 0.1, seen(a)) for i, a in enumerate((0, 0.1, 0.2, 0.3))
            ),
            settings=PlannerSettings(initial=1),
            choices=({"a": a, "b": b},),
        )
        for a, b in ((0.15, 0.1), (1.0, 1.0))
    )
    sigma = [propose(one).candidates[0].predicted_sigma[0] for one in (near, far)]
    assert 0 < 3 * sigma[0] < sigma[1]


def test_the_best_film_is_repeated_only_where_noise_hides_differences():
    again = [
        next_settings(hill_films(12, noise), replicates=3)[0] for noise in (0.0, 0.5)
    ]
    made = [(c.settings["a"], c.settings["b"]) for c, _ in hill_films(12)]
    assert [(one["a"], one["b"]) in made for one in again] == [False, True]


@pytest.mark.parametrize(
    ("made", "most", "again"), [(2, 3, True), (3, 3, False), (12, 99, False)]
)
def test_the_best_film_is_repeated_until_it_is_known_or_was_made_often(
    made, most, again
):
    best = [film(50 + i, 0.7, 0.5, seen(3 + (-1) ** i, 1.0)) for i in range(made)]
    goal = Goal(
        space=SPACE,
        objectives=BEST,
        trials=(*hill_films(9, 1.0), *best),
        settings=PlannerSettings(initial=1, replicates=most),
    )
    assert (propose(goal).candidates[0].reason == "replicate") == again


@pytest.mark.parametrize("constraint", ["a + 2 * b <= 0.9", "a ** 2 + b ** 2 <= 0.2"])
def test_every_candidate_of_a_batch_satisfies_the_constraints(constraint):
    space = Space.parse(SQUARE, [constraint])
    for one in next_settings(hill_films(8, space=space), space, count=3):
        space.check(one)


def test_films_of_a_batch_tell_of_different_places():
    goal = Goal(
        space=SPACE,
        objectives=BEST,
        trials=hill_films(),
        settings=PlannerSettings(initial=1, acquisition="exploration"),
        count=4,
    )
    films = [np.array(list(c.settings.values())) for c in propose(goal).candidates]
    apart = [np.abs(a - b).max() for i, a in enumerate(films) for b in films[:i]]
    assert min(apart) > 0.1


def test_the_cause_of_a_bound_says_what_helps():
    trials = (
        *hill_films(),
        film(20, 0.1, 0.1, seen(-0.4, kind="lower_bound", cause="detector_saturated")),
        film(21, 0.9, 0.9, seen(-0.1, kind="lower_bound", cause="peak_out_of_view")),
        film(22, 0.9, 0.1, seen(-0.1, kind="upper_bound", cause="below_noise")),
    )
    notes = propose(Goal(space=SPACE, objectives=BEST, trials=trials)).notes
    (saturated,) = [n for n in notes if "detector_saturated" in n]
    assert "c0020" in saturated
    assert "c0021" not in saturated
    assert "shorter exposure" in saturated
    (weak,) = [n for n in notes if "below_noise" in n]
    assert "longer exposure" in weak
    assert any("c0021" in n and "exposure" not in n for n in notes)


def test_a_target_is_approached_from_both_sides():
    trials = tuple(
        film(i, a, 0.5, seen(1.5 + a)) for i, a in enumerate(np.linspace(0, 1, 6))
    )
    goal = Goal(
        space=SPACE,
        objectives=(Objective(quantity="q", goal="target", value=1.9),),
        trials=trials,
        settings=PlannerSettings(initial=1),
    )
    mean = propose(goal).candidates[0].predicted_mean[0]
    assert mean == pytest.approx(1.9, abs=0.1)


def test_a_precise_film_counts_more_than_a_vague_one():
    def predicted(sigmas):
        trials = (*hill_films(8), film(30, 0.7, 0.5, seen(0.3, sigmas[0])))
        trials += (film(31, 0.7, 0.5, seen(-0.3, sigmas[1])),)
        pending = Candidate(candidate_id="p", settings={"a": 0.7, "b": 0.5})
        goal = Goal(
            space=Space.parse(SQUARE),
            objectives=BEST,
            trials=trials,
            choices=(pending.settings,),
            settings=PlannerSettings(initial=1),
        )
        return propose(goal).candidates[0].predicted_mean[0]

    assert predicted((0.01, 1.0)) > predicted((1.0, 0.01)) + 0.1
