"""Evidences by bridges, and chains drawn anew from their mixtures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from hp_lab.planner.evidence import _iterate, bridge, redrawn
from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.posterior import (
    COLD,
    MANY_FILMS,
    _with_evidence,
    bridged,
    converged,
    fit,
)
from hp_lab.planner.priors import LogNormal, Normal
from hp_lab.planner.smc import Population

# y = A z + e with e ~ N(0, 0.5^2); the posterior of z is drawn from exactly.
MIX = np.array([[1, 0.9, 0], [0, 1, 0.9], [0, 0, 1]])
SEEN = np.array([1.0, -0.5, 2.0])
SPREAD = np.linalg.inv(np.eye(3) + MIX.T @ MIX / 0.25)
EXACT = multivariate_normal(np.zeros(3), MIX @ MIX.T + 0.25 * np.eye(3)).logpdf(SEEN)


def mixed(z):
    return norm(0, 0.5).logpdf(z @ MIX.T - SEEN).sum(axis=1)


def of_exact_draws(chains, states, rng):
    middle = SPREAD @ MIX.T @ SEEN / 0.25
    visited = rng.multivariate_normal(middle, SPREAD, chains * states)
    all_of_them = Population.of(visited, mixed(visited), 0.0)
    ends = replace(
        all_of_them,
        z=visited[-chains:],
        log_likelihood=all_of_them.log_likelihood[-chains:],
    )
    return bridge(ends, mixed, rng)


def test_a_bridged_evidence_is_its_closed_form():
    found = of_exact_draws(256, 10, np.random.default_rng(0))
    assert found.log_evidence == pytest.approx(EXACT, abs=0.03)


def test_no_draw_is_weighed_by_what_was_fitted_to_itself():
    # Few draws fit themselves too well: weighed by that, evidences are 0.08 too low.
    found = [of_exact_draws(16, 1, np.random.default_rng(s)) for s in range(30)]
    mean = np.mean([one.log_evidence for one in found])
    assert mean == pytest.approx(EXACT, abs=0.04)


def test_a_bridge_holds_where_draws_of_the_proposal_alone_would_not():
    # exp(3) times a standard normal, and a proposal that misses its tails.
    narrow = norm(0, 0.35)

    def ratio(z):
        return 3 + norm.logpdf(z).sum(axis=1) - narrow.logpdf(z).sum(axis=1)

    rng = np.random.default_rng(0)
    here = ratio(0.35 * rng.standard_normal((4000, 3)))
    there = ratio(rng.standard_normal((1000, 3)))
    value, overlap = _iterate(there, here)
    assert value == pytest.approx(3, abs=0.1)
    assert overlap < 0.2


def test_a_bridge_of_what_lies_far_apart_says_so():
    here = np.append(np.full(99, -np.inf), 0.0)
    value, overlap = _iterate(np.full(100, 5000.0), here)
    assert np.isfinite(value)
    assert overlap == pytest.approx(0.01)
    value, overlap = _iterate(np.zeros(100), np.full(100, -np.inf))
    assert (value, overlap) == (-np.inf, 0.0)


# Two places 20 widths apart explain the data, one of them three times as well.
PLACES, WIDTH, SHARES = np.array([-1.0, 1.0]), 0.1, np.array([0.25, 0.75])
EVIDENCE = 20.0


def two_places(z):
    explained = norm(PLACES, WIDTH).logpdf(z[:, :1]) - norm.logpdf(z[:, :1])
    return logsumexp(explained, axis=1, b=SHARES) + EVIDENCE


def population_of_two_places(counts, rng):
    place = np.repeat(PLACES, counts)
    z = rng.standard_normal((len(place), 2))
    z[:, 0] = place + WIDTH * z[:, 0]
    z = rng.permutation(z)
    return Population.of(z, two_places(z), 0.0)


@pytest.mark.parametrize("counts", [(250, 6), (64, 192), (6, 250)])
def test_chains_drawn_anew_are_in_all_places_by_their_weight(counts):
    rng = np.random.default_rng(0)
    population = population_of_two_places(counts, rng)
    for _ in range(3):
        population = redrawn(population, two_places, EVIDENCE, rng)
    first = population.z[:, 0]
    assert np.mean(first > 0) == pytest.approx(SHARES[1], abs=0.1)
    for place in PLACES:
        near = first[np.sign(first) == np.sign(place)]
        assert near.mean() == pytest.approx(place, abs=0.05)
        assert near.std() == pytest.approx(WIDTH, rel=0.25)
    assert population.z[:, 1].std() == pytest.approx(1.0, abs=0.15)
    np.testing.assert_array_equal(population.log_likelihood, two_places(population.z))


def test_chains_are_not_drawn_anew_from_where_the_likelihood_is_zero():
    rng = np.random.default_rng(1)
    population = population_of_two_places((0, 256), rng)

    def right(z):
        return np.where(z[:, 0] > 0.9, two_places(z), -np.inf)

    inside = population.chains(np.flatnonzero(population.z[:, 0] > 0.9))
    found = redrawn(inside, right, EVIDENCE + np.log(0.63), rng)
    assert found.z[:, 0].min() > 0.9
    assert len(found.z) == len(inside.z)


NARROW = LogNormal(median=0.01, sd=0.001)
# The sign of its parameter changes nothing.
EITHER_SIGN = StructuredGP(
    name="size",
    kernel=Stationary(((0,),), (LogNormal(median=0.3, sd=0.01),)),
    hypothesis=Hypothesis(
        name="size",
        function=lambda x, a: np.abs(a) + 0 * x["x"],
        priors={"a": Normal(mean=0, sd=1)},
    ),
    variance=NARROW,
    noise=NARROW,
)


def about_one(count):
    x = np.linspace(0, 1, count)
    return Data(
        X=x[:, None],
        x={"x": x},
        y=1 + 0.1 * np.random.default_rng(3).standard_normal(count),
        variance=np.full(count, 1e-4),
    )


@pytest.fixture(scope="module")
def of_either_sign():
    rng = np.random.default_rng(0)
    return fit(EITHER_SIGN, about_one(12), effort=COLD, rng=rng)


def with_chains_at(fitted, z):
    log = fitted.bound.log_likelihood(z)
    return replace(fitted, population=Population.of(z, log, fitted.log_evidence))


def test_modes_met_too_seldom_get_their_weight(of_either_sign):
    rng = np.random.default_rng(0)
    z = of_either_sign.population.z.copy()
    z[:, 0] = np.abs(z[:, 0])
    z[rng.choice(len(z), 32, replace=False), 0] *= -1
    start = with_chains_at(of_either_sign, z)
    right = of_either_sign.log_evidence
    assert abs(bridged(start, rng).log_evidence - right) > 0.15
    found = _with_evidence(start, 2, rng)
    assert found.log_evidence == pytest.approx(right, abs=0.1)
    assert np.mean(found.population.z[:, 0] > 0) == pytest.approx(0.5, abs=0.1)


def test_chains_are_drawn_anew_where_an_evidence_is_not_trusted(of_either_sign):
    rng = np.random.default_rng(0)
    z = of_either_sign.population.z
    sign = np.sign(z[:, :1])
    middle = (z * sign).mean(axis=0) * sign
    start = with_chains_at(of_either_sign, middle + 0.1 * (z - middle))
    right = of_either_sign.log_evidence
    before = bridged(start, rng)
    assert not converged(before)
    assert abs(before.log_evidence - right) > 1
    found = _with_evidence(start, 0, rng)
    assert converged(found)
    assert found.log_evidence == pytest.approx(right, abs=0.1)


def test_chains_in_an_impossible_place_are_not_drawn_anew(of_either_sign):
    z = of_either_sign.population.z.copy()
    z[:, 0] = 1e12 + 1e6 * z[:, 0]
    found = _with_evidence(
        with_chains_at(of_either_sign, z), 2, np.random.default_rng(0)
    )
    assert found.log_evidence == -np.inf
    assert not converged(found)
    np.testing.assert_array_equal(found.population.z, z)


def test_chains_of_many_films_stay_as_they_are(of_either_sign):
    bound = EITHER_SIGN.bind(about_one(MANY_FILMS + 1))
    start = with_chains_at(
        replace(of_either_sign, bound=bound), of_either_sign.population.z
    )
    found = _with_evidence(start, 2, np.random.default_rng(0))
    assert found.population is start.population
