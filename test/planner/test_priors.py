"""A prior turns a standard normal number into a draw of its own."""

import numpy as np
import pytest
from scipy import stats

from hp_lab.planner.priors import LogNormal, LogUniform, Normal, Uniform, Values

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


@pytest.mark.parametrize(
    "priors",
    [
        [LogNormal(), Normal(mean=2, sd=3), LogNormal(median=0.1, sd=2)],
        [Uniform(low=-1, high=2), LogUniform(low=0.1, high=10)],
        [LogNormal(median=5, sd=0.3)],
        [],
    ],
)
def test_values_of_many_priors_are_those_of_each(priors):
    z = 400 * np.random.default_rng(0).standard_normal((7, len(priors)))
    found = Values(priors)(z)
    assert found.shape == z.shape
    assert np.isfinite(found).all()
    for column, (i, prior) in zip(found.T, enumerate(priors), strict=True):
        assert column.tolist() == prior.value(z[:, i]).tolist()
