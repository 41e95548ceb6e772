"""Structured Gaussian processes against the formulas written out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.kernels import Independent, Stationary
from hp_lab.planner.priors import LogNormal, Normal

LENGTH = LogNormal(median=0.4, sd=0.3)
LINE = Hypothesis(
    name="line",
    function=lambda x, a, b: a + b * x["x"],
    priors={"a": Normal(mean=40, sd=2), "b": Normal(mean=5, sd=3)},
)
RNG = np.random.default_rng(0)
X, NEW = RNG.random((7, 1)), RNG.random((3, 1))
Y = 42 + 5 * X[:, 0] + RNG.standard_normal(7)
VARIANCE = RNG.uniform(0.05, 0.5, 7)
DATA = Data(X=X, x={"x": X[:, 0]}, y=Y, variance=VARIANCE)
Z = RNG.standard_normal((2, 5))


def model(hypothesis):
    return StructuredGP(
        name="m",
        kernel=Stationary(((0,),), (LENGTH,), "rbf"),
        hypothesis=hypothesis,
        constant=0.7,
        offset=41.0,
        scale=3.0,
    )


def written_out(one, z):
    """Mean and covariance of films and new points in units of y, and the noise."""
    p = one.parameters(z[None, :])[0]
    k = len(p) - 3
    x = np.vstack([X, NEW])
    K = p[k] * np.exp(-0.5 * (x - x.T) ** 2 / p[k + 2] ** 2) + 0.7
    mean = p[0] + p[1] * x[:, 0] if k else np.full(10, 41.0)
    return mean, 9 * K, 9 * p[k + 1]


@pytest.mark.parametrize("hypothesis", [None, LINE])
def test_the_likelihood_is_that_of_a_multivariate_normal(hypothesis):
    one = model(hypothesis)
    z = Z[:, : len(one.priors)]
    found = one.bind(DATA).log_likelihood(z)
    for value, own in zip(found, z, strict=True):
        mean, K, noise = written_out(one, own)
        total = K[:7, :7] + np.diag(noise + VARIANCE)
        assert value == pytest.approx(
            multivariate_normal(mean[:7], total).logpdf(Y), abs=1e-3
        )


def test_the_likelihood_of_one_film_is_that_of_a_normal():
    one, first = model(None), DATA.rows(np.array([0]))
    found = one.bind(first).log_likelihood(Z[:, :3])
    for value, own in zip(found, Z[:, :3], strict=True):
        mean, K, noise = written_out(one, own)
        sd = np.sqrt(K[0, 0] + noise + VARIANCE[0])
        assert value == pytest.approx(norm(mean[0], sd).logpdf(Y[0]), abs=1e-4)


@pytest.mark.parametrize("hypothesis", [None, LINE])
def test_predictions_are_those_of_a_conditioned_normal(hypothesis):
    one = model(hypothesis)
    z = Z[:, : len(one.priors)]
    mean, sd = one.bind(DATA).condition(z).predict(NEW, {"x": NEW[:, 0]})
    for p, own in enumerate(z):
        m, K, noise = written_out(one, own)
        gain = K[7:, :7] @ np.linalg.inv(K[:7, :7] + np.diag(noise + VARIANCE))
        assert mean[p] == pytest.approx(m[7:] + gain @ (Y - m[:7]), abs=1e-3)
        left = np.diag(K[7:, 7:] - gain @ K[:7, 7:])
        assert sd[p] == pytest.approx(np.sqrt(left), rel=1e-3)


def test_the_prior_of_the_films_is_written_out_too():
    one = model(LINE)
    found = one.bind(DATA).prior(Z)
    mean, K, noise = written_out(one, Z[1])
    assert found.mean[1] == pytest.approx((mean[:7] - 41) / 3)
    assert found.covariance[1] == pytest.approx(K[:7, :7] / 9, abs=1e-4)
    assert found.noise[1] == pytest.approx(noise / 9)


def test_a_film_of_which_little_is_known_leaves_the_prior_as_it_is():
    vague = replace(DATA, variance=np.append(np.full(6, 0.1), 1e30))
    expected = model(LINE).bind(DATA).prior(Z).covariance
    assert np.array_equal(model(LINE).bind(vague).prior(Z).covariance, expected)


@pytest.mark.parametrize("constant", [0.0, 0.7])
def test_independent_films_share_a_constant_at_most(constant):
    one = replace(model(LINE), kernel=Independent(), constant=constant)
    found = one.bind(DATA)
    mean, sd = found.condition(Z[:, :4]).predict(X[:1], {"x": X[:1, 0]})
    for p, z in enumerate(Z[:, :4]):
        a, b, variance, noise = one.parameters(z[None])[0]
        total = 9 * ((variance + noise) * np.eye(7) + constant) + np.diag(VARIANCE)
        line = a + b * X[:, 0]
        assert found.log_likelihood(Z[:, :4])[p] == pytest.approx(
            multivariate_normal(line, total).logpdf(Y), abs=1e-3
        )
        if not constant:
            assert mean[p] == pytest.approx(line[:1])
            assert sd[p] == pytest.approx(3 * np.sqrt(variance))
