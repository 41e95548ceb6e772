"""Non-negative solutions satisfy the conditions of the minimum from any split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hp_lab.analysis.nonnegative import nonnegative_solution
from hp_lab.errors import InvalidInput


@given(st.integers(0, 10_000), st.integers(1, 14), st.integers(0, 2**14 - 1))
def test_the_solution_is_the_constrained_minimum(seed, size, split):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(size + 3, size)) + 0.7
    normal, wanted = columns.T @ columns, columns.T @ rng.normal(size=size + 3)
    free = np.array([bool(split >> place & 1) for place in range(size)])
    x, above = nonnegative_solution(normal, wanted, free)
    slope = normal @ x - wanted
    least = -1e-7 * max(float(np.abs(wanted).max()), 1.0)
    assert x.min() >= 0.0
    assert slope.min() >= least
    assert np.abs(slope[above]).max(initial=0.0) <= -least
    assert not x[~above].any()


def test_the_first_guess_is_left_as_it_is():
    free = np.array([True, False])
    nonnegative_solution(np.eye(2), np.array([-1.0, 2.0]), free)
    assert free.tolist() == [True, False]


def test_a_matrix_without_a_minimum_is_refused():
    with pytest.raises(InvalidInput, match="not positive definite"):
        nonnegative_solution(-np.eye(2), np.ones(2), np.ones(2, dtype=bool))
