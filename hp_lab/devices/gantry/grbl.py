"""A GRBL 1.1 motion controller, 115200 8N1.

Every line is answered by ``ok`` or ``error:N``; ``ok`` to a move means queued, not
done, and a dwell after it is answered when the head stands. Alarms and messages are
pushed between the answers. Source: GRBL's interface documentation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hp_lab.clock import Clock, Signal
from hp_lab.devices.serial_instrument import SerialInstrument
from hp_lab.devices.transport import SerialLine
from hp_lab.devices.turns import wait_or_abort
from hp_lab.errors import DeviceError, DeviceFault, DeviceLost
from hp_lab.lab_config import PositionMm

_STATUS = re.compile(
    r"<(\w+)(?::(\d))?\|MPos:(-?[\d.]+),(-?[\d.]+),(-?[\d.]+)(?:\|[^>]*)?>"
)
_SETTING = re.compile(r"\$(\d+)=(-?[\d.]+)")
_RESET, _HOLD, _ASK = b"\x18", b"!", b"?"
# Boards reset when the port is opened, and take this long to say so.
_BOOT_S = 3.0
_AFTER_RESET_S = 2.0
_SLICE_S = 0.25
_BRAKE_S = 3.0
_BRAKE_POLL_S = 0.1
_ALARMS = {
    1: "an axis ran into its end switch",
    2: "the target is beyond the axes' travel",
    3: "reset while moving",
    6: "reset while homing",
    7: "the safety door opened while homing",
    8: "the end switch did not let go while homing",
    9: "no end switch was found while homing",
}
_REFUSALS = {
    2: "bad number",
    5: "homing is off; set $22=1",
    8: "it is not at rest",
    9: "it is locked by an alarm",
    15: "the jog ends beyond the axes' travel",
    20: "unsupported command",
    22: "no feed rate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One status report.

    Attributes:
        state: Idle, Run, Hold, Jog, Alarm, Door, Check, Home or Sleep.
        moves: Whether axes move, or brake.
        machine_mm: Position in machine coordinates.
    """

    state: str
    moves: bool
    machine_mm: PositionMm


class GrblController(SerialInstrument):
    """A table of the manual.

    Moves are sent once. When an answer to one is missing, the head is stopped and the
    controller reset before anything else is asked, so that a late ``ok`` cannot be
    taken for another move's.
    """

    kind = "grbl"

    def __init__(self, port: str, clock: Clock, timeout_s: float) -> None:
        super().__init__(port, clock, timeout_s)
        self._version = ""

    def open(self) -> None:
        """Open the port, which resets the board, and learn its version.

        Raises:
            DeviceLost: The port is missing or nobody answers.
            DeviceFault: It answers nonsense.
        """
        with self._lock:
            self.close()
            self._line = SerialLine(
                self._port, baudrate=115200, timeout_s=self._timeout_s, ending=b"\n"
            )
            if not self._greeted(_BOOT_S):
                # Some boards do not reset when they are opened.
                self._line.send_bytes(_RESET)
                if not self._greeted(_AFTER_RESET_S):
                    msg = f"grbl at {self._port}: does not greet; check port and power"
                    raise DeviceLost(msg)
            said = self.command("$I")
            versions = [line for line in said if line.startswith("[VER:")]
            self._version = versions[0][5:-1].rstrip(":") if versions else "unknown"

    @property
    def version(self) -> str:
        """Return the firmware's version.

        Raises:
            DeviceLost: It is not connected.
        """
        self._opened()
        return self._version

    @property
    def in_step(self) -> bool:
        """Whether answers can be trusted; :meth:`stop` makes it so again."""
        return self._line is not None and self._line.in_step

    def settings(self) -> dict[int, float]:
        """Get the ``$$`` settings by number."""
        matches = (_SETTING.match(line) for line in self.command("$$"))
        return {int(match[1]): float(match[2]) for match in matches if match}

    def status(self) -> Status:
        """Get state and position; asked again once when the answer is noise.

        Raises:
            DeviceLost: No answer, as while it homes.
            DeviceFault: Noise twice.
        """
        with self._lock:
            in_step = self.in_step
            try:
                status = self._status_once()
            except DeviceFault:
                status = self._status_once()
            # A report cannot be taken for another answer: nothing is missing.
            self._opened().in_step = in_step
            return status

    def command(self, line: str) -> list[str]:
        """Send a line that is answered at once; return what was pushed before that.

        Raises:
            DeviceFault: It was refused, an alarm came, or the board reset by itself.
            DeviceLost: No answer.
        """
        with self._lock:
            opened = self._opened()
            self._refuse_out_of_step()
            opened.drop_input()
            opened.send(line)
            said: list[str] = []
            while True:
                answer = opened.receive()
                if self._is_ok(answer, line):
                    return said
                said.append(answer)

    def home(self, *, stop: Signal, timeout_s: float) -> None:
        """Run the homing cycle.

        Raises:
            Aborted: stop was raised; it must be reset.
            DeviceFault: It failed.
            DeviceLost: It does not end.
        """
        self._begin("$H")
        self._await_ok("$H", stop, timeout_s)

    def move(
        self,
        target_mm: Sequence[float | None],
        feed_mm_min: float,
        *,
        stop: Signal,
        timeout_s: float,
    ) -> None:
        """Go straight to a place in machine coordinates, and wait until it stands.

        Args:
            target_mm: X, Y and Z; None leaves an axis where it is.
            feed_mm_min: Speed on the way; axes keep their own limits.
            stop: Ends the wait; the head still moves and must be stopped.
            timeout_s: Longest way.

        Raises:
            Aborted: stop was raised.
            DeviceFault: It was refused, or an alarm came.
            DeviceLost: No answer.
        """
        axes = " ".join(
            f"{axis}{place:.3f}"
            for axis, place in zip("XYZ", target_mm, strict=True)
            if place is not None
        )
        self.command(f"G53 G1 {axes} F{feed_mm_min:.1f}")
        self._begin("G4 P0.01")
        self._await_ok("G4 P0.01", stop, timeout_s)

    def rests(self) -> bool:
        """Return whether it stands, waits for nothing, and answers as it should."""
        if not self.in_step:
            return False
        try:
            return self.status().state in ("Idle", "Alarm")
        except DeviceError:
            return False

    def stop(self) -> bool:
        """Brake, forget what was to come, and return whether the position is kept.

        Raises:
            DeviceLost: The controller does not answer.
        """
        with self._lock:
            opened = self._opened()
            opened.send_bytes(_HOLD)
            deadline_s = self._clock.now_s() + _BRAKE_S
            while self._brakes() and self._clock.now_s() < deadline_s:
                self._clock.sleep(_BRAKE_POLL_S)
            # A reset of a head at rest keeps its position, one in motion loses it.
            opened.drop_input()
            opened.send_bytes(_RESET)
            if not self._greeted(_AFTER_RESET_S):
                msg = f"grbl at {self._port}: does not answer a reset; switch it off"
                raise DeviceLost(msg)
            return self._status_once().state != "Alarm"

    def _refuse_out_of_step(self) -> None:
        if not self._opened().in_step:
            msg = f"grbl at {self._port}: an answer is missing; stop it first"
            raise DeviceFault(msg)

    def _begin(self, line: str) -> None:
        with self._lock:
            self._refuse_out_of_step()
            self._opened().drop_input()
            self._opened().send(line)

    def _await_ok(self, line: str, stop: Signal, timeout_s: float) -> None:
        opened = self._opened()
        deadline_s = self._clock.now_s() + timeout_s
        # Until the answer has come, no other answer can be trusted.
        opened.in_step = False
        while True:
            wait_or_abort(stop, 0.0, "gantry")
            with self._lock:
                answer = opened.poll(_SLICE_S)
            if answer is not None and self._is_ok(answer, line):
                opened.in_step = True
                return
            if self._clock.now_s() >= deadline_s:
                msg = (
                    f"grbl at {self._port}: {line!r} was not answered within "
                    f"{timeout_s:g} s"
                )
                raise DeviceLost(msg)

    def _is_ok(self, answer: str, line: str) -> bool:
        """Return whether an answer is ok; other lines that are pushed are not."""
        if answer == "ok":
            return True
        kind, _, number = answer.partition(":")
        if kind == "error":
            why = _meaning(_REFUSALS, number)
            msg = f"gantry: {line!r} was refused: error {number}{why}"
            raise DeviceFault(msg)
        if kind == "ALARM":
            self._opened().in_step = False
            why = _meaning(_ALARMS, number)
            msg = f"gantry: alarm {number}{why}; home it after looking"
            raise DeviceFault(msg)
        if answer.startswith("Grbl"):
            self._opened().in_step = False
            msg = "gantry: the motion controller reset by itself; check its power"
            raise DeviceFault(msg)
        return False

    def _status_once(self) -> Status:
        opened = self._opened()
        opened.send_bytes(_ASK)
        while True:
            line = opened.receive()
            match = _STATUS.fullmatch(line)
            if match is not None:
                state, part = match[1], match[2]
                # Hold:0 and Door:0 stand; their other parts still brake.
                brakes = state in ("Hold", "Door") and part != "0"
                x, y, z = (float(match[index]) for index in (3, 4, 5))
                return Status(
                    state=state,
                    moves=brakes or state in ("Run", "Jog", "Home"),
                    machine_mm=(x, y, z),
                )
            if line.startswith("<"):
                msg = f"gantry: {line!r} is not a status report"
                raise DeviceFault(msg)

    def _brakes(self) -> bool:
        try:
            return self._status_once().moves
        except DeviceFault:
            return True
        except DeviceLost:
            # It homes, or hangs: only a reset helps.
            return False

    def _greeted(self, timeout_s: float) -> bool:
        """Return whether the greeting comes; what is pushed with it is dropped."""
        opened = self._opened()
        deadline_s = self._clock.now_s() + timeout_s
        wait_s = timeout_s
        while True:
            try:
                line = opened.poll(wait_s)
            except DeviceFault:
                continue
            if line is not None and line.startswith("Grbl "):
                opened.in_step = True
                return True
            wait_s = deadline_s - self._clock.now_s()
            if line is None or wait_s <= 0:
                return False


def _meaning(table: dict[int, str], number: str) -> str:
    return (
        f" ({table[int(number)]})" if number.isdigit() and int(number) in table else ""
    )
