"""The absorbance of a film as a sum of n-phases, with what is believed of each.

Unknowns come in two groups. Linear ones: the exciton height of each phase and the
background. Shape ones: for each phase a shift of energy and factors of width, of
continuum and of binding energy; the same four common to all phases; the Lorentz share
and the continua's growth. Every shape unknown is measured in units of its believed
spread, so that the beliefs are a unit normal distribution.
"""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.elliott import elliott_2d, elliott_3d
from hp_lab.analysis.library import PhaseLine
from hp_lab.units import HC_EV_NM, FloatArray

# Spreads of what is common to all phases of a film ...
_COMMON_SHIFT_EV = 0.02
_COMMON_LOG_FWHM = 0.35
_COMMON_LOG_RATIO = 0.6
_COMMON_LOG_BINDING = 0.3
# ... and of what sets one phase apart from the others.
_OWN_LOG_FWHM = 0.2
_OWN_LOG_RATIO = 0.25
_OWN_LOG_BINDING = 0.15
_MIXING, _MIXING_SIGMA = 0.35, 0.25
_GROWTH_2D, _GROWTH_2D_SIGMA = 0.3, 0.4
_GROWTH_3D, _GROWTH_3D_SIGMA = 0.8, 0.8
_COMMON = 7
_DIFFERENCE = 1e-4
# Where the background's scattering has its reference.
_SCATTER_EV = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseShapes:
    """Shapes of all phases on some energies, and how they change.

    Attributes:
        values: Shape (p, k), exciton height 1 (bulk: continuum 1).
        own: Derivatives by shift, log width, log continuum and log binding energy of
            each phase, in units of their spreads, shape (4, p, k).
        common: Derivatives by the common unknowns, shape (7, p, k).
    """

    values: FloatArray
    own: FloatArray
    common: FloatArray


class PhaseModel:
    """Shapes of a phase library as functions of the shape unknowns.

    Args:
        library: Layered phases first, bulk phases (infinite n) last.
    """

    def __init__(self, library: tuple[PhaseLine, ...]) -> None:
        self.library = library
        self.count = len(library)
        self.layered = sum(1 for line in library if np.isfinite(line.n))
        self._energy = np.array([line.exciton_ev for line in library])
        self._own_shift = np.array([line.exciton_sigma_ev for line in library])
        self._fwhm = np.array([line.fwhm_ev for line in library])
        self._ratio = np.array([line.ratio for line in library])
        self._binding = np.array([line.binding_ev for line in library])

    @property
    def shape_size(self) -> int:
        """Number of shape unknowns."""
        return 4 * self.count + _COMMON

    def physical(self, shape: FloatArray) -> dict[str, FloatArray]:
        """Return exciton_ev, fwhm_ev, ratio, binding_ev per phase, shape (p,) each."""
        own, common = self._split(shape)
        return {
            "exciton_ev": self._energy
            + self._own_shift * own[0]
            + _COMMON_SHIFT_EV * common[0],
            "fwhm_ev": self._fwhm
            * np.exp(_OWN_LOG_FWHM * own[1] + _COMMON_LOG_FWHM * common[1]),
            "ratio": self._ratio
            * np.exp(_OWN_LOG_RATIO * own[2] + _COMMON_LOG_RATIO * common[2]),
            "binding_ev": self._binding
            * np.exp(_OWN_LOG_BINDING * own[3] + _COMMON_LOG_BINDING * common[3]),
        }

    def exciton_gradient(self, phase: int) -> FloatArray:
        """Return d(exciton_ev of a phase) / d(shape unknowns)."""
        gradient = np.zeros(self.shape_size)
        gradient[phase] = self._own_shift[phase]
        gradient[4 * self.count] = _COMMON_SHIFT_EV
        return gradient

    def binding_gradient(self, phase: int, binding_ev: float) -> FloatArray:
        """Return d(binding_ev of a phase) / d(shape unknowns)."""
        gradient = np.zeros(self.shape_size)
        gradient[3 * self.count + phase] = _OWN_LOG_BINDING * binding_ev
        gradient[4 * self.count + 3] = _COMMON_LOG_BINDING * binding_ev
        return gradient

    def _split(self, shape: FloatArray) -> tuple[FloatArray, FloatArray]:
        cut = 4 * self.count
        return shape[:cut].reshape(4, self.count), shape[cut:]

    def values(self, energy_ev: FloatArray, shape: FloatArray) -> FloatArray:
        """Return the shapes alone, shape (p, k)."""
        _, common = self._split(shape)
        return self._evaluate(
            energy_ev,
            self.physical(shape),
            _MIXING + _MIXING_SIGMA * float(common[4]),
            _GROWTH_2D + _GROWTH_2D_SIGMA * float(common[5]),
            _GROWTH_3D + _GROWTH_3D_SIGMA * float(common[6]),
        )

    def shapes(self, energy_ev: FloatArray, shape: FloatArray) -> PhaseShapes:
        """Return the shapes and their derivatives by forward differences."""
        base = self.values(energy_ev, shape)
        own = np.empty((4, self.count, energy_ev.size))
        for kind in range(4):
            moved = shape.copy()
            moved[kind * self.count : (kind + 1) * self.count] += _DIFFERENCE
            own[kind] = (self.values(energy_ev, moved) - base) / _DIFFERENCE
        own_spread = (1.0, _OWN_LOG_FWHM, _OWN_LOG_RATIO, _OWN_LOG_BINDING)
        common_spread = (
            _COMMON_SHIFT_EV,
            _COMMON_LOG_FWHM,
            _COMMON_LOG_RATIO,
            _COMMON_LOG_BINDING,
        )
        common = np.empty((_COMMON, self.count, energy_ev.size))
        for kind in range(4):
            unit = self._own_shift[:, None] if kind == 0 else own_spread[kind]
            common[kind] = own[kind] / unit * common_spread[kind]
        for extra in range(4, _COMMON):
            moved = shape.copy()
            moved[4 * self.count + extra] += _DIFFERENCE
            common[extra] = (self.values(energy_ev, moved) - base) / _DIFFERENCE
        return PhaseShapes(values=base, own=own, common=common)

    def _evaluate(
        self,
        energy_ev: FloatArray,
        physical: dict[str, FloatArray],
        mixing: float,
        growth_2d: float,
        growth_3d: float,
    ) -> FloatArray:
        thin = slice(0, self.layered)
        column = {name: part[:, None] for name, part in physical.items()}
        layered = elliott_2d(
            energy_ev[None, :],
            column["exciton_ev"][thin],
            column["binding_ev"][thin],
            column["fwhm_ev"][thin],
            mixing,
            column["ratio"][thin],
            growth_2d,
        )
        if self.layered == self.count:
            return layered
        thick = slice(self.layered, self.count)
        bulk = elliott_3d(
            energy_ev[None, :],
            column["exciton_ev"][thick],
            column["binding_ev"][thick],
            column["fwhm_ev"][thick],
            growth_3d,
        )
        # The bulk has no exciton of its own height; its "ratio" has nothing to act on.
        return np.vstack([layered, bulk])


def background_columns(energy_ev: FloatArray) -> FloatArray:
    """Return offset and scattering as lambda**-2 and lambda**-4, shape (3, k)."""
    share = energy_ev / _SCATTER_EV
    return np.stack([np.ones_like(share), share**2, share**4])


def wavelength_window(low_ev: float, high_ev: float) -> tuple[float, float]:
    """Return the wavelengths (nm, ascending) of an energy window."""
    return HC_EV_NM / high_ev, HC_EV_NM / low_ev
