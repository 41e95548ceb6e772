"""Posteriors of models: cold and warm fits, evidence, diagnostics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import Concatenate, ParamSpec

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.planner import bounds
from hp_lab.planner.climb import climb
from hp_lab.planner.evidence import Evidence, bridge, redrawn
from hp_lab.planner.gp import BoundGP, Conditioned, Data, StructuredGP
from hp_lab.planner.low_noise import with_low_noise
from hp_lab.planner.memory import Memory, films, fingerprint, remembered
from hp_lab.planner.smc import (
    Effort,
    Population,
    effective_share,
    from_prior,
    log_sum,
    sample,
    systematic,
)
from hp_lab.units import FloatArray

P = ParamSpec("P")
# Below this share of useful draws a bridged evidence is not trusted at first.
LEAST_OVERLAP = 0.05
_MOST_SPREAD = 0.5
MANY_FILMS = 60
_SOME_FILMS = 40
# Draws are of another model where their mean log-likelihood is not what it was; that
# they are kept with fewer digits changes it by far less.
_SAME_LIKELIHOOD = 0.1
# Sites of bounds are made anew while fewer of the draws count, so often at most.
_ENOUGH_DRAWS = 0.2
_ATTEMPTS = 4
# Chains are drawn anew so often at most where an evidence is still not trusted.
_MORE_REDRAWS = 3

# A vanilla GP has a smooth posterior; change points and exponents need more, and so do
# evidences.
VANILLA = Effort(particles=128, moves=4, last_moves=10, keep=0.5)

# An evidence needs every mode in its proportion: a climb that finds them, and chains
# drawn anew, which weigh them. Predictions do with an annealed climb, which is shorter.
COLD = Effort(particles=256, moves=12, last_moves=10, keep=0.85, blocks=2, redraws=2)
COLD_MANY = replace(COLD, moves=4, last_moves=20, blocks=10)
COLD_PREDICTION = replace(COLD, moves=5, blocks=20, annealed=True)
# One film more can move a posterior far; with many films it seldom does, and sweeps
# are dear.
WARM = Effort(moves=8, last_moves=10, keep=0.5, blocks=12)
WARM_PREDICTION = replace(WARM, blocks=4)
WARM_MANY = Effort(moves=4, last_moves=4, keep=0.5)


def effort_for(model: StructuredGP, films: int, *, compared: bool) -> Effort:
    """Return the work of a cold fit, more where its evidence is to be compared."""
    effort = COLD if compared else COLD_PREDICTION
    if model.hypothesis is None and not compared:
        effort = VANILLA
    if films > MANY_FILMS:
        # A likelihood costs the cube of the films, and a posterior of many films is
        # narrow but simple.
        effort = COLD_MANY if compared else replace(effort, moves=4)
    return effort


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A model with data and draws from its posterior.

    Attributes:
        bound: The model with its data; values stand for the bounds.
        given: The data as they are.
        warm: The draws were carried on from an earlier posterior.
        evidence: Of the values; None where no evidence was asked for.
        correction: Log ratio of the evidence of the given data to it.
        effective: Share of the draws that count for the given data.
    """

    bound: BoundGP
    given: Data
    population: Population
    warm: bool
    evidence: Evidence | None = None
    correction: float = 0.0
    effective: float = 1.0

    @property
    def model(self) -> StructuredGP:
        """The model."""
        return self.bound.model

    @property
    def log_evidence(self) -> float:
        """The log-evidence of the given data, bridged where that was asked for."""
        if self.evidence is not None:
            return self.evidence.log_evidence + self.correction
        return self.population.log_evidence + self.correction

    def condition(self, particles: int) -> Conditioned:
        """Return the posterior processes of evenly chosen draws."""
        z = self.population.z
        index = np.linspace(0, len(z) - 1, min(particles, len(z))).round().astype(int)
        return self.bound.condition(z[index])


def _naming_hypotheses(
    function: Callable[Concatenate[StructuredGP, P], Fit],
) -> Callable[Concatenate[StructuredGP, P], Fit]:
    """Make a fit's errors say which of several hypotheses they are about."""

    def named(model: StructuredGP, /, *args: P.args, **kwargs: P.kwargs) -> Fit:
        try:
            return function(model, *args, **kwargs)
        except InvalidInput as error:
            hypothesis = model.hypothesis
            if hypothesis is None or str(error).startswith("hypothesis"):
                raise
            msg = f"hypothesis {hypothesis.name}: {error}"
            raise InvalidInput(msg) from error

    update_wrapper(named, function)
    return named


@_naming_hypotheses
def fit(
    model: StructuredGP,
    data: Data,
    *,
    effort: Effort,
    rng: np.random.Generator,
    memory: Memory | None = None,
    with_evidence: bool = True,
) -> Fit:
    """Draw from the posterior of a model.

    With a memory whose films are all among the data the draws are carried on by data
    annealing, from the readings that the films had then; otherwise, or where the
    hypothesis says something else than it did, they start at the prior. Where the
    evidence's two estimates disagree or overlap little, a warm fit is followed by a
    cold one, and a cold one is done once more with twice the work.

    Raises:
        InvalidInput: No draw of the prior explains the data, or the hypothesis failed.
    """
    if data.exact.all():
        return _fit(model, data, effort, rng, memory, with_evidence)
    return _bounded(model, data, effort, rng, memory, with_evidence)


def _bounded(
    model: StructuredGP,
    data: Data,
    effort: Effort,
    rng: np.random.Generator,
    memory: Memory | None,
    with_evidence: bool,
) -> Fit:
    """Draw from a posterior of values and bounds.

    The bounds' sites at the likeliest draw, from which the first posterior is drawn,
    are those of one set of parameters. So its draws are weighted by
    p(values, bounds | z) / p(values, sites | z): drawn again by these weights they are
    of the posterior that is wanted, and the weights' mean is what the evidence of the
    sites lacks to be that of the bounds.
    """
    exact = data.rows(np.flatnonzero(data.exact))
    z = np.zeros((1, len(model.priors)))
    if memory is not None and memory.model == fingerprint(model):
        z = memory.z
    elif len(exact) > 1:
        z = _fit(model, exact, VANILLA, rng, None, False).population.z
    warm = True
    for _ in range(_ATTEMPTS):
        likeliest = int(np.argmax(bounds.log_likelihood(model, data, z)))
        values = bounds.as_values(model, data, z[[likeliest]])
        fitted = _fit(model, values, effort, rng, memory, with_evidence)
        # What follows a cold fit is carried on from it, and cold all the same.
        warm = warm and fitted.warm
        fitted = replace(_weighted(fitted, data, rng), warm=warm)
        if fitted.effective >= _ENOUGH_DRAWS:
            break
        z, memory = fitted.population.z, remember(fitted)
    return fitted


def _weighted(fitted: Fit, data: Data, rng: np.random.Generator) -> Fit:
    """Return a fit of sites with the draws and the correction of the bounds."""
    population = fitted.population
    log = bounds.log_likelihood(fitted.model, data, population.z)
    log = log - population.log_likelihood
    if not np.isfinite(log).any():
        return replace(fitted, given=data, effective=0.0)
    total = log_sum(log)
    index = systematic(np.exp(log - total), len(log), rng)
    # What the chains visited still is of the sites' posterior, as is the evidence.
    drawn = replace(
        population,
        z=population.z[index],
        log_likelihood=population.log_likelihood[index],
    )
    return replace(
        fitted,
        given=data,
        population=drawn,
        correction=total - float(np.log(len(log))),
        effective=effective_share(log),
    )


def _fit(
    model: StructuredGP,
    data: Data,
    effort: Effort,
    rng: np.random.Generator,
    memory: Memory | None,
    with_evidence: bool,
) -> Fit:
    """Draw from a posterior of values alone."""
    bound = model.bind(data)
    before = None if memory is None else remembered(memory, model, data)
    if memory is not None and before is not None:
        old = model.bind(before)
        start = Population.of(
            memory.z, old.log_likelihood(memory.z), memory.log_evidence
        )
        if _unchanged(memory, start):
            warm = WARM if with_evidence else WARM_PREDICTION
            if len(data) > MANY_FILMS:
                warm = WARM_MANY
            warm = replace(warm, particles=len(memory.z))
            population = sample(
                start, old.log_likelihood, bound.log_likelihood, warm, rng
            )
            fitted = Fit(bound=bound, given=data, population=population, warm=True)
            if with_evidence:
                fitted = _with_evidence(fitted, warm.redraws, rng)
            if converged(fitted) or len(data) > MANY_FILMS:
                return fitted
    # With many films another attempt would cost more than its evidence is worth.
    for attempt in (1, 2) if len(data) <= MANY_FILMS else (1,):
        work = replace(effort, moves=effort.moves * attempt)
        population = _cold(bound, work, rng)
        fitted = Fit(bound=bound, given=data, population=population, warm=False)
        if not with_evidence:
            return fitted
        fitted = _with_evidence(fitted, work.redraws, rng)
        if converged(fitted):
            break
    return fitted


def _with_evidence(fitted: Fit, redraws: int, rng: np.random.Generator) -> Fit:
    """Return a fit with its evidence, its chains drawn anew from mixtures around them.

    That is done ``redraws`` times, and a few times more while the evidence is not
    trusted; never with many films.
    """
    bound = fitted.bound
    fitted = bridged(fitted, rng)
    if len(bound.data) > MANY_FILMS:
        return fitted
    target = bound.log_likelihood
    for count in range(redraws + _MORE_REDRAWS):
        if not np.isfinite(fitted.log_evidence):
            break
        if count >= redraws and converged(fitted):
            break
        start = redrawn(fitted.population, target, fitted.log_evidence, rng)
        work = replace(WARM, particles=len(start.z))
        population = sample(start, target, target, work, rng)
        fitted = bridged(replace(fitted, population=population), rng)
    return fitted


def _cold(bound: BoundGP, effort: Effort, rng: np.random.Generator) -> Population:
    """Return draws of the posterior from draws of the prior.

    With many films most of the ladder is climbed with some of them, at a small part of
    the cost, and the rest by data annealing.
    """
    first = from_prior(len(bound.model.priors), effort, rng)
    if len(bound.data) <= MANY_FILMS:
        climbed = climb(first, bound, effort, rng)
        return with_low_noise(climbed, bound, effort, rng)
    some = np.sort(rng.choice(len(bound.data), _SOME_FILMS, replace=False))
    part = bound.model.bind(bound.data.rows(some))
    halfway = climb(first, part, effort, rng)
    rest = replace(WARM_MANY, particles=effort.particles)
    return sample(halfway, part.log_likelihood, bound.log_likelihood, rest, rng)


def fit_to_fewer(
    fitted: Fit, model: StructuredGP, data: Data, rng: np.random.Generator
) -> Fit | None:
    """Return a fit to a part of many films by weights for the draws of one to all.

    None where the model is another, the films few, some of them bounds, or too few
    draws of weight, since what is left out was gross: a fit from the start serves.
    """
    same = fingerprint(fitted.model) == fingerprint(model)
    if len(data) <= MANY_FILMS or not same or not fitted.given.exact.all():
        return None
    before, bound = fitted.population, model.bind(data)
    target = bound.log_likelihood(before.z)
    log = target - before.log_likelihood
    if not np.isfinite(log).any() or effective_share(log) < WARM_MANY.keep:
        return None
    total = log_sum(log)
    gain = total - float(np.log(len(log)))
    index = systematic(np.exp(log - total), len(log), rng)
    log_evidence = before.log_evidence + gain
    after = Population.of(before.z[index], target[index], log_evidence)
    evidence = fitted.evidence
    if evidence is not None:
        evidence = replace(evidence, log_evidence=evidence.log_evidence + gain)
    return replace(fitted, bound=bound, given=data, population=after, evidence=evidence)


def converged(fitted: Fit) -> bool:
    """Return whether the diagnostics of the draws and the evidence are good."""
    evidence = fitted.evidence
    if fitted.effective < LEAST_OVERLAP:
        return False
    return evidence is None or (
        evidence.overlap >= LEAST_OVERLAP and evidence.spread <= _MOST_SPREAD
    )


def probabilities(fits: Sequence[Fit]) -> FloatArray:
    """Return posterior probabilities of models with equal prior probabilities."""
    log = np.array([one.log_evidence for one in fits])
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum())


def bridged(fitted: Fit, rng: np.random.Generator) -> Fit:
    """Return a fit with its evidence."""
    draws = 1024 if len(fitted.bound.data) <= MANY_FILMS else 256
    evidence = bridge(fitted.population, fitted.bound.log_likelihood, rng, draws)
    return replace(fitted, evidence=evidence)


def _unchanged(memory: Memory, start: Population) -> bool:
    """Return whether draws are of this model: a function may have been edited."""
    # Not finite where one of the draws is impossible now.
    change = float(start.log_likelihood.mean()) - memory.log_likelihood
    return abs(change) <= _SAME_LIKELIHOOD


def remember(fitted: Fit) -> Memory:
    """Return what to keep of a fit."""
    return Memory(
        model=fingerprint(fitted.model),
        offset=fitted.model.offset,
        scale=fitted.model.scale,
        # Half precision of a double is plenty for draws, and half the journal.
        z=fitted.population.z.astype("<f4").astype(float),
        log_evidence=fitted.log_evidence,
        films=tuple(films(fitted.bound.data)),
        y=fitted.bound.data.y,
        variance=fitted.bound.data.variance,
        log_likelihood=float(fitted.population.log_likelihood.mean()),
    )
