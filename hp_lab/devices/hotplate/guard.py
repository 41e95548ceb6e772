"""Readings that cannot be, and plates that do not do what they are told."""

from dataclasses import dataclass

from hp_lab.errors import DeviceFault


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """What no healthy plate does.

    Attributes:
        overshoot_k: Above its set point, and above where it came from.
        jump_k: Between two readings, beside ``rate_k_s`` times their distance.
        rate_k_s: Fastest change of a surface.
        stuck_k: Coming less than this nearer to its set point within ``stuck_s``.
        stuck_s: See above.
        far_k: How far from its set point a plate must come nearer.
        reach_s: Longest time from the end of a ramp to its temperature.
    """

    overshoot_k: float = 15.0
    jump_k: float = 5.0
    rate_k_s: float = 3.0
    stuck_k: float = 0.5
    stuck_s: float = 120.0
    far_k: float = 10.0
    reach_s: float = 3600.0


class PlateGuard:
    """Judges readings in the order of their times.

    Args:
        limits: What no healthy plate does.
    """

    def __init__(self, limits: GuardLimits) -> None:
        self._limits = limits
        self._last: tuple[float, float] | None = None
        # Since when the reading has not come nearer, and where it was then.
        self._anchor: tuple[float, float] | None = None
        self._from_c = -float("inf")

    def begin_segment(self) -> None:
        """Allow the temperature at which a segment begins, even above its target."""
        self._from_c = -float("inf") if self._last is None else self._last[1]
        self._anchor = None

    def is_plausible(self, now_s: float, temperature_c: float) -> bool:
        """Return whether a surface can have got there since the last reading."""
        if not -20.0 <= temperature_c <= 650.0:
            return False
        if self._last is None:
            return True
        last_s, last_c = self._last
        allowed_k = self._limits.jump_k + self._limits.rate_k_s * (now_s - last_s)
        return abs(temperature_c - last_c) <= allowed_k

    def take(self, now_s: float, temperature_c: float, setpoint_c: float) -> None:
        """Judge one reading.

        Raises:
            DeviceFault: It cannot be, the plate is too hot, or it does not follow.
        """
        if not self.is_plausible(now_s, temperature_c):
            before = "" if self._last is None else f" after {self._last[1]:.1f} C"
            msg = (
                f"hotplate: the surface reads {temperature_c:.1f} C{before}, which "
                "cannot be; check the sensor and its cable"
            )
            raise DeviceFault(msg)
        if self._last is None:
            self._from_c = temperature_c
        self._last = (now_s, temperature_c)
        limit_c = max(setpoint_c, self._from_c) + self._limits.overshoot_k
        if temperature_c > limit_c:
            msg = (
                f"hotplate: the surface is at {temperature_c:.1f} C, above "
                f"{limit_c:.1f} C with a set point of {setpoint_c:.1f} C; check the "
                "heater's control"
            )
            raise DeviceFault(msg)
        self._judge_movement(now_s, temperature_c, setpoint_c)

    def _judge_movement(
        self, now_s: float, temperature_c: float, setpoint_c: float
    ) -> None:
        limits = self._limits
        missing_k = setpoint_c - temperature_c
        if abs(missing_k) <= limits.far_k:
            self._anchor = None
            return
        if self._anchor is None:
            self._anchor = (now_s, temperature_c)
            return
        since_s, from_c = self._anchor
        gained_k = (temperature_c - from_c) * (1.0 if missing_k > 0 else -1.0)
        if gained_k >= limits.stuck_k:
            self._anchor = (now_s, temperature_c)
        elif now_s - since_s >= limits.stuck_s:
            msg = (
                f"hotplate: the surface reads {temperature_c:.1f} C and has not come "
                f"nearer to its set point of {setpoint_c:.1f} C for "
                f"{now_s - since_s:.0f} s; check heater, safety circuit and sensor"
            )
            raise DeviceFault(msg)
