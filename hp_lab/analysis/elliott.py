"""Absorption of excitons and their continuum: Elliott's formula in two and three dims.

Elliott, Phys. Rev. 1957, 108, 1384; in two dimensions Shinada and Sugano, J. Phys. Soc.
Jpn. 1966, 21, 1936; the forms here follow Haug and Koch, Quantum Theory of the Optical
and Electronic Properties of Semiconductors, chapter 10. In a layered perovskite the 1s
state does not lie on the hydrogen series, and its strength relative to the continuum is
far below the ideal value, so both are parameters.
"""

import numpy as np
from scipy.special import expit

from hp_lab.analysis.line_shapes import GAUSS_AREA
from hp_lab.units import FloatArray

Number = FloatArray | float
# Logistic step whose 10-90 % rise equals that of a normal curve of the same FWHM.
_LOGISTIC_PER_FWHM = 0.248
# Where the bulk continuum is scaled to 1.
_UNIT_ABOVE_EV = 0.3
_LN2 = float(np.log(2.0))
# A Lorentzian's red wing would absorb deep in the gap, where real edges fall off
# exponentially (Urbach, Phys. Rev. 1953, 92, 1324).
_WING_START = 1.5
_WING_WIDTH = 0.3


def exciton_line(
    energy_ev: FloatArray,
    exciton_ev: Number,
    fwhm_ev: Number,
    mixing: Number,
    asymmetry: Number,
) -> FloatArray:
    """Return an exciton's absorption of height 1; arguments broadcast.

    Args:
        energy_ev: Photon energies.
        exciton_ev: Centre.
        fwhm_ev: Full width at half maximum.
        mixing: Lorentz share of the pseudo-Voigt line.
        asymmetry: Relative surplus of the blue half width over the mean, -1 to 1:
            phonon sidebands and disorder widen that side.
    """
    above = energy_ev - exciton_ev
    u = above / (fwhm_ev * np.where(above > 0.0, 1.0 + asymmetry, 1.0 - asymmetry))
    gauss, lorentz = line_parts(u)
    return np.asarray(gauss + mixing * (lorentz - gauss))


def line_parts(u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the Gaussian and the Lorentzian of height 1 and FWHM 1, red wing cut."""
    u2 = u * u
    lorentz = expit((u + _WING_START) * (1.0 / _WING_WIDTH)) / (1.0 + 4.0 * u2)
    return np.exp(-4.0 * _LN2 * u2), lorentz


def line_slopes(
    u: FloatArray, gauss: FloatArray, lorentz: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of ``line_parts`` by u."""
    wing = expit(-(u + _WING_START) * (1.0 / _WING_WIDTH)) * (1.0 / _WING_WIDTH)
    by_gauss = -8.0 * _LN2 * u * gauss
    by_lorentz = lorentz * (wing - 8.0 * u / (1.0 + 4.0 * u * u))
    return by_gauss, by_lorentz


def layered_continuum(
    energy_ev: FloatArray, gap_ev: Number, rydberg_ev: Number, fwhm_ev: Number
) -> FloatArray:
    """Return the broadened continuum of a two-dimensional gap, 1 just above it.

    Step times Sommerfeld factor 2 / (1 + exp(-2 pi sqrt(Ry / (E - Eg)))) over 2.
    """
    above = energy_ev - gap_ev
    free = np.maximum(above, 1e-6)
    sommerfeld = 1.0 / (1.0 + np.exp(-2.0 * np.pi * np.sqrt(rydberg_ev / free)))
    return np.asarray(
        expit(above / (_LOGISTIC_PER_FWHM * np.asarray(fwhm_ev))) * sommerfeld
    )


def bulk_continuum(
    energy_ev: FloatArray, gap_ev: Number, rydberg_ev: Number, fwhm_ev: Number
) -> FloatArray:
    """Return the broadened continuum of a bulk gap, 1 at 0.3 eV above a sharp one.

    2 pi sqrt(Ry) / (1 - exp(-2 pi sqrt(Ry / (E - Eg)))). The step at the gap is
    broadened to a logistic one; E - Eg is softened over the same width, which rounds
    the rise as an average over gaps would.
    """
    root = 2.0 * np.pi * np.sqrt(rydberg_ev)
    width = _LOGISTIC_PER_FWHM * np.asarray(fwhm_ev)
    above = energy_ev - gap_ev
    soft = _softened(above, width)
    relative = np.expm1(-root / np.sqrt(_UNIT_ABOVE_EV)) / np.expm1(
        -root / np.sqrt(soft)
    )
    return np.asarray(expit(above / width) * relative)


def _softened(above_ev: FloatArray, width_ev: FloatArray) -> FloatArray:
    """Return width * ln(1 + exp(above / width)), never 0."""
    reduced = above_ev / width_ev
    # Exact where the argument is large, without overflow.
    soft = np.log1p(np.exp(np.clip(reduced, -30.0, 30.0)))
    return np.asarray(width_ev * np.where(reduced > 30.0, reduced, soft))


def layered_slopes(
    energy_ev: FloatArray, gap_ev: Number, rydberg_ev: Number, fwhm_ev: Number
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``layered_continuum``, its derivatives by gap and by the width's log."""
    above = energy_ev - gap_ev
    width = _LOGISTIC_PER_FWHM * np.asarray(fwhm_ev)
    free = np.maximum(above, 1e-6)
    exponent = 2.0 * np.pi * np.sqrt(rydberg_ev / free)
    sommerfeld = 1.0 / (1.0 + np.exp(-exponent))
    step = expit(above / width)
    edge = step * sommerfeld
    rise = edge * (1.0 - step) / width
    fall = edge * (1.0 - sommerfeld) * (0.5 * exponent / free) * (above > 0.0)
    return edge, fall - rise, -above * rise


def bulk_slopes(
    energy_ev: FloatArray, gap_ev: Number, rydberg_ev: Number, fwhm_ev: Number
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return ``bulk_continuum``, its derivatives by gap, log of width, of Rydberg."""
    root = 2.0 * np.pi * np.sqrt(rydberg_ev)
    width = _LOGISTIC_PER_FWHM * np.asarray(fwhm_ev)
    above = energy_ev - gap_ev
    soft = _softened(above, width)
    step = expit(above / width)
    by_soft, unit_share = (
        ratio * np.exp(-ratio) / -np.expm1(-ratio)
        for ratio in (root / np.sqrt(soft), root / np.sqrt(_UNIT_ABOVE_EV))
    )
    edge = step * np.expm1(-root / np.sqrt(_UNIT_ABOVE_EV))
    edge = edge / np.expm1(-root / np.sqrt(soft))
    growth = 0.5 * by_soft / soft
    by_above = edge * ((1.0 - step) / width + growth * step)
    by_width = edge * (growth * (soft - above * step) - above * (1.0 - step) / width)
    return edge, -by_above, by_width, 0.5 * edge * (unit_share - by_soft)


def elliott_2d(
    energy_ev: FloatArray,
    *,
    exciton_ev: float,
    gap_ev: float,
    fwhm_ev: float,
    rydberg_ev: float,
    continuum: float,
) -> FloatArray:
    """Return Elliott's absorption in two dimensions, its 1s line of height 1.

    The states N = 2, 3 have strengths (N - 1/2)**-3 relative to that of N = 1 and lie
    at the gap minus Ry / (N - 1/2)**2.

    Args:
        energy_ev: Photon energies, shape (k,).
        exciton_ev: 1s exciton, which need not lie on the series.
        gap_ev: Band gap.
        fwhm_ev: Broadening.
        rydberg_ev: Ry of the higher states and the continuum.
        continuum: Height of the continuum just above the gap.
    """
    total = exciton_line(energy_ev, exciton_ev, fwhm_ev, 0.0, 0.0)
    for state in (2, 3):
        strength = (0.5 / (state - 0.5)) ** 3
        place = gap_ev - rydberg_ev / (state - 0.5) ** 2
        total = total + strength * exciton_line(energy_ev, place, fwhm_ev, 0.0, 0.0)
    return np.asarray(
        total + continuum * layered_continuum(energy_ev, gap_ev, rydberg_ev, fwhm_ev)
    )


def elliott_3d(
    energy_ev: FloatArray, *, gap_ev: float, rydberg_ev: float, fwhm_ev: float
) -> FloatArray:
    """Return Elliott's absorption in three dimensions, continuum 1 at 0.3 eV above.

    The states N have areas 4 pi Ry**1.5 / N**3 in the units in which the continuum is
    2 pi sqrt(Ry) at the gap.
    """
    root = float(np.sqrt(rydberg_ev))
    argument = 2.0 * np.pi * root / float(np.sqrt(_UNIT_ABOVE_EV))
    unit = 2.0 * np.pi * root / -float(np.expm1(-argument))
    total = bulk_continuum(energy_ev, gap_ev, rydberg_ev, fwhm_ev)
    for state in (1, 2):
        area = 4.0 * np.pi * rydberg_ev * root / state**3
        place = gap_ev - rydberg_ev / state**2
        height = area / (GAUSS_AREA * fwhm_ev) / unit
        total = total + height * exciton_line(energy_ev, place, fwhm_ev, 0.0, 0.0)
    return np.asarray(total)
