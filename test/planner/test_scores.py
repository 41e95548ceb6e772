"""Scores of candidates: what a film gains where many good ones are wanted."""

import numpy as np
import pytest

from hp_lab.errors import InvalidInput
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


def test_distinct_must_name_a_category():
    space = Space.parse({"t": {"type": "continuous", "low": 0, "high": 1}})
    one = Observation(quantity="q", value=1, sigma=0.1, unit="", sample_id="f1")
    goal = Goal(
        space=space,
        objectives=GOALS,
        settings=PlannerSettings(initial=1, distinct="t"),
        trials=((Candidate(candidate_id="f1", settings={"t": 0.5}), (one,)),),
    )
    with pytest.raises(InvalidInput, match="'t' is no category"):
        propose(goal)
