"""The hidden world of one laboratory, as its emulated instruments touch it.

It owns the truth: what is in wells and tips, where every substrate is, what happened to
it. Nothing is stepped through time; every state is worked out for the time at hand.
"""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Self

import numpy as np

from hp_lab.chemistry.stocks import StockTable
from hp_lab.errors import HpLabError, InvalidInput
from hp_lab.lab_config import LabConfig, PositionMm
from hp_lab.simulation import constants as c
from hp_lab.simulation.deck import Deck, filled_wells
from hp_lab.simulation.films import FilmHistory, Ramp
from hp_lab.simulation.formation import Film, aged, film_at
from hp_lab.simulation.liquids import WellContents, mixed
from hp_lab.simulation.stage import FilmLight, Lights, Stage
from hp_lab.simulation.substrates import Substrates
from hp_lab.simulation.variation import Variation
from hp_lab.simulation.world import Light
from hp_lab.simulation.world_log import Value, WorldLog
from hp_lab.units import FloatArray

# Instruments in threads of their own may call this much out of order.
_MOST_DISORDER_S = 1.0


class LabWorld:
    """The hidden world behind one laboratory's emulators; see ``world.World``.

    Every hidden deviation belongs to the seed and to the thing it is of, so two worlds
    that were told the same, in whatever order films were made, are the same.

    Args:
        lab: The laboratory.
        stocks: What is in the wells at the start. A table also says which tray slots
            hold substrates; otherwise every slot does.
        seed: Of all that differs between laboratories and between films.
        log: File in which every change is kept. When it exists already, the world goes
            on from there.

    Raises:
        InvalidInput: Stocks do not fit the laboratory, or the log is another world's.
    """

    def __init__(
        self,
        lab: LabConfig,
        stocks: Mapping[str, WellContents] | StockTable,
        *,
        seed: int,
        log: Path | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._seed = seed
        self._led_nm = lab.spectrometer.excitation_nm
        self._deck = Deck(lab, stocks, seed)
        slots = list(stocks.slots) if isinstance(stocks, StockTable) else []
        if not slots:
            slots = [
                f"{grid}/{slot}"
                for grid, places in lab.gantry.grids.items()
                for slot in places.positions()
            ]
        self._substrates = Substrates(lab, slots)
        self._stage = Stage(seed, self._led_nm)
        self._lights = Lights()
        self._now_s = -math.inf
        self._fresh: dict[str, tuple[FilmHistory, float, Film | None]] = {}
        self._log: WorldLog | None = None
        if log is not None:
            opened = WorldLog(log, {"seed": seed, "contents": _digest(stocks, slots)})
            try:
                for name, now_s, arguments in opened.calls():
                    self._replay(name, now_s, arguments)
            except HpLabError:
                opened.close()
                raise
            self._log = opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()

    def aspirate(self, now_s: float, mount: str, well: str, volume_ul: float) -> None:
        """Take liquid from a well, and air where it holds less."""
        with self._lock:
            now_s = self._advance(now_s)
            self._deck.aspirate(mount, well, volume_ul)
            self._note("aspirate", now_s, mount=mount, well=well, volume_ul=volume_ul)

    def dispense(
        self, now_s: float, mount: str, well: str, volume_ul: float, rate_ul_s: float
    ) -> None:
        """Release liquid into a well, or on the chuck and what lies on it."""
        with self._lock:
            now_s = self._advance(now_s)
            if self._deck.is_chuck(well):
                target = self._substrates.on_chuck
                released = self._deck.dispense(mount, well, volume_ul, target=target)
                if self._substrates.wet(now_s, released, rate_ul_s) is None:
                    self._deck.spill(released)
            else:
                self._deck.dispense(mount, well, volume_ul)
            self._note(
                "dispense",
                now_s,
                mount=mount,
                well=well,
                volume_ul=volume_ul,
                rate_ul_s=rate_ul_s,
            )

    def drop_tip(self, now_s: float, mount: str) -> None:
        """Throw the mount's tip away with what is left in it."""
        with self._lock:
            now_s = self._advance(now_s)
            self._deck.drop_tip(mount)
            self._note("drop_tip", now_s, mount=mount)

    def set_chuck_speed(
        self, now_s: float, from_rpm: float, to_rpm: float, acceleration_rpm_s: float
    ) -> None:
        """Let the chuck ramp linearly from one speed to another from now on."""
        with self._lock:
            now_s = self._advance(now_s)
            self._substrates.spin(
                Ramp(
                    at_s=now_s,
                    from_rpm=abs(from_rpm),
                    to_rpm=abs(to_rpm),
                    acceleration_rpm_s=abs(acceleration_rpm_s),
                )
            )
            self._note(
                "set_chuck_speed",
                now_s,
                from_rpm=from_rpm,
                to_rpm=to_rpm,
                acceleration_rpm_s=acceleration_rpm_s,
            )

    def set_vacuum(self, now_s: float, on: bool) -> None:
        """Switch the chuck's vacuum; a spinning substrate without it flies off."""
        with self._lock:
            now_s = self._advance(now_s)
            self._substrates.set_vacuum(now_s, on=on)
            self._note("set_vacuum", now_s, on=on)

    def set_plate(self, now_s: float, plate: str, setpoint_c: float | None) -> None:
        """Regulate a hotplate to a temperature from now on; None is heater off."""
        with self._lock:
            now_s = self._advance(now_s)
            self._substrates.set_plate(now_s, plate, setpoint_c)
            self._note("set_plate", now_s, plate=plate, setpoint_c=setpoint_c)

    def plate_c(self, now_s: float, plate: str) -> float:
        """Return the true surface temperature of a hotplate."""
        with self._lock:
            return self._substrates.plate_c(self._advance(now_s), plate)

    def close_gripper(self, now_s: float, at_mm: PositionMm) -> bool:
        """Close the gripper at a place; return whether it holds a substrate."""
        with self._lock:
            now_s = self._advance(now_s)
            held = self._substrates.grip(now_s, at_mm)
            self._note("close_gripper", now_s, at_mm=list(at_mm))
            return held

    def open_gripper(self, now_s: float, at_mm: PositionMm) -> None:
        """Open the gripper; what it held falls to the position below, or is lost."""
        with self._lock:
            now_s = self._advance(now_s)
            self._substrates.release(now_s, at_mm)
            self._note("open_gripper", now_s, at_mm=list(at_mm))

    def set_light(self, now_s: float, light: Light, level: float) -> None:
        """Set lamp or excitation LED (0 to 1), or the shutter before the detector.

        Raises:
            InvalidInput: The level is not between 0 and 1, or there is no such light.
        """
        if not 0.0 <= level <= 1.0:
            msg = f"stage: level {level:g} of {light} must be from 0 to 1"
            raise InvalidInput(msg)
        with self._lock:
            now_s = self._advance(now_s)
            if light == "lamp":
                since = self._lights.lamp_since_s if self._lights.lamp > 0 else now_s
                self._lights = replace(self._lights, lamp=level, lamp_since_s=since)
            elif light == "led":
                self._lights = replace(self._lights, led=level)
                self._substrates.illuminate(now_s, level)
            elif light == "shutter":
                self._lights = replace(self._lights, shutter=level)
            else:
                msg = f"stage: there is no light {light!r}; use lamp, led or shutter"
                raise InvalidInput(msg)
            self._note("set_light", now_s, light=light, level=level)

    def stage_light(self, now_s: float, wavelength_nm: FloatArray) -> FloatArray:
        """Return photoelectrons per second and pixel from the stage, shape (k,)."""
        with self._lock:
            now_s = self._advance(now_s)
            if self._lights.shutter <= 0:
                return np.zeros(wavelength_nm.shape)
            film_id = self._substrates.on_stage
            if film_id is None:
                return self._stage.photoelectrons_s(
                    wavelength_nm, self._lights, None, now_s
                )
            placed = str(self._substrates.history(film_id).placements)
            variation = self._variation(film_id)
            film = self.film(film_id, now_s)
            return self._stage.photoelectrons_s(
                wavelength_nm,
                self._lights,
                FilmLight(film, self._led_nm),
                now_s,
                lamp_coupling=variation.factor(f"lamp {placed}", c.PLACEMENT_LAMP),
                led_coupling=variation.factor(f"led {placed}", c.PLACEMENT_EMISSION),
            )

    @property
    def places(self) -> dict[str, str]:
        """Where every substrate is: a position, ``gripper`` or ``lost``."""
        with self._lock:
            return self._substrates.places

    def contents(self, well: str) -> WellContents:
        """Return what is in a well.

        Raises:
            InvalidInput: The deck has no such well.
        """
        with self._lock:
            return self._deck.contents(well)

    def in_tip(self, mount: str) -> WellContents:
        """Return the liquid in a mount's tip.

        Raises:
            InvalidInput: There is no such mount.
        """
        with self._lock:
            return self._deck.in_tip(mount)

    @property
    def liquids(self) -> WellContents:
        """All liquid there is: on the deck, spilled, and what fell on substrates."""
        with self._lock:
            landed = [
                deposit.liquid
                for film_id in self._substrates.places
                for deposit in self._substrates.history(film_id).deposits
            ]
            return mixed([self._deck.everything, *landed])

    def history(self, film_id: str) -> FilmHistory:
        """Return what happened to a substrate, named by its first tray slot.

        Raises:
            InvalidInput: There is no such substrate.
        """
        with self._lock:
            return self._substrates.history(film_id)

    def film(self, film_id: str, now_s: float) -> Film | None:
        """Return the hidden truth of a film at a time; None on a bare substrate.

        Raises:
            InvalidInput: There is no such substrate.
        """
        with self._lock:
            history = self._substrates.history(film_id)
            made_s = history.made_s(now_s)
            known = self._fresh.get(film_id)
            if known is not None and _same_making(known, history, made_s):
                fresh = known[2]
            else:
                fresh = film_at(history, made_s, self._variation(film_id))
                self._fresh[film_id] = (history, made_s, fresh)
            if fresh is None:
                return None
            return aged(fresh, now_s - made_s, history.light_dose_s(now_s))

    def _variation(self, film_id: str) -> Variation:
        # Substrates of a tray row were cleaned together.
        tray, _, slot = film_id.partition("/")
        return Variation(
            seed=self._seed, film_id=film_id, batch_id=f"{tray}/{slot[:1]}"
        )

    def _advance(self, now_s: float) -> float:
        """Return the time to use: it never goes back, but threads may race a little."""
        if now_s < self._now_s - _MOST_DISORDER_S:
            msg = (
                f"hidden world: time {now_s:.3f} s is {self._now_s - now_s:.3f} s "
                "before the last call; laboratory time never goes back"
            )
            raise InvalidInput(msg)
        self._now_s = max(now_s, self._now_s)
        return self._now_s

    def _note(self, name: str, now_s: float, **arguments: Value) -> None:
        if self._log is not None:
            self._log.append(name, now_s, arguments)

    def _replay(self, name: str, now_s: float, arguments: dict[str, Value]) -> None:
        calls: dict[str, Callable[..., object]] = {
            "aspirate": self.aspirate,
            "dispense": self.dispense,
            "drop_tip": self.drop_tip,
            "set_chuck_speed": self.set_chuck_speed,
            "set_vacuum": self.set_vacuum,
            "set_plate": self.set_plate,
            "close_gripper": self.close_gripper,
            "open_gripper": self.open_gripper,
            "set_light": self.set_light,
        }
        if name not in calls:
            msg = f"hidden world: the log has an unknown call {name!r}"
            raise InvalidInput(msg)
        calls[name](now_s, **arguments)


def _same_making(
    known: tuple[FilmHistory, float, Film | None], history: FilmHistory, made_s: float
) -> bool:
    """Return whether nothing but light and moving happened since a film was known."""
    earlier, earlier_s, _ = known
    return (
        made_s == earlier_s
        and earlier.deposits is history.deposits
        and earlier.ramps is history.ramps
        and earlier.heatings is history.heatings
    )


def _digest(stocks: Mapping[str, WellContents] | StockTable, slots: list[str]) -> str:
    """Return a short fingerprint of what a world starts with."""
    wells = filled_wells(stocks)
    lines = [
        f"{name} {liquid.volume_ul!r} {sorted(liquid.species.items())!r} "
        f"{sorted(liquid.solvents.items())!r}"
        for name, liquid in sorted(wells.items())
    ]
    text = "\n".join([*lines, *sorted(slots)])
    return blake2b(text.encode(), digest_size=8).hexdigest()
