"""Where a peak's top lies, read from the points around it.

Lines that fit a whole band well may miss its top by a little. Where the points allow
it, a cubic through the top is free of any line shape.
"""

from dataclasses import replace

from hp_lab.analysis.cubics import cubic_through
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peaks import Peak
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import HC_EV_NM

# Reach of the cubic on either side, as a share of the full width at half maximum.
_REACH = 0.28
_LEAST_NM = 3.2
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
    reach = max(_REACH, _LEAST_NM / width_nm)
    cubic = cubic_through(offset, value, sigma, reach)
    top = None if cubic is None else cubic.top()
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
