"""A corrected spectrum: what every interpretation starts from."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.units import HC_EV_NM, FloatArray

Kind = Literal["pl", "absorbance", "transmission"]
BoolArray = np.ndarray


def _no_points() -> BoolArray:
    return np.empty(0, dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A corrected spectrum on its own wavelengths; all arrays have shape (k,).

    Attributes:
        kind: pl, absorbance or transmission.
        wavelength_nm: Wavelengths, strictly ascending.
        value: Signal in ``unit``; NaN is allowed only where ``usable`` is False.
        sigma: Standard deviation of each point, same unit, above 0.
        usable: False where a point must not be interpreted.
        unit: counts/s, counts, 1 (transmission) or OD (absorbance, decadic).
        saturated: True where the detector was at its ceiling.
        spiked: True where a cosmic spike was removed.
        excitation_nm: Excitation wavelength of PL, 0 where unknown or not PL.
        flags: Warnings found while correcting.
    """

    kind: Kind
    wavelength_nm: FloatArray
    value: FloatArray
    sigma: FloatArray
    usable: BoolArray
    unit: str
    saturated: BoolArray = field(default_factory=_no_points)
    spiked: BoolArray = field(default_factory=_no_points)
    excitation_nm: float = 0.0
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together.

        Raises:
            InvalidInput: Shapes differ or wavelengths do not ascend.
        """
        size = self.wavelength_nm.size
        for name in ("value", "sigma", "usable"):
            shape = getattr(self, name).shape
            if shape != (size,):
                msg = f"spectrum: {name} has shape {shape}, wavelengths have ({size},)"
                raise InvalidInput(msg)
        if size > 1 and not bool(np.all(np.diff(self.wavelength_nm) > 0)):
            msg = "spectrum: wavelengths must ascend strictly; sort them before"
            raise InvalidInput(msg)
        for name in ("saturated", "spiked"):
            if getattr(self, name).shape != (size,):
                object.__setattr__(self, name, np.zeros(size, dtype=bool))

    def points(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return wavelength (nm), value and sigma of the usable points, shape (m,)."""
        keep = self.usable
        return self.wavelength_nm[keep], self.value[keep], self.sigma[keep]

    def energy_points(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return energy (eV, ascending), value and sigma of the usable points.

        A PL spectrum is a density per wavelength, so it and its sigma are multiplied
        by dlambda/dE = hc / E**2 (Mooney and Kambhampati, J. Phys. Chem. Lett. 2013, 4,
        3316) and come out per eV. Absorbance and transmission are no densities.
        """
        wavelength_nm, value, sigma = (part[::-1] for part in self.points())
        energy_ev = HC_EV_NM / wavelength_nm
        if self.kind != "pl":
            return energy_ev, value, sigma
        nm_per_ev = HC_EV_NM / energy_ev**2
        return energy_ev, value * nm_per_ev, sigma * nm_per_ev

    def masked(self, excluded: BoolArray, *flags: str) -> "Curve":
        """Return the curve without some more points, and with more flags."""
        return replace(
            self,
            usable=self.usable & ~excluded,
            flags=tuple(dict.fromkeys((*self.flags, *flags))),
        )
