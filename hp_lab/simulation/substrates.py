"""Where every substrate is, and what the stations do to it there."""

import math
from collections.abc import Iterable

from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig, PositionMm
from hp_lab.simulation import constants as c
from hp_lab.simulation.films import Deposit, FilmHistory, Ramp
from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.plates import Plate

CHUCK = "spin_chuck"
GRIPPER = "gripper"
LOST = "lost"

# How far the gripper may be off a position and still reach what is there.
_REACH_MM = 3.0
_REACH_HEIGHT_MM = 5.0
# A substrate that falls further breaks.
_FALL_MM = 10.0


class Substrates:
    """Substrates, the places they are in, and the stations that act on them.

    Args:
        lab: The laboratory.
        slots: Tray slots that hold a fresh substrate; it is named after its slot.

    Raises:
        InvalidInput: The laboratory has no such slot.
    """

    def __init__(self, lab: LabConfig, slots: Iterable[str]) -> None:
        self._positions = lab.gantry.positions()
        self._stage = lab.spectrometer.position
        self._plate_of = {
            position: name
            for name, plate in lab.hotplates.items()
            for position in plate.positions
        }
        self._plates = dict.fromkeys(lab.hotplates, Plate())
        self._ramp = Ramp(at_s=-math.inf, from_rpm=0, to_rpm=0, acceleration_rpm_s=0)
        self._vacuum = False
        self._led = 0.0
        self._films: dict[str, FilmHistory] = {}
        self._places: dict[str, str] = {}
        for slot in slots:
            if slot not in self._positions:
                msg = f"substrates: the laboratory has no tray slot {slot!r}"
                raise InvalidInput(msg)
            self._films[slot] = FilmHistory(film_id=slot)
            self._places[slot] = slot

    @property
    def places(self) -> dict[str, str]:
        """Where every substrate is."""
        return dict(self._places)

    def history(self, film_id: str) -> FilmHistory:
        """Return what happened to a substrate.

        Raises:
            InvalidInput: There is no such substrate.
        """
        if film_id not in self._films:
            msg = f"substrates: there is no {film_id!r}; they are named by tray slot"
            raise InvalidInput(msg)
        return self._films[film_id]

    def at(self, place: str) -> str | None:
        """Return the substrate in a place."""
        for film_id, where in self._places.items():
            if where == place and where != LOST:
                return film_id
        return None

    @property
    def on_stage(self) -> str | None:
        """The substrate on the measuring stage."""
        return self.at(self._stage)

    @property
    def on_chuck(self) -> str:
        """A name for the next liquid on the chuck: the film's, and its number."""
        film_id = self.at(CHUCK)
        if film_id is None:
            return CHUCK
        return f"{film_id} {len(self._films[film_id].deposits)}"

    def wet(
        self, now_s: float, liquid: WellContents, rate_ul_s: float
    ) -> FilmHistory | None:
        """Let liquid fall on the chuck; return what happened to what lies there."""
        film_id = self.at(CHUCK)
        if film_id is None or liquid.volume_ul <= 0:
            return None
        deposit = Deposit(at_s=now_s, liquid=liquid, rate_ul_s=rate_ul_s)
        self._films[film_id] = self._films[film_id].wetted(deposit)
        return self._films[film_id]

    def spin(self, ramp: Ramp) -> None:
        """Ramp the chuck; a substrate without vacuum flies off."""
        self._ramp = ramp
        film_id = self.at(CHUCK)
        if film_id is None:
            return
        self._films[film_id] = self._films[film_id].spun(ramp)
        fastest = max(ramp.from_rpm, ramp.to_rpm)
        if not self._vacuum and fastest > c.VACUUM_HOLDS_RPM:
            self._places[film_id] = LOST

    def set_vacuum(self, now_s: float, *, on: bool) -> None:
        """Switch the vacuum; without it a spinning substrate flies off."""
        self._vacuum = on
        film_id = self.at(CHUCK)
        if film_id is not None and not on and self._spinning(now_s):
            self._places[film_id] = LOST

    def set_plate(self, now_s: float, name: str, setpoint_c: float | None) -> None:
        """Regulate a hotplate, and with it what lies on it.

        Raises:
            InvalidInput: There is no such hotplate.
        """
        # Films on it remember its past; the plate itself need not.
        self._plates[name] = self._plate(name).since(now_s).set(now_s, setpoint_c)
        for position, owner in self._plate_of.items():
            film_id = self.at(position)
            if owner == name and film_id is not None:
                changed = self._films[film_id].on_changed_plate(now_s, setpoint_c)
                self._films[film_id] = changed

    def plate_c(self, now_s: float, name: str) -> float:
        """Return a hotplate's surface temperature.

        Raises:
            InvalidInput: There is no such hotplate.
        """
        return self._plate(name).temperature_c(now_s)

    def grip(self, now_s: float, at_mm: PositionMm) -> bool:
        """Close the gripper; return whether it holds a substrate.

        Vacuum keeps a substrate on the chuck; a spinning one cannot be caught.
        """
        if self.at(GRIPPER) is not None:
            return True
        place = self._near(at_mm, _REACH_HEIGHT_MM)
        film_id = None if place is None else self.at(place)
        if film_id is None:
            return False
        if place == CHUCK and self._spinning(now_s):
            self._places[film_id] = LOST
            return False
        if place == CHUCK and self._vacuum:
            return False
        if place in self._plate_of:
            self._films[film_id] = self._films[film_id].cooled(now_s)
        if place == self._stage:
            self._films[film_id] = self._films[film_id].lit(now_s, 0.0)
        self._places[film_id] = GRIPPER
        return True

    def release(self, now_s: float, at_mm: PositionMm) -> None:
        """Open the gripper; what it held falls to the position below, or is lost."""
        film_id = self.at(GRIPPER)
        if film_id is None:
            return
        place = self._near(at_mm, _FALL_MM)
        if (
            place is None
            or self.at(place) is not None
            or (place == CHUCK and self._spinning(now_s))
        ):
            self._places[film_id] = LOST
            return
        self._places[film_id] = place
        if place in self._plate_of:
            plate = self._plates[self._plate_of[place]]
            self._films[film_id] = self._films[film_id].heated(now_s, plate)
        if place == self._stage:
            self._films[film_id] = self._films[film_id].placed().lit(now_s, self._led)

    def illuminate(self, now_s: float, level: float) -> None:
        """Set the excitation light on the stage, 0 to 1."""
        self._led = level
        film_id = self.on_stage
        if film_id is not None:
            self._films[film_id] = self._films[film_id].lit(now_s, level)

    def _spinning(self, now_s: float) -> bool:
        return self._ramp.speed_rpm(now_s) > c.VACUUM_HOLDS_RPM

    def _plate(self, name: str) -> Plate:
        if name not in self._plates:
            known = ", ".join(self._plates)
            msg = f"substrates: there is no hotplate {name!r}; use {known}"
            raise InvalidInput(msg)
        return self._plates[name]

    def _near(self, at_mm: PositionMm, height_mm: float) -> str | None:
        for name, (x, y, z) in self._positions.items():
            aside = math.hypot(at_mm[0] - x, at_mm[1] - y)
            if aside <= _REACH_MM and abs(at_mm[2] - z) <= height_mm:
                return name
        return None
