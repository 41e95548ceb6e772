"""A GRBL 1.1h motion controller on its serial line, 115200 8N1.

A line is answered by ``ok`` (it is queued, not done) or ``error:N``; what comes in
brackets, and alarms, are pushed. Single bytes act at once, wherever they come. Opening
the port resets the board, which then locks until it is homed. Facts from GRBL's
documentation and source.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from hp_lab.lab_config import PositionMm
from hp_lab.simulation.emulators.emulator import Json, LineEmulator, Reply, number
from hp_lab.simulation.emulators.gcode import Block, GcodeError, Modes, parse
from hp_lab.simulation.emulators.grbl_settings import (
    HELP,
    PARAMETERS,
    default_settings,
    setting_line,
)
from hp_lab.simulation.emulators.planner import (
    Limits,
    MotionPlanner,
    minus,
    plus,
    three_decimals,
)

_BANNER = ("", "Grbl 1.1h ['$' for help]")
_UNLOCK = "[MSG:'$H'|'$X' to unlock]"
_RX_BYTES, _PLANNER_BLOCKS, _LONGEST_LINE = 128, 15, 80
_ALARM_DELAY_S = 0.5
_HARD_LIMIT, _SOFT_LIMIT, _RESET_IN_MOTION = 1, 2, 3
_HOMING_RESET, _HOMING_NO_SWITCH = 6, 9
_RESET, _DOOR, _JOG_CANCEL = 0x18, 0x84, 0x85

Lines = list[tuple[float, str]]


@dataclass(slots=True)
class _Wait:
    """What the controller does before it reads on.

    Attributes:
        until_s: Gives the time at which it is over.
        then: Does what follows and returns the answer.
        homes: Whether it homes.
    """

    until_s: Callable[[], float]
    then: Callable[[float], Lines]
    homes: bool = False


class GrblEmulator(LineEmulator):
    """A gantry: machine coordinates go from -travel to 0 on every axis.

    Faults, beside those of every line instrument: ``hard_limit`` (the next move runs
    into a switch), ``homing_fails`` (the next homing finds no switch), ``lost_steps``
    (the machine stands ``x_mm``, ``y_mm``, ``z_mm`` from where it believes to be).

    Args:
        travel_mm: Length of each axis.
        name: What the display calls it.
        start_mm: Where it stands when it is switched on, in the gantry's frame
            (0 to travel).
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        *LineEmulator.FAULTS,
        "hard_limit",
        "homing_fails",
        "lost_steps",
    )

    def __init__(
        self,
        travel_mm: PositionMm,
        name: str = "gantry",
        *,
        start_mm: PositionMm | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self._travel = travel_mm
        start = start_mm or (travel_mm[0] / 2, travel_mm[1] / 2, travel_mm[2] / 2)
        self._motion = MotionPlanner(minus(start, travel_mm))
        self._settings = default_settings(travel_mm)
        # Reported position less true position: wrong until it is homed.
        self._offset: PositionMm = (0.0, 0.0, 0.0)
        self._report_count = 0
        self._boot(0.0)

    def position_mm(self, now_s: float) -> PositionMm:
        """Return where the head truly is, in the gantry's frame."""
        return plus(self._motion.position_at(now_s), self._travel)

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what the machine does at a time."""
        self._work(now_s)
        x, y, z = self.position_mm(now_s)
        return {
            "name": self.name,
            "state": self._status_word(now_s),
            "x_mm": x,
            "y_mm": y,
            "z_mm": z,
            "moves": self._motion.moves_at(now_s),
            "homed": self._homed,
            "faults": ",".join(self.faults),
        }

    def connected(self, now_s: float) -> list[Reply]:
        """Reset, as the board does when the port is opened."""
        super().connected(now_s)
        self._boot(now_s)
        return self._with_faults(self._hello(), now_s)

    def due_s(self) -> float | None:
        """Return when what it waits for is over."""
        until_s = math.inf if self._wait is None else self._wait.until_s()
        return until_s if math.isfinite(until_s) else None

    def wake(self, now_s: float) -> list[Reply]:
        """Go on after what it waited for."""
        return self._work(now_s)

    def receive(self, data: bytes, now_s: float) -> list[Reply]:
        """Act on single bytes at once and on lines in their turn."""
        replies = self._work(now_s)
        for byte in data:
            if byte in b"?!~" or byte == _RESET or byte >= 0x80:
                replies += self._with_faults(self._at_once(byte, now_s), now_s)
            elif self._waiting_bytes() >= _RX_BYTES:
                # The receive buffer is full: the byte is lost.
                continue
            elif byte in b"\r\n":
                # CR LF is one line and an empty one, as in GRBL; the empty one of a
                # pair would be answered too, so drivers send LF alone.
                self._lines.append(self._pending.decode("ascii"))
                self._pending = b""
                replies += self._work(now_s)
            else:
                self._pending += bytes([byte])
        return replies

    def answer(self, line: str, now_s: float) -> Lines:
        """Answer one line, which begins in its turn."""
        text = "".join(line.partition(";")[0].split()).upper()
        if len(text) > _LONGEST_LINE:
            return [(0.0, "error:11")]
        if not text:
            return [(0.0, "ok")]
        try:
            if text.startswith("$"):
                return self._system(text, now_s)
            if self._alarm or self._jogging(now_s):
                raise GcodeError(9)
            return self._gcode(parse(text, self._modes), now_s)
        except GcodeError as error:
            return [(0.0, str(error))]

    def _boot(self, now_s: float) -> None:
        """Begin as after power-up: wherever it stands is the origin."""
        self._motion.stop_dead(now_s)
        self._offset = minus((0.0, 0.0, 0.0), self._motion.position_at(now_s))
        self._alarm = bool(self._settings[22])
        self._homed = False
        self._forget_work()

    def _forget_work(self) -> None:
        self._lines: deque[str] = deque()
        self._pending = b""
        self._wait: _Wait | None = None
        self._modes = Modes()
        self._critical = self._sleeps = self._door = self._jog = self._check = False

    def _hello(self) -> Lines:
        locked = [(0.0, _UNLOCK)] if self._alarm else []
        return [*((0.0, text) for text in _BANNER), *locked]

    def _waiting_bytes(self) -> int:
        return len(self._pending) + sum(len(line) + 1 for line in self._lines)

    def _work(self, now_s: float) -> list[Reply]:
        """Do everything that can be done by now."""
        replies: list[Reply] = []
        while not (self._critical or self._sleeps):
            if self._wait is not None:
                if self._wait.until_s() > now_s:
                    break
                wait, self._wait = self._wait, None
                replies += self._with_faults(wait.then(now_s), now_s)
            elif self._lines and not self._motion.held:
                line = self._lines.popleft()
                replies += self._with_faults(self.answer(line, now_s), now_s)
            else:
                break
        return replies

    def _at_once(self, byte: int, now_s: float) -> Lines:
        if byte == _RESET:
            return self._reset(now_s)
        if self._critical:
            return []
        if byte == ord("?"):
            homes = self._wait is not None and self._wait.homes
            return [] if homes else [(0.0, self._report(now_s))]
        if byte == ord("~"):
            self._motion.resume(now_s)
            self._door = False
        elif byte == _JOG_CANCEL:
            if self._jogging(now_s):
                self._motion.hold(now_s)
                self._motion.drop_later()
        elif byte in (ord("!"), _DOOR) and not self._alarm:
            self._motion.hold(now_s)
            self._door = byte == _DOOR
            if self._jog:
                self._motion.drop_later()
        return []

    def _reset(self, now_s: float) -> Lines:
        homes = self._wait is not None and self._wait.homes
        moving = self._motion.moves_at(now_s)
        said: Lines = []
        delay_s = 0.0
        if homes or moving:
            code = _HOMING_RESET if homes else _RESET_IN_MOTION
            said.append((0.0, f"ALARM:{code}"))
            delay_s = _ALARM_DELAY_S
            self._alarm, self._homed = True, False
        self._alarm = self._alarm or self._sleeps
        self._motion.stop_dead(now_s)
        self._forget_work()
        return said + [(delay_s, text) for _, text in self._hello()]

    def _halt(self, code: int, now_s: float) -> Lines:
        """Stop for an alarm that only a reset ends."""
        self._motion.stop_dead(now_s)
        self._alarm = self._critical = True
        self._wait = None
        if code == _HARD_LIMIT:
            self._homed = False
        return [
            (0.0, f"ALARM:{code}"),
            (_ALARM_DELAY_S, "[MSG:Reset to continue]"),
        ]

    def _gcode(self, block: Block, now_s: float) -> Lines:
        if self._check:
            self._modes = block.modes
            return [(0.0, "ok")]
        if block.axes:
            room_s = self._motion.room_s(_PLANNER_BLOCKS)
            if room_s > now_s:
                return self._wait_for(
                    lambda: self._motion.room_s(_PLANNER_BLOCKS),
                    lambda at_s: self._gcode(block, at_s),
                )
            return self._move(block, now_s)
        self._modes = Modes() if block.ends else block.modes
        if block.dwell_s is not None or block.ends:
            dwell_s = block.dwell_s or 0.0
            return self._wait_for(
                lambda: max(now_s, self._motion.end_s()) + dwell_s,
                lambda _: [(0.0, "ok")],
            )
        return [(0.0, "ok")]

    def _move(self, block: Block, now_s: float, *, jog: bool = False) -> Lines:
        goal = plus(self._motion.goal(), self._offset)
        target = block.target(goal)
        outside = any(
            not -travel - 1e-6 <= axis <= 1e-6
            for axis, travel in zip(target, self._travel_set(), strict=True)
        )
        if self._settings[20] and outside:
            if jog:
                raise GcodeError(15)
            return self._halt(_SOFT_LIMIT, now_s)
        if self.use_up("hard_limit", now_s):
            return self._halt(_HARD_LIMIT, now_s)
        lost = self.fault("lost_steps", now_s)
        if lost is not None:
            del self.faults["lost_steps"]
            x, y, z = (number(lost, f"{axis}_mm", 0.0) for axis in "xyz")
            self._offset = minus(self._offset, (x, y, z))
        self._jog = jog
        if not jog:
            self._modes = block.modes
        feed = math.inf if block.rapid else block.modes.feed_mm_min / 60.0
        true_target = minus(target, self._offset)
        speed, acceleration = self._limits().towards(
            self._motion.goal(), true_target, feed
        )
        if true_target != self._motion.goal():
            self._motion.add(now_s, true_target, speed, acceleration)
        return [(0.0, "ok")]

    def _wait_for(
        self,
        until_s: Callable[[], float],
        then: Callable[[float], Lines],
        *,
        homes: bool = False,
    ) -> Lines:
        self._wait = _Wait(until_s, then, homes)
        return []

    def _system(self, text: str, now_s: float) -> Lines:
        command = text[1:]
        if command.startswith("J"):
            return self._jog_line(command, now_s)
        moving = self._motion.moves_at(now_s) or self._motion.held
        if command in ("", "G", "X", "C", "$"):
            if command in ("$", "C") and moving:
                raise GcodeError(8)
            return [*self._query(command), (0.0, "ok")]
        if moving:
            raise GcodeError(8)
        if command == "H":
            return self._home(now_s)
        if command == "SLP":
            self._sleeps = True
            return [(0.0, "ok"), (0.0, "[MSG:Sleeping]")]
        if command in ("#", "I", "N"):
            return [*self._query(command), (0.0, "ok")]
        self._change_setting(command)
        return [(0.0, "ok")]

    def _query(self, command: str) -> Lines:
        said = {
            "": [HELP],
            "$": [setting_line(n, value) for n, value in self._settings.items()],
            "#": PARAMETERS,
            "I": ["[VER:1.1h.20190830:]", f"[OPT:V,{_PLANNER_BLOCKS},{_RX_BYTES}]"],
            "N": ["$N0=", "$N1="],
            "G": [self._modes_line()],
        }
        if command == "X":
            unlocked, self._alarm = self._alarm, False
            return [(0.0, "[MSG:Caution: Unlocked]")] if unlocked else []
        if command == "C":
            if self._alarm:
                raise GcodeError(8)
            self._check = not self._check
            return [(0.0, "[MSG:Enabled]" if self._check else "[MSG:Disabled]")]
        return [(0.0, line) for line in said[command]]

    def _modes_line(self) -> str:
        modes = self._modes
        units = 20 if modes.inches else 21
        distance = 90 if modes.absolute else 91
        return (
            f"[GC:G{modes.motion} G54 G17 G{units} G{distance} G94 M5 M9 T0 "
            f"F{modes.feed_mm_min:.0f} S0]"
        )

    def _change_setting(self, command: str) -> None:
        name, equals, value = command.partition("=")
        try:
            index, wanted = int(name), float(value)
        except ValueError:
            raise GcodeError(3 if not equals else 2) from None
        if index not in self._settings:
            raise GcodeError(3)
        if wanted < 0:
            raise GcodeError(4)
        if index == 20 and wanted and not self._settings[22]:
            raise GcodeError(10)
        self._settings[index] = wanted
        if index == 22 and not wanted:
            self._settings[20] = 0.0

    def _jog_line(self, command: str, now_s: float) -> Lines:
        busy = self._motion.moves_at(now_s) and not self._jogging(now_s)
        if self._alarm or self._motion.held or busy:
            raise GcodeError(8)
        if not command.startswith("J="):
            raise GcodeError(3)
        block = parse(command[2:], self._modes, jog=True)
        return self._move(block, now_s, jog=True)

    def _home(self, now_s: float) -> Lines:
        if not self._settings[22]:
            raise GcodeError(5)
        fails = self.use_up("homing_fails", now_s)
        ends_s = now_s + self._homing_s(now_s, fails=fails)
        self._alarm = False

        def then(at_s: float) -> Lines:
            if fails:
                self._alarm, self._homed = True, False
                self._motion.stop_dead(at_s)
                self._forget_work()
                hello = [(_ALARM_DELAY_S, text) for _, text in self._hello()]
                return [(0.0, f"ALARM:{_HOMING_NO_SWITCH}"), *hello]
            pulloff = self._settings[27]
            self._motion.place((-pulloff, -pulloff, -pulloff))
            self._offset = (0.0, 0.0, 0.0)
            self._homed = True
            return [(0.0, "ok")]

        return self._wait_for(lambda: ends_s, then, homes=True)

    def _homing_s(self, now_s: float, *, fails: bool) -> float:
        """Return how long homing takes: Z first, then X and Y together."""
        x, y, z = self._motion.position_at(now_s)
        seek, slow = self._settings[25] / 60.0, self._settings[24] / 60.0
        locate_s = 3 * self._settings[27] / slow + 4 * self._settings[26] / 1000.0
        if fails:
            return 1.5 * max(self._travel) / seek
        return (-z + max(-x, -y)) / seek + 2 * locate_s

    def _limits(self) -> Limits:
        found = self._settings
        return Limits(
            (found[110] / 60.0, found[111] / 60.0, found[112] / 60.0),
            (found[120], found[121], found[122]),
        )

    def _travel_set(self) -> PositionMm:
        return (self._settings[130], self._settings[131], self._settings[132])

    def _jogging(self, now_s: float) -> bool:
        return self._jog and self._motion.moves_at(now_s)

    def _status_word(self, now_s: float) -> str:
        moving = self._motion.moves_at(now_s)
        homes = self._wait is not None and self._wait.homes
        words = (
            (self._sleeps, "Sleep"),
            (self._alarm, "Alarm"),
            (homes, "Home"),
            (self._check, "Check"),
            (self._jogging(now_s), "Jog"),
            (self._door, "Door:2" if moving else "Door:0"),
            (self._motion.held, "Hold:1" if moving else "Hold:0"),
            (moving, "Run"),
        )
        return next((word for applies, word in words if applies), "Idle")

    def _report(self, now_s: float) -> str:
        place = plus(self._motion.position_at(now_s), self._offset)
        feed = self._motion.speed_at(now_s) * 60.0
        fields = [self._status_word(now_s), "MPos:" + three_decimals(place)]
        if int(self._settings[10]) & 2:
            fields.append(f"Bf:{_PLANNER_BLOCKS},{_RX_BYTES - self._waiting_bytes()}")
        fields.append(f"FS:{feed:.0f},0")
        # The work offset and the overrides come now and then.
        turn = self._report_count % 10
        self._report_count += 1
        if turn == 0:
            fields.append("WCO:0.000,0.000,0.000")
        elif turn == 1:
            fields.append("Ov:100,100,100")
        return f"<{'|'.join(fields)}>"
