"""What a row of a table says of a film decides about the next one."""

import numpy as np
import pytest

from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.plan import plan_from_csv
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate

SPACE = Space.parse({"t": {"type": "continuous", "low": 0, "high": 10}})
GOALS = (Objective(quantity="q", goal="maximize"),)
HILL = [(t, -((t - 3) ** 2) / 9) for t in (0, 1, 2, 4, 5, 6, 10)]
SLOPE = [(t, t / 10) for t in (0, 1, 2, 3, 4, 5, 6)]
# It would be by far the best film, if it were sure.
FAR = 7.6


@pytest.fixture
def next_t(tmp_path):
    def planned(films, *more, **settings):
        path = tmp_path / "o.csv"
        rows = ["t,q,q_sigma,q_kind,status", *(f"{t},{q},0.02,," for t, q in films)]
        path.write_text("\n".join([*rows, *more]) + "\n")
        chosen = PlannerSettings(initial=1, **settings)
        answer = plan_from_csv(SPACE, GOALS, chosen, observations=path)
        return answer.candidates[0].settings["t"]

    return planned


def test_a_value_counts_by_its_sigma(next_t):
    assert abs(next_t(HILL, f"{FAR},3,0.02,,") - FAR) < 1.5
    assert abs(next_t(HILL, f"{FAR},3,50,,") - 3) < 1.5


def test_what_is_at_most_a_good_value_is_no_good_film(next_t):
    assert abs(next_t(HILL, f"{FAR},3,0.02,lower_bound,") - FAR) < 1.5
    assert abs(next_t(HILL, f"{FAR},3,0.02,upper_bound,") - 3) < 1.5


@pytest.mark.parametrize("status", ["failed", "unreachable"])
def test_where_films_are_impossible_none_is_made(next_t, status):
    impossible = [f"{t},,,,{status}" for t in (7, 8, 9, 10)]
    assert next_t(SLOPE) > 8
    assert next_t(SLOPE, *impossible) < 7.5
    assert next_t(SLOPE, *impossible, learn_feasibility=False) > 7.5


@pytest.mark.parametrize(
    ("kind", "bound", "low", "high"),
    [
        ("lower_bound", 3, 2.0, np.inf),
        ("upper_bound", -3, -np.inf, -2.0),
        ("lower_bound", -3, -1.0, 1.0),
        ("upper_bound", 3, -1.0, 1.0),
    ],
)
def test_a_bound_moves_the_prediction_to_its_own_side(kind, bound, low, high):
    films = [(t / 10, 0.1 * (-1) ** t) for t in (0, 2, 3, 5, 6)]
    readings = [Reading(value=q, sigma=0.05) for _, q in films]
    readings.append(Reading(value=bound, sigma=0.05, kind=kind))
    codes = np.array([[x] for x, _ in films] + [[0.8]])
    labels = [str(i) for i in range(len(codes))]
    rng = np.random.default_rng(0)
    surrogate = Surrogate(SPACE, codes, readings, labels, rng=rng)
    mean, _ = surrogate.predict(codes[-1:]).moments()
    assert low < mean[0] < high
