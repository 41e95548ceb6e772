"""A gantry on a GRBL controller, with a servo gripper, that carries substrates."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hp_lab.clock import Clock, Signal
from hp_lab.devices.gantry.grbl import GrblController
from hp_lab.devices.gantry.gripper import ServoGripper
from hp_lab.devices.gantry.protocol import GRIPPER, UNKNOWN, OnPhase
from hp_lab.devices.turns import JobTurn, wait_or_abort
from hp_lab.errors import (
    AmbiguousOutcome,
    DeviceError,
    DeviceFault,
    InvalidConfig,
    InvalidInput,
)
from hp_lab.lab_config import Gantry, PositionMm

__all__ = ["GrblGantry", "GrblGantrySettings"]

_JOB_ENDS_S = 2.0
_ARRIVED_MM = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class GrblGantrySettings:
    """How the driver works.

    Attributes:
        timeout_s: How long an answer may take.
        home_s: Longest homing.
        move_s: Longest way.
        closed_us: Pulse width of closed jaws.
        open_us: Pulse width of open jaws.
        jaw_rate_us_s: Speed of the jaws, microseconds of pulse width a second.
        held_load: Load from which the springs are pressed by a substrate.
        tries: How often a grip, or a release, is tried.
    """

    timeout_s: float = 1.0
    home_s: float = 120.0
    move_s: float = 60.0
    closed_us: float = 1100.0
    open_us: float = 1700.0
    jaw_rate_us_s: float = 600.0
    held_load: float = 0.5
    tries: int = 3

    @property
    def jaw_s(self) -> float:
        """Time from open to closed jaws."""
        return abs(self.open_us - self.closed_us) / self.jaw_rate_us_s


class GrblGantry:
    """A gantry on two serial ports; see ``protocol.Gantry``.

    The gantry's frame goes from 0 to its travel on each axis; homing ends at the far
    ends, where GRBL's machine coordinates are 0, so they are the frame's less travel.

    Args:
        motion_port: Serial port of the GRBL controller.
        gripper_port: Serial port of the gripper.
        clock: The device's clock.
        layout: Travel, positions and speeds, from the laboratory's description.
        settings: How the driver works.

    Raises:
        InvalidConfig: A position is outside the travel, or above the clearance.
    """

    def __init__(
        self,
        motion_port: str,
        gripper_port: str,
        clock: Clock,
        layout: Gantry,
        settings: GrblGantrySettings | None = None,
    ) -> None:
        self._settings = settings or GrblGantrySettings()
        self._layout = layout
        self._places = layout.positions()
        _check_layout(layout)
        self._motion = GrblController(motion_port, clock, self._settings.timeout_s)
        self._jaws = ServoGripper(gripper_port, clock, self._settings.timeout_s)
        self._turn = JobTurn("gantry", clock)
        self._homed = False
        self._location = ""

    def connect(self) -> None:
        """Open both ports; the motion controller must be set up for this gantry."""
        self._homed = False
        self._motion.open()
        try:
            self._check_controller()
            self._jaws.open()
        except DeviceError:
            self.close()
            raise

    def close(self) -> None:
        """Close both ports; nothing moves."""
        self._motion.close()
        self._jaws.close()

    def identity(self) -> str:
        """Return the version of the motion controller's firmware."""
        return f"GRBL {self._motion.version}"

    @property
    def location(self) -> str:
        """Where the substrate of the last job is, as far as that is known."""
        return self._location

    def home(self, *, stop: Signal) -> None:
        """Find the ends of the axes."""
        with self._turn.take("home"), self._stopped_after_failure():
            self._find_step()
            self._home(stop)

    def move_sample(
        self, source: str, target: str, *, stop: Signal, on_phase: OnPhase
    ) -> str:
        """Carry a substrate from one position to another and return where it is."""
        for name in (source, target):
            if name not in self._places and not (name == GRIPPER and name == source):
                known = ", ".join(sorted(self._places))
                msg = f"gantry: no position {name!r}; there are {known}"
                raise InvalidInput(msg)
        with self._turn.take(f"carry {source} to {target}"):
            self._location = source
            with self._stopped_after_failure():
                wait_or_abort(stop, 0.0, "gantry")
                self._make_ready(stop, on_phase)
                if source == GRIPPER:
                    on_phase("carrying")
                else:
                    self._pick(source, stop, on_phase)
                self._place(target, stop, on_phase)
        return self._location

    def make_safe(self) -> None:
        """Stop the head, after the end of a job under way; the jaws keep their hold."""
        self._turn.wait_for_end(_JOB_ENDS_S)
        self._stop()

    def _make_ready(self, stop: Signal, on_phase: OnPhase) -> None:
        self._find_step()
        if self._homed and self._motion.status().state == "Idle":
            return
        on_phase("homing")
        self._home(stop)

    def _find_step(self) -> None:
        """Leave what an earlier failure left: moves, a hold, missing answers."""
        self._stop()

    def _home(self, stop: Signal) -> None:
        self._homed = False
        self._motion.home(stop=stop, timeout_s=self._settings.home_s)
        # Millimetres, absolute: what every move relies on.
        self._motion.command("G21 G90")
        self._homed = True

    def _pick(self, source: str, stop: Signal, on_phase: OnPhase) -> None:
        if self._holds():
            msg = (
                "gantry: the gripper holds a substrate already; move it from 'gripper' "
                "to a free position first"
            )
            raise DeviceFault(msg)
        on_phase("travelling")
        settings = self._settings
        self._jaws.move(settings.open_us, settings.jaw_rate_us_s, settings.jaw_s)
        self._travel(source, stop)
        self._lower(source, stop)
        on_phase("gripping")
        for _ in range(self._settings.tries):
            self._jaw(self._settings.closed_us)
            if self._holds():
                break
            self._jaw(self._settings.open_us)
            wait_or_abort(stop, 0.0, "gantry")
        else:
            self._rise(stop)
            msg = (
                f"gantry: no substrate gripped at {source} in {self._settings.tries} "
                "tries; check that there is one and that it lies flat"
            )
            raise DeviceFault(msg)
        self._location = GRIPPER
        on_phase("carrying")
        self._rise(stop)
        self._check_hold(f"while lifting it from {source}")

    def _place(self, target: str, stop: Signal, on_phase: OnPhase) -> None:
        if not self._holds():
            self._location = UNKNOWN
            msg = "gantry: the gripper holds nothing; look where the substrate is"
            raise AmbiguousOutcome(msg)
        self._travel(target, stop)
        self._check_hold(f"on the way to {target}")
        self._lower(target, stop)
        on_phase("releasing")
        for _ in range(self._settings.tries):
            self._jaw(self._settings.open_us)
            if not self._holds():
                break
            self._jaw(self._settings.closed_us)
        else:
            self._rise(stop)
            msg = (
                f"gantry: the substrate for {target} sticks to the gripper; take it "
                "off and say where it is"
            )
            raise AmbiguousOutcome(msg)
        self._location = target
        self._rise(stop)
        if self._holds():
            self._location = GRIPPER
            msg = (
                f"gantry: the substrate for {target} came up with the gripper; take it "
                "off and say where it is"
            )
            raise AmbiguousOutcome(msg)

    def _check_hold(self, when: str) -> None:
        if not self._holds():
            self._location = UNKNOWN
            msg = f"gantry: the substrate was lost {when}; look for it before going on"
            raise AmbiguousOutcome(msg)

    def _holds(self) -> bool:
        return self._jaws.load() >= self._settings.held_load

    def _jaw(self, pulse_us: float) -> None:
        """Move the jaws; when nobody knows whether they did, nor what they hold."""
        settings = self._settings
        try:
            self._jaws.move(pulse_us, settings.jaw_rate_us_s, settings.jaw_s)
        except DeviceError as error:
            verb = "open" if pulse_us == settings.open_us else "close"
            before, self._location = self._location, UNKNOWN
            msg = (
                f"gantry: the gripper was told to {verb} and did not answer ({error}); "
                f"the substrate was at {before!r}: look where it is"
            )
            raise AmbiguousOutcome(msg) from error

    def _travel(self, name: str, stop: Signal) -> None:
        """Go above a position at clearance height or higher."""
        self._rise(stop)
        x, y, _ = self._machine(self._places[name])
        self._move((x, y, None), stop)

    def _lower(self, name: str, stop: Signal) -> None:
        self._move((None, None, self._machine(self._places[name])[2]), stop)

    def _rise(self, stop: Signal) -> None:
        height = self._layout.clearance_mm - self._layout.travel_mm[2]
        if self._motion.status().machine_mm[2] < height - _ARRIVED_MM:
            self._move((None, None, height), stop)

    def _move(
        self, target_mm: tuple[float | None, float | None, float | None], stop: Signal
    ) -> None:
        """Go there and check that it is there."""
        self._motion.move(
            target_mm,
            self._layout.feed_mm_min,
            stop=stop,
            timeout_s=self._settings.move_s,
        )
        reached = self._motion.status()
        missed = [
            f"{axis} {is_at:.3f} instead of {wanted:.3f}"
            for axis, is_at, wanted in zip(
                "XYZ", reached.machine_mm, target_mm, strict=True
            )
            if wanted is not None and abs(is_at - wanted) > _ARRIVED_MM
        ]
        if missed or reached.state != "Idle":
            msg = (
                f"gantry: not where it was sent ({', '.join(missed)} mm; state "
                f"{reached.state}); home it after looking"
            )
            raise DeviceFault(msg)

    def _machine(self, place: PositionMm) -> PositionMm:
        travel = self._layout.travel_mm
        return (place[0] - travel[0], place[1] - travel[1], place[2] - travel[2])

    def _stop(self) -> None:
        """Stop the head if it may move, and make answers trustworthy."""
        if self._motion.rests():
            return
        if not self._motion.stop():
            self._homed = False

    @contextmanager
    def _stopped_after_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            try:
                self._stop()
            except DeviceError as second:
                self._homed = False
                error.add_note(f"The head could not be seen to stand ({second}).")
            raise

    def _check_controller(self) -> None:
        found = self._motion.settings()
        wanted = {13: 0.0, 20: 1.0, 22: 1.0}
        for number, value in wanted.items():
            if found.get(number) != value:
                msg = (
                    f"gantry: setting ${number} is {found.get(number)}; set "
                    f"${number}={value:.0f} (millimetres, soft limits, homing)"
                )
                raise DeviceFault(msg)
        for axis, number, length in zip(
            "XYZ", (130, 131, 132), self._layout.travel_mm, strict=True
        ):
            if abs(found.get(number, math.nan) - length) > 1e-3:
                continue_with = f"set ${number}={length:g} or correct travel_mm"
                msg = (
                    f"gantry: travel of {axis} is {found.get(number)} mm in the "
                    f"controller and {length:g} mm in the lab file; {continue_with}"
                )
                raise DeviceFault(msg)


def _check_layout(layout: Gantry) -> None:
    if layout.clearance_mm > layout.travel_mm[2]:
        msg = (
            f"gantry: clearance_mm {layout.clearance_mm:g} is above the travel of Z, "
            f"{layout.travel_mm[2]:g} mm; lower it"
        )
        raise InvalidConfig(msg)
    for name, place in layout.positions().items():
        inside = all(
            0 <= axis <= travel
            for axis, travel in zip(place, layout.travel_mm, strict=True)
        )
        if not inside or place[2] >= layout.clearance_mm:
            msg = (
                f"gantry: position {name} at {place} mm is outside the travel "
                f"{layout.travel_mm} mm or not below clearance_mm "
                f"{layout.clearance_mm:g}; correct the lab file"
            )
            raise InvalidConfig(msg)
