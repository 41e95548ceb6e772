"""What a film does to light beside absorbing it.

A smooth film of index n on a substrate is one coherent layer; its transmission relative
to the bare substrate follows from Airy's formula (Born and Wolf, Principles of Optics,
chapter 7.6; for films Swanepoel, J. Phys. E 1983, 16, 1214). Roughness blurs the
fringes, absorption fades them. Holes in the film, and stray light in the spectrometer,
let a part of the light pass unabsorbed, which flattens strong peaks. Scattering takes
light away with a power of the photon energy.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.units import HC_EV_NM, FloatArray

UNKNOWNS = 4
# Place of the first knot among the columns.
KNOTS = 3
_LN10 = float(np.log(10.0))
_SCATTER_EV = 2.0
_SUBSTRATE_INDEX = 1.52
# Cauchy's rise of the film's index with the square of the photon energy (per eV**2),
# typical of lead-halide perovskites below their gap.
_DISPERSION = 0.025
# Believed film, as unknowns in units of their spreads: logarithm of the thickness (nm),
# index (1.8 where spacers fill most of the film to 2.3 in the bulk), logarithm of the
# roughness (nm), logarithm of the share of holes.
_CENTRE = np.array([np.log(180.0), 2.05, np.log(20.0), np.log(0.015)])
_SPREAD = np.array([0.8, 0.2, 0.7, 1.2])
_LIMIT = np.array([2.2, 2.5, 2.0, 3.0])
# Starting points: the fringes' phase must be met within about a radian, and a film that
# is black but for its holes within the holes' share.
THICKNESSES_NM = np.concatenate(
    [np.geomspace(40.0, 170.0, 8), np.geomspace(190.0, 700.0, 18)]
)
HOLES = (0.0, 1.5, 2.7)
# Coefficients of the columns (OD): lamp drift, then scattering as E**2 and E**4.
_COLUMN_CENTRE = np.array([0.0, 0.01, 0.0])
_COLUMN_SPREAD = np.array([0.01, 0.02, 0.012])
_COLUMN_LEAST = np.array([-0.05, 0.0, 0.0])
# What is smooth and in no formula: a broken line with knots this far apart, each knot
# spread by this much OD and by this share of the absorbance's range.
_KNOTS_EV = 0.28
_KNOT_OD, _KNOT_SHARE = 0.004, 0.012
_DIFFERENCE = 1e-4


class FilmBackground:
    """Background on the energies of a measurement.

    Args:
        energy_ev: Ascending, shape (k,).
        absorbance: Measured, shape (k,); it says where the fringes fade.

    Attributes:
        columns: What adds to the absorbance linearly, shape (c, k).
        centre: Believed coefficients, shape (c,).
        spread: How far off they may be.
        least: Their lowest values.
        limit: Largest absolute value of each unknown, shape (4,).
    """

    limit = _LIMIT

    def __init__(self, energy_ev: FloatArray, absorbance: FloatArray) -> None:
        self.energy_ev = energy_ev
        smooth = gaussian_filter1d(absorbance, 1.5, mode="nearest")
        self._fading = 10.0 ** -np.clip(smooth, 0.0, 3.0)
        self._transmission = 10.0**-absorbance
        self._darkest = 0.98 * float(10.0 ** -smooth.max())
        self._dispersion = _DISPERSION * energy_ev**2
        self._wave = 4.0 * np.pi * energy_ev / HC_EV_NM
        share = energy_ev / _SCATTER_EV
        knots = np.arange(energy_ev[0], energy_ev[-1] + _KNOTS_EV, _KNOTS_EV)
        hats = np.maximum(1.0 - np.abs(energy_ev - knots[:, None]) / _KNOTS_EV, 0.0)
        self.columns = np.vstack([np.ones_like(share), share**2, share**4, hats])
        free = np.full(knots.size, np.hypot(_KNOT_OD, _KNOT_SHARE * np.ptp(absorbance)))
        self.centre = np.concatenate([_COLUMN_CENTRE, 0.0 * free])
        self.spread = np.concatenate([_COLUMN_SPREAD, free])
        self.least = np.concatenate([_COLUMN_LEAST, -4.0 * free])

    def thickness_unknown(self, thickness_nm: FloatArray) -> FloatArray:
        """Return the unknowns that stand for thicknesses."""
        return np.asarray((np.log(thickness_nm) - _CENTRE[0]) / _SPREAD[0])

    def thickness_nm(self, unknowns: FloatArray) -> float:
        """Return the thickness that an unknown stands for."""
        return float(np.exp(_CENTRE[0] + _SPREAD[0] * unknowns[0]))

    def _hole_share(self, unknowns: FloatArray) -> float:
        """Return the share of holes, which stays below the darkest point's light."""
        share = float(np.exp(_CENTRE[3] + _SPREAD[3] * unknowns[3]))
        return 1.0 / (1.0 / share + 1.0 / self._darkest)

    def through_holes(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the absorbance without holes, and how much each point counts.

        T = (1 - p) 10**-A + p gives A = -log10((T - p) / (1 - p)). A deviation of A
        shows in the measurement (T - p) / T times as large.
        """
        hole = self._hole_share(unknowns)
        covered = np.maximum(self._transmission - hole, 1e-6)
        absorbance = -np.log10(covered / (1.0 - hole))
        return absorbance, covered / self._transmission

    def reflection(self, unknowns: FloatArray) -> FloatArray:
        """Return -log10 of a clear film's transmission relative to the substrate.

        Args:
            unknowns: Shape (4,), or (m, 4) for m films at once.
        """
        parts = _CENTRE + _SPREAD * unknowns
        thickness, index, roughness = np.moveaxis(parts, -1, 0)[:3, ..., None]
        film = index + self._dispersion
        front = (1.0 - film) / (1.0 + film)
        back = (film - _SUBSTRATE_INDEX) / (film + _SUBSTRATE_INDEX)
        bare = ((1.0 - _SUBSTRATE_INDEX) / (1.0 + _SUBSTRATE_INDEX)) ** 2
        blur = np.exp(-2.0 * np.exp(2.0 * roughness) * self._wave**2)
        echo = front * back * self._fading
        ripple = 2.0 * echo * blur * np.cos(self._wave * film * np.exp(thickness))
        through = (1.0 - front**2) * (1.0 - back**2) / (1.0 + ripple + echo**2)
        return np.asarray(-np.log10(through / (1.0 - bare)))

    def gradients(self, unknowns: FloatArray) -> FloatArray:
        """Return d(reflection - absorbance without holes) / d(unknowns), shape (4, k).

        Forward differences.
        """
        moved = unknowns + _DIFFERENCE * np.eye(UNKNOWNS + 1, UNKNOWNS, -1)
        rows = np.empty((UNKNOWNS, self.energy_ev.size))
        # Holes change nothing of the reflection, and nothing else opens holes.
        reflection = self.reflection(moved[:UNKNOWNS])
        rows[: UNKNOWNS - 1] = reflection[1:] - reflection[0]
        rows[-1] = self.through_holes(unknowns)[0] - self.through_holes(moved[-1])[0]
        return rows / _DIFFERENCE
