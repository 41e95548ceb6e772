"""IKA hotplates that anneal films along a profile."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hp_lab.clock import Clock, Signal
from hp_lab.devices.hotplate.guard import GuardLimits, PlateGuard
from hp_lab.devices.hotplate.namur import RESOLUTION_K, NamurHotplate
from hp_lab.devices.hotplate.protocol import (
    AnnealReading,
    AnnealResult,
    OnReading,
    Phase,
)
from hp_lab.devices.turns import JobTurn, wait_or_abort
from hp_lab.errors import DeviceError, DeviceFault, InvalidInput
from hp_lab.lab_config import Hotplate
from hp_lab.recipes.steps import AnnealSegment

__all__ = ["AnnealReading", "AnnealResult", "HotplateSettings", "IkaHotplate"]

# The safety circuit cuts in while the plate overshoots: keep away from it.
_BELOW_SAFETY_K = 50.0
_LONGEST_WATCHDOG_S = 1500.0
_FALLBACK_C = 25.0
# How long a job may take to notice that it was stopped.
_JOB_ENDS_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HotplateSettings:
    """How the driver works.

    Attributes:
        band_k: Within this of its target the plate counts as there, and holds begin.
        poll_s: Between readings while the temperature changes, and early in a hold.
        hold_poll_s: Between readings later in a hold.
        settle_s: How long a hold is read as often as a ramp.
        timeout_s: How long an answer may take.
        watchdog_mode: 2 goes to room temperature when the computer has gone, and can be
            ended; 1 switches off and then needs a person.
        watchdog_s: The computer has gone after this long without a sign of life.
        guard: What no healthy plate does.
    """

    band_k: float = 2.0
    poll_s: float = 1.0
    hold_poll_s: float = 10.0
    settle_s: float = 60.0
    timeout_s: float = 1.0
    watchdog_mode: int = 2
    watchdog_s: float = 60.0
    guard: GuardLimits = field(default_factory=GuardLimits)


@dataclass(slots=True)
class _Job:
    """One job while it is under way."""

    stop: Signal
    on_reading: OnReading
    started_s: float
    guard: PlateGuard
    trace_s: list[float] = field(default_factory=list)
    trace_c: list[float] = field(default_factory=list)
    worst_k: float = 0.0
    setpoint_c: float = 0.0


class IkaHotplate:
    """A hotplate on an IKA NAMUR line; see ``protocol.Hotplate``.

    Args:
        port: Serial port.
        clock: The device's clock.
        limits: What the plate may do, from the laboratory's description.
        settings: How the driver works.
    """

    def __init__(
        self,
        port: str,
        clock: Clock,
        limits: Hotplate,
        settings: HotplateSettings | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._settings = settings or HotplateSettings()
        self._plate = NamurHotplate(port, clock, self._settings.timeout_s)
        self._turn = JobTurn("hotplate", clock)
        self._max_c = limits.max_c
        self._fed_s = -math.inf
        self._held_c: float | None = None

    def connect(self) -> None:
        """Open the port, see who is there, and where its safety circuit cuts in."""
        self._plate.open()
        try:
            safe_c = self._plate.safety_c() - _BELOW_SAFETY_K
        except DeviceError:
            self._plate.close()
            raise
        self._max_c = min(self._limits.max_c, safe_c)

    def close(self) -> None:
        """Close the port; the plate is left as it is."""
        self._plate.close()

    def identity(self) -> str:
        """Return the instrument's own name."""
        return self._plate.name

    @property
    def held_c(self) -> float | None:
        """Temperature at which the plate is kept between jobs, None when it is off."""
        return self._held_c

    def anneal(
        self,
        profile: Sequence[AnnealSegment],
        *,
        stop: Signal,
        on_reading: OnReading,
        then_hold_c: float | None = None,
    ) -> AnnealResult:
        """Follow a profile, then switch off or keep the plate hot."""
        self._check(profile)
        if then_hold_c is not None:
            self._check_temperature(then_hold_c, "then_hold_c")
        with self._turn.take("anneal"), self._safe_after_failure():
            job = self._begin(stop, on_reading)
            for segment in profile:
                self._reach(job, segment)
                self._hold(job, segment)
            ended_s = self._clock.now_s()
            self._leave(then_hold_c)
        return AnnealResult(
            started_s=job.started_s,
            ended_s=ended_s,
            trace_s=tuple(job.trace_s),
            trace_c=tuple(job.trace_c),
            worst_deviation_k=job.worst_k,
        )

    def preheat(
        self, temperature_c: float, *, stop: Signal, on_reading: OnReading
    ) -> AnnealReading:
        """Bring the plate to a temperature and keep it there."""
        self._check_temperature(temperature_c, "temperature_c")
        with self._turn.take("preheat"), self._safe_after_failure():
            job = self._begin(stop, on_reading)
            segment = AnnealSegment(temperature_c=temperature_c, hold_s=0.0)
            reading = self._reach(job, segment)
            self._leave(temperature_c)
        return reading

    def keep_alive(self) -> None:
        """Feed the watchdog of a plate that is kept hot between jobs.

        It is to be called at least every 25 minutes; the plate cools without it.
        """
        if self._held_c is not None:
            self._plate.watch(self._settings.watchdog_mode, _LONGEST_WATCHDOG_S)

    def make_safe(self) -> None:
        """Switch the heater off and check it, after the end of a job under way."""
        self._turn.wait_for_end(_JOB_ENDS_S)
        self._switch_off()

    def _begin(self, stop: Signal, on_reading: OnReading) -> _Job:
        guard = PlateGuard(self._settings.guard)
        job = _Job(stop, on_reading, self._clock.now_s(), guard)
        wait_or_abort(stop, 0.0, "hotplate")
        temperature_c = self._plate.surface_c()
        guard.take(job.started_s, temperature_c, max(temperature_c, _FALLBACK_C))
        if self._settings.watchdog_mode == 2:
            self._plate.set_fallback(_FALLBACK_C)
        self._feed(always=True)
        held_c, self._held_c = self._held_c, None
        if held_c is not None and self._keeps(held_c):
            job.setpoint_c = held_c
            return job
        job.setpoint_c = min(max(temperature_c, self._limits.min_c), self._max_c)
        self._plate.set_temperature(job.setpoint_c)
        self._plate.start_heater()
        # Starting makes some instruments forget the set point.
        self._set_temperature(job.setpoint_c)
        return job

    def _keeps(self, setpoint_c: float) -> bool:
        """Return whether the set point is still that: a watchdog may have tripped."""
        return abs(self._plate.setpoint_c() - setpoint_c) <= RESOLUTION_K

    def _reach(self, job: _Job, segment: AnnealSegment) -> AnnealReading:
        """Move the set point along the ramp until the surface is at its target."""
        target_c, start_c = segment.temperature_c, job.setpoint_c
        begun_s = self._clock.now_s()
        job.guard.begin_segment()
        phase: Phase = "heating" if target_c >= start_c else "cooling"
        ramp_s = 0.0
        if segment.ramp_k_min > 0:
            ramp_s = abs(target_c - start_c) / segment.ramp_k_min * 60.0
        # Compared with the clock itself: a remainder may be too small to wait for.
        ramp_end_s = begun_s + ramp_s
        while True:
            now_s = self._clock.now_s()
            ramped = now_s >= ramp_end_s
            share = 1.0 if ramped else (now_s - begun_s) / ramp_s
            self._move_setpoint(job, start_c + (target_c - start_c) * share)
            reading = self._read(job, phase)
            if ramped and self._is_there(reading.temperature_c, target_c):
                return reading
            if now_s > ramp_end_s + self._settings.guard.reach_s:
                msg = (
                    f"hotplate: {reading.temperature_c:.1f} C after "
                    f"{now_s - begun_s:.0f} s, but {target_c:.1f} C was to be reached; "
                    "lengthen the ramp or choose a temperature the plate can reach"
                )
                raise DeviceFault(msg)
            left_s = ramp_end_s - self._clock.now_s()
            period_s = self._settings.poll_s
            wait_s = min(period_s, left_s) if left_s > 0 else period_s
            wait_or_abort(job.stop, wait_s, "hotplate")

    def _hold(self, job: _Job, segment: AnnealSegment) -> None:
        """Stay for the segment's time, counted from the reading that reached it."""
        begun_s = job.started_s + job.trace_s[-1]
        end_s = begun_s + segment.hold_s
        if segment.hold_s > 0:
            self._note_deviation(job, segment, job.trace_c[-1])
        while self._clock.now_s() < end_s:
            now_s = self._clock.now_s()
            settling = now_s - begun_s < self._settings.settle_s
            period_s = self._settings.poll_s if settling else self._settings.hold_poll_s
            wait_or_abort(job.stop, min(period_s, end_s - now_s), "hotplate")
            reading = self._read(job, "holding")
            self._note_deviation(job, segment, reading.temperature_c)

    def _note_deviation(
        self, job: _Job, segment: AnnealSegment, temperature_c: float
    ) -> None:
        off_k = abs(temperature_c - segment.temperature_c)
        job.worst_k = max(job.worst_k, off_k)

    def _read(self, job: _Job, phase: Phase) -> AnnealReading:
        self._feed()
        temperature_c = self._plate.surface_c()
        if not job.guard.is_plausible(self._clock.now_s(), temperature_c):
            # One wrong digit is not a broken plate.
            temperature_c = self._plate.surface_c()
        now_s = self._clock.now_s()
        reading = AnnealReading(
            elapsed_s=now_s - job.started_s,
            temperature_c=temperature_c,
            setpoint_c=job.setpoint_c,
            phase=phase,
        )
        job.trace_s.append(reading.elapsed_s)
        job.trace_c.append(temperature_c)
        job.on_reading(reading)
        job.guard.take(now_s, temperature_c, job.setpoint_c)
        return reading

    def _move_setpoint(self, job: _Job, setpoint_c: float) -> None:
        moved_k = abs(setpoint_c - job.setpoint_c)
        if moved_k >= RESOLUTION_K / 2:
            job.setpoint_c = setpoint_c
            self._set_temperature(setpoint_c)

    def _set_temperature(self, temperature_c: float) -> None:
        """Set and read back, once more if the first time was lost.

        Raises:
            DeviceFault: The plate keeps another set point.
        """
        for _ in range(2):
            self._plate.set_temperature(temperature_c)
            if self._keeps(temperature_c):
                return
        msg = (
            f"hotplate: told {temperature_c:.1f} C, but it keeps another set point; "
            "check that it is in remote operation and its watchdog has not tripped"
        )
        raise DeviceFault(msg)

    def _feed(self, *, always: bool = False) -> None:
        now_s = self._clock.now_s()
        if always or now_s - self._fed_s >= self._settings.watchdog_s / 4:
            self._plate.watch(self._settings.watchdog_mode, self._settings.watchdog_s)
            self._fed_s = now_s

    def _leave(self, hold_c: float | None) -> None:
        if hold_c is None:
            self._switch_off()
            return
        self._set_temperature(hold_c)
        # Nobody reads the plate until the next job: it may wait this long for one.
        self._plate.watch(self._settings.watchdog_mode, _LONGEST_WATCHDOG_S)
        self._held_c = hold_c

    def _switch_off(self) -> None:
        """Stop the heater, and set it to 0 in case the stop was lost."""
        self._held_c = None
        self._plate.stop_heater()
        self._set_temperature(0.0)
        self._plate.stop_heater()
        if self._settings.watchdog_mode == 2:
            self._plate.watch(2, 0)

    @contextmanager
    def _safe_after_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            try:
                self._switch_off()
            except DeviceError as second:
                error.add_note(
                    f"The heater could not be seen to be off ({second}); its watchdog "
                    f"acts within {self._settings.watchdog_s:.0f} s."
                )
            raise

    def _is_there(self, temperature_c: float, target_c: float) -> bool:
        return abs(temperature_c - target_c) <= self._settings.band_k

    def _check(self, profile: Sequence[AnnealSegment]) -> None:
        if not profile:
            msg = "hotplate: the profile has no segment; give at least one"
            raise InvalidInput(msg)
        for number, segment in enumerate(profile, 1):
            self._check_temperature(segment.temperature_c, f"segment {number}")
            if not 0 <= segment.hold_s < math.inf:
                msg = (
                    f"hotplate: segment {number} holds {segment.hold_s} s; "
                    "give 0 or more"
                )
                raise InvalidInput(msg)
            if not 0 <= segment.ramp_k_min <= self._limits.max_ramp_k_min:
                msg = (
                    f"hotplate: segment {number} ramps at {segment.ramp_k_min} K/min, "
                    f"but 0 to {self._limits.max_ramp_k_min:g} can be; 0 is as fast as "
                    "the plate can"
                )
                raise InvalidInput(msg)

    def _check_temperature(self, temperature_c: float, where: str) -> None:
        if not self._limits.min_c <= temperature_c <= self._max_c:
            msg = (
                f"hotplate: {where} is {temperature_c} C, outside "
                f"{self._limits.min_c:g} to {self._max_c:g} C; choose another "
                "temperature"
            )
            raise InvalidInput(msg)
