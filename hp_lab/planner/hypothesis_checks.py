"""What can be wrong with a hypothesis apart from its physics.

Its priors can lie where the films are not (another unit, another input), and its
function can be undefined in a part of the space where no film was made yet.
"""

from collections.abc import Mapping

import numpy as np

from hp_lab.planner.gp import StructuredGP
from hp_lab.planner.posterior import Fit
from hp_lab.units import FloatArray

PRIOR_DRAWS = 2048


def nearest_draw(fitted: Fit, rng: np.random.Generator) -> float:
    """Return how far the nearest of ``PRIOR_DRAWS`` draws of the priors misses.

    The distance is the root mean square over the films of the hypothesis without its
    GP, in units of y; infinite where no draw is defined at all films.
    """
    model = fitted.model
    z = rng.standard_normal((PRIOR_DRAWS, len(model.priors)))
    off = _means(model, z, fitted.bound.data.x) - fitted.bound.y
    with np.errstate(over="ignore"):
        square = np.mean(off**2, axis=1)
    square = np.where(np.isfinite(square), square, np.inf)
    return float(np.sqrt(square.min()) * model.scale)


def undefined(fitted: Fit, x: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return at which of m points any draw of the posterior is not finite, (m,)."""
    return np.asarray(
        ~np.isfinite(_means(fitted.model, fitted.population.z, x)).all(axis=0)
    )


def _means(
    model: StructuredGP, z: FloatArray, x: Mapping[str, np.ndarray]
) -> FloatArray:
    phi, *_ = model.split(model.parameters(z))
    return model.mean(x, phi)
