"""The stations: devices that do something, and places where a film is."""

import math
from dataclasses import dataclass
from typing import Final

from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig

AMBIENT_C: Final = 25.0
# First-order cooling of a free-standing ceramic hotplate.
PLATE_COOLING_TAU_S: Final = 300.0
# A plate that is this close to its setpoint is at it.
_BAND_K: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Something that a task or a film occupies.

    Attributes:
        name: As in tasks and bookings, e.g. gantry, spin_chuck, hotplate_2.
        capacity: How many tasks (a device) or films (a place) it takes at once; 0 takes
            it out of service.
        heating_k_s: How fast it heats, 0 where temperature plays no part.
        cooling_tau_s: Time constant with which it cools to ambient.
    """

    name: str
    capacity: int = 1
    heating_k_s: float = 0.0
    cooling_tau_s: float = PLATE_COOLING_TAU_S

    def __post_init__(self) -> None:
        """Refuse a capacity that means nothing.

        Raises:
            InvalidInput: The capacity is below 0.
        """
        if self.capacity < 0:
            msg = f"station {self.name}: capacity {self.capacity} must be 0 or more"
            raise InvalidInput(msg)

    def changeover_s(self, from_c: float, to_c: float) -> float:
        """Return the time from one temperature to another.

        Heating is linear at ``heating_k_s``. Cooling follows Newton's law,
        t = tau ln((T_from - T_ambient) / (T_to - T_ambient)), to within 2 K.
        """
        if self.heating_k_s <= 0 or abs(to_c - from_c) <= _BAND_K:
            return 0.0
        if to_c > from_c:
            return (to_c - from_c) / self.heating_k_s
        above_k = max(to_c - AMBIENT_C, 0.0) + _BAND_K
        return self.cooling_tau_s * math.log(max(from_c - AMBIENT_C, above_k) / above_k)


def stations_of(config: LabConfig) -> tuple[Station, ...]:
    """Return the stations of a laboratory.

    The tray is none of them: a film's own slot is always free for it.
    """
    plates = tuple(
        Station(
            name=name,
            capacity=len(plate.positions),
            heating_k_s=plate.max_ramp_k_min / 60.0,
        )
        for name, plate in config.hotplates.items()
    )
    return (
        Station(name="gantry"),
        Station(name="pipettor"),
        Station(name="spin_coater"),
        Station(name="spin_chuck"),
        *plates,
        Station(name="spectrometer"),
        Station(name="camera"),
        Station(name=config.spectrometer.position),
    )
