"""Laws of a mixture's moments."""

import numpy as np
import pytest

from hp_lab.planner.mixture import moments
from hp_lab.planner.surrogate import Predictions

WEIGHT = np.array([0.25, 0.5, 0.25])
MEAN = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
SD = np.array([[1.0, 0.1], [1.0, 0.2], [1.0, 0.1]])


def test_a_mixture_spreads_by_its_parts_and_by_what_they_differ_by():
    mean, variance = moments(WEIGHT, MEAN, SD**2)
    assert mean == pytest.approx([2.0, 1.0])
    assert variance == pytest.approx([1.0 + 2.0, 0.025])


@pytest.mark.parametrize("offset", [1e5, -1e7, 2.0**50])
def test_a_mixtures_spread_does_not_depend_on_where_it_is(offset):
    _, here = Predictions(MEAN, SD, WEIGHT).moments()
    _, there = Predictions(MEAN + offset, SD, WEIGHT).moments()
    assert there == pytest.approx(here, rel=1e-6)
