"""Axis 0 of an ODrive v3 (firmware 0.5) on its ASCII protocol, 115200 8N1.

Lines carry a checksum both ways: a command that noise has changed is ignored by the
controller instead of obeyed. Settings, which are not answered, are read back. Source:
the documentation of the ASCII protocol.
"""

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import TypeVar

from hp_lab.clock import Clock
from hp_lab.devices.serial_instrument import SerialInstrument
from hp_lab.devices.transport import SerialLine
from hp_lab.errors import DeviceFault

T = TypeVar("T")

IDLE, FULL_CALIBRATION, CLOSED_LOOP = 1, 3, 8
VELOCITY_CONTROL = 2
VEL_RAMP = 2
WATCHDOG_EXPIRED = 0x800
# Values are cut to nine characters, so that is how well they can be read back.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-4
_MARKER = "Serial number: "


class OdriveAxis(SerialInstrument):
    """A table of the manual; every call is one exchange, settings are two.

    A question is asked again once when its answer is noise.
    """

    kind = "odrive"

    def __init__(self, port: str, clock: Clock, timeout_s: float) -> None:
        super().__init__(port, clock, timeout_s)
        self._serial_number = ""

    def open(self) -> None:
        """Open the port and learn the controller's serial number.

        Raises:
            DeviceLost: The port is missing or nobody answers.
        """
        with self._lock:
            self.close()
            self._line = SerialLine(
                self._port, baudrate=115200, timeout_s=self._timeout_s, ending=b"\n"
            )
            self._find_again(self._line)

    @property
    def serial_number(self) -> str:
        """Return the controller's serial number.

        Raises:
            DeviceLost: It is not connected.
        """
        self._opened()
        return self._serial_number

    def state(self) -> int:
        """Get axis0.current_state."""
        return int(self._read("axis0.current_state"))

    def request(self, state: int) -> None:
        """Set axis0.requested_state, unanswered."""
        self._tell(f"w axis0.requested_state {state}")

    def is_calibrated(self) -> bool:
        """Get whether motor and encoder are calibrated."""
        motor = self._read("axis0.motor.is_calibrated")
        return bool(motor) and bool(self._read("axis0.encoder.is_ready"))

    def errors(self) -> dict[str, int]:
        """Get the errors of the axis and its parts that are not 0."""
        found = {
            part: int(self._read(f"axis0.{part}error"))
            for part in ("", "motor.", "encoder.", "controller.")
        }
        return {f"axis0.{part}error": bits for part, bits in found.items() if bits}

    def axis_error(self) -> int:
        """Get axis0.error."""
        return int(self._read("axis0.error"))

    def clear_errors(self) -> None:
        """Clear all errors (sc), unanswered."""
        self._tell("sc")

    def feedback(self) -> tuple[float, float]:
        """Get position (turns) and speed (turns per second)."""

        def parse(said: str) -> tuple[float, float]:
            position, blank, speed = said.partition(" ")
            if not blank:
                msg = f"odrive: {said!r} is not a position and a speed"
                raise DeviceFault(msg)
            return _number(position), _number(speed)

        return self._ask("f 0", parse)

    def turn_at(self, speed_turns_s: float) -> None:
        """Set the speed (turns per second) and feed the watchdog, unanswered."""
        self._tell(f"v 0 {_text(speed_turns_s)} 0")

    def turn_to(self, position_turns: float) -> None:
        """Go to a position (turns) on a trapezoid, and feed the watchdog."""
        self._tell(f"t 0 {_text(position_turns)}")

    def feed(self) -> None:
        """Feed the watchdog, unanswered."""
        self._tell("u 0")

    def set_ramp(self, acceleration_turns_s2: float) -> None:
        """Set the acceleration between speeds, unanswered (turns per second squared).

        It is not read back, so that a change of speed comes on time.
        """
        self._tell(f"w axis0.controller.config.input_mode {VEL_RAMP}")
        name = "axis0.controller.config.vel_ramp_rate"
        self._tell(f"w {name} {_text(acceleration_turns_s2)}")

    def set_watchdog(self, timeout_s: float) -> None:
        """Set, feed and enable the watchdog; 0 disables it."""
        if timeout_s > 0:
            self.set("axis0.config.watchdog_timeout", timeout_s)
            # It counts on from where it was when it is enabled.
            self.feed()
        self.set("axis0.config.enable_watchdog", 1.0 if timeout_s > 0 else 0.0)

    def set(self, name: str, value: float) -> None:
        """Set a property and read it back.

        Raises:
            DeviceFault: It keeps another value.
        """
        for _ in range(2):
            self._tell(f"w {name} {_text(value)}")
            kept = self._read(name)
            if abs(kept - value) <= _ABSOLUTE + _RELATIVE * abs(value):
                return
        msg = f"odrive: {name} was set to {value:g}, but stays {kept:g}"
        raise DeviceFault(msg)

    def _tell(self, command: str) -> None:
        with self._lock:
            self._opened().send(with_checksum(command))

    def _read(self, name: str) -> float:
        return self._ask(f"r {name}", _number)

    def _ask(self, command: str, parse: Callable[[str], T]) -> T:
        with self._lock:
            try:
                return self._ask_once(command, parse)
            except DeviceFault:
                return self._ask_once(command, parse)

    def _ask_once(self, command: str, parse: Callable[[str], T]) -> T:
        line = self._opened()
        if not line.in_step:
            self._find_again(line)
        try:
            return parse(checked(line.ask(with_checksum(command))))
        except DeviceFault:
            line.in_step = False
            raise

    def _find_again(self, line: SerialLine) -> None:
        # Whatever half line the controller has heard ends here.
        line.send("")
        said = line.resynchronise(
            with_checksum("i"), lambda answer: answer.startswith(_MARKER)
        )
        self._serial_number = said.removeprefix(_MARKER).partition("*")[0]


def with_checksum(command: str) -> str:
    """Return a command with the exclusive or of its bytes behind an asterisk.

    >>> with_checksum("r vbus_voltage ")
    'r vbus_voltage *93'
    """
    return f"{command}*{_checksum(command)}"


def checked(answer: str) -> str:
    """Return an answer without its checksum.

    Raises:
        DeviceFault: The checksum is missing or wrong.
    """
    said, star, checksum = answer.rpartition("*")
    if star and checksum == str(_checksum(said)):
        return said
    msg = f"odrive: answer {answer!r} fails its checksum; check the line's noise"
    raise DeviceFault(msg)


def _checksum(text: str) -> int:
    return reduce(xor, text.encode("ascii"), 0)


def _text(value: float) -> str:
    # Nine digits are what the controller's single precision keeps.
    return f"{value:.9g}"


def _number(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        msg = f"odrive: {said!r} is not a number"
        raise DeviceFault(msg) from None
