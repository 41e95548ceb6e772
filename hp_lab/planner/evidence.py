"""Log-evidence of a sampled posterior by bridge sampling.

The ladder of tempered likelihoods underestimates the evidence of a sharply right
model when its population is small. Its final draws are good all the same: a mixture of
normals fitted to one half of them is bridged to the other half (Meng and Wong,
Statistica Sinica 6 (1996) 831, with the optimal bridge found by iteration).
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from hp_lab.planner.smc import LogLikelihood, Population
from hp_lab.units import FloatArray

_COMPONENTS = 6
_INFLATE = 1.3
# Share of the proposal that comes from a wide normal, so that no tail is cut.
_WIDE = 0.1
_ITERATIONS = 200
# Where arrays lie in memory decides the last digits of a sum with some builds of numpy,
# and equal seeds are to give equal bytes.
_DIGITS = 9


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
    draws: int = 1024,
) -> Evidence:
    """Return the log-evidence of a population drawn from a posterior."""
    # Halves of chains, not of their states: those of one chain are alike.
    chains = np.arange(len(population.visited)) % len(population.z)
    halves = [np.flatnonzero(chains % 2 == half) for half in (0, 1)]
    values, overlaps = [], []
    for fitted, other in (halves, halves[::-1]):
        states = population.visited[fitted]
        proposal = _Proposal(states, len(population.z) // 2, rng)
        z = proposal.draw(draws, rng)
        here = log_likelihood(z) + _log_prior(z) - proposal.log_density(z)
        mine = population.visited[other]
        there = (
            population.visited_log_likelihood[other]
            + _log_prior(mine)
            - proposal.log_density(mine)
        )
        value, overlap = _iterate(there, here)
        values.append(value)
        overlaps.append(overlap)
    mean = round(float(logsumexp(values) - np.log(2)), _DIGITS)
    return Evidence(mean, float(abs(values[0] - values[1])), float(min(overlaps)))


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
                count, reg_covar=1e-5, random_state=int(rng.integers(2**31))
            ).fit(z)
        weights = np.append(mixture.weights_ * (1 - _WIDE), _WIDE)
        self._weights = weights / weights.sum()
        self._means = np.vstack([mixture.means_, z.mean(axis=0)])
        wide = np.atleast_2d(np.cov(z.T)) * 3 + 1e-4 * np.eye(width)
        covariances = np.concatenate([mixture.covariances_ * _INFLATE, wide[None]])
        self._roots = np.linalg.cholesky(covariances)

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        which = rng.choice(len(self._weights), count, p=self._weights)
        e = rng.standard_normal((count, self._means.shape[1]))
        step = np.einsum("nij,nj->ni", self._roots[which], e)
        return np.asarray(self._means[which] + step, dtype=np.float64)

    def log_density(self, z: FloatArray) -> FloatArray:
        terms = []
        for weight, mean, root in zip(
            self._weights, self._means, self._roots, strict=True
        ):
            white = np.linalg.solve(root, (z - mean).T)
            terms.append(
                np.log(weight)
                - 0.5 * (white**2).sum(axis=0)
                - np.log(np.diag(root)).sum()
                - 0.5 * z.shape[1] * np.log(2 * np.pi)
            )
        return np.asarray(logsumexp(terms, axis=0))


def _log_prior(z: FloatArray) -> FloatArray:
    constant = 0.5 * z.shape[1] * np.log(2 * np.pi)
    return np.asarray(-0.5 * (z**2).sum(axis=1) - constant)


def _iterate(there: FloatArray, here: FloatArray) -> tuple[float, float]:
    """Return log-evidence and overlap from log ratios posterior / proposal.

    ``there`` at draws of the posterior, ``here`` at draws of the proposal.
    """
    n1, n2 = len(there), len(here)
    s1, s2 = np.log(n1 / (n1 + n2)), np.log(n2 / (n1 + n2))
    finite = here[np.isfinite(here)]
    size = 2 * logsumexp(finite) - logsumexp(2 * finite)
    overlap = float(np.exp(size) / n2)
    value = float(logsumexp(here) - np.log(n2))
    for _ in range(_ITERATIONS):
        top = logsumexp(here - np.logaddexp(s1 + here, s2 + value)) - np.log(n2)
        low = logsumexp(-np.logaddexp(s1 + there, s2 + value)) - np.log(n1)
        new = float(top - low)
        if abs(new - value) < 1e-6:
            break
        value = new
    return value, overlap
