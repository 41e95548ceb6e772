"""Moments of a mixture."""

import numpy as np

from hp_lab.units import FloatArray


def moments(
    weight: FloatArray, mean: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (m,) of a mixture.

    The law of total variance about the mean: a difference of second moments would leave
    rounding alone where the mean is large.

    Args:
        weight: Of the parts (P,), with sum 1.
        mean: Of each part (P, m).
        variance: Of each part (P, m).
    """
    average = weight @ mean
    return average, np.asarray(weight @ (variance + (mean - average) ** 2))
