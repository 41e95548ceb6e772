"""A prior turns a standard normal number into a draw of its own."""

import numpy as np
import pytest
from scipy import stats

from hp_lab.planner.priors import LogNormal, Normal, Uniform

LOGNORMAL = LogNormal(median=3.0, sd=0.4)


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (Normal(mean=2.0, sd=0.3), stats.norm(2.0, 0.3)),
        (LOGNORMAL, stats.lognorm(0.4, scale=3.0)),
        (Uniform(low=-2.0, high=6.0), stats.uniform(-2.0, 8.0)),
    ],
)
def test_quantiles_are_those_of_the_distribution(prior, expected):
    share = np.linspace(0.001, 0.999, 41)
    assert prior.value(stats.norm.ppf(share)) == pytest.approx(expected.ppf(share))


@pytest.mark.parametrize("z", [-2.0, 0.0, 1.5])
def test_a_value_is_found_back_at_its_place(z):
    assert LOGNORMAL.place(float(LOGNORMAL.value(np.array(z)))) == pytest.approx(z)
