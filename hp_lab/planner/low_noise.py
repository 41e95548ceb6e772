"""The mode of little noise, which a climb from the prior may miss.

Data have often two readings: much noise about a smooth curve, or little noise and a
curve that follows every film. The second takes a tiny part of the prior and shows late
on the ladder, when most chains have settled on the first. So it gets chains of its own,
and the two are weighed by their evidences: sampling stratified by the noise.
"""

from dataclasses import replace

import numpy as np
from scipy.special import expit, ndtr, ndtri

from hp_lab.planner.evidence import bridge
from hp_lab.planner.gp import BoundGP
from hp_lab.planner.smc import Effort, LogLikelihood, Population, from_prior, sample
from hp_lab.units import FloatArray

# Variance of little noise, in units of the model's squared scale.
_LITTLE = 0.1
# With fewer chains at much noise the climb has found little noise on its own.
_LEAST_SHARE = 0.1
_DRAWS = 512


def with_low_noise(
    population: Population, bound: BoundGP, effort: Effort, rng: np.random.Generator
) -> Population:
    """Return draws of a posterior in which little noise has its weight.

    Args:
        population: Draws of the posterior, climbed from the whole prior.
        bound: The model with its data.
        effort: Of the climb from the whole prior. Within little noise powers of the
            likelihood do; half of its moves, where it climbed by powers too.
        rng: Source of chance.

    Raises:
        InvalidInput: No draw with little noise explains the data at all.
    """
    model = bound.model
    noise = [name for name, _ in model.priors].index("noise")
    edge = model.noise.place(_LITTLE)
    if edge > 0:
        # The prior itself expects little noise: no climb from it misses that.
        return population
    chains = len(population.z)
    much = np.flatnonzero(population.z[:, noise] > edge)
    if len(much) < _LEAST_SHARE * chains:
        return population

    def part(low: bool) -> LogLikelihood:
        def log_likelihood(z: FloatArray) -> FloatArray:
            value = np.full(len(z), -np.inf)
            inside = (z[:, noise] <= edge) == low
            if inside.any():
                value[inside] = bound.log_likelihood(z[inside])
            return value

        return log_likelihood

    start = from_prior(population.z.shape[1], effort, rng)
    start.z[:, noise] = ndtri(ndtr(edge) * rng.uniform(size=len(start.z)))
    # Little noise has one mode to find, where a climb from the whole prior has many; an
    # annealed one has few moves as it is.
    moves = effort.moves if effort.annealed else max(1, effort.moves // 2)
    short = replace(effort, moves=moves, annealed=False)
    quiet = sample(start, None, part(low=True), short, rng)
    loud = population.chains(much)
    # A chain of much noise may have visited little noise: only ends count here.
    ends = Population.of(loud.z, loud.log_likelihood, loud.log_evidence)
    log_odds = (
        bridge(quiet, part(low=True), rng, _DRAWS).log_evidence
        - bridge(ends, part(low=False), rng, _DRAWS).log_evidence
    )
    count = int(chains * expit(log_odds) + rng.uniform())
    if count == 0:
        return _some(loud, chains, rng)
    if count >= chains:
        return quiet
    return _some(quiet, count, rng).joined(_some(loud, chains - count, rng))


def _some(population: Population, count: int, rng: np.random.Generator) -> Population:
    """Return chains of a population, none twice where there are enough."""
    size = len(population.z)
    return population.chains(rng.choice(size, count, replace=count > size))
