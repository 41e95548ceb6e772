"""Laws of quantities that are judged in steps: scores, the ends of which are bounds."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from hp_lab.errors import InvalidInput
from hp_lab.planner.acquisition import expected_reading
from hp_lab.planner.forecast import Forecast, learn_tails
from hp_lab.planner.goal import Goal, PlannerSettings
from hp_lab.planner.model_space import differ, scaling
from hp_lab.planner.objectives import Objective, reading, score_shares
from hp_lab.planner.predict import predict_from_csv
from hp_lab.planner.propose import propose
from hp_lab.planner.scores import Scorer
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.records import Candidate, Observation

GRADE = Objective(quantity="grade", goal="maximize", scores=(0, 1, 2, 3))
PLAIN = Objective(quantity="grade", goal="maximize")
LINE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})
LABELLED = Space.parse(
    {
        "s": {"type": "categorical", "choices": ["a", "b"]},
        "x": {"type": "continuous", "low": 0, "high": 1},
    }
)


def seen(value, sigma=0.2):
    return Observation(
        quantity="grade", value=value, sigma=sigma, unit="", sample_id="s"
    )


def trials(*rows):
    return tuple(
        (Candidate(candidate_id=f"c{i:04d}", settings=settings), (seen(score),))
        for i, (settings, score) in enumerate(rows)
    )


@pytest.mark.parametrize(
    ("scores", "given", "kind", "value", "rounding"),
    [
        ((0, 1, 2, 3), (0,), "upper_bound", 0.5, 0.0),
        ((0, 1, 2, 3), (3,), "lower_bound", 2.5, 0.0),
        ((0, 1, 2, 3), (2,), "exact", 2.0, 1 / np.sqrt(12)),
        ((0, 1, 5), (1,), "exact", 1.0, 2.5 / np.sqrt(12)),
        ((0, 1, 2, 3), (2, 3), "lower_bound", 2.5, 0.0),
        ((0, 1, 2, 3), (1, 2), "exact", 1.5, 1 / np.sqrt(12)),
    ],
    ids=["lowest", "highest", "between", "wide step", "two judges", "undecided"],
)
def test_a_score_stands_for_all_that_is_nearest_to_it(
    scores, given, kind, value, rounding
):
    objective = GRADE.model_copy(update={"scores": scores})
    found = reading(objective, [seen(one) for one in given])
    assert (found.kind, found.value) == (kind, value)
    assert found.sigma == pytest.approx(0.2 / np.sqrt(len(given)))
    assert found.rounding == pytest.approx(rounding)


@pytest.mark.parametrize(
    ("kind", "score", "value"),
    [
        ("lower_bound", 3, 2.5),
        ("lower_bound", 1, 0.5),
        ("lower_bound", 0, None),
        ("upper_bound", 0, 0.5),
        ("upper_bound", 2, 2.5),
        ("upper_bound", 3, None),
    ],
)
def test_a_bound_of_a_score_lies_where_that_score_begins_or_ends(kind, score, value):
    found = reading(GRADE, [replace(seen(score), kind=kind)])
    assert (found and (found.kind, found.value)) == (value and (kind, value))


@pytest.mark.parametrize("kind", ["exact", "lower_bound", "upper_bound"])
def test_a_reading_that_is_none_of_the_scores_is_refused(kind):
    with pytest.raises(InvalidInput, match="grade: 5 is none of the scores 0 to 3"):
        reading(GRADE, [replace(seen(5), kind=kind)])
    goal = Goal(
        space=LINE, objectives=(GRADE,), trials=trials(({"x": 0.1}, 1), ({"x": 1}, 5))
    )
    with pytest.raises(InvalidInput, match="film c0001: grade: 5"):
        propose(goal)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scores": (0, 2, 1)}, "scores 0, 2, 1 must ascend"),
        ({"scores": (0, 1, 1)}, "scores 0, 1, 1 must ascend"),
        ({"scores": (0, 1)}, "fewer than 3; of two, call .* failed"),
        (
            {"scores": (0, 1, 2, 3), "goal": "target", "value": 3},
            "target 3 must lie between the ends .*maximize",
        ),
    ],
)
def test_wrong_scores_are_refused_with_a_remedy(fields, words):
    with pytest.raises(ValidationError, match=words):
        Objective(**{"quantity": "grade", "goal": "maximize", **fields})


def test_no_film_is_better_than_the_best_score():
    assert GRADE.enough == 2.5
    assert GRADE.model_copy(update={"goal": "minimize"}).enough == -0.5
    middle = Objective(quantity="grade", goal="target", value=1, scores=(0, 1, 2, 3))
    assert middle.enough == PLAIN.enough == np.inf


def test_what_is_read_of_a_normal_quantity_is_its_score():
    mean, sd = np.array([-2.0, 0.4, 1.5, 9.0]), np.array([0.5, 1.0, 2.0, 0.1])
    draws = mean + sd * np.random.default_rng(0).standard_normal((200_000, 4))
    scores = np.clip(np.round(draws), 0, 3)
    first, second = expected_reading(GRADE, mean, sd)
    assert first == pytest.approx(scores.mean(axis=0), abs=0.01)
    assert second == pytest.approx(scores.std(axis=0), abs=0.01)
    assert expected_reading(PLAIN, mean, sd) == (mean, sd)


def test_shares_of_scores_follow_from_what_lies_below_the_edges():
    below = np.array([[0.1, 0.0], [0.4, 0.0], [1.0, 0.3]])
    assert score_shares(below) == pytest.approx(
        np.array([[0.1, 0.0], [0.3, 0.0], [0.6, 0.3], [0.0, 0.7]])
    )


def test_the_population_behind_scores_is_found_again():
    draws = np.random.default_rng(1).normal(1.0, 4.0, 2000)
    told = [reading(GRADE, [seen(s, 1e-3)]) for s in np.clip(np.round(draws), 0, 3)]
    y, sign = np.array([[one.value, one.sign] for one in told]).T
    variance = np.array([one.sigma**2 + one.rounding**2 for one in told])
    offset, scale = scaling(y, variance, sign=sign)
    assert (offset, scale) == pytest.approx((1.0, 4.0), rel=0.1)
    # Taken for values the scores differ by far less.
    assert scaling(y, variance)[1] < 1.5
    # Only bounds leave the scale open.
    offset, scale = scaling(
        np.array([0.5, 2.5]), np.full(2, 0.04), sign=np.array([-1, 1])
    )
    assert abs(offset - 1.5) < 0.1
    assert 1 < scale < 5


def test_bounds_differ_where_no_one_value_meets_them():
    one, other = np.array([2.5, 0.5]), np.array([0.5, 2.5])
    assert differ(one, np.array([1, -1]))
    assert not differ(other, np.array([1, -1]))
    assert not differ(one, np.array([1, 1]))
    assert differ(one, np.array([0, -1]))
    assert not differ(other, np.array([0, -1]))


@pytest.mark.slow
def test_scores_are_forecast_better_as_scores_than_as_values():
    """And better than by their frequencies."""
    rng = np.random.default_rng(4)
    x = rng.random(120)
    score = np.clip(np.round(1.5 + 6 * np.sin(9 * x) + rng.normal(0, 1, 120)), 0, 3)
    score = score.astype(int)
    known, asked = np.arange(40), np.arange(40, 120)
    losses = {}
    for name, objective in (("scores", GRADE), ("values", PLAIN)):
        belief = Surrogate(
            LINE,
            x[known, None],
            [reading(objective, [seen(float(s))]) for s in score[known]],
            [f"c{i}" for i in known],
            rng=np.random.default_rng(0),
            objective=objective,
        )
        forecast = Forecast(belief, x[asked, None], np.full(len(asked), 0.2))
        below = np.array([forecast.cumulative(edge) for edge in GRADE.edges])
        share = score_shares(below)[score[asked], np.arange(len(asked))]
        losses[name] = -np.log(share).mean()
    count = np.bincount(score[known], minlength=4) / len(known)
    assert losses["scores"] < losses["values"] - 0.05
    assert losses["scores"] < -np.log(count[score[asked]]).mean() - 0.2


@pytest.mark.slow
def test_films_of_the_ends_alone_are_enough_to_choose_by():
    rows = [({"x": float(x)}, 3 if x > 0.5 else 0) for x in np.linspace(0, 1, 8)]
    goal = Goal(
        space=LINE,
        objectives=(GRADE,),
        trials=trials(*rows),
        settings=PlannerSettings(initial=2),
    )
    answer = propose(goal)
    (candidate,) = answer.candidates
    assert candidate.reason == "acquisition"
    assert candidate.settings["x"] > 0.5
    # What is expected is a score; and that the ends are bounds is nobody's fault.
    assert 1.5 < candidate.predicted_mean[0] <= 3
    assert not any("bound" in note for note in answer.notes)


def labelled(last):
    """Label a has the highest score, at 0.7; label b what is given."""
    rows = [({"s": "a", "x": x}, s) for x, s in ((0.1, 0), (0.3, 1), (0.5, 2))]
    rows += [({"s": "a", "x": 0.7}, 3)]
    rows += [({"s": "b", "x": x}, 0) for x in (0.1, 0.3)]
    return trials(*rows, ({"s": "b", "x": 0.7}, last))


@pytest.mark.slow
def test_a_label_gains_what_its_films_lack_of_the_highest_score():
    """The mean over draws of min(f, 2.5) less the label's best, where it is above."""
    films = labelled(1)
    codes = LABELLED.codes([c.settings for c, _ in films])
    belief = Surrogate(
        LABELLED,
        codes,
        [reading(GRADE, told) for _, told in films],
        [c.candidate_id for c, _ in films],
        rng=np.random.default_rng(0),
        objective=GRADE,
    )
    settings = PlannerSettings(distinct="s")
    rng = np.random.default_rng(1)
    scorer = Scorer((GRADE,), [belief], codes, settings, rng, label_column=0)
    asked = np.array([[0, 0.9], [1, 0.9], [1, 0.05]])
    here, best = belief.predict(asked), belief.predict(codes)
    own = [best.mean[:, codes[:, 0] == label].max(axis=1) for label in asked[:, 0]]
    draws = here.mean + here.sd * rng.standard_normal((20_000, *here.mean.shape))
    gain = np.maximum(np.minimum(draws, 2.5) - np.array(own).T, 0).mean(axis=0)
    assert np.exp(scorer(asked)) == pytest.approx(here.weight @ gain, rel=0.05)
    unbounded = Scorer((PLAIN,), [belief], codes, settings, rng, label_column=0)
    assert unbounded(asked)[0] > scorer(asked)[0] + 1


@pytest.mark.slow
def test_where_all_labels_have_the_highest_score_films_still_gain():
    rows = [({"s": s, "x": x}, 3) for s in "ab" for x in (0.6, 0.7, 0.8)]
    rows += [({"s": s, "x": x}, 0) for s in "ab" for x in (0.1, 0.2)]
    goal = Goal(
        space=LABELLED,
        objectives=(GRADE,),
        trials=trials(*rows),
        settings=PlannerSettings(initial=2, distinct="s"),
    )
    assert propose(goal).candidates[0].acquisition > 1e-3


def test_a_surrogate_of_scores_knows_what_they_round_and_where_they_end():
    score = np.repeat([0, 1, 2, 3], (4, 1, 1, 4))
    belief = Surrogate(
        LINE,
        np.linspace(0, 1, 10)[:, None],
        [reading(GRADE, [seen(float(s))]) for s in score],
        [f"c{i}" for i in range(10)],
        rng=np.random.default_rng(0),
        objective=GRADE,
    )
    assert belief.data.variance[4] == pytest.approx(0.2**2 + 1 / 12)
    assert belief.data.variance[0] == pytest.approx(0.2**2)
    # Four films in five lie beyond the edges, 0.5 and 2.5, and so far away.
    assert belief.fits[0].model.scale > 2 * belief.data.y.std()
    # What lies between the ends is middling, and tells no tails.
    forecast, prior = (
        Forecast(belief, belief.seen, np.ones(10)),
        learn_tails(np.array([])),
    )
    assert forecast.tails.weight == pytest.approx(prior.weight)


@pytest.mark.slow
def test_predictions_tell_the_probability_of_every_score(tmp_path):
    x = np.linspace(0, 1, 16)
    films = tmp_path / "films.csv"
    score = np.clip(np.round(8 * x - 2.5), 0, 3)
    lines = [f"{a},{s:g},0.2" for a, s in zip(x, score, strict=True)]
    films.write_text("\n".join(["x,grade,grade_sigma", *lines]))
    at = tmp_path / "at.csv"
    at.write_text("x\n0.05\n0.5\n0.95\n")
    told = predict_from_csv(
        LINE, (GRADE,), PlannerSettings(), observations=films, at=at
    ).readings["grade"]
    assert told.sigma == 0.2
    assert list(told.scores) == [0, 1, 2, 3]
    assert sum(told.scores.values()) == pytest.approx(1)
    assert told.scores[0][0] > 0.8
    assert told.scores[3][2] > 0.8
    assert told.mean == pytest.approx(sum(s * p for s, p in told.scores.items()))
    for level, (low, high) in told.intervals.items():
        share = sum(p * ((low <= s) & (s <= high)) for s, p in told.scores.items())
        assert (share >= level - 1e-9).all()
    for inner, outer in pairwise(told.intervals.values()):
        assert (outer[0] <= inner[0]).all()
        assert (inner[1] <= outer[1]).all()
