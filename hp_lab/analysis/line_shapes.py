"""Pseudo-Voigt lines and their derivatives."""

import numpy as np

from hp_lab.units import FloatArray

_LN2 = float(np.log(2.0))
GAUSS_AREA = float(np.sqrt(np.pi / _LN2) / 2.0)
LORENTZ_AREA = float(np.pi / 2.0)
# Standard deviation of a normal curve over its full width at half maximum.
SIGMA_PER_FWHM = float(1.0 / np.sqrt(8.0 * _LN2))


def pseudo_voigt(
    x: FloatArray,
    centre: FloatArray | float,
    fwhm: FloatArray | float,
    mixing: FloatArray | float,
) -> FloatArray:
    """Return a line of height 1: mixing * Lorentz + (1 - mixing) * Gauss, same FWHM.

    Thompson, Cox and Hastings, J. Appl. Cryst. 1987, 20, 79.
    """
    u2 = np.square((x - centre) / fwhm)
    lorentz = 1.0 / (1.0 + 4.0 * u2)
    gauss = np.exp(-4.0 * _LN2 * u2)
    return np.asarray(gauss + mixing * (lorentz - gauss))


def pseudo_voigt_area(height: float, fwhm: float, mixing: float) -> float:
    """Return the integral of a pseudo-Voigt line."""
    return height * fwhm * (GAUSS_AREA + mixing * (LORENTZ_AREA - GAUSS_AREA))


def lines(x: FloatArray, parameters: FloatArray) -> FloatArray:
    """Return the sum of pseudo-Voigt lines, shape of x.

    Args:
        x: Energies, shape (k,).
        parameters: Rows of height, centre, fwhm, mixing, shape (p, 4).
    """
    if parameters.size == 0:
        return np.zeros_like(x)
    height, centre, fwhm, mixing = (part[:, None] for part in parameters.T)
    u2 = ((x - centre) / fwhm) ** 2
    gauss = np.exp(-4.0 * _LN2 * u2)
    lorentz = 1.0 / (1.0 + 4.0 * u2)
    return np.asarray(np.sum(height * (gauss + mixing * (lorentz - gauss)), axis=0))


def line_gradients(x: FloatArray, parameters: FloatArray) -> FloatArray:
    """Return the derivatives of ``lines`` by all parameters, shape (4 * p, k).

    Rows come line by line in the order height, centre, fwhm, mixing.
    """
    height, centre, fwhm, mixing = (part[:, None] for part in parameters.T)
    u = (x - centre) / fwhm
    u2 = u**2
    gauss = np.exp(-4.0 * _LN2 * u2)
    lorentz = 1.0 / (1.0 + 4.0 * u2)
    by_height = gauss + mixing * (lorentz - gauss)
    # Minus the derivative by u, over u.
    slope = 8.0 * (mixing * lorentz**2 + (1.0 - mixing) * _LN2 * gauss)
    by_centre = height * slope * u / fwhm
    by_fwhm = by_centre * u
    by_mixing = height * (lorentz - gauss)
    stacked = np.stack([by_height, by_centre, by_fwhm, by_mixing], axis=1)
    return np.asarray(stacked.reshape(4 * parameters.shape[0], x.size))
