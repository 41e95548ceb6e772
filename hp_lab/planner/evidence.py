"""Log-evidence of a sampled posterior by bridge sampling.

The ladder of tempered likelihoods underestimates the evidence of a sharply right
model when its population is small. Its final draws are good all the same: a mixture of
normals fitted to one half of them is bridged to the other half (Meng and Wong,
Statistica Sinica 6 (1996) 831, with the optimal bridge found by iteration). Draws of
these mixtures are good for more: chains drawn anew from them go where none was.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import log_expit, logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from hp_lab.planner.smc import (
    LogLikelihood,
    Population,
    effective_share,
    log_sum,
    systematic,
)
from hp_lab.units import FloatArray

_COMPONENTS = 4
_INFLATE = 1.3
# Share of the proposal that comes from a wide normal, so that no tail is cut.
_WIDE = 0.1
_ITERATIONS = 200
# Draws of a mixture.
_DRAWS = 1024
# The states of each chain that the mixture is fitted to, and the gain in their mean
# log-density at which the fit ends: a closer fit shows little in the evidence.
_STATES = 4
_GAIN = 3e-2
# Where arrays lie in memory decides the last digits of a sum with some builds of numpy,
# and equal seeds are to give equal bytes: of an evidence, and of draws which chains go
# on from; those have been through more sums.
_DIGITS = 9
_DRAWN_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Evidence:
    """A log-evidence and how far it can be trusted.

    Attributes:
        spread: Difference between the two halves' estimates.
        overlap: Effective share of the proposal's draws, 0 to 1.
    """

    log_evidence: float
    spread: float
    overlap: float


def bridge(
    population: Population,
    log_likelihood: LogLikelihood,
    rng: np.random.Generator,
    draws: int = _DRAWS,
) -> Evidence:
    """Return the log-evidence of a population drawn from a posterior."""
    chains, width = population.z.shape
    visited = population.visited.reshape(-1, chains, width)
    log = population.visited_log_likelihood.reshape(-1, chains)
    values, overlaps = [], []
    for proposal, other in _halves(population, rng):
        z = proposal.draw(draws, rng)
        here = log_likelihood(z) + _log_prior(z) - proposal.log_density(z)
        mine = visited[:, other].reshape(-1, width)
        there = log[:, other].ravel() + _log_prior(mine) - proposal.log_density(mine)
        value, overlap = _iterate(there, here)
        values.append(value)
        overlaps.append(overlap)
    mean = round(float(logsumexp(values) - np.log(2)), _DIGITS)
    return Evidence(mean, float(abs(values[0] - values[1])), float(min(overlaps)))


def redrawn(
    population: Population,
    log_likelihood: LogLikelihood,
    log_evidence: float,
    rng: np.random.Generator,
) -> Population:
    """Return a population drawn anew from the chains and from mixtures around them.

    A mixture reaches places where no chain is: a mode that was missed shows as a draw
    of it that outweighs others. Each draw, of chains and of mixtures alike, is weighted
    for the posterior as one of the density of both together (Shirts and Chodera, J.
    Chem. Phys. 129 (2008) 124105), so that none outweighs a chain.

    Args:
        population: Chains, of which the last states are drawn from.
        log_likelihood: Of the parameters.
        log_evidence: An estimate of it; finite.
        rng: Source of chance.
    """
    chains = len(population.z)
    z, log, weight = [], [], []
    for proposal, other in _halves(population, rng):
        own = np.round(proposal.draw(_DRAWS, rng), _DRAWN_DIGITS)
        there = np.vstack([own, population.z[other]])
        value = np.append(log_likelihood(own), population.log_likelihood[other])
        ratio = value + _log_prior(there) - proposal.log_density(there) - log_evidence
        z.append(there)
        log.append(value)
        ends = len(there) - _DRAWS
        weight.append(-np.logaddexp(np.log(ends), np.log(_DRAWS) - ratio))
    together = np.concatenate(weight)
    index = systematic(np.exp(together - log_sum(together)), chains, rng)
    return Population.of(np.vstack(z)[index], np.concatenate(log)[index], log_evidence)


def _halves(
    population: Population, rng: np.random.Generator
) -> Iterator[tuple["_Proposal", slice]]:
    """Yield a mixture around each half of the chains, and the other half."""
    chains, width = population.z.shape
    visited = population.visited.reshape(-1, chains, width)
    every = max(1, len(visited) // _STATES)
    # Halves of chains, not of their states: those of one chain are alike.
    for fitted, other in ((0, 1), (1, 0)):
        states = visited[every - 1 :: every, fitted::2].reshape(-1, width)
        yield _Proposal(states, chains // 2, rng), np.s_[other::2]


class _Proposal:
    """A mixture of normals around draws, with a wide part."""

    def __init__(self, z: FloatArray, chains: int, rng: np.random.Generator) -> None:
        width = z.shape[1]
        # The states of a chain are alike: only chains count against the parameters of
        # a component, or many dimensions are fitted to chance.
        count = int(np.clip(chains // (4 * width), 1, _COMPONENTS))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture = GaussianMixture(
                count,
                tol=_GAIN,
                reg_covar=1e-5,
                random_state=int(rng.integers(2**31)),
            ).fit(z)
        weights = np.append(mixture.weights_ * (1 - _WIDE), _WIDE)
        self._weights = weights / weights.sum()
        self._means = np.vstack([mixture.means_, z.mean(axis=0)])
        wide = np.atleast_2d(np.cov(z.T)) * 3 + 1e-4 * np.eye(width)
        covariances = np.concatenate([mixture.covariances_ * _INFLATE, wide[None]])
        self._roots = np.linalg.cholesky(covariances)
        self._inverses = np.linalg.inv(self._roots)
        determinants = np.log(np.diagonal(self._roots, axis1=1, axis2=2)).sum(axis=1)
        constant = 0.5 * width * np.log(2 * np.pi)
        self._tops = np.log(self._weights) - determinants - constant

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        which = rng.choice(len(self._weights), count, p=self._weights)
        e = rng.standard_normal((count, self._means.shape[1]))
        step = np.einsum("nij,nj->ni", self._roots[which], e)
        return np.asarray(self._means[which] + step, dtype=np.float64)

    def log_density(self, z: FloatArray) -> FloatArray:
        white = (z - self._means[:, None]) @ self._inverses.transpose(0, 2, 1)
        terms = self._tops[:, None] - 0.5 * (white**2).sum(axis=2)
        return np.asarray(logsumexp(terms, axis=0))


def _log_prior(z: FloatArray) -> FloatArray:
    constant = 0.5 * z.shape[1] * np.log(2 * np.pi)
    return np.asarray(-0.5 * (z**2).sum(axis=1) - constant)


def _iterate(there: FloatArray, here: FloatArray) -> tuple[float, float]:
    """Return log-evidence and overlap from log ratios posterior / proposal.

    ``there`` at draws of the posterior, ``here`` at draws of the proposal.
    """
    n1, n2 = len(there), len(here)
    if not np.isfinite(here).any():
        return -np.inf, 0.0
    odds = np.log(n1 / n2)
    overlap = effective_share(here)
    value = log_sum(here) - float(np.log(n2))
    for _ in range(_ITERATIONS):
        # Meng and Wong's equation 4.1; a share of each draw is that of the posterior.
        top = log_sum(log_expit(here - value + odds))
        low = log_sum(log_expit(value - odds - there))
        new = value + top - low
        if abs(new - value) < 1e-6:
            break
        value = new
    return value, overlap
