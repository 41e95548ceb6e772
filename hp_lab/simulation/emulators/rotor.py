"""Closed-form motion of a rotor: ramps of speed, one after the other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ramp:
    """From a time on, the speed goes linearly to a target and stays there.

    Attributes:
        at_s: When it begins.
        position: Turns at the beginning.
        speed: Turns per second at the beginning.
        target: Turns per second at the end.
        acceleration: Turns per second squared, above 0.
    """

    at_s: float
    position: float
    speed: float
    target: float
    acceleration: float

    @property
    def duration_s(self) -> float:
        """How long the speed changes."""
        return abs(self.target - self.speed) / self.acceleration

    def speed_at(self, now_s: float) -> float:
        """Return the speed (turns per second)."""
        elapsed_s = max(0.0, now_s - self.at_s)
        if elapsed_s >= self.duration_s:
            return self.target
        rising = 1.0 if self.target > self.speed else -1.0
        return self.speed + rising * self.acceleration * elapsed_s

    def position_at(self, now_s: float) -> float:
        """Return the position (turns): the integral of the speed."""
        elapsed_s = max(0.0, now_s - self.at_s)
        ramp_s = min(elapsed_s, self.duration_s)
        mean = (self.speed + self.speed_at(self.at_s + ramp_s)) / 2
        return self.position + mean * ramp_s + self.target * (elapsed_s - ramp_s)


@dataclass(frozen=True, slots=True)
class Motion:
    """Ramps in the order of their beginnings, at least one."""

    ramps: tuple[Ramp, ...]

    def speed_at(self, now_s: float) -> float:
        """Return the speed (turns per second)."""
        return self._now(now_s).speed_at(now_s)

    def position_at(self, now_s: float) -> float:
        """Return the position (turns)."""
        return self._now(now_s).position_at(now_s)

    def to_speed(self, now_s: float, target: float, acceleration: float) -> "Motion":
        """Return the motion that leaves this one for a speed."""
        position, speed = self.position_at(now_s), self.speed_at(now_s)
        return Motion((Ramp(now_s, position, speed, target, acceleration),))

    def to_position(
        self, now_s: float, target: float, limit: float, acceleration: float
    ) -> "Motion":
        """Return a trapezoidal move from standstill to a position (turns).

        Args:
            now_s: When it begins.
            target: Turns.
            limit: Highest speed, turns per second.
            acceleration: Of both ends, turns per second squared.
        """
        position = self.position_at(now_s)
        way = abs(target - position)
        top = min(limit, (way * acceleration) ** 0.5)
        if top == 0.0:
            return self.to_speed(now_s, 0.0, acceleration)
        signed = top if target > position else -top
        up = Ramp(now_s, position, 0.0, signed, acceleration)
        brake_s = now_s + way / top
        down = Ramp(brake_s, up.position_at(brake_s), signed, 0.0, acceleration)
        return Motion((up, down))

    def _now(self, now_s: float) -> Ramp:
        begun = [ramp for ramp in self.ramps if ramp.at_s <= now_s]
        return begun[-1] if begun else self.ramps[0]
