"""Functions on the unit cube whose best point is known."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hp_lab.units import FloatArray

Value = Callable[[ArrayLike], float]
UNIT = {"type": "continuous", "low": 0, "high": 1}


def humps(
    rng: np.random.Generator, dimensions: int, count: int
) -> tuple[Value, FloatArray]:
    """Return a function of humps and where its best value, 1, is reached."""
    at = rng.uniform(0.1, 0.9, (count, dimensions))
    height = rng.uniform(0.4, 0.8, count)
    height[0] = 1.0
    width = rng.uniform(0.15, 0.35, count)

    def value(x: ArrayLike) -> float:
        far = ((np.asarray(x) - at) ** 2).sum(axis=1)
        return float((height * np.exp(-far / (2 * width**2))).max())

    return value, at[0]
