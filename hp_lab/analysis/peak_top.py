"""Where a peak's top lies, read from the points around it.

Lines that fit a whole band well may miss its top by a little. Where the points allow
it, a cubic through the top is free of any line shape.
"""

from dataclasses import replace

import numpy as np

from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peaks import Peak
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import HC_EV_NM

# Reach of the cubic on either side, as a share of the full width at half maximum.
_REACH = 0.28
_LEAST_NM = 3.2
_LEAST_POINTS = 7
# The cubic replaces the lines where its uncertainty is below this share of the width.
_SHARPEST = 0.03


def with_measured_top(peak: Peak, curve: Curve) -> Peak:
    """Return a peak with its centre read from the points, if they are good enough.

    Args:
        peak: A maximum of fitted lines.
        curve: The spectrum it was fitted to.
    """
    if peak.shoulder or peak.fwhm_nm is None:
        return peak
    width_nm = peak.fwhm_nm.value
    wavelength_nm, value, sigma = curve.points()
    offset = (wavelength_nm - peak.center_nm.value) / width_nm
    near = np.abs(offset) < max(_REACH, _LEAST_NM / width_nm)
    if int(near.sum()) < _LEAST_POINTS:
        return peak
    top = _cubic_top(offset[near], value[near], sigma[near])
    if top is None or top.sigma > _SHARPEST or abs(top.value) > _REACH:
        return peak
    shift_nm = top.value * width_nm
    center_nm = float(peak.center_nm.value + shift_nm)
    per_nm = peak.center_ev.value**2 / HC_EV_NM
    return replace(
        peak,
        center_nm=Measured(value=center_nm, sigma=top.sigma * width_nm),
        center_ev=Measured(
            value=float(peak.center_ev.value - shift_nm * per_nm),
            sigma=top.sigma * width_nm * per_nm,
        ),
    )


def _cubic_top(
    offset: np.ndarray, value: np.ndarray, sigma: np.ndarray
) -> Measured | None:
    """Return the maximum of a weighted cubic, None where it has none inside."""
    design = np.vander(offset, 4, increasing=True)
    weighted = design / sigma[:, None]
    normal = weighted.T @ weighted
    try:
        covariance = np.linalg.inv(normal)
    except np.linalg.LinAlgError:
        return None
    cubic = covariance @ (weighted.T @ (value / sigma))
    misfit = (value - design @ cubic) / sigma
    freedom = max(offset.size - 4, 1)
    covariance = covariance * max(float(misfit @ misfit) / freedom, 1.0)
    _, linear, square, third = cubic
    inside = square**2 - 3.0 * third * linear
    if inside <= 0.0:
        return None
    # Of the two stationary points the maximum is the one with falling slope.
    root = -np.sqrt(inside)
    place = linear / (-square - root)
    bend = 2.0 * square + 6.0 * third * place
    if bend >= 0.0 or not offset[0] < place < offset[-1]:
        return None
    move = np.array([0.0, 1.0, 2.0 * place, 3.0 * place**2]) / -bend
    spread = float(np.sqrt(max(float(move @ covariance @ move), 1e-12)))
    return Measured(value=float(place), sigma=spread)
