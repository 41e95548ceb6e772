"""Scores of candidates: what a film gains where many good ones are wanted."""

import numpy as np
import pytest

from hp_lab.planner.goal import Goal, PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import propose
from hp_lab.planner.scores import Scorer
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Predictions
from hp_lab.records import Candidate, Observation

GOALS = (Objective(quantity="q", goal="maximize"),)


class Known:
    """A surrogate whose belief is a table: mean and deviation of each code."""

    imagined = False

    def __init__(self, mean, sd):
        self.table = np.array([mean, sd], float)

    def predict(self, codes):
        mean, sd = self.table[:, codes[:, 0].astype(int)]
        return Predictions(mean[None], sd[None], np.ones(1))


def scores(mean, sd, tried, choices, **more):
    scorer = Scorer(
        GOALS,
        [Known(mean, sd)],
        np.array(tried, float)[:, None],
        PlannerSettings(),
        np.random.default_rng(0),
        choices=np.array(choices, float)[:, None],
        **more,
    )
    return scorer(np.array(choices, float)[:, None])


def test_with_few_films_of_a_list_the_mean_decides():
    mean, sd = [0.0, 1.0, 0.5, 0.4, 0.3], [0.01, 0.01, 0.0, 0.6, 0.3]
    value = scores(mean, sd, [0, 1], [2, 3, 4])
    assert np.argsort(-value).tolist() == [0, 1, 2]


def test_films_that_cannot_be_among_the_good_ones_gain_less_than_a_doubt():
    # Twenty films of 0.9 to 1 are found: one more of 0.8 is none of the best twenty.
    mean = [*np.linspace(0.9, 1.0, 20), 0.8, 0.2]
    sd = [*[0.01] * 20, 0.01, 0.5]
    sure, doubtful = scores(mean, sd, range(20), [20, 21])
    assert doubtful > sure


def test_a_label_without_a_good_film_goes_before_one_that_has_one():
    mean, sd = [3.0, 0.0, 2.9, 2.0], [0.01, 0.01, 0.2, 0.2]
    codes = np.array([[0.0, 0], [1, 1], [2, 0], [3, 1]])
    scorer = Scorer(
        GOALS,
        [Known(mean, sd)],
        codes[:2],
        PlannerSettings(),
        np.random.default_rng(0),
        label_column=1,
    )
    has_one, has_none = scorer(codes[2:])
    assert has_none > has_one


def preference(*beliefs, goals=GOALS, tried=(0, 1), seed=0, **settings):
    """Return all codes of a space, the best first, under beliefs (means, sds)."""
    scorer = Scorer(
        goals,
        [Known(mean, sd) for mean, sd in beliefs],
        np.array(tried, float)[:, None],
        PlannerSettings(**settings),
        np.random.default_rng(seed),
    )
    return np.argsort(-scorer(np.arange(len(beliefs[0][0]))[:, None])).tolist()


def test_exploration_takes_what_is_least_known():
    order = preference(([9, 1, 0, 5], [0.1, 0.2, 0.9, 0.4]), acquisition="exploration")
    assert order == [2, 3, 1, 0]


@pytest.mark.parametrize("level", [1.0, 3.0])
def test_the_boundary_is_looked_for_at_its_level_and_where_it_is_doubtful(level):
    belief = ([0, 1, 1, 3, 3, 4], [0.3, 0.3, 0.4, 0.3, 0.4, 0.3])
    order = preference(belief, acquisition="boundary", boundary=level)
    assert order[:2] == ([2, 1] if level == 1 else [4, 3])


@pytest.mark.parametrize(("goal", "sign"), [("maximize", 1), ("minimize", -1)])
@pytest.mark.parametrize(("beta", "best"), [(0.0, 2), (5.0, 3)])
def test_beta_trades_the_best_mean_for_doubt(goal, sign, beta, best):
    belief = (sign * np.array([0, 0.1, 1, 0.5]), [0.1, 0.1, 0.1, 0.4])
    order = preference(
        belief,
        goals=(Objective(quantity="q", goal=goal),),
        acquisition="upper_confidence_bound",
        ucb_beta=beta,
    )
    assert order[0] == best


@pytest.mark.parametrize(("goal", "best"), [("maximize", 2), ("minimize", 0)])
def test_thompson_takes_the_best_of_a_draw(goal, best):
    def share(sd):
        goals = (Objective(quantity="q", goal=goal),)
        firsts = [
            preference(
                ([0, 0.5, 1], sd), goals=goals, seed=seed, acquisition="thompson"
            )[0]
            for seed in range(100)
        ]
        return firsts.count(best) / len(firsts)

    assert share([0.01] * 3) == 1
    # The middle one overtakes where its draw is half a deviation off: at 31 %.
    assert share([0, 1, 0]) == pytest.approx(0.69, abs=0.12)


@pytest.mark.parametrize(("goal", "sign"), [("maximize", 1), ("minimize", -1)])
@pytest.mark.parametrize(("weights", "order"), [((9, 1), [2, 3]), ((1, 9), [3, 2])])
def test_a_weighted_sum_wants_most_of_what_weighs_most(goal, sign, weights, order):
    sd = [0.1] * 5
    first, second = [0, 1, 1.2, 0.9, -3], [1, 0, 0.9, 1.2, -3]
    found = preference(
        (sign * np.array(first), sd),
        (sign * np.array(second), sd),
        goals=[
            Objective(quantity=q, goal=goal, weight=w)
            for q, w in zip("ab", weights, strict=True)
        ],
        several="weighted",
    )
    assert found[:2] == order
    assert found[-1] == 4


@pytest.mark.parametrize(("goal", "sign"), [("maximize", 1), ("minimize", -1)])
def test_nothing_counts_beyond_the_reference_of_a_front(goal, sign):
    sd = [0.01] * 4
    a, b = sign * np.array([0, 1, 0.5, 0.8]), sign * np.array([1, 0, 0.9, 0.5])
    goals = [Objective(quantity=q, goal=goal) for q in "ab"]
    assert preference((a, sd), (b, sd), goals=goals)[0] == 2
    worst = {"a": sign * 0.6}
    assert preference((a, sd), (b, sd), goals=goals, reference=worst)[0] == 3


def test_each_label_gets_its_film_where_that_is_wanted():
    space = Space.parse({"who": {"type": "categorical", "choices": ["a", "b", "c"]}})
    trials = tuple(
        (
            Candidate(candidate_id=name, settings={"who": who}),
            (Observation(quantity="q", value=v, sigma=0.1, unit="", sample_id=name),),
        )
        for name, who, v in (("f1", "a", 3.0), ("f2", "b", 0.0))
    )
    goal = Goal(
        space=space,
        objectives=GOALS,
        settings=PlannerSettings(initial=1, distinct="who"),
        trials=trials,
    )
    assert propose(goal).candidates[0].settings["who"] == "c"


def test_a_level_makes_a_film_worth_the_same_whatever_it_is_compared_with():
    mean, sd = [0.0, 1.0, 0.5, 0.1], [0.1, 0.1, 0.3, 0.2]
    scorer = Scorer(
        GOALS,
        [Known(mean, sd)],
        np.array([[0.0], [1.0]]),
        PlannerSettings(acquisition="boundary", boundary=0.5),
        np.random.default_rng(0),
    )
    codes = np.array([[1.0], [2.0], [3.0]])
    assert scorer(codes)[1:] == pytest.approx(scorer(codes[1:]))
    assert scorer(codes).argmax() == 1


def test_a_label_of_poor_films_is_worked_on_where_each_wants_a_good_one():
    space = Space.parse(
        {
            "who": {"type": "categorical", "choices": ["a", "b"]},
            "t": {"type": "continuous", "low": 0, "high": 1},
        }
    )
    trials = []
    for who, level in (("a", 3.0), ("b", 0.0)):
        for t in (0.1, 0.3, 0.5, 0.7, 0.9):
            name = f"{who}{t}"
            one = Candidate(candidate_id=name, settings={"who": who, "t": t})
            value = level + (0 if who == "a" else t)
            seen = Observation(
                quantity="q", value=value, sigma=0.02, unit="", sample_id=name
            )
            trials.append((one, (seen,)))

    def chosen(distinct):
        settings = PlannerSettings(initial=1, distinct=distinct)
        goal = Goal(
            space=space, objectives=GOALS, settings=settings, trials=tuple(trials)
        )
        return propose(goal).candidates[0].settings["who"]

    assert (chosen(""), chosen("who")) == ("a", "b")
