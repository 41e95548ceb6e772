"""What emulated instruments can do to the hidden world, and see of it.

Emulators know this protocol and nothing else of the world; ``lab.py`` implements it.
Every call states the laboratory time, which never goes back. Names of wells, positions
and plates are those of the laboratory's description (``lab_config``).
"""

from typing import Literal, Protocol

from hp_lab.lab_config import PositionMm
from hp_lab.units import FloatArray

Light = Literal["lamp", "led", "shutter"]


class World(Protocol):
    """The hidden world as instruments touch it."""

    def aspirate(self, now_s: float, mount: str, well: str, volume_ul: float) -> None:
        """Take liquid from a well (LABWARE/WELL) into the mount's tip.

        A well that holds less gives what it has; the rest is air, as in reality.
        """
        ...

    def dispense(
        self, now_s: float, mount: str, well: str, volume_ul: float, rate_ul_s: float
    ) -> None:
        """Release liquid from the mount's tip into a well, or on ``spin_chuck/A1``."""
        ...

    def drop_tip(self, now_s: float, mount: str) -> None:
        """Throw the mount's tip away with what is left in it."""
        ...

    def set_chuck_speed(
        self, now_s: float, from_rpm: float, to_rpm: float, acceleration_rpm_s: float
    ) -> None:
        """Let the chuck ramp linearly from one speed to another from now on."""
        ...

    def set_vacuum(self, now_s: float, on: bool) -> None:
        """Switch the chuck's vacuum; a spinning substrate without it flies off."""
        ...

    def set_plate(self, now_s: float, plate: str, setpoint_c: float | None) -> None:
        """Regulate a hotplate to a temperature from now on; None is heater off."""
        ...

    def plate_c(self, now_s: float, plate: str) -> float:
        """Return the true surface temperature of a hotplate."""
        ...

    def close_gripper(self, now_s: float, at_mm: PositionMm) -> bool:
        """Close the gripper at a place; return whether it holds a substrate."""
        ...

    def open_gripper(self, now_s: float, at_mm: PositionMm) -> None:
        """Open the gripper; what it held falls to the position below, or is lost."""
        ...

    def set_light(self, now_s: float, light: Light, level: float) -> None:
        """Set lamp or excitation LED (0 to 1), or the shutter (0 closed, 1 open)."""
        ...

    def stage_light(self, now_s: float, wavelength_nm: FloatArray) -> FloatArray:
        """Return photoelectrons per second and pixel that the stage sends, shape (k,).

        It follows from the film on the stage (or the bare stage) and the lights; stray
        light is in it, the detector's noise and dark current are not.
        """
        ...
