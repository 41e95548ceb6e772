"""Forecasts of readings from tables of films."""

from itertools import pairwise

import numpy as np
import pytest

from hp_lab.errors import InvalidInput
from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.plan import plan_from_csv
from hp_lab.planner.predict import LEVELS, predict_from_csv
from hp_lab.planner.space import Space

SPACE = Space.parse(
    {
        "t": {"type": "continuous", "low": 0, "high": 10},
        "cation": {"type": "molecule", "choices": {"EA": "CC[NH3+]", "MA": "C[NH3+]"}},
    }
)
Q = Objective(quantity="q", goal="maximize")
P = Objective(quantity="p", goal="target", value=2.0)
SETTINGS = PlannerSettings(initial=2)
SIGMA = 0.05


def write(path, header, rows):
    lines = [header, *(",".join(str(one) for one in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def value(t, cation):
    return np.sin(t / 2) + (cation == "EA")


@pytest.fixture
def films(tmp_path):
    rng = np.random.default_rng(3)
    rows = []
    for t in np.linspace(0, 10, 9):
        for cation in ("EA", "MA"):
            y = value(t, cation) + SIGMA * rng.standard_normal()
            rows.append((t, cation, y, SIGMA, t / 5))
    return write(tmp_path / "o.csv", "t,cation,q,q_sigma,p", rows)


def predict(films, at, objectives=(Q,)):
    return predict_from_csv(SPACE, objectives, SETTINGS, observations=films, at=at)


@pytest.mark.slow
def test_readings_lie_in_their_intervals_as_often_as_said(tmp_path, films):
    points = [(t, c) for t in np.linspace(0.4, 9.6, 40) for c in ("EA", "MA")]
    told = predict(films, write(tmp_path / "at.csv", "t,cation", points)).readings["q"]
    noise = SIGMA * np.random.default_rng(5).standard_normal(len(points))
    y = np.array([value(t, c) for t, c in points]) + noise
    for level, (low, high) in told.intervals.items():
        assert np.mean((low < y) & (y < high)) == pytest.approx(level, abs=0.15)
    assert told.sigma == SIGMA
    assert (told.sd > SIGMA).all()


@pytest.mark.slow
def test_a_forecast_is_of_what_the_plan_believes(tmp_path, films):
    both = (Q, P)
    (best,) = plan_from_csv(SPACE, both, SETTINGS, observations=films).candidates
    row = [tuple(best.settings[name] for name in SPACE.names)]
    told = predict(films, write(tmp_path / "at.csv", ",".join(SPACE.names), row), both)
    assert list(told.readings) == ["q", "p"]
    mean = [float(one.mean[0]) for one in told.readings.values()]
    # Settings are rounded for people.
    assert mean == pytest.approx(best.predicted_mean, rel=1e-6)
    for one, sd in zip(told.readings.values(), best.predicted_sigma, strict=True):
        assert one.sd[0] > np.hypot(sd, one.sigma)


@pytest.mark.slow
def test_wider_intervals_hold_narrower_ones_and_rows_keep_their_names(tmp_path, films):
    at = write(
        tmp_path / "at.csv",
        "id,cation,t",
        [("a", "EA", 3.3), ("", "[NH3+]CC", 3.3), ("c", "MA", 3.3)],
    )
    told = predict(films, at)
    assert [point.candidate_id for point in told.points] == ["a", "2", "c"]
    one = told.readings["q"]
    assert one.mean[0] == one.mean[1] > one.mean[2]
    for inner, outer in pairwise(LEVELS):
        assert (one.intervals[outer][0] < one.intervals[inner][0]).all()
        assert (one.intervals[inner][1] < one.intervals[outer][1]).all()
    assert "q: fitted cold" in told.notes


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("t\n1\n", "at.csv: column 'cation' of the search space is missing"),
        ("t,cation\n1,EA\n11,EA\n", r"at.csv, row 2: .*11"),
        ("t,cation\n1,BA\n", "row 1: .*'BA' is not one of EA, MA"),
        ("t,cation\nx,EA\n", "row 1: t 'x' is not a number"),
        ("t,cation\n", "no rows"),
    ],
)
def test_a_wrong_point_is_refused_with_its_row(tmp_path, films, at, words):
    path = tmp_path / "at.csv"
    path.write_text(at)
    with pytest.raises(InvalidInput, match=words):
        predict(films, path)


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([(1, "EA", 2, "")], 1),
        ([(1, "EA", 2, ""), (2, "EA", "", ""), (3, "EA", 2, "lower_bound")], 1),
    ],
)
def test_one_value_does_not_tell_how_films_differ(tmp_path, rows, count):
    films = write(tmp_path / "o.csv", "t,cation,q,q_kind", rows)
    at = write(tmp_path / "at.csv", "t,cation", [(1, "EA")])
    with pytest.raises(InvalidInput, match=f"{count} films have a value of 'q'"):
        predict(films, at)
