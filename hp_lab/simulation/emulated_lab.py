"""One emulated laboratory: a hidden world, and an emulator on every wire to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hp_lab.chemistry.stocks import StockTable
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig
from hp_lab.simulation.emulators.grbl import GrblEmulator
from hp_lab.simulation.emulators.gripper import GripperEmulator
from hp_lab.simulation.emulators.ika import IkaEmulator
from hp_lab.simulation.emulators.light import LightBox
from hp_lab.simulation.emulators.numato import NumatoEmulator
from hp_lab.simulation.emulators.ocean import OceanHdx
from hp_lab.simulation.emulators.odrive import OdriveEmulator
from hp_lab.simulation.emulators.opentrons import OpentronsRobot
from hp_lab.simulation.hosting import Session
from hp_lab.simulation.lab import LabWorld
from hp_lab.simulation.world import Light

# Keeps the detector's random numbers apart from the world's.
_DETECTOR = 7


class EmulatedLab:
    """The instruments of a laboratory and the world that they share.

    Args:
        lab: The laboratory's description.
        stocks: What is in its wells and tray slots.
        seed: Decides all that is hidden.
        log: File that keeps the world over restarts.
        now_s: Laboratory time of the start.
    """

    def __init__(
        self,
        lab: LabConfig,
        stocks: StockTable,
        *,
        seed: int,
        log: Path | None,
        now_s: float,
    ) -> None:
        going_on = log is not None and log.exists()
        self.world = LabWorld(lab, stocks, seed=seed, log=log)
        if going_on:
            self._power_up(lab, now_s)
        world = self.world
        grbl = GrblEmulator(lab.gantry.travel_mm)
        ocean = OceanHdx(world, np.random.default_rng([seed, _DETECTOR]))
        self._instruments: dict[str, Any] = {
            "opentrons": OpentronsRobot(world, lab.pipettor),
            "odrive": OdriveEmulator(world),
            "relay": NumatoEmulator(world),
            "ocean": ocean,
            "light": LightBox(world),
            "grbl": grbl,
            "gripper": GripperEmulator(
                world, grbl.position_mm, holds="gripper" in world.places.values()
            ),
            **{name: IkaEmulator(world, name) for name in lab.hotplates},
        }

    def sessions(self) -> dict[str, Session]:
        """Return what answers on each wire, by the wire's name."""
        found: dict[str, Session] = {}
        for wire, instrument in self._instruments.items():
            # Servers have a conversation for each connection, the others one port.
            session = getattr(instrument, "session", None)
            found[wire] = session or _itself(instrument)
        return found

    def inject(self, wire: str, fault: str, parameters: Mapping[str, Any]) -> None:
        """Make an instrument misbehave; the fault ``clear`` ends all of its faults.

        Raises:
            InvalidInput: No such instrument or fault.
        """
        instrument = self._instruments.get(wire)
        if instrument is None:
            msg = f"no instrument {wire!r}; there are {', '.join(self._instruments)}"
            raise InvalidInput(msg)
        if fault == "clear":
            instrument.clear()
        else:
            instrument.inject(fault, dict(parameters))

    def states(self, now_s: float) -> dict[str, Any]:
        """Return the state of every instrument, as an observer beside it would see."""
        return {
            wire: instrument.state(now_s)
            for wire, instrument in self._instruments.items()
        }

    def close(self) -> None:
        """Close the world's log."""
        self.world.close()

    def _power_up(self, lab: LabConfig, now_s: float) -> None:
        """Let the world know that instruments start switched off."""
        for name in lab.hotplates:
            self.world.set_plate(now_s, name, None)
        lights: tuple[Light, ...] = ("lamp", "led", "shutter")
        for light in lights:
            self.world.set_light(now_s, light, 0.0)
        self.world.set_chuck_speed(now_s, 0.0, 0.0, 1.0)


def _itself(instrument: Any) -> Session:  # noqa: ANN401 - any emulator
    return lambda: instrument
