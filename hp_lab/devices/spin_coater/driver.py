"""A spin coater: an ODrive turns the chuck, a relay board holds vacuum and lid."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hp_lab.clock import Clock, Signal
from hp_lab.devices.armed import FireGate
from hp_lab.devices.spin_coater.numato import RelayBoard
from hp_lab.devices.spin_coater.odrive import (
    CLOSED_LOOP,
    FULL_CALIBRATION,
    IDLE,
    VEL_RAMP,
    VELOCITY_CONTROL,
    OdriveAxis,
)
from hp_lab.devices.spin_coater.protocol import (
    OnReading,
    Phase,
    SpinReading,
    SpinResult,
)
from hp_lab.devices.spin_coater.settings import SpinSettings
from hp_lab.devices.turns import JobTurn, wait_or_abort
from hp_lab.errors import (
    DeviceError,
    DeviceFault,
    InterlockOpen,
    InvalidInput,
)
from hp_lab.lab_config import SpinCoater
from hp_lab.recipes.steps import SpinStep
from hp_lab.units import rpm_from_turns_per_s, turns_per_s_from_rpm

__all__ = ["OdriveSpinCoater", "SpinReading", "SpinResult", "SpinSettings"]

_JOB_ENDS_S = 2.0
_READY_S = 1.0
# Above this the controller takes the motor for running away.
_SPEED_MARGIN = 1.2


@dataclass(slots=True)
class _Run:
    """One program while it runs."""

    stop: Signal
    on_reading: OnReading
    started_s: float
    trace_s: list[float] = field(default_factory=list)
    trace_rpm: list[float] = field(default_factory=list)


class OdriveSpinCoater:
    """A spin coater on two serial ports; see ``protocol.SpinCoater``.

    Args:
        motor_port: Serial port of the ODrive.
        relay_port: Serial port of the relay board.
        clock: The device's clock.
        limits: What the coater may do, from the laboratory's description.
        settings: How the driver works.
    """

    def __init__(
        self,
        motor_port: str,
        relay_port: str,
        clock: Clock,
        limits: SpinCoater,
        settings: SpinSettings | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._settings = settings or SpinSettings()
        self._motor = OdriveAxis(motor_port, clock, self._settings.timeout_s)
        self._board = RelayBoard(relay_port, clock, self._settings.timeout_s)
        self._turn = JobTurn("spin_coater", clock)
        # When motor, and lid and vacuum, were last looked after.
        self._cared_s = -math.inf
        self._looked_s = -math.inf

    def connect(self) -> None:
        """Open both ports and see who is there."""
        self._motor.open()
        try:
            self._board.open()
        except DeviceError:
            self._motor.close()
            raise

    def close(self) -> None:
        """Close both ports; nothing moves."""
        self._motor.close()
        self._board.close()

    def identity(self) -> str:
        """Return the motor controller's serial number and the board's version."""
        return f"ODrive {self._motor.serial_number}, relay board {self._board.version}"

    def prepare(self, stop: Signal) -> None:
        """Calibrate the motor if it needs that."""
        with self._turn.take("prepare"), self._safe_after_failure():
            self._calibrate(stop)

    def spin(
        self,
        steps: Sequence[SpinStep],
        *,
        gate: FireGate | None,
        stop: Signal,
        on_reading: OnReading,
        on_armed: Callable[[], None] = lambda: None,
        arm_timeout_s: float = 600.0,
    ) -> SpinResult:
        """Hold the substrate, run the steps, stand still and let it go."""
        self._check(steps)
        with self._turn.take("spin"), self._safe_after_failure():
            wait_or_abort(stop, 0.0, "spin_coater")
            self._calibrate(stop)
            self._hold_substrate(stop)
            self._make_ready(steps[0].acceleration_rpm_s)
            on_armed()
            if gate is not None:
                self._wait_for_fire(gate, stop, arm_timeout_s)
            run = _Run(stop, on_reading, self._clock.now_s())
            self._run_steps(run, steps)
            self._brake(run)
            stopped_s = self._clock.now_s()
            self._park()
            self._let_go()
        return SpinResult(
            started_s=run.started_s,
            stopped_s=stopped_s,
            trace_s=tuple(run.trace_s),
            trace_rpm=tuple(run.trace_rpm),
        )

    def make_safe(self) -> None:
        """Brake and let go, after the end of a job under way."""
        self._turn.wait_for_end(_JOB_ENDS_S)
        self._stop_safely()

    def _calibrate(self, stop: Signal) -> None:
        if self._motor.is_calibrated():
            return
        self._check_lid("calibrate")
        self._clear_errors()
        self._motor.request(FULL_CALIBRATION)
        deadline_s = self._clock.now_s() + self._settings.calibration_s
        while self._motor.state() != IDLE:
            if self._clock.now_s() > deadline_s:
                self._fail("calibration does not end")
            wait_or_abort(stop, self._settings.armed_poll_s, "spin_coater")
        if not self._motor.is_calibrated():
            self._fail("calibration failed")

    def _hold_substrate(self, stop: Signal) -> None:
        self._check_lid("spin")
        self._board.switch(self._settings.vacuum_relay, True)
        deadline_s = self._clock.now_s() + self._settings.vacuum_s
        while not self._board.input(self._settings.vacuum_input):
            if self._clock.now_s() >= deadline_s:
                msg = (
                    f"spin_coater: no vacuum after {self._settings.vacuum_s:g} s; "
                    "check that a substrate covers the chuck, and the pump"
                )
                raise InterlockOpen(msg)
            wait_or_abort(stop, self._settings.poll_s, "spin_coater")

    def _make_ready(self, acceleration_rpm_s: float) -> None:
        """Bring the motor into closed loop at standstill, with its watchdog on."""
        motor = self._motor
        limit = turns_per_s_from_rpm(self._limits.max_rpm) * _SPEED_MARGIN
        self._clear_errors()
        motor.set("axis0.controller.config.control_mode", VELOCITY_CONTROL)
        motor.set("axis0.controller.config.input_mode", VEL_RAMP)
        motor.set("axis0.controller.config.vel_limit", limit)
        ramp = turns_per_s_from_rpm(acceleration_rpm_s)
        motor.set("axis0.controller.config.vel_ramp_rate", ramp)
        motor.turn_at(0.0)
        motor.set_watchdog(self._settings.watchdog_s)
        motor.request(CLOSED_LOOP)
        deadline_s = self._clock.now_s() + _READY_S
        while motor.state() != CLOSED_LOOP:
            if self._clock.now_s() >= deadline_s:
                self._fail("the motor does not go into closed loop")
            self._clock.sleep(self._settings.poll_s)

    def _wait_for_fire(
        self, gate: FireGate, stop: Signal, arm_timeout_s: float
    ) -> None:
        deadline_s = self._clock.now_s() + arm_timeout_s
        period_s = self._settings.armed_poll_s
        at_s = None
        while at_s is None:
            left_s = deadline_s - self._clock.now_s()
            if left_s <= 0:
                at_s = gate.close(arm_timeout_s)
                break
            at_s = gate.poll(min(period_s, left_s))
            wait_or_abort(stop, 0.0, "spin_coater")
            self._tend()
        # The last look at lid and vacuum leaves time for the start to be exact.
        while at_s - self._clock.now_s() > 2 * period_s:
            wait_or_abort(stop, period_s, "spin_coater")
            self._tend()
        wait_or_abort(stop, at_s - self._clock.now_s(), "spin_coater")
        late_s = self._clock.now_s() - at_s
        if late_s > self._settings.late_s:
            msg = (
                f"spin_coater: would start {late_s:.3f} s after its time, more than "
                f"{self._settings.late_s:g} s; fire earlier, or relieve the computer"
            )
            raise DeviceFault(msg)

    def _run_steps(self, run: _Run, steps: Sequence[SpinStep]) -> None:
        begin_s, from_rpm = run.started_s, 0.0
        for number, step in enumerate(steps):
            if number:
                # At a step's time nothing may delay its speed: the rate is not read
                # back here, but the speed that follows from it is watched.
                acceleration = turns_per_s_from_rpm(step.acceleration_rpm_s)
                self._motor.set_ramp(acceleration)
            self._motor.turn_at(turns_per_s_from_rpm(step.speed_rpm))
            ramp_s = abs(step.speed_rpm - from_rpm) / step.acceleration_rpm_s
            settled_s = begin_s + ramp_s + self._settings.follow_s
            end_s = begin_s + step.duration_s
            while True:
                left_s = end_s - self._clock.now_s()
                wait_or_abort(
                    run.stop, min(self._settings.poll_s, left_s), "spin_coater"
                )
                if self._clock.now_s() >= end_s:
                    # The next speed is due; reading can wait.
                    break
                speed_rpm = self._read(run, "spinning")
                self._tend(speed_rpm)
                if self._clock.now_s() > settled_s:
                    self._check_speed(speed_rpm, step.speed_rpm)
            begin_s, from_rpm = end_s, step.speed_rpm

    def _brake(self, run: _Run) -> None:
        """Come to a standstill; a stop that is raised now changes nothing."""
        self._send_brake()
        deadline_s = self._clock.now_s() + self._settings.stand_s
        while abs(self._read(run, "stopping")) > self._settings.still_rpm:
            self._refuse_turning(deadline_s)
            self._motor.feed()
            self._clock.sleep(self._settings.poll_s)

    def _park(self) -> None:
        """Turn the chuck to the angle at which the gripper takes substrates."""
        park = self._settings.park_turns
        if park is None:
            return
        for name, value in (("vel_limit", 1.0), ("accel_limit", 4.0)):
            self._motor.set(f"axis0.trap_traj.config.{name}", value)
        self._motor.set("axis0.trap_traj.config.decel_limit", 4.0)
        position, _ = self._motor.feedback()
        goal = round(position - park) + park
        self._motor.turn_to(goal)
        deadline_s = self._clock.now_s() + self._settings.stand_s
        while True:
            position, speed = self._motor.feedback()
            if abs(position - goal) < 0.005 and abs(speed) < 0.02:
                return
            if self._clock.now_s() > deadline_s:
                self._fail(f"the chuck does not turn to {park:g} turns")
            self._motor.feed()
            self._clock.sleep(self._settings.poll_s)

    def _let_go(self) -> None:
        """Switch motor and vacuum off; the chuck stands."""
        self._motor.set_watchdog(0.0)
        self._motor.request(IDLE)
        if self._motor.state() != IDLE:
            self._fail("the motor does not switch off")
        self._board.switch(self._settings.vacuum_relay, False)
        deadline_s = self._clock.now_s() + self._settings.release_s
        while self._board.input(self._settings.vacuum_input):
            if self._clock.now_s() >= deadline_s:
                msg = (
                    "spin_coater: there is still vacuum "
                    f"{self._settings.release_s:g} s after the valve was closed; check "
                    "valve and vacuum switch before the substrate is taken"
                )
                raise DeviceFault(msg)
            self._clock.sleep(self._settings.poll_s)

    def _stop_safely(self) -> None:
        """Brake as fast as it can, whatever state the motor is in, then let go."""
        self._send_brake()
        deadline_s = self._clock.now_s() + self._settings.stand_s
        while abs(self._speed_rpm()) > self._settings.still_rpm:
            self._refuse_turning(deadline_s)
            self._motor.feed()
            self._clock.sleep(self._settings.poll_s)
        self._let_go()

    def _send_brake(self) -> None:
        fastest = turns_per_s_from_rpm(self._limits.max_acceleration_rpm_s)
        self._motor.set_ramp(fastest)
        self._motor.turn_at(0.0)

    def _read(self, run: _Run, phase: Phase) -> float:
        speed_rpm = self._speed_rpm()
        reading = SpinReading(
            elapsed_s=self._clock.now_s() - run.started_s,
            speed_rpm=speed_rpm,
            phase=phase,
        )
        run.trace_s.append(reading.elapsed_s)
        run.trace_rpm.append(speed_rpm)
        run.on_reading(reading)
        return speed_rpm

    def _speed_rpm(self) -> float:
        return rpm_from_turns_per_s(self._motor.feedback()[1])

    def _tend(self, speed_rpm: float = 0.0) -> None:
        """Feed the watchdog and look after lid, vacuum and motor, each in its time."""
        now_s = self._clock.now_s()
        if now_s - self._cared_s >= self._settings.care_s:
            self._cared_s = now_s
            self._motor.feed()
            if self._motor.axis_error():
                self._fail(f"the motor let go at {speed_rpm:.0f} rpm")
        if now_s - self._looked_s >= self._settings.look_s:
            self._looked_s = now_s
            self._check_lid("spin", speed_rpm)
            self._check_vacuum(speed_rpm)

    def _check_vacuum(self, speed_rpm: float) -> None:
        if not self._board.input(self._settings.vacuum_input):
            msg = (
                f"spin_coater: vacuum lost at {speed_rpm:.0f} rpm; the substrate may "
                "have left the chuck: look before the next one is loaded"
            )
            raise InterlockOpen(msg)

    def _check_lid(self, purpose: str, speed_rpm: float = 0.0) -> None:
        if not self._board.input(self._settings.lid_input):
            when = f" at {speed_rpm:.0f} rpm" if speed_rpm else ""
            msg = f"spin_coater: the lid is open{when}; close it to {purpose}"
            raise InterlockOpen(msg)

    def _check_speed(self, speed_rpm: float, wanted_rpm: float) -> None:
        settings = self._settings
        allowed = max(settings.follow_rpm, settings.follow_share * wanted_rpm)
        if abs(speed_rpm - wanted_rpm) > allowed:
            self._fail(
                f"{speed_rpm:.0f} rpm instead of {wanted_rpm:.0f} rpm, more than "
                f"{allowed:.0f} rpm off"
            )

    def _refuse_turning(self, deadline_s: float) -> None:
        if self._clock.now_s() > deadline_s:
            self._fail(f"the chuck still turns after {self._settings.stand_s:g} s")

    def _clear_errors(self) -> None:
        """Clear what earlier jobs left, such as a watchdog that ran out."""
        if not self._motor.errors():
            return
        # A watchdog that is on and has run out must be fed first.
        self._motor.feed()
        self._motor.clear_errors()
        if self._motor.errors():
            self._fail("errors cannot be cleared")

    def _fail(self, what: str) -> None:
        found = self._motor.errors()
        names = ", ".join(f"{name} 0x{bits:x}" for name, bits in found.items())
        msg = (
            f"spin_coater: {what} ({names or 'the motor controller reports no error'})"
        )
        raise DeviceFault(msg)

    @contextmanager
    def _safe_after_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            try:
                self._stop_safely()
            except DeviceError as second:
                error.add_note(
                    f"The chuck could not be seen to stand ({second}); the motor's "
                    f"watchdog acts within {self._settings.watchdog_s:g} s."
                )
            raise

    def _check(self, steps: Sequence[SpinStep]) -> None:
        if not steps:
            msg = "spin_coater: the program has no step; give at least one"
            raise InvalidInput(msg)
        limits = self._limits
        for number, step in enumerate(steps, 1):
            self._check_range(
                step.speed_rpm, limits.min_rpm, limits.max_rpm, "speed_rpm", number
            )
            self._check_range(
                step.acceleration_rpm_s,
                limits.min_acceleration_rpm_s,
                limits.max_acceleration_rpm_s,
                "acceleration_rpm_s",
                number,
            )
            if not 0 < step.duration_s < math.inf:
                msg = (
                    f"spin_coater: step {number} lasts {step.duration_s} s; "
                    "give a duration_s above 0"
                )
                raise InvalidInput(msg)

    def _check_range(
        self, value: float, low: float, high: float, name: str, number: int
    ) -> None:
        if not low <= value <= high:
            msg = (
                f"spin_coater: {name} is {value} in step {number}, outside {low:g} to "
                f"{high:g}; change it"
            )
            raise InvalidInput(msg)
