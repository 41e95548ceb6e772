"""The absorbance of a film as a sum of phases, with what is believed of each.

Unknowns come in two groups. Linear ones: the height of each phase. Shape ones: for each
phase a shift of energy and factors of width, of continuum and of binding energy; then
what all phases share. Every shape unknown is measured in units of its believed spread,
so that the beliefs are a unit normal distribution.
"""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.elliott import (
    bulk_continuum,
    bulk_slopes,
    exciton_line,
    layered_continuum,
    layered_slopes,
    line_parts,
    line_slopes,
)
from hp_lab.analysis.library import PhaseLine
from hp_lab.units import FloatArray

OWN = 4
# Spreads of what sets one phase apart from the others: its shift comes from the
# library, then logarithms of width, of continuum over exciton, of binding energy.
_OWN_LOG = np.array([0.15, 0.15, 0.25])
# What all phases share, with its spread: shift of all energies (eV), logarithms of
# width, of continuum over exciton and of binding energy, shift of n = 1 by the spacer
# (eV), Lorentz share, asymmetry, logarithm of the 2s strength, growth of the thin and
# of the thick continua (1/eV).
COMMON_NAMES = (
    "shift",
    "log_fwhm",
    "log_ratio",
    "log_binding",
    "spacer_shift",
    "mixing",
    "asymmetry",
    "log_second",
    "growth_thin",
    "growth_thick",
)
COMMON = len(COMMON_NAMES)
_COMMON_SPREAD = np.array([0.022, 0.3, 0.8, 0.15, 0.025, 0.2, 0.08, 0.5, 0.9, 0.5])
_COMMON_CENTRE = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.08, 0.0, 1.0, 0.8])
# Physical limits: Lorentz share within 0 and 1, asymmetry below 1, no continuum that
# falls to nothing within the window.
_COMMON_LIMITS = {5: (0.0, 0.95), 6: (-0.25, 0.4), 8: (-0.2, 3.0), 9: (-0.2, 4.0)}
# The 2s state relative to 1s: strength, and binding energy (Blancon et al., Nat.
# Commun. 2018, 9, 2254: Ry = 0.11 eV for the higher states, so 2s lies 49 meV below).
SECOND_STRENGTH = 0.06
_RYDBERG_EV = 0.11
_SECOND_EV = _RYDBERG_EV / 1.5**2
_SECOND_WIDTH = 1.3
_GAUSS_EXPONENT = -4.0 * float(np.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseShapes:
    """Shapes of all phases on some energies, and how they change.

    Attributes:
        values: Shape (p, k), exciton height 1.
        own: Derivatives by the own unknowns of each phase, shape (4, p, k).
        common: Derivatives by the common unknowns, shape (10, p, k).
    """

    values: FloatArray
    own: FloatArray
    common: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Physical:
    """Shape unknowns in their own units; columns of shape (p, 1)."""

    exciton_ev: FloatArray
    fwhm_ev: FloatArray
    ratio: FloatArray
    binding_ev: FloatArray
    mixing: float
    asymmetry: float
    second: float
    growth_thin: float
    growth_thick: float
    rydberg_ev: FloatArray


class PhaseModel:
    """Shapes of a phase library as functions of the shape unknowns.

    Args:
        library: Thin phases first, then thick ones, by-products last.
    """

    def __init__(self, library: tuple[PhaseLine, ...]) -> None:
        self.library = library
        self.count = len(library)
        self._thin = slice(0, sum(line.is_thin for line in library))
        self._thick = slice(self._thin.stop, self.count)
        self._layered = np.array([float(line.is_perovskite) for line in library])
        self._energy = np.array([line.exciton_ev for line in library])
        self._own_shift = np.array([line.exciton_sigma_ev for line in library])
        self._spacer = np.array([line.spacer_share for line in library])
        self._log = np.log(
            np.array(
                [[line.fwhm_ev, line.ratio, line.binding_ev] for line in library]
            ).T
        )

    @property
    def shape_size(self) -> int:
        """Number of shape unknowns."""
        return OWN * self.count + COMMON

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and highest value of each shape unknown."""
        low = np.full(self.shape_size, -4.0)
        high = np.full(self.shape_size, 4.0)
        for place, (least, most) in _COMMON_LIMITS.items():
            index = OWN * self.count + place
            low[index] = (least - _COMMON_CENTRE[place]) / _COMMON_SPREAD[place]
            high[index] = (most - _COMMON_CENTRE[place]) / _COMMON_SPREAD[place]
        return low, high

    def exciton_ev(self, shape: FloatArray) -> FloatArray:
        """Return the exciton energies, shape (p,)."""
        return self._physical(shape).exciton_ev[:, 0]

    def binding_ev(self, shape: FloatArray) -> FloatArray:
        """Return the binding energies, shape (p,)."""
        return self._physical(shape).binding_ev[:, 0]

    def fwhm_ev(self, shape: FloatArray) -> FloatArray:
        """Return the widths of the excitons, shape (p,)."""
        return self._physical(shape).fwhm_ev[:, 0]

    def with_binding(self, shape: FloatArray, factor: float) -> FloatArray:
        """Return shape unknowns with all binding energies times a factor."""
        changed = shape.copy()
        changed[OWN * self.count + 3] += float(np.log(factor)) / _COMMON_SPREAD[3]
        return changed

    def with_own_binding(
        self, shape: FloatArray, phase: int, factor: float
    ) -> FloatArray:
        """Return shape unknowns with one binding energy, relative to the library's."""
        changed = shape.copy()
        common = _COMMON_SPREAD[3] * shape[OWN * self.count + 3]
        changed[3 * self.count + phase] = (float(np.log(factor)) - common) / _OWN_LOG[2]
        return changed

    def with_strengths(
        self, shape: FloatArray, log_ratio: float, log_second: float
    ) -> FloatArray:
        """Return shape unknowns with all continua and 2s states moved by logarithms."""
        changed = shape.copy()
        changed[OWN * self.count + 2] += log_ratio / _COMMON_SPREAD[2]
        changed[OWN * self.count + 7] += log_second / _COMMON_SPREAD[7]
        return changed

    @property
    def thin_count(self) -> int:
        """Number of layered phases with a step, which come first."""
        return int(self._thin.stop)

    def thin_ratios(self, shape: FloatArray) -> FloatArray:
        """Return continuum over exciton of the layered phases, shape (t,)."""
        return self._physical(shape).ratio[self._thin, 0]

    def thin_parts(
        self, energy_ev: FloatArray, shape: FloatArray, binding_ev: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return lines, 2s lines and steps of the layered phases, each of height 1.

        Args:
            energy_ev: Photon energies, shape (k,).
            shape: Shape unknowns; those of the binding energies do not count.
            binding_ev: Binding energies to try, shape (f, t).

        Returns:
            1s lines, shape (t, k); 2s lines and steps, shape (f, t, k).
        """
        thin = self._thin
        physical = self._physical(shape)
        exciton_ev, fwhm_ev = physical.exciton_ev[thin], physical.fwhm_ev[thin]
        line = exciton_line(
            energy_ev, exciton_ev, fwhm_ev, physical.mixing, physical.asymmetry
        )
        gap = exciton_ev + binding_ev[:, :, None]
        second_ev = gap - np.minimum(_SECOND_EV, 0.5 * binding_ev)[:, :, None]
        away = (energy_ev - second_ev) / (_SECOND_WIDTH * fwhm_ev)
        edge = layered_continuum(energy_ev, gap, _RYDBERG_EV, fwhm_ev)
        grown = 1.0 + physical.growth_thin * np.maximum(energy_ev - gap, 0.0)
        return line, np.exp(_GAUSS_EXPONENT * away**2), edge * grown

    def with_plain_continua(self, shape: FloatArray) -> FloatArray:
        """Return shape unknowns with 2s states and growth as they are believed."""
        changed = shape.copy()
        changed[OWN * self.count + 7 :] = 0.0
        return changed

    def exciton_gradient(self, phase: int) -> FloatArray:
        """Return d(exciton_ev of a phase) / d(shape unknowns)."""
        gradient = np.zeros(self.shape_size)
        gradient[phase] = self._own_shift[phase]
        common = gradient[OWN * self.count :]
        common[0] = _COMMON_SPREAD[0] * self._layered[phase]
        common[4] = _COMMON_SPREAD[4] * self._spacer[phase]
        return gradient

    def binding_gradient(self, phase: int, binding_ev: float) -> FloatArray:
        """Return d(binding_ev of a phase) / d(shape unknowns)."""
        gradient = np.zeros(self.shape_size)
        gradient[3 * self.count + phase] = _OWN_LOG[2] * binding_ev
        gradient[OWN * self.count + 3] = (
            _COMMON_SPREAD[3] * self._layered[phase] * binding_ev
        )
        return gradient

    def _physical(self, shape: FloatArray) -> _Physical:
        cut = OWN * self.count
        own = shape[:cut].reshape(OWN, self.count)
        common = _COMMON_CENTRE + _COMMON_SPREAD * shape[cut:]
        exciton = (
            self._energy
            + self._own_shift * own[0]
            + common[0] * self._layered
            + common[4] * self._spacer
        )
        log = self._log + _OWN_LOG[:, None] * own[1:]
        log = log + common[1:4, None] * self._layered
        fwhm, ratio, binding = np.exp(log)
        return _Physical(
            exciton_ev=exciton[:, None],
            fwhm_ev=fwhm[:, None],
            ratio=ratio[:, None],
            binding_ev=binding[:, None],
            mixing=float(common[5]),
            asymmetry=float(common[6]),
            second=SECOND_STRENGTH * float(np.exp(common[7])),
            growth_thin=float(common[8]),
            growth_thick=float(common[9]),
            rydberg_ev=binding[:, None],
        )

    def values(self, energy_ev: FloatArray, shape: FloatArray) -> FloatArray:
        """Return the shapes alone, shape (p, k)."""
        physical = self._physical(shape)
        energy = energy_ev[None, :]
        line = exciton_line(
            energy,
            physical.exciton_ev,
            physical.fwhm_ev,
            physical.mixing,
            physical.asymmetry,
        )
        total = line * self._layered[:, None]
        thin = self._thin
        total[thin] += physical.second * exciton_line(
            energy, *self._second(physical), 0.0, 0.0
        )
        gap = physical.exciton_ev + physical.binding_ev
        edge = self._edge(energy, gap, physical)
        return np.asarray(total + physical.ratio * edge * self._grown(energy, physical))

    def shapes(self, energy_ev: FloatArray, shape: FloatArray) -> PhaseShapes:
        """Return the shapes and their derivatives."""
        physical = self._physical(shape)
        energy = energy_ev[None, :]
        line, line_by = self._line_gradients(energy, physical)
        second, second_by = self._second_gradients(energy, physical)
        gap = physical.exciton_ev + physical.binding_ev
        edge, by_gap, by_log_fwhm, by_rydberg = self._edge_slopes(energy, gap, physical)
        scale = physical.ratio * self._grown(energy, physical)
        falling = self._growth(physical) * (energy > gap) * physical.ratio * edge
        by_gap = by_gap * scale - falling
        by_log_fwhm = by_log_fwhm * scale
        # The bulk's Rydberg energy follows the binding energy.
        by_binding = by_gap * physical.binding_ev + by_rydberg * scale
        own = np.stack(
            [
                line_by["energy"] + second_by["gap"] + by_gap,
                line_by["log_fwhm"] + second_by["log_fwhm"] + by_log_fwhm,
                edge * scale,
                second_by["log_binding"] + by_binding,
            ]
        )
        free = np.maximum(energy - gap, 0.0) * physical.ratio * edge
        thin_row = np.zeros((self.count, 1))
        thin_row[self._thin] = 1.0
        layered = self._layered[:, None]
        common = np.stack(
            [
                own[0] * layered,
                own[1] * layered,
                own[2] * layered,
                own[3] * layered,
                own[0] * self._spacer[:, None],
                line_by["mixing"],
                line_by["asymmetry"],
                second,
                free * thin_row,
                free * (1.0 - thin_row),
            ]
        )
        own[0] *= self._own_shift[:, None]
        own[1:] *= _OWN_LOG[:, None, None]
        return PhaseShapes(
            values=line + second + edge * scale,
            own=own,
            common=common * _COMMON_SPREAD[:, None, None],
        )

    def _edge(
        self, energy: FloatArray, gap: FloatArray, physical: _Physical
    ) -> FloatArray:
        """Return the continua without growth, shape (p, k)."""
        thin, thick = self._thin, self._thick
        edge = np.empty((self.count, energy.size))
        edge[thin] = layered_continuum(
            energy, gap[thin], _RYDBERG_EV, physical.fwhm_ev[thin]
        )
        edge[thick] = bulk_continuum(
            energy, gap[thick], physical.rydberg_ev[thick], physical.fwhm_ev[thick]
        )
        return edge

    def _edge_slopes(
        self, energy: FloatArray, gap: FloatArray, physical: _Physical
    ) -> FloatArray:
        """Return the continua, and derivatives by gap, log width and log Rydberg.

        Returns:
            Shape (4, p, k).
        """
        thin, thick = self._thin, self._thick
        rows = np.zeros((4, self.count, energy.size))
        rows[:3, thin] = layered_slopes(
            energy, gap[thin], _RYDBERG_EV, physical.fwhm_ev[thin]
        )
        rows[:, thick] = bulk_slopes(
            energy, gap[thick], physical.rydberg_ev[thick], physical.fwhm_ev[thick]
        )
        return rows

    def _growth(self, physical: _Physical) -> FloatArray:
        growth = np.full((self.count, 1), physical.growth_thick)
        growth[self._thin] = physical.growth_thin
        return growth

    def _grown(self, energy: FloatArray, physical: _Physical) -> FloatArray:
        gap = physical.exciton_ev + physical.binding_ev
        return np.asarray(1.0 + self._growth(physical) * np.maximum(energy - gap, 0.0))

    def _second(self, physical: _Physical) -> tuple[FloatArray, FloatArray]:
        """Return place and width of the 2s states of the thin phases."""
        binding = physical.binding_ev[self._thin]
        below = np.minimum(_SECOND_EV, 0.5 * binding)
        place = physical.exciton_ev[self._thin] + binding - below
        return place, _SECOND_WIDTH * physical.fwhm_ev[self._thin]

    def _line_gradients(
        self, energy: FloatArray, physical: _Physical
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        above = energy - physical.exciton_ev
        side = np.where(above > 0.0, 1.0, -1.0)
        skew = 1.0 + side * physical.asymmetry
        u = above / (physical.fwhm_ev * skew)
        gauss, lorentz = line_parts(u)
        by_gauss, by_lorentz = line_slopes(u, gauss, lorentz)
        layered = self._layered[:, None]
        by_u = (by_gauss + physical.mixing * (by_lorentz - by_gauss)) * layered
        line = (gauss + physical.mixing * (lorentz - gauss)) * layered
        by_u_u = by_u * u
        return line, {
            "energy": -by_u / (physical.fwhm_ev * skew),
            "log_fwhm": -by_u_u,
            "mixing": (lorentz - gauss) * layered,
            "asymmetry": -by_u_u * side / skew,
        }

    def _second_gradients(
        self, energy: FloatArray, physical: _Physical
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return the 2s lines of all phases and their derivatives, shape (p, k)."""
        thin = self._thin
        place, fwhm = self._second(physical)
        u = (energy - place) / fwhm
        gauss = physical.second * np.exp(_GAUSS_EXPONENT * u * u)
        by_u = 2.0 * _GAUSS_EXPONENT * u * gauss
        binding = physical.binding_ev[thin]
        moved = np.where(0.5 * binding > _SECOND_EV, 1.0, 0.5) * binding
        names = ("value", "gap", "log_fwhm", "log_binding")
        rows = {name: np.zeros((self.count, energy.size)) for name in names}
        rows["value"][thin] = gauss
        rows["gap"][thin] = -by_u / fwhm
        rows["log_fwhm"][thin] = -by_u * u
        rows["log_binding"][thin] = -by_u / fwhm * moved
        return rows.pop("value"), rows
