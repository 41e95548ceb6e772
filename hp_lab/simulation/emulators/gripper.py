"""The gripper's microcontroller: a servo with springs and a load reading, 115200 8N1.

``S<pulse_us> <rate>`` moves the servo and says ``ok`` when it is there; ``l`` says the
load on the springs. The rate is microseconds of pulse width a second (the firmware of
this gripper; no public manual states it).
"""

import re
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from hp_lab.lab_config import PositionMm
from hp_lab.simulation.emulators.emulator import Json, LineEmulator, Reply, number
from hp_lab.simulation.world import World

_MOVE = re.compile(r"S(\d+(?:\.\d+)?) (\d+(?:\.\d+)?)")
# Between these pulse widths the jaws move; at the grip they touch a substrate.
_CLOSED_US, _GRIP_US, _OPEN_US = 1000.0, 1300.0, 2000.0
_IDLE_LOAD, _LOAD_PER_US = 0.02, 0.01


class GripperEmulator(LineEmulator):
    """Jaws that take and leave what the hidden world has under them.

    Faults, beside those of every line instrument: ``misses`` (the next ``count``
    closings slip off), ``drops`` (it loses what it holds), ``sticks`` (the next
    ``count`` openings do not let go), ``load_stuck`` (the load reads ``value``).

    Args:
        world: The hidden world.
        position: Gives the place of the jaws at a time, in the gantry's frame.
        name: What the display calls it.
        holds: Whether the jaws are closed on a substrate when it is switched on.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        *LineEmulator.FAULTS,
        "misses",
        "drops",
        "sticks",
        "load_stuck",
    )

    def __init__(
        self,
        world: World,
        position: Callable[[float], PositionMm],
        name: str = "gripper",
        *,
        holds: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self._world = world
        self._position = position
        self._pulse_us = _CLOSED_US if holds else _OPEN_US
        # The move under way: its end and the pulse width there.
        self._move: tuple[float, float] | None = None
        self._lines: deque[str] = deque()
        self._holds = holds

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what the jaws do at a time."""
        self._work(now_s)
        return {
            "name": self.name,
            "pulse_us": self._pulse_us,
            "closed": self._pulse_us <= _GRIP_US,
            "holds": self._holds,
            "load": self._load(now_s),
            "faults": ",".join(self.faults),
        }

    def connected(self, now_s: float) -> list[Reply]:
        """Forget what was to be said; the jaws stay as they are."""
        self._lines.clear()
        return super().connected(now_s)

    def due_s(self) -> float | None:
        """Return when the jaws have moved, or lose what they hold."""
        ends = [self._move[0]] if self._move is not None else []
        drops = self.faults.get("drops")
        if drops is not None and self._holds and "at_s" in drops:
            ends.append(number(drops, "at_s", 0.0))
        return min(ends, default=None)

    def wake(self, now_s: float) -> list[Reply]:
        """End a move, or lose what is held."""
        return self._work(now_s)

    def receive(self, data: bytes, now_s: float) -> list[Reply]:
        """Take lines, each in its turn."""
        replies = self._work(now_s)
        for byte in data:
            if byte in b"\n":
                self._lines.append(self._pending.decode("ascii", errors="replace"))
                self._pending = b""
            else:
                self._pending += bytes([byte])
        return replies + self._work(now_s)

    def answer(self, line: str, now_s: float) -> list[tuple[float, str]]:
        """Answer one line; an unknown one gets silence."""
        if line == "l":
            return [(0.0, f"{self._load(now_s):.2f}")]
        match = _MOVE.fullmatch(line)
        if match is None:
            return []
        wanted = min(max(float(match[1]), _CLOSED_US), _OPEN_US)
        rate = float(match[2])
        if rate <= 0:
            return []
        self._move = (now_s + abs(wanted - self._pulse_us) / rate, wanted)
        return []

    def _work(self, now_s: float) -> list[Reply]:
        replies: list[Reply] = []
        if self._holds and self.use_up("drops", now_s):
            self._let_go(now_s)
        while True:
            if self._move is not None:
                ends_s, wanted = self._move
                if now_s < ends_s:
                    break
                self._move = None
                self._arrive(wanted, now_s)
                replies += self._with_faults([(0.0, "ok")], now_s)
            elif self._lines:
                line = self._lines.popleft().strip()
                replies += self._with_faults(self.answer(line, now_s), now_s)
            else:
                break
        return replies

    def _arrive(self, pulse_us: float, now_s: float) -> None:
        was_closed = self._pulse_us <= _GRIP_US
        closed = pulse_us <= _GRIP_US
        self._pulse_us = pulse_us
        if closed and not was_closed and not self._holds:
            if not self.use_up("misses", now_s):
                self._holds = self._world.close_gripper(now_s, self._position(now_s))
        elif was_closed and not closed and not self.use_up("sticks", now_s):
            self._let_go(now_s)

    def _let_go(self, now_s: float) -> None:
        self._holds = False
        self._world.open_gripper(now_s, self._position(now_s))

    def _load(self, now_s: float) -> float:
        stuck = self.fault("load_stuck", now_s)
        truth = _IDLE_LOAD
        if self._holds and self._pulse_us <= _GRIP_US:
            truth += (_GRIP_US - self._pulse_us) * _LOAD_PER_US
        elif self._holds:
            # Stuck to an open jaw.
            truth += 1.0
        return truth if stuck is None else number(stuck, "value", truth)
