"""Sequential Monte Carlo over parameters z ~ N(0, I): posterior and log-evidence.

Del Moral, Doucet and Jasra, J. R. Stat. Soc. B 68 (2006) 411. A population walks from
the prior (or from the posterior of fewer data) to the posterior along a ladder of
tempered likelihoods, whose rungs the effective sample size chooses. Moves need no
gradients: half of the population is moved with differences of the other half (ter
Braak, Stat. Comput. 16 (2006) 239), at random in all or in a few coordinates.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from hp_lab.errors import InvalidInput
from hp_lab.units import FloatArray

# Log-likelihoods (P,) of parameters (P, D); minus infinity where impossible.
LogLikelihood = Callable[[FloatArray], FloatArray]

_LEAST_STEP = 1e-6
_MOST_RUNGS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much work a run spends.

    Attributes:
        particles: Size of the population; even.
        moves: Sweeps over the population on every rung.
        last_moves: Sweeps after the last rung.
        keep: Effective share of the population that a rung must leave.
    """

    particles: int = 512
    moves: int = 5
    last_moves: int = 10
    keep: float = 0.6


@dataclass(frozen=True, slots=True)
class Population:
    """Equally weighted draws from a posterior.

    Attributes:
        z: Parameters (P, D).
        log_likelihood: Their log-likelihoods (P,).
        log_evidence: Logarithm of the likelihood's prior mean.
        rungs: Steps of the ladder.
        acceptance: Accepted share of the moves of the last rung.
        distinct: Share of draws that are no copies of others.
    """

    z: FloatArray
    log_likelihood: FloatArray
    log_evidence: float
    rungs: int = 0
    acceptance: float = 1.0
    distinct: float = 1.0


def from_prior(dimensions: int, effort: Effort, rng: np.random.Generator) -> Population:
    """Return draws of the prior; their log-likelihood is that of no data, 0."""
    z = rng.standard_normal((effort.particles, dimensions))
    return Population(z, np.zeros(len(z)), 0.0)


def sample(
    start: Population,
    old: LogLikelihood | None,
    new: LogLikelihood,
    effort: Effort,
    rng: np.random.Generator,
) -> Population:
    """Move a population from the posterior of ``old`` to that of ``new``.

    ``old`` is None where the population is a draw of the prior. While it is warm enough
    (the effective sample size stays above ``effort.keep``) nothing is moved.

    Raises:
        InvalidInput: No particle has a finite likelihood.
    """
    z = start.z
    base = np.zeros(len(z)) if old is None else start.log_likelihood
    target = new(z)
    if not np.isfinite(target).any():
        msg = (
            "no draw of the prior explains the data at all: every likelihood is zero "
            "or undefined; widen the priors or check the hypothesis"
        )
        raise InvalidInput(msg)
    log_evidence = start.log_evidence
    share, rungs, acceptance = 0.0, 0, 1.0
    scale = 1.0
    while share < 1.0:
        step = _next_step(target - base, 1.0 - share, effort.keep)
        share = min(1.0, share + step)
        gain = _weighted(step, target - base)
        log_evidence += float(logsumexp(gain) - np.log(len(z)))
        weight = np.exp(gain - logsumexp(gain))
        index = _systematic(weight, rng)
        z, base, target = z[index], base[index], target[index]
        rungs += 1
        last = share >= 1.0
        for _ in range(effort.last_moves if last else effort.moves):
            z, base, target, accepted = _sweep(
                z, base, target, share, old, new, scale, rng
            )
            acceptance = accepted
            scale *= np.exp(0.5 * (accepted - 0.25))
            scale = float(np.clip(scale, 0.05, 3.0))
        if rungs > _MOST_RUNGS:
            msg = "the ladder of tempered likelihoods does not end; widen the priors"
            raise InvalidInput(msg)
    distinct = len(np.unique(z, axis=0)) / len(z)
    return Population(z, target, log_evidence, rungs, acceptance, distinct)


def _weighted(step: float, difference: FloatArray) -> FloatArray:
    # minus infinity stays minus infinity, and 0 * inf is none of our business.
    return np.where(np.isfinite(difference), step * difference, -np.inf)


def effective_share(log_weight: FloatArray) -> float:
    """Return the effective sample size of log weights, as a share of their number."""
    size = 2 * logsumexp(log_weight) - logsumexp(2 * log_weight)
    return float(np.exp(size) / len(log_weight))


def _next_step(difference: FloatArray, most: float, keep: float) -> float:
    """Return the largest step that leaves an effective share of ``keep``."""
    # What is impossible now is lost at any step; the rest decides.
    finite = difference[np.isfinite(difference)]
    if effective_share(most * finite) >= keep:
        return most
    low, high = 0.0, most
    for _ in range(40):
        middle = (low + high) / 2
        if effective_share(middle * finite) >= keep:
            low = middle
        else:
            high = middle
    return max(low, _LEAST_STEP)


def _systematic(weight: FloatArray, rng: np.random.Generator) -> np.ndarray:
    places = (rng.random() + np.arange(len(weight))) / len(weight)
    return np.minimum(np.searchsorted(np.cumsum(weight), places), len(weight) - 1)


def _sweep(
    z: FloatArray,
    base: FloatArray,
    target: FloatArray,
    share: float,
    old: LogLikelihood | None,
    new: LogLikelihood,
    scale: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    z, base, target = z.copy(), base.copy(), target.copy()
    order = rng.permutation(len(z))
    halves = np.array_split(order, 2)
    accepted = 0
    for mine, theirs in (halves, halves[::-1]):
        proposal = _propose(z[mine], z[theirs], scale, rng)
        # At the top of the ladder the old likelihood no longer counts.
        plain = old is None or share >= 1.0
        new_base = np.zeros(len(mine)) if plain or old is None else old(proposal)
        new_target = new(proposal)
        before = _tempered(base[mine], target[mine], share)
        after = _tempered(new_base, new_target, share)
        prior = 0.5 * ((z[mine] ** 2).sum(axis=1) - (proposal**2).sum(axis=1))
        with np.errstate(invalid="ignore"):
            ratio = np.where(np.isfinite(after), after - before + prior, -np.inf)
        ok = np.log(rng.random(len(mine))) < ratio
        at = mine[ok]
        z[at], base[at], target[at] = proposal[ok], new_base[ok], new_target[ok]
        accepted += int(ok.sum())
    return z, base, target, accepted / len(z)


def _tempered(base: FloatArray, target: FloatArray, share: float) -> FloatArray:
    if share >= 1.0:
        return target
    with np.errstate(invalid="ignore"):
        value = base + share * (target - base)
    return np.where(np.isnan(value), -np.inf, value)


def _propose(
    mine: FloatArray, theirs: FloatArray, scale: float, rng: np.random.Generator
) -> FloatArray:
    count, width = mine.shape
    a = rng.integers(0, len(theirs), count)
    b = rng.integers(0, len(theirs) - 1, count)
    b = b + (b >= a)
    # A few coordinates at a time pass narrow ridges that all at once would miss.
    chosen = rng.random((count, width)) < np.where(
        rng.random((count, 1)) < 0.5, 1.0, 1.5 / width
    )
    chosen[np.arange(count), rng.integers(0, width, count)] = True
    moved = chosen.sum(axis=1, keepdims=True)
    gamma = scale * 2.38 / np.sqrt(2 * moved)
    # A full difference jumps from mode to mode.
    gamma = np.where(rng.random((count, 1)) < 0.1, 1.0, gamma)
    jitter = rng.standard_normal(mine.shape) * 0.02
    step = gamma * (theirs[a] - theirs[b]) + scale * jitter * theirs.std(axis=0)
    return np.asarray(mine + np.where(chosen, step, 0.0))
