"""A number with its standard deviation."""

from dataclasses import dataclass

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.units import HC_EV_NM


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A finite value and its standard deviation, in one unit."""

    value: float
    sigma: float

    def __post_init__(self) -> None:
        """Refuse what is no measurement.

        Raises:
            InvalidInput: The value is not finite or sigma is not above 0.
        """
        if not (np.isfinite(self.value) and np.isfinite(self.sigma)):
            msg = f"measured {self.value} +- {self.sigma}: both must be finite"
            raise InvalidInput(msg)
        if self.sigma <= 0.0:
            msg = f"measured {self.value} +- {self.sigma}: sigma must be above 0"
            raise InvalidInput(msg)

    def widened(self, *sigmas: float) -> "Measured":
        """Return the value with further independent uncertainties in its sigma."""
        total = float(np.sqrt(self.sigma**2 + sum(part**2 for part in sigmas)))
        return Measured(value=self.value, sigma=total)

    def times(self, factor: float) -> "Measured":
        """Return the value in another unit."""
        return Measured(value=self.value * factor, sigma=self.sigma * abs(factor))


def as_nm(energy_ev: Measured) -> Measured:
    """Return a wavelength (nm) for a photon energy (eV), or the reverse."""
    other = HC_EV_NM / energy_ev.value
    return Measured(value=other, sigma=other * energy_ev.sigma / energy_ev.value)
