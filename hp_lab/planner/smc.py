"""Sequential Monte Carlo over parameters z ~ N(0, I): posterior and log-evidence.

Del Moral, Doucet and Jasra, J. R. Stat. Soc. B 68 (2006) 411. A population walks from
the prior (or from the posterior of fewer data) to the posterior along a ladder of
tempered likelihoods, whose rungs the effective sample size chooses. No state is wasted:
all that the chains visit on a rung is weighted for the next (Dau and Chopin, J. R.
Stat. Soc. B 84 (2022) 114), so that narrow modes are seen early. Moves need no
gradients: they are differences of other states (ter Braak, Stat. Comput. 16 (2006)
239), in all or in a few coordinates.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.units import FloatArray

# Log-likelihoods (P,) of parameters (P, D); minus infinity where impossible.
LogLikelihood = Callable[[FloatArray], FloatArray]

_LEAST_STEP = 1e-6
_MOST_RUNGS = 400
# A drift of fewer standard errors is taken for chance.
_DRIFT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much work a run spends.

    Attributes:
        particles: Number of chains, and of the draws that a run returns.
        moves: States of a chain on every rung.
        last_moves: States of a chain on the last rung.
        keep: Effective share of all states that a rung must leave.
        blocks: How often the last rung's moves may be repeated while the chains'
            log-likelihoods still drift.
        annealed: A climb from the prior takes away an added variance, in place of
            powers of the likelihood; see :mod:`hp_lab.planner.climb`.
        redraws: How often chains are drawn anew for an evidence; see
            :func:`hp_lab.planner.evidence.redrawn`.
    """

    particles: int = 512
    moves: int = 5
    last_moves: int = 10
    keep: float = 0.6
    blocks: int = 1
    annealed: bool = False
    redraws: int = 0


@dataclass(frozen=True, slots=True)
class Population:
    """Equally weighted draws from a posterior.

    Attributes:
        z: Parameters (P, D), the last state of every chain.
        log_likelihood: Their log-likelihoods (P,).
        log_evidence: Logarithm of the likelihood's prior mean.
        visited: All states (V, D) of the last rung, those of a chain being alike.
        visited_log_likelihood: Their log-likelihoods (V,).
        rungs: Steps of the ladder.
        acceptance: Accepted share of the last moves.
    """

    z: FloatArray
    log_likelihood: FloatArray
    log_evidence: float
    visited: FloatArray
    visited_log_likelihood: FloatArray
    rungs: int = 0
    acceptance: float = 1.0

    @classmethod
    def of(
        cls, z: FloatArray, log_likelihood: FloatArray, log_evidence: float
    ) -> "Population":
        """Return a population from which nothing has moved yet."""
        return cls(z, log_likelihood, log_evidence, z, log_likelihood)

    def chains(self, index: np.ndarray) -> "Population":
        """Return some of the chains with all their states."""
        states = len(self.visited) // len(self.z)
        rows = (np.arange(states)[:, None] * len(self.z) + index).ravel()
        return replace(
            self,
            z=self.z[index],
            log_likelihood=self.log_likelihood[index],
            visited=self.visited[rows],
            visited_log_likelihood=self.visited_log_likelihood[rows],
        )

    def joined(self, other: "Population") -> "Population":
        """Return these chains and others with as many states."""

        def both(mine: FloatArray, theirs: FloatArray) -> FloatArray:
            shape = (-1, len(self.z), *mine.shape[1:])
            others = theirs.reshape(-1, len(other.z), *mine.shape[1:])
            states = np.concatenate([mine.reshape(shape), others], axis=1)
            return states.reshape(-1, *mine.shape[1:])

        return replace(
            self,
            z=np.concatenate([self.z, other.z]),
            log_likelihood=np.concatenate([self.log_likelihood, other.log_likelihood]),
            visited=both(self.visited, other.visited),
            visited_log_likelihood=both(
                self.visited_log_likelihood, other.visited_log_likelihood
            ),
        )


def from_prior(dimensions: int, effort: Effort, rng: np.random.Generator) -> Population:
    """Return draws of the prior; their log-likelihood is that of no data, 0."""
    z = rng.standard_normal((effort.particles * effort.moves, dimensions))
    return Population.of(z, np.zeros(len(z)), 0.0)


def sample(
    start: Population,
    old: LogLikelihood | None,
    new: LogLikelihood,
    effort: Effort,
    rng: np.random.Generator,
) -> Population:
    """Move a population from the posterior of ``old`` to that of ``new``.

    ``old`` is None where the population is a draw of the prior. A population whose
    effective share stays above ``effort.keep`` gets there in one step.

    Raises:
        InvalidInput: No particle has a finite likelihood.
    """
    z = start.visited
    base = np.zeros(len(z)) if old is None else start.visited_log_likelihood
    target = new(z)
    if not np.isfinite(target).any():
        msg = (
            "no draw of the prior explains the data at all: every likelihood is zero "
            "or undefined; widen the priors or check the hypothesis"
        )
        raise InvalidInput(msg)
    log_evidence = start.log_evidence
    share, rungs, scale, acceptance = 0.0, 0, 1.0, 1.0
    while share < 1.0:
        step = _next_step(target - base, 1.0 - share, effort.keep)
        share = min(1.0, share + step)
        gain = _weighted(step, target - base)
        total = log_sum(gain)
        log_evidence += total - float(np.log(len(z)))
        weight = np.exp(gain - total)
        index = rng.permutation(systematic(weight, effort.particles, rng))
        states = [_States(z[index], base[index], target[index])]
        rungs += 1
        last = share >= 1.0
        level: FloatArray | None = None
        for _ in range(effort.blocks if last else 1):
            visited = states if level is None else []
            while len(visited) < (effort.last_moves if last else effort.moves):
                moved, acceptance = _sweep(states[-1], share, old, new, scale, rng)
                visited.append(moved)
                states = visited
                scale *= np.exp(0.5 * (acceptance - 0.25))
                scale = float(np.clip(scale, 0.05, 3.0))
            before = level
            level = np.mean([one.target for one in states], axis=0)
            if before is not None and not _drifts(before, level):
                break
        z = np.concatenate([one.z for one in states])
        base = np.concatenate([one.base for one in states])
        target = np.concatenate([one.target for one in states])
        if rungs > _MOST_RUNGS:
            msg = "the ladder of tempered likelihoods does not end; widen the priors"
            raise InvalidInput(msg)
    ends = states[-1]
    return Population(ends.z, ends.target, log_evidence, z, target, rungs, acceptance)


def _drifts(before: FloatArray, after: FloatArray) -> bool:
    """Return whether the chains' mean log-likelihoods (P,) have moved as a whole."""
    change = after - before
    error = change.std() / np.sqrt(len(change))
    return bool(abs(change.mean()) > _DRIFT * error)


def _weighted(step: float, difference: FloatArray) -> FloatArray:
    # minus infinity stays minus infinity, and 0 * inf is none of our business.
    return np.where(np.isfinite(difference), step * difference, -np.inf)


def log_sum(log: FloatArray) -> float:
    """Return log(sum(exp(log))) of an array; scipy's costs ten times as much."""
    top = log.max()
    if not np.isfinite(top):
        return float(top)
    return float(top + np.log(np.exp(log - top).sum()))


def effective_share(log_weight: FloatArray) -> float:
    """Return the effective sample size of log weights, as a share of their number."""
    size = 2 * log_sum(log_weight) - log_sum(2 * log_weight)
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


def systematic(weight: FloatArray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return indices (count,) that follow weights which sum to 1."""
    places = (rng.random() + np.arange(count)) / count
    return np.minimum(np.searchsorted(np.cumsum(weight), places), len(weight) - 1)


@dataclass(frozen=True, slots=True)
class _States:
    """States (P, D) of chains with both log-likelihoods (P,)."""

    z: FloatArray
    base: FloatArray
    target: FloatArray

    def rows(self, part: slice) -> "_States":
        """Return some of the chains."""
        return _States(self.z[part], self.base[part], self.target[part])

    def joined(self, other: "_States") -> "_States":
        """Return these chains and others."""
        return _States(
            np.concatenate([self.z, other.z]),
            np.concatenate([self.base, other.base]),
            np.concatenate([self.target, other.target]),
        )


def _sweep(
    now: _States,
    share: float,
    old: LogLikelihood | None,
    new: LogLikelihood,
    scale: float,
    rng: np.random.Generator,
) -> tuple[_States, float]:
    """Move each half of the chains by differences of the other half's states."""
    middle = len(now.z) // 2
    first, second = now.rows(slice(middle)), now.rows(slice(middle, None))
    first, one = _move(first, second.z, share, old, new, scale, rng)
    second, two = _move(second, first.z, share, old, new, scale, rng)
    return first.joined(second), (one + two) / 2


def _move(
    now: _States,
    others: FloatArray,
    share: float,
    old: LogLikelihood | None,
    new: LogLikelihood,
    scale: float,
    rng: np.random.Generator,
) -> tuple[_States, float]:
    """Return the chains' next states and the accepted share."""
    proposal = _propose(now.z, others, scale, rng)
    # At the top of the ladder the old likelihood no longer counts.
    plain = old is None or share >= 1.0
    base = np.zeros(len(proposal)) if plain or old is None else old(proposal)
    target = new(proposal)
    before = _tempered(now.base, now.target, share)
    after = _tempered(base, target, share)
    prior = 0.5 * ((now.z**2).sum(axis=1) - (proposal**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        ratio = np.where(np.isfinite(after), after - before + prior, -np.inf)
    ok = np.log(rng.random(len(ratio))) < ratio
    return _States(
        np.where(ok[:, None], proposal, now.z),
        np.where(ok, base, now.base),
        np.where(ok, target, now.target),
    ), float(ok.mean())


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
