"""The climb from the prior to the posterior of a model with data.

A power of the likelihood, however small, makes parameters of little noise implausible
long before those of the hypothesis fit: chains settle on much noise, and come down from
it slowly. An annealed climb adds a variance to that of all films instead and takes it
away in steps, so that noise and hypothesis fall into place together; approximate
Bayesian computation shrinks its tolerance so (Del Moral, Doucet and Jasra, Stat.
Comput. 22 (2012) 1009). Its first step, from the prior, still is one of powers.
"""

from dataclasses import replace

import numpy as np

from hp_lab.planner.gp import BoundGP
from hp_lab.planner.smc import Effort, Population, sample

# The added variance is that of the films at first, and halved down to a share of it.
_STEPS = 10
# A step is split into powers of the likelihood where it leaves a smaller share.
_KEEP = 0.5


def climb(
    start: Population, bound: BoundGP, effort: Effort, rng: np.random.Generator
) -> Population:
    """Return draws of the posterior of a model with data.

    Args:
        start: Draws of the prior.
        bound: The model with its data.
        effort: Its last moves and their repetition are those on the data as they are;
            its share of states to keep is that of a climb that is not annealed.
        rng: Source of chance.

    Raises:
        InvalidInput: No draw of the prior explains the data at all.
    """
    if not effort.annealed:
        return sample(start, None, bound.log_likelihood, effort, rng)
    last = replace(effort, keep=_KEEP)
    step = replace(last, last_moves=effort.moves, blocks=1)
    largest = max(bound.model.scale**2, float(np.var(bound.data.y)))
    population, old = start, None
    for added in largest * 0.5 ** np.arange(_STEPS + 1):
        new = bound.blurred(added).log_likelihood
        found = sample(population, old, new, step, rng)
        # All that was visited would have to be evaluated once more.
        population = Population.of(found.z, found.log_likelihood, found.log_evidence)
        old = new
    return sample(population, old, bound.log_likelihood, last, rng)
