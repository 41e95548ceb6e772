"""Noise of a spectrum, estimated from the spectrum itself."""

import numpy as np
from scipy.ndimage import uniform_filter1d

from hp_lab.units import FloatArray

# Fourth differences cancel any local cubic, so only what changes from point to point
# is left; the weights' norm makes white noise of unit variance come out as 1.
_FOURTH = np.array([1.0, -4.0, 6.0, -4.0, 1.0])
_FOURTH_NORM = float(np.sqrt(np.sum(_FOURTH**2)))
# Standard deviation of a normal variable over its median absolute deviation.
_MAD = 1.4826
_GROUPS = 8


def roughness(value: FloatArray) -> FloatArray:
    """Return the point-to-point noise residual, shape (k,), unit variance scaled.

    Its standard deviation is the noise's wherever the spectrum is a local cubic over
    five points. The two points at either end repeat their neighbour.
    """
    if value.size < _FOURTH.size:
        return np.zeros_like(value)
    inner = np.convolve(value, _FOURTH, mode="valid") / _FOURTH_NORM
    return np.pad(inner, 2, mode="edge")


def estimate_sigma(value: FloatArray) -> FloatArray:
    """Return the standard deviation of each point, shape (k,), always above 0.

    Read noise and shot noise show as a variance a + b * signal; both terms are fitted
    to the robust variance of the roughness in groups of points of equal brightness.
    Quantisation sets the floor.

    Args:
        value: Signal, shape (k,), finite, evenly enough sampled that features span
            at least about eight points.
    """
    if value.size < 2 * _FOURTH.size:
        spread = float(np.ptp(value)) if value.size else 0.0
        return np.full(value.shape, max(spread, 1.0e-12))
    residual = np.abs(roughness(value))
    level = uniform_filter1d(value, 7, mode="nearest")
    order = np.argsort(level, kind="stable")
    groups = np.array_split(order, min(_GROUPS, max(1, value.size // 12)))
    levels = np.array([float(np.median(level[group])) for group in groups])
    variances = np.array(
        [(_MAD * float(np.median(residual[group]))) ** 2 for group in groups]
    )
    offset, slope = _line_above_zero(levels, variances)
    floor = quantum(value) ** 2 / 12.0 + (1.0e-9 * float(np.ptp(value))) ** 2 + 1e-300
    rise = slope * np.maximum(level - levels[0], 0.0)
    return np.asarray(np.sqrt(offset + rise + floor))


def _line_above_zero(level: FloatArray, variance: FloatArray) -> tuple[float, float]:
    """Fit variance = offset + slope * (level - level[0]), neither below 0."""
    above = level - level[0]
    # The spread of a variance estimate is proportional to the variance itself.
    weight = 1.0 / (variance + 0.1 * float(np.mean(variance)) + 1e-300)
    if float(np.ptp(above)) > 0.0:
        design = np.stack([np.ones_like(above), above], axis=1) * weight[:, None]
        offset, slope = np.linalg.lstsq(design, variance * weight, rcond=None)[0]
        if offset > 0.0 and slope >= 0.0:
            return float(offset), float(slope)
        if offset <= 0.0:
            slope = float(np.sum(weight * variance) / np.sum(weight * above))
            return float(variance[0]), max(slope, 0.0)
    return float(np.sum(weight * variance) / np.sum(weight)), 0.0


def quantum(value: FloatArray) -> float:
    """Return the digitisation step, 0 where the values do not look digitised."""
    steps = np.diff(np.unique(value))
    if steps.size < 4:
        return float(steps.min()) if steps.size else 0.0
    smallest = float(steps.min())
    ratio = steps / smallest
    regular = float(np.max(np.abs(ratio - np.round(ratio)))) < 1e-3
    return smallest if regular else 0.0


def correlation_factor(residual: FloatArray) -> float:
    """Return by how much correlated residuals widen a parameter's sigma, at least 1.

    Smoothed or interpolated exports, and models that miss the true shape, leave
    residuals with lag-one correlation r; a sum of such values has the variance of
    independent ones times (1 + r) / (1 - r) (first-order autoregressive noise).
    """
    if residual.size < 8:
        return 1.0
    centred = residual - float(np.mean(residual))
    power = float(np.sum(centred**2))
    if power <= 0.0:
        return 1.0
    lag_one = float(np.sum(centred[1:] * centred[:-1])) / power
    lag_one = float(np.clip(lag_one, 0.0, 0.98))
    return float(np.sqrt((1.0 + lag_one) / (1.0 - lag_one)))
