"""Closed-form motion of a three-axis machine: straight moves, one after the other.

Every move starts and ends at rest, with a trapezoidal speed. (Real planners keep some
speed through corners; moves here end where somebody waits for them.) Positions are in
millimetres, speeds in mm/s.
"""

import math
from dataclasses import dataclass

from hp_lab.lab_config import PositionMm


@dataclass(frozen=True, slots=True)
class Move:
    """A straight way from one place to another.

    Attributes:
        start_s: When it begins.
        origin: Where it begins.
        target: Where it ends.
        speed: Speed that it may reach, mm/s.
        acceleration: Of both ends, mm/s^2.
        entry: Speed at its beginning; above 0 only for a stop, which just brakes.
    """

    start_s: float
    origin: PositionMm
    target: PositionMm
    speed: float
    acceleration: float
    entry: float = 0.0

    @property
    def way(self) -> float:
        """Return the length (mm)."""
        return math.dist(self.origin, self.target)

    @property
    def top(self) -> float:
        """Return the highest speed that is reached."""
        return min(self.speed, math.sqrt(self.way * self.acceleration))

    @property
    def duration_s(self) -> float:
        """Return how long it takes."""
        if self.entry > 0:
            return self.entry / self.acceleration
        if self.way == 0.0:
            return 0.0
        return self.way / self.top + self.top / self.acceleration

    @property
    def end_s(self) -> float:
        """Return when it ends."""
        return self.start_s + self.duration_s

    def speed_at(self, now_s: float) -> float:
        """Return the speed."""
        left_s = self.end_s - now_s
        elapsed_s = now_s - self.start_s
        if elapsed_s <= 0.0 and self.entry == 0.0:
            return 0.0
        if left_s <= 0.0:
            return 0.0
        if self.entry > 0:
            return self.acceleration * left_s
        return min(self.top, self.acceleration * min(elapsed_s, left_s))

    def position_at(self, now_s: float) -> PositionMm:
        """Return the place."""
        way, total_s = self.way, self.duration_s
        elapsed_s = min(max(0.0, now_s - self.start_s), total_s)
        if way == 0.0:
            return self.target
        left_s = total_s - elapsed_s
        acceleration = self.acceleration
        ramp_s = 0.0 if self.entry > 0 else self.top / acceleration
        if self.entry > 0 or left_s < ramp_s:
            gone = way - acceleration * left_s**2 / 2
        elif elapsed_s < ramp_s:
            gone = acceleration * elapsed_s**2 / 2
        else:
            gone = self.top * (elapsed_s - ramp_s / 2)
        return along(self.origin, self.target, gone / way)


@dataclass(frozen=True, slots=True)
class Limits:
    """What each axis can: speed (mm/s) and acceleration (mm/s^2)."""

    speed: PositionMm
    acceleration: PositionMm

    def towards(
        self, origin: PositionMm, target: PositionMm, feed: float
    ) -> tuple[float, float]:
        """Return speed and acceleration on a way, no axis beyond its limit."""
        way = math.dist(origin, target)
        speed, acceleration = feed, math.inf
        for here, there, axis_speed, axis_acceleration in zip(
            origin, target, self.speed, self.acceleration, strict=True
        ):
            share = abs(there - here) / way if way else 0.0
            if share:
                speed = min(speed, axis_speed / share)
                acceleration = min(acceleration, axis_acceleration / share)
        return speed, acceleration


class MotionPlanner:
    """Moves that wait, run or are held.

    Args:
        position: Where the machine stands.
    """

    def __init__(self, position: PositionMm) -> None:
        self._rest = position
        self._moves: list[Move] = []
        # What is left of held moves: target, speed, acceleration.
        self._later: list[tuple[PositionMm, float, float]] = []
        self.held = False

    def add(
        self, now_s: float, target: PositionMm, speed: float, acceleration: float
    ) -> None:
        """Let a move follow those that are there."""
        if self.held:
            self._later.append((target, speed, acceleration))
            return
        self._forget(now_s)
        origin = self._moves[-1].target if self._moves else self._rest
        start_s = max(now_s, self._moves[-1].end_s) if self._moves else now_s
        self._moves.append(Move(start_s, origin, target, speed, acceleration))

    def goal(self) -> PositionMm:
        """Return where the last move ends."""
        if self._later:
            return self._later[-1][0]
        return self._moves[-1].target if self._moves else self._rest

    def position_at(self, now_s: float) -> PositionMm:
        """Return where the machine is."""
        for move in self._moves:
            if now_s < move.end_s:
                return move.position_at(now_s)
        return self._moves[-1].target if self._moves else self._rest

    def speed_at(self, now_s: float) -> float:
        """Return how fast it goes."""
        return max((move.speed_at(now_s) for move in self._moves), default=0.0)

    def end_s(self) -> float:
        """Return when it will stand with nothing left to do; inf while held."""
        if self._later:
            return math.inf
        return self._moves[-1].end_s if self._moves else -math.inf

    def room_s(self, blocks: int) -> float:
        """Return when fewer than that many moves are left."""
        if self.held:
            return math.inf if len(self._later) >= blocks else -math.inf
        if len(self._moves) < blocks:
            return -math.inf
        return self._moves[-blocks].end_s

    def moves_at(self, now_s: float) -> bool:
        """Return whether it moves."""
        return bool(self._moves) and now_s < self._moves[-1].end_s

    def hold(self, now_s: float) -> None:
        """Brake, and keep what is left for later."""
        if self.held:
            return
        self.held = True
        self._forget(now_s)
        if not self._moves:
            return
        current, *later = self._moves
        self._later = [(move.target, move.speed, move.acceleration) for move in later]
        place, speed = current.position_at(now_s), current.speed_at(now_s)
        left = math.dist(place, current.target)
        brake = speed**2 / (2 * current.acceleration)
        if left <= brake * (1 + 1e-9):
            # It brakes into its own end anyway.
            self._moves = [current]
            return
        self._later.insert(0, (current.target, current.speed, current.acceleration))
        stop = along(place, current.target, brake / left)
        self._moves = [Move(now_s, place, stop, speed, current.acceleration, speed)]
        if speed == 0.0:
            self._rest, self._moves = place, []

    def resume(self, now_s: float) -> None:
        """Go on with what is left."""
        self.held = False
        later, self._later = self._later, []
        for target, speed, acceleration in later:
            self.add(now_s, target, speed, acceleration)

    def drop_later(self) -> None:
        """Forget what is left of held moves; the machine brakes and is free."""
        self._later = []
        self.held = False

    def stop_dead(self, now_s: float) -> None:
        """Stand where it is, with nothing left to do."""
        self._rest = self.position_at(now_s)
        self._moves, self._later = [], []
        self.held = False

    def place(self, position: PositionMm) -> None:
        """Stand at a place, with nothing left to do."""
        self._rest = position
        self._moves, self._later = [], []
        self.held = False

    def _forget(self, now_s: float) -> None:
        while self._moves and self._moves[0].end_s <= now_s:
            self._rest = self._moves.pop(0).target


def along(origin: PositionMm, target: PositionMm, share: float) -> PositionMm:
    """Return the place at a share of the way."""
    x, y, z = (a + (b - a) * share for a, b in zip(origin, target, strict=True))
    return (x, y, z)


def plus(a: PositionMm, b: PositionMm) -> PositionMm:
    """Return the sum."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def minus(a: PositionMm, b: PositionMm) -> PositionMm:
    """Return the difference."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def three_decimals(place: PositionMm) -> str:
    """Return a place as GRBL prints it."""
    # Adding zero turns -0.0 into 0.0.
    return ",".join(f"{round(axis, 3) + 0.0:.3f}" for axis in place)
