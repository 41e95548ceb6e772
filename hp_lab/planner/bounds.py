"""Bounds as observations: what a saturated detector or a lost signal says.

A bound is an observation with the likelihood Phi((f - b) / sigma). Laplace's method
(Rasmussen and Williams, algorithm 3.1) turns each into a value with a variance that has
the same effect at the posterior's mode, given one set of hyperparameters: a bound that
the other films contradict pulls the quantity to it, one that they meet says little.
"""

import numpy as np
from scipy.special import log_ndtr

from hp_lab.units import FloatArray

_ROUNDS = 100
_DAMPING = 0.7
_SETTLED = 1e-6
_WIDEST = 1e8


def sites(
    mean: FloatArray,
    K: FloatArray,
    y: FloatArray,
    variance: FloatArray,
    sign: np.ndarray,
) -> tuple[FloatArray, FloatArray]:
    """Return values and variances (n,) that stand for the observations.

    Args:
        mean: Prior mean (n,).
        K: Prior covariance (n, n), without noise.
        y: Values or bounds (n,).
        variance: Variance (n,) of values and bounds, noise included.
        sign: 0 for a value, +1 for a lower bound, -1 for an upper bound (n,).
    """
    bounded = sign != 0
    precision = np.where(bounded, 1 / _WIDEST, 1 / variance)
    value = np.where(bounded, 0.0, y - mean)
    sd = np.sqrt(variance)
    for _ in range(_ROUNDS):
        f = _location(K, precision, value)
        z = sign * (f + mean - y) / sd
        # The slope of log Phi, from logarithms since both may be nearly 0.
        hazard = np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_ndtr(z))
        bent = np.maximum(hazard * (z + hazard) / variance, 1 / _WIDEST)
        change = np.where(bounded, _DAMPING * (bent - precision), 0.0)
        shift = precision * value
        wanted = bent * f + sign * hazard / sd
        shift = np.where(bounded, shift + _DAMPING * (wanted - shift), shift)
        precision = precision + change
        value = shift / precision
        if np.abs(change).max(initial=0.0) < _SETTLED * (1 + precision.max()):
            break
    return mean + value, 1 / precision


def _location(K: FloatArray, precision: FloatArray, value: FloatArray) -> FloatArray:
    """Return the posterior mean (n,) of a process of mean 0."""
    root = np.sqrt(precision)
    middle = np.eye(len(K)) + root[:, None] * K * root[None, :]
    white = np.linalg.solve(middle, root * (K @ (precision * value)))
    return np.asarray(K @ (precision * value - root * white))
