"""Bounds as observations: what a saturated detector or a lost signal says.

A bound is an observation with the likelihood Phi((f - b) / sigma). Expectation
propagation (Minka 2001; Rasmussen and Williams, algorithm 3.5) turns each into a value
with a variance that has the same effect on the posterior, given one set of
hyperparameters.
"""

import numpy as np
from scipy.special import log_ndtr

from hp_lab.units import FloatArray

_ROUNDS = 30
_DAMPING = 0.7
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
    bounded = np.flatnonzero(sign)
    precision = np.where(sign == 0, 1 / variance, 0.0)
    shift = np.where(sign == 0, (y - mean) / variance, 0.0)
    for _ in range(_ROUNDS):
        covariance, location = _posterior(K, precision, shift)
        change = 0.0
        for i in bounded:
            v_i = covariance[i, i]
            cavity = 1 / v_i - precision[i]
            if cavity <= 0:
                continue
            v = 1 / cavity
            m = v * (location[i] / v_i - shift[i])
            tilted_mean, tilted_variance = _tilted(
                m, v, sign[i] * (y[i] - mean[i]), variance[i], sign[i]
            )
            new_precision = max(1 / tilted_variance - cavity, 1 / _WIDEST)
            new_shift = tilted_mean / tilted_variance - m * cavity
            change = max(change, abs(new_precision - precision[i]))
            precision[i] += _DAMPING * (new_precision - precision[i])
            shift[i] += _DAMPING * (new_shift - shift[i])
        if change < 1e-6 * (1 + precision.max()):
            break
    return mean + shift / precision, 1 / precision


def _posterior(
    K: FloatArray, precision: FloatArray, shift: FloatArray
) -> tuple[FloatArray, FloatArray]:
    root = np.sqrt(precision)
    middle = np.eye(len(K)) + root[:, None] * K * root[None, :]
    white = np.linalg.solve(np.linalg.cholesky(middle), root[:, None] * K)
    covariance = K - white.T @ white
    return covariance, covariance @ shift


def _tilted(
    m: float, v: float, bound: float, variance: float, sign: float
) -> tuple[float, float]:
    """Return mean and variance of N(m, v) Phi(sign (f - b) / sigma), bound = sign b."""
    total = v + variance
    z = (sign * m - bound) / np.sqrt(total)
    log_density = -0.5 * z * z - 0.5 * np.log(2 * np.pi)
    ratio = float(np.exp(log_density - log_ndtr(z)))
    mean = m + sign * v * ratio / np.sqrt(total)
    return mean, max(v - v * v * ratio * (z + ratio) / total, 1e-12 * v)
