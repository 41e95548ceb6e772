"""The search finds the best point of a space, and leaves what is taken."""

import numpy as np
import pytest

from hp_lab.planner.optimise import best_of_space, first_free
from hp_lab.planner.space import Space

SPACE = Space.parse(
    {f"x{i}": {"type": "continuous", "low": 0, "high": 1} for i in range(6)}
)
NOTHING = np.zeros((0, 6))
PLACE = np.array([0.31, 0.62, 0.18, 0.74, 0.5, 0.9])


def search(score, start=NOTHING, seed=0):
    rng = np.random.default_rng(seed)
    return best_of_space(SPACE, score, start, NOTHING, rng)


@pytest.mark.parametrize("seed", range(3))
def test_a_hill_is_climbed_to_its_top(seed):
    code, value, new = search(lambda x: -((x - PLACE) ** 2).sum(axis=1), seed=seed)
    # The best of the first sample is some 0.2 off in six dimensions.
    assert value > -(0.1**2)
    assert value == pytest.approx(-((code[0] - PLACE) ** 2).sum())
    assert new


def test_a_peak_that_no_sample_would_meet_is_found_near_a_good_film():
    def narrow(x):
        far = np.abs(x - PLACE).max(axis=1)
        return np.where(far < 0.1, 1 - far, 0.0)

    start = PLACE[None, :] + 0.05
    assert search(narrow)[1] == 0
    assert search(narrow, start)[1] > 0.93


def test_what_is_busy_is_left_unless_nothing_else_is_there():
    pool, value = np.array([[0.1], [0.2], [0.3]]), np.array([1.0, 3.0, 2.0])
    assert first_free(pool, value, pool[:0])[0].tolist() == [[0.2]]
    code, best, new = first_free(pool, value, pool[1:2])
    assert (code[0, 0], best, new) == (0.3, 2.0, True)
    code, best, new = first_free(pool, value, pool)
    assert (code[0, 0], best, new) == (0.2, 3.0, False)
