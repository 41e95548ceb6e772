"""Relative response of a spectrometer, seen in the light of its own lamp.

A tungsten-halogen lamp radiates like a black body of its colour temperature, so what
the spectrometer makes of it, over Planck's photon flux, is the response. Without it a
PL peak in a range where the response falls appears displaced: by the response's slope
times the square of the peak's standard width, several nm near 800 nm.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.units import BOLTZMANN_EV_K, HC_EV_NM, FloatArray

# Colour temperature of tungsten-halogen lamps as spectroscopy uses them, by makers'
# data sheets 2800 to 3100 K; 150 K more or less move a peak near 800 nm by 0.2 nm.
TUNGSTEN_HALOGEN_K = 2950.0
# Where the lamp is dimmer than this share of its maximum its light proves nothing.
_DIM = 0.01
# A detector's response changes by less than this a nm; a lamp that is no black body
# (LED, xenon, deuterium lines) betrays itself by steeper changes.
_STEEPEST_PER_NM = 0.03
_SMOOTH_NM = 1.5


def planck_photons(wavelength_nm: FloatArray, temperature_k: float) -> FloatArray:
    """Return a black body's photon flux per nm, in arbitrary units.

    Planck: lambda**-4 / (exp(h c / (lambda k T)) - 1).
    """
    exponent = HC_EV_NM / (wavelength_nm * BOLTZMANN_EV_K * temperature_k)
    return np.asarray((wavelength_nm / 600.0) ** -4 / np.expm1(exponent))


def lamp_responsivity(
    wavelength_nm: FloatArray,
    lamp_counts: FloatArray,
    temperature_k: float = TUNGSTEN_HALOGEN_K,
) -> FloatArray | None:
    """Return the relative response, shape (k,), 1 at its highest; NaN where unknown.

    Args:
        wavelength_nm: Ascending, shape (k,).
        lamp_counts: Lamp through the bare substrate, dark subtracted, shape (k,).
        temperature_k: Colour temperature of the lamp.

    Returns:
        None where the lamp does not look like a black body through a spectrometer.
    """
    step_nm = float(np.median(np.diff(wavelength_nm)))
    smooth = gaussian_filter1d(
        np.nan_to_num(lamp_counts), max(_SMOOTH_NM / step_nm, 0.5), mode="nearest"
    )
    bright = smooth > _DIM * float(smooth.max())
    if float(smooth.max()) <= 0.0 or int(bright.sum()) < 32:
        return None
    response = smooth / planck_photons(wavelength_nm, temperature_k)
    logarithm = np.log(np.where(bright, response, 1.0))
    steepness = np.abs(np.diff(logarithm) / np.diff(wavelength_nm))
    inner = bright[1:] & bright[:-1]
    if float(np.percentile(steepness[inner], 99.0)) > _STEEPEST_PER_NM:
        return None
    return np.where(bright, response / float(response[bright].max()), np.nan)
