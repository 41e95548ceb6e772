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


def nearest_draw(fitted: Fit, rng: np.random.Generator) -> tuple[float, float]:
    """Return how far the nearest of many draws misses, and by how much draws vary.

    Of the hypothesis without its GP, in units of y: the root mean square over the films
    of what the nearest draw of the priors misses them by, infinite where no draw is
    defined at all films; and the largest standard deviation of a draw over the films, 0
    where every draw says the same of all of them.
    """
    model = fitted.model
    z = rng.standard_normal((PRIOR_DRAWS, len(model.priors)))
    value = _means(model, z, fitted.bound.data.x)
    value = value[np.isfinite(value).all(axis=1)]
    if not len(value):
        return np.inf, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.mean((value - fitted.bound.y) ** 2, axis=1)
        varied = np.nan_to_num(value.std(axis=1), nan=np.inf).max()
    return float(np.sqrt(square.min()) * model.scale), float(varied * model.scale)


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
