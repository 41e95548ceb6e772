"""How wide a peak is, read from the points around its top and its half maxima.

Lines that fit a whole band well may miss its flanks by a little. Where the points allow
it, the top's height and the two crossings are those of cubics through the points near
them, free of any line shape.
"""

from dataclasses import replace

import numpy as np

from hp_lab.analysis.calibration import axis_sigma_ev
from hp_lab.analysis.cubics import Cubic, cubic_through
from hp_lab.analysis.line_fit import LineFit
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peaks import Peak, half_maximum_ev
from hp_lab.units import HC_EV_NM, FloatArray

# Reach of the cubics on either side of top and crossings, as a share of the width.
_REACH = 0.16
# The measured width replaces the lines' where noise makes less than this share of it.
_SHARPEST = 0.02
# Height of a background that looks like the emission's own tails, as a share of the
# peak's.
_TAIL_SHARE = 0.0007
# Diodes have a broad tail and gratings a second order; both together may put this share
# of the scattered line's height under the peak.
_STRAY_SHARE = 0.01
# Slope of the response that the lamp's colour temperature leaves unknown, relative and
# per eV: 100 K of 2950 K.
_TILT_PER_EV = 0.13
# Distance over which the error of a wavelength axis changes by its own size.
_AXIS_REACH_NM = 250.0


def with_measured_width(
    peak: Peak,
    fit: LineFit,
    energy_ev: FloatArray,
    density: FloatArray,
    sigma: FloatArray,
    scattered: float,
) -> Peak:
    """Return a peak with its width read from the points, if they are good enough.

    Args:
        peak: A maximum of fitted lines, its width as observed.
        fit: The lines, for where to look.
        energy_ev: Photon energies, ascending, shape (k,).
        density: Signal per eV without background, shape (k,).
        sigma: Its noise, shape (k,).
        scattered: Height of the excitation's scattered line over that of the peak, both
            per nm; 0 where it is not in view.
    """
    if peak.shoulder or peak.fwhm_ev is None or peak.fwhm_nm is None:
        return peak
    centre, width = peak.center_ev.value, peak.fwhm_ev.value
    cubics = []
    places = []
    for side in (0.0, -1.0, 1.0):
        place = half_maximum_ev(fit, energy_ev, centre, side) if side else centre
        if place is None:
            return peak
        cubic = cubic_through((energy_ev - place) / width, density, sigma, _REACH)
        if cubic is None:
            return peak
        places.append((place - centre) / width)
        cubics.append(cubic)
    doubtful = float(np.hypot(_TAIL_SHARE, _STRAY_SHARE * scattered))
    found = _width(cubics, places, doubtful, _TILT_PER_EV * width)
    if found is None:
        return peak
    axis = axis_sigma_ev(centre) / (_AXIS_REACH_NM * centre**2 / HC_EV_NM)
    fwhm_ev = found.times(width)
    fwhm_ev = fwhm_ev.widened(axis * fwhm_ev.value)
    per_ev = peak.fwhm_nm.value / width
    return replace(peak, fwhm_ev=fwhm_ev, fwhm_nm=fwhm_ev.times(per_ev))


def _width(
    cubics: list[Cubic], places: list[float], doubtful: float, tilt: float
) -> Measured | None:
    """Return the width in units of the lines' width, None if it is too uncertain.

    Args:
        cubics: Through the points at the top and at both flanks.
        places: Where these cubics have their 0.
        doubtful: Share of the height that may be no emission.
        tilt: Unknown slope of the response, per such unit.
    """
    top = cubics[0].top()
    if top is None:
        return None
    height = cubics[0].value_at(top.value)
    ends, variance = [], 0.0
    # What a rise of the background and a tilt of the response do to the width.
    by_level, by_tilt = 0.0, 0.0
    for cubic, place in zip(cubics[1:], places[1:], strict=True):
        end = cubic.crossing(0.5 * height.value)
        if end is None:
            return None
        ends.append(place + end)
        steepness = abs(cubic.slope_at(end)) / height.value
        variance += (cubic.value_at(end).sigma / height.value / steepness) ** 2
        by_level += 0.5 / steepness
        by_tilt += 0.5 * ends[-1] / steepness
    width = ends[1] - ends[0]
    variance += (by_level * height.sigma / height.value) ** 2
    if variance > (_SHARPEST * width) ** 2:
        return None
    return Measured(value=width, sigma=float(np.sqrt(variance))).widened(
        by_level * doubtful, by_tilt * tilt
    )


def without_bandpass(peak: Peak, bandpass_nm: float) -> Peak:
    """Return a peak with the width it had before the instrument's bandpass widened it.

    Widths of a triangular or Gaussian bandpass and of a mostly Gaussian line add in
    quadrature. A line no wider than the bandpass has no width of its own to report: it
    comes out as a tenth of the bandpass with an uncertainty of that size.
    """
    if peak.fwhm_ev is None or peak.fwhm_nm is None or not bandpass_nm > 0.0:
        return peak
    width = peak.fwhm_ev
    nm_per_ev = peak.fwhm_nm.value / width.value
    bandpass_ev = bandpass_nm / nm_per_ev
    rest = width.value**2 - bandpass_ev**2
    least = 0.1 * bandpass_ev
    if rest <= least**2:
        true = Measured(value=least, sigma=max(bandpass_ev * 0.3, width.sigma))
    else:
        value = float(np.sqrt(rest))
        true = Measured(value=value, sigma=width.sigma * width.value / value)
    return replace(peak, fwhm_ev=true, fwhm_nm=true.times(nm_per_ev))
