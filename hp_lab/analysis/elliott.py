"""Absorption of excitons and their continuum: Elliott's formula in two and three dims.

Elliott, Phys. Rev. 1957, 108, 1384; in two dimensions Shinada and Sugano, J. Phys. Soc.
Jpn. 1966, 21, 1936; the forms here follow Haug and Koch, Quantum Theory of the Optical
and Electronic Properties of Semiconductors, chapter 10. In a layered perovskite the 1s
state does not lie on the hydrogen series, and its strength relative to the continuum is
far below the ideal value, so both are parameters.
"""

import numpy as np
from scipy.special import expit

from hp_lab.analysis.line_shapes import pseudo_voigt
from hp_lab.units import FloatArray

# Strengths of the states N = 2, 3 relative to 1s in two dimensions: (N - 1/2)**-3, and
# their binding energies relative to 1s: (N - 1/2)**-2, both over those of N = 1.
_HIGHER_STRENGTH = (1.0 / 27.0, 1.0 / 125.0)
_HIGHER_BINDING = (1.0 / 9.0, 1.0 / 25.0)
# Logistic step whose 10-90 % rise equals that of a normal curve of the same FWHM.
_LOGISTIC_PER_FWHM = 0.248
# Five-point Gauss-Hermite rule for the average over a normal distribution.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_SIGMA_PER_FWHM = 0.42466


def elliott_2d(
    energy_ev: FloatArray,
    exciton_ev: FloatArray | float,
    binding_ev: FloatArray | float,
    fwhm_ev: FloatArray | float,
    mixing: FloatArray | float,
    ratio: FloatArray | float,
    growth_per_ev: FloatArray | float,
) -> FloatArray:
    """Return the absorption of a layered phase, its 1s exciton of height 1.

    All arguments broadcast against each other.

    Args:
        energy_ev: Photon energies.
        exciton_ev: Energy of the 1s exciton.
        binding_ev: Its binding energy; the gap lies at the sum of both.
        fwhm_ev: Width of the exciton.
        mixing: Lorentz share of the pseudo-Voigt line.
        ratio: Height of the continuum just above the gap, relative to the exciton.
        growth_per_ev: Relative growth of the continuum above the gap.
    """
    binding = np.asarray(binding_ev)
    gap_ev = np.asarray(exciton_ev) + binding
    total = pseudo_voigt(energy_ev, exciton_ev, fwhm_ev, mixing)
    for strength, bound in zip(_HIGHER_STRENGTH, _HIGHER_BINDING, strict=True):
        place = gap_ev - bound * binding
        total = total + strength * pseudo_voigt(energy_ev, place, fwhm_ev, 0.0)
    above = energy_ev - gap_ev
    free = np.maximum(above, 1e-6)
    rydberg = binding / 4.0
    sommerfeld = 1.0 / (1.0 + np.exp(-2.0 * np.pi * np.sqrt(rydberg / free)))
    step = expit(above / (_LOGISTIC_PER_FWHM * np.asarray(fwhm_ev)))
    continuum = step * sommerfeld * (1.0 + growth_per_ev * free)
    return np.asarray(total + ratio * continuum)


def elliott_3d(
    energy_ev: FloatArray,
    gap_ev: FloatArray | float,
    binding_ev: FloatArray | float,
    fwhm_ev: FloatArray | float,
    growth_per_ev: FloatArray | float,
) -> FloatArray:
    """Return the absorption of a bulk phase, 1 at 0.3 eV above its gap when sharp.

    All arguments broadcast against each other; the meanings are those of
    ``elliott_2d``.
    """
    rydberg = np.asarray(binding_ev)
    root = np.sqrt(rydberg)
    fwhm = np.asarray(fwhm_ev)
    above = energy_ev - gap_ev
    area = 4.0 * np.pi * rydberg * root / (1.0645 * fwhm)
    total = area * pseudo_voigt(above, -rydberg, fwhm, 0.0)
    total = total + area / 8.0 * pseudo_voigt(above, -rydberg / 4.0, fwhm, 0.0)
    total = total + 2.0 * np.pi * root * expit(above / (_LOGISTIC_PER_FWHM * fwhm))
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        shifted = above + node * _SIGMA_PER_FWHM * fwhm
        total = total + weight * _rise(shifted, root)
    norm = 2.0 * np.pi * root + _rise(np.asarray(0.3), root)
    free = np.maximum(above, 0.0)
    return np.asarray(total / norm * (1.0 + growth_per_ev * free))


def _rise(above_ev: FloatArray, root: FloatArray) -> FloatArray:
    """Return what the continuum gains above its step at the gap."""
    positive = np.maximum(above_ev, 1e-6)
    exponent = np.minimum(2.0 * np.pi * root / np.sqrt(positive), 60.0)
    return np.asarray(2.0 * np.pi * root / np.expm1(exponent) * (above_ev > 0.0))
