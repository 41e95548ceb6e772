"""Laws of a proposal."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.errors import Aborted, InvalidInput
from hp_lab.planner import optimise
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import (
    Goal,
    PlannerSettings,
    propose,
    random_candidates,
)
from hp_lab.planner.space import Space
from hp_lab.records import Candidate, Observation

SPACE = Space.parse(
    {
        "spacer": {
            "type": "molecule",
            "choices": {
                "PEA": "[NH3+]CCc1ccccc1",
                "BA": "CCCC[NH3+]",
                "BDA": "[NH3+]CCCC[NH3+]",
            },
        },
        "n": {"type": "ordinal", "values": [1, 2, 3, 4]},
        "drop_time_s": {"type": "continuous", "low": 5, "high": 30},
    }
)
LINE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})
BEST = (Objective(quantity="q", goal="maximize"),)


def truth(settings):
    return (
        -(((settings["drop_time_s"] - 17) / 8) ** 2)
        - (settings["n"] - 2) ** 2 / 3
        + (0.5 if settings["spacer"] == "BA" else 0.0)
    )


def observation(candidate, value, sigma=0.05, **more):
    return Observation(
        quantity="q",
        value=value,
        sigma=sigma,
        unit="",
        sample_id=candidate.candidate_id,
        candidate_id=candidate.candidate_id,
        **more,
    )


def run(films, seed=0, impossible=None, objectives=BEST):
    trials, failed, answer = [], set(), None
    for _ in range(films):
        answer = propose(
            Goal(
                space=SPACE,
                objectives=objectives,
                trials=tuple(trials),
                failed=frozenset(failed),
                seed=seed,
                posterior=answer.posterior if answer else b"",
            )
        )
        candidate = answer.candidates[0]
        if candidate.settings["spacer"] == impossible:
            failed.add(candidate.candidate_id)
            trials.append((candidate, ()))
        else:
            value = truth(candidate.settings)
            trials.append((candidate, (observation(candidate, value),)))
    return trials


def some_trials(count):
    codes = SPACE.sample_codes(np.random.default_rng(5), count)
    trials = []
    for i, settings in enumerate(SPACE.settings(codes)):
        candidate = Candidate(candidate_id=f"c{i + 1:04d}", settings=settings)
        trials.append((candidate, (observation(candidate, truth(settings)),)))
    return tuple(trials)


def test_same_goal_same_candidates():
    goal = Goal(space=SPACE, objectives=BEST, trials=some_trials(10), count=2, seed=3)
    assert propose(goal) == propose(goal)


def test_ids_count_on():
    trials = some_trials(10)
    pending = (Candidate(candidate_id="c0011", settings=trials[0][0].settings),)
    goal = Goal(space=SPACE, objectives=BEST, trials=trials, pending=pending, count=2)
    assert [c.candidate_id for c in propose(goal).candidates] == ["c0012", "c0013"]


def test_the_first_films_cover_every_spacer():
    answer = propose(Goal(space=SPACE, objectives=BEST, count=6))
    assert {c.settings["spacer"] for c in answer.candidates} == {"PEA", "BA", "BDA"}
    assert {c.reason for c in answer.candidates} == {"initial"}


@pytest.mark.slow
def test_the_best_film_is_found():
    assert max(truth(c.settings) for c, _ in run(22)) > 0.1


@pytest.mark.slow
def test_a_spacer_that_always_fails_is_given_up():
    trials = run(24, impossible="BA")
    late = [c.settings["spacer"] for c, _ in trials[12:]]
    assert late.count("BA") <= 4


def test_a_batch_and_pending_films_do_not_repeat_each_other():
    trials = some_trials(10)
    first = propose(Goal(space=SPACE, objectives=BEST, trials=trials, count=3))
    settings = [tuple(sorted(c.settings.items())) for c in first.candidates]
    assert len(set(settings)) == 3
    more = propose(
        Goal(space=SPACE, objectives=BEST, trials=trials, pending=first.candidates)
    )
    assert tuple(sorted(more.candidates[0].settings.items())) not in settings


@pytest.mark.parametrize("values", [[1.0], [2.0] * 8, [1e6, 1e6 + 1, 1e6 + 2]])
def test_few_or_equal_values_still_give_an_answer(values):
    trials = []
    for (candidate, _), value in zip(some_trials(8), values, strict=False):
        trials.append((candidate, (observation(candidate, value, 0.1),)))
    answer = propose(
        Goal(
            space=SPACE,
            objectives=BEST,
            trials=tuple(trials),
            settings=PlannerSettings(initial=1),
        )
    )
    SPACE.check(answer.candidates[0].settings)


def test_duplicated_films_still_give_an_answer():
    trials = some_trials(6)
    twins = tuple(
        (Candidate(candidate_id=f"t{i}", settings=c.settings), o)
        for i, (c, o) in enumerate(trials)
    )
    answer = propose(Goal(space=SPACE, objectives=BEST, trials=trials + twins))
    assert np.isfinite(answer.candidates[0].predicted_mean[0])


def test_a_goal_that_contradicts_itself_is_refused():
    trials = some_trials(3)
    with pytest.raises(InvalidInput, match="c0001 is given twice"):
        Goal(space=SPACE, objectives=BEST, trials=trials + trials[:1])
    with pytest.raises(InvalidInput, match="c0099"):
        Goal(space=SPACE, objectives=BEST, trials=trials, failed=frozenset({"c0099"}))
    outside = Candidate(candidate_id="x", settings={"n": 9.0})
    with pytest.raises(InvalidInput, match="candidate x"):
        Goal(space=SPACE, objectives=BEST, pending=(outside,))
    two = (Objective(quantity="q", goal="maximize"),) * 2
    with pytest.raises(InvalidInput, match="two objectives are about 'q'"):
        Goal(space=SPACE, objectives=two)
    with pytest.raises(InvalidInput, match="objective"):
        Goal(space=SPACE, objectives=())
    with pytest.raises(InvalidInput, match="seed -1 must be at least 0"):
        Goal(space=SPACE, objectives=BEST, seed=-1)


@pytest.mark.parametrize(
    "only",
    [
        {"type": "categorical", "choices": ["a"]},
        {"type": "molecule", "choices": {"a": "C[NH3+]"}},
        {"type": "ordinal", "values": [3]},
    ],
)
def test_where_nothing_varies_the_one_film_is_made_again(only):
    space = Space.parse({"x": only})
    settings = space.sample(np.random.default_rng(0), 1)[0]
    trials = []
    for name, value in (("c1", 0.4), ("c2", 0.6)):
        one = Candidate(candidate_id=name, settings=settings)
        trials.append((one, (observation(one, value, 0.1),)))
    goal = Goal(
        space=space,
        objectives=(Objective(quantity="q", goal="maximize"),),
        settings=PlannerSettings(initial=1),
        trials=tuple(trials),
    )
    (again,) = propose(goal).candidates
    assert again.settings == settings
    assert again.reason == "replicate"


def test_a_stopped_proposal_says_so():
    goal = Goal(space=SPACE, objectives=BEST, trials=some_trials(10))
    with pytest.raises(Aborted, match="stopped"):
        propose(goal, stop=lambda: True)


def test_progress_rises():
    seen = []
    goal = Goal(space=SPACE, objectives=BEST, trials=some_trials(10), count=2)
    propose(goal, on_progress=lambda share, _: seen.append(share))
    assert seen
    assert seen == sorted(seen)


def test_another_seed_proposes_other_films():
    one, two = (
        propose(Goal(space=SPACE, objectives=BEST, count=3, seed=seed))
        for seed in (0, 1)
    )
    assert [c.settings for c in one.candidates] != [c.settings for c in two.candidates]


def test_the_start_goes_on_where_films_were_made():
    settings = PlannerSettings(initial=12)
    goal = Goal(
        space=SPACE,
        objectives=BEST,
        trials=some_trials(10),
        settings=settings,
        count=3,
    )
    reasons = [c.reason for c in propose(goal).candidates]
    assert reasons == ["initial", "initial", "acquisition"]


def test_ids_go_on_after_the_largest_number_though_films_are_missing():
    one = Candidate(candidate_id="c0041", settings=some_trials(1)[0][0].settings)
    goal = Goal(space=SPACE, objectives=BEST, pending=(one,), count=2)
    assert goal.next_ids() == ["c0042", "c0043"]
    named = replace(one, candidate_id="tuesday")
    assert replace(goal, pending=(named,)).next_ids() == ["c0002", "c0003"]


@pytest.fixture
def starts(monkeypatch):
    """Codes at which the searches of a proposal start."""
    found = []

    def watched(space, score, start, busy, rng):
        found.append(start)
        return search(space, score, start, busy, rng)

    search = optimise.best_of_space
    monkeypatch.setattr(optimise, "best_of_space", watched)
    return found


def of_two(count, unit=1.0):
    """Films of a line, each with two quantities that rise in opposite directions."""
    trials = []
    for i, x in enumerate(np.linspace(0, 1, count)):
        one = Candidate(candidate_id=f"c{i:04d}", settings={"x": float(x)})
        first = observation(one, x, 0.01)
        second = replace(first, quantity="p", value=(1 - x) ** 2 * unit)
        trials.append((one, (first, replace(second, sigma=0.01 * unit))))
    return Goal(
        space=LINE,
        objectives=(*BEST, Objective(quantity="p", goal="maximize")),
        trials=tuple(trials),
        settings=PlannerSettings(initial=1),
    )


def test_of_several_quantities_none_counts_more_for_its_unit(starts):
    for unit in (1.0, 1e6, 1e-6):
        propose(of_two(28, unit))
    # The ends of the line are equally good, but for rounding.
    base, large, small = (np.sort(start[:, 0]) for start in starts)
    assert len(base) < 28
    assert np.array_equal(base, large)
    assert np.array_equal(base, small)


def test_a_film_that_tells_of_one_objective_counts_whichever_is_named_first(starts):
    goal = of_two(8)
    candidate, (_, second) = goal.trials[3]
    trials = [*goal.trials]
    trials[3] = (candidate, (second,))
    for objectives in (goal.objectives, goal.objectives[::-1]):
        propose(replace(goal, trials=tuple(trials), objectives=objectives))
    for start in starts:
        assert sorted(start[:, 0]) == pytest.approx(np.linspace(0, 1, 8))


def test_the_search_starts_at_the_best_films(starts):
    trials = some_trials(30)
    propose(Goal(space=SPACE, objectives=BEST, trials=trials))
    best = max((c.settings for c, _ in trials), key=truth)
    assert dict(SPACE.settings(starts[0])[0]) == dict(best)
    assert 10 < len(starts[0]) < 30


def test_random_candidates_repeat_with_their_seed():
    five = random_candidates(SPACE, 5, 1)
    assert len({tuple(c.settings.values()) for c in five}) == 5
    assert random_candidates(SPACE, 5, 1) == random_candidates(SPACE, 5, 1)
    assert random_candidates(SPACE, 5, 1) != random_candidates(SPACE, 5, 2)


def test_the_best_film_is_made_again_where_noise_makes_it_worth_it():
    trials = tuple(
        (c, (observation(c, truth(c.settings) + (-1) ** i, 1.0),))
        for i, (c, _) in enumerate(some_trials(9))
    )
    settings = PlannerSettings(replicates=3, initial=4)
    goal = Goal(space=SPACE, objectives=BEST, trials=trials, settings=settings)
    candidate = propose(goal).candidates[0]
    assert candidate.reason == "replicate"
    assert dict(candidate.settings) in [dict(c.settings) for c, _ in trials]


def test_several_objectives_name_their_front():
    goals = (*BEST, Objective(quantity="p", goal="target", value=2.0, tolerance=0.1))
    trials = []
    for c, (first,) in some_trials(10):
        second = Observation(
            quantity="p", value=c.settings["n"], sigma=0.1, unit="", sample_id="s"
        )
        trials.append((c, (first, second)))
    answer = propose(Goal(space=SPACE, objectives=goals, trials=tuple(trials)))
    assert answer.pareto_front
    assert len(answer.candidates[0].predicted_mean) == 2
    known = {c.candidate_id for c, _ in trials}
    assert set(answer.pareto_front) <= known


def test_the_front_is_of_films_that_none_beats():
    goals = (*BEST, Objective(quantity="p", goal="minimize"))
    trials = []
    # The third one is worse than the second in both.
    for i, (x, q, p) in enumerate([(0, 1, 1), (0.3, 2, 2), (0.6, 1.5, 3), (1, 3, 3)]):
        one = Candidate(candidate_id=f"c{i}", settings={"x": x})
        first = observation(one, q, 0.01)
        trials.append((one, (first, replace(first, quantity="p", value=p))))
    goal = Goal(
        space=LINE,
        objectives=goals,
        trials=tuple(trials),
        settings=PlannerSettings(initial=1),
    )
    assert propose(goal).pareto_front == ("c0", "c1", "c3")


def test_a_posterior_makes_the_next_fit_warm_and_a_broken_one_is_noted():
    trials = some_trials(11)
    first = propose(Goal(space=SPACE, objectives=BEST, trials=trials[:10]))
    assert "q: fitted cold" in first.notes
    warm = propose(
        Goal(space=SPACE, objectives=BEST, trials=trials, posterior=first.posterior)
    )
    assert "q: fitted cold" not in warm.notes
    broken = propose(
        Goal(space=SPACE, objectives=BEST, trials=trials, posterior=b"rubbish")
    )
    assert any("cannot be used" in note for note in broken.notes)


def test_a_contradicting_film_is_named():
    trials = list(some_trials(30))
    odd, _ = trials[3]
    trials[3] = (odd, (observation(odd, 40.0, 0.01),))
    answer = propose(Goal(space=SPACE, objectives=BEST, trials=tuple(trials)))
    assert any("outlier" in n and odd.candidate_id in n for n in answer.notes)


@pytest.mark.parametrize(
    ("settings", "low", "high"),
    [
        ({}, 0.2, 0.4),
        ({"acquisition": "expected_improvement"}, 0.2, 0.4),
        ({"acquisition": "thompson"}, 0.2, 0.4),
        ({"acquisition": "upper_confidence_bound", "ucb_beta": 0}, 0.2, 0.4),
        ({"acquisition": "upper_confidence_bound", "ucb_beta": 100}, 0.75, 0.9),
        ({"acquisition": "exploration"}, 0.75, 0.9),
        ({"acquisition": "boundary", "boundary": -4.5}, 0.7, 0.8),
        ({"acquisition": "boundary", "boundary": -9}, 0.9, 1.0),
    ],
)
def test_every_acquisition_proposes_what_it_is_for(settings, low, high):
    # A hill at 0.3, and no film between 0.62 and 1.
    films = [0, 0.08, 0.16, 0.24, 0.34, 0.4, 0.48, 0.55, 0.62, 1.0]
    trials = []
    for i, x in enumerate(films):
        one = Candidate(candidate_id=f"c{i}", settings={"x": x})
        trials.append((one, (observation(one, -20 * (x - 0.3) ** 2, 0.02),)))
    goal = Goal(
        space=LINE,
        objectives=BEST,
        trials=tuple(trials),
        settings=PlannerSettings(initial=1, **settings),
    )
    candidate = propose(goal).candidates[0]
    assert low <= candidate.settings["x"] <= high
    explores = settings.get("acquisition") in ("exploration", "boundary")
    assert candidate.reason == ("pure_exploration" if explores else "acquisition")


def test_the_models_of_every_objective_are_named():
    goals = (*BEST, Objective(quantity="p", goal="minimize"))
    trials = []
    for c, (first,) in some_trials(9):
        second = replace(first, quantity="p", value=-first.value)
        trials.append((c, (first, second)))
    settings = PlannerSettings(
        hypotheses=({"name": "drop_window", "quantity": "p"},), initial=4
    )
    answer = propose(
        Goal(space=SPACE, objectives=goals, trials=tuple(trials), settings=settings)
    )
    assert answer.model_names == ("q/gp", "p/gp", "p/drop_window")
    q, *p = answer.model_probabilities
    assert q == 1
    assert sum(p) == pytest.approx(1)


def test_hypotheses_are_weighed_against_the_vanilla_gp():
    settings = PlannerSettings(hypotheses=("drop_window",), initial=4)
    goal = Goal(space=SPACE, objectives=BEST, trials=some_trials(9), settings=settings)
    answer = propose(goal)
    assert answer.model_names == ("gp", "drop_window")
    assert sum(answer.model_probabilities) == pytest.approx(1)


def along(values):
    """Trials at equal steps of x with these readings, known to 0.01."""
    made = []
    for i, (x, value) in enumerate(
        zip(np.linspace(0, 1, len(values)), values, strict=True)
    ):
        c = Candidate(candidate_id=f"c{i + 1:04d}", settings={"x": float(x)})
        made.append((c, (observation(c, float(value), 0.01),)))
    return tuple(made)


LINE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})


def test_a_film_that_stands_out_as_wanted_is_made_again_once():
    values = 0.2 + 0.01 * np.random.default_rng(0).standard_normal(15)
    values[6] = 0.9
    trials = along(values)
    goal = Goal(space=LINE, objectives=BEST, trials=trials)
    answer = propose(goal)
    (again,) = answer.candidates
    assert any("outlier: c0007" in n and "make again" in n for n in answer.notes)
    assert again.reason == "replicate"
    assert again.settings == pytest.approx(trials[6][0].settings)
    waiting = propose(replace(goal, pending=(again,)))
    assert waiting.candidates[0].reason != "replicate"
    for value, doubted in ((0.88, False), (0.2, True)):
        told = (*trials, (again, (observation(again, value, 0.01),)))
        after = propose(replace(goal, trials=told))
        assert after.candidates[0].reason != "replicate"
        assert any("outlier: c0007" in n for n in after.notes) == doubted
    # Nothing is to be gained from a film that stands out the other way.
    least = (Objective(quantity="q", goal="minimize"),)
    assert propose(replace(goal, objectives=least)).candidates[0].reason != "replicate"


def test_what_is_fitted_cold_is_called_so_with_an_outlier_too():
    values = np.sin(3 * np.linspace(0, 1, 12))
    values[5] = -3.0
    goal = Goal(space=LINE, objectives=BEST, trials=along(values))
    first = propose(goal)
    assert any("outlier" in note for note in first.notes)
    assert "q: fitted cold" in first.notes
    warm = propose(replace(goal, posterior=first.posterior))
    assert any("outlier" in note for note in warm.notes)
    assert "q: fitted cold" not in warm.notes
