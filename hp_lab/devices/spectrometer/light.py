"""The light box: lamp, excitation LED and shutter on a serial line.

Its protocol is hp_lab's own: ``LAMP 0|1``, ``LED 0..255`` and ``SHUTTER 0|1`` are
answered ``ok``, ``?`` is answered ``LAMP 0 LED 0 SHUTTER 0``; lines end in LF.
"""

import re

from hp_lab.clock import Clock
from hp_lab.devices.serial_instrument import SerialInstrument
from hp_lab.devices.transport import SerialLine
from hp_lab.errors import DeviceFault, InvalidInput

BAUD = 115_200
ANSWER_S = 1.0
LED_FULL = 255
_STATE = re.compile(r"LAMP (\d+) LED (\d+) SHUTTER (\d+)")


class LightBox(SerialInstrument):
    """Lamp, LED and shutter; any thread may speak to them.

    Args:
        port: Its serial port.
        clock: The clock to wait on.
    """

    kind = "light box"

    def __init__(self, port: str, clock: Clock) -> None:
        super().__init__(port, clock, ANSWER_S)

    def open(self) -> None:
        """Connect; opening twice does nothing.

        Raises:
            DeviceLost: The port cannot be opened.
        """
        with self._lock:
            if self._line is None:
                self._line = SerialLine(
                    self._port, baudrate=BAUD, timeout_s=self._timeout_s, ending=b"\n"
                )

    def state(self) -> tuple[bool, float, bool]:
        """Get lamp, LED (0 to 1) and shutter as they were last set.

        Raises:
            DeviceLost: It does not answer.
            DeviceFault: It answers nonsense.
        """
        answer = self._ask("?")
        match = _STATE.fullmatch(answer)
        if match is None:
            msg = (
                f"light box at {self._port}: answered {answer!r} to ?; not a light box"
            )
            raise DeviceFault(msg)
        lamp, led, shutter = (int(number) for number in match.groups())
        return bool(lamp), led / LED_FULL, bool(shutter)

    def set_lamp(self, on: bool) -> None:
        """Set the lamp on or off."""
        self._command(f"LAMP {on:d}")

    def set_led(self, level: float) -> None:
        """Set the excitation LED, 0 to 1 of its power.

        Raises:
            InvalidInput: The level is outside 0 to 1.
        """
        if not 0.0 <= level <= 1.0:
            msg = f"light box: LED level {level} must be 0 to 1"
            raise InvalidInput(msg)
        self._command(f"LED {round(level * LED_FULL)}")

    def open_shutter(self) -> None:
        """Let light reach the detector."""
        self._command("SHUTTER 1")

    def close_shutter(self) -> None:
        """Keep light from the detector."""
        self._command("SHUTTER 0")

    def put_out(self) -> None:
        """Put every light out and close the shutter.

        Raises:
            DeviceLost: It does not answer.
            DeviceFault: It refuses.
        """
        self.set_led(0.0)
        self.set_lamp(False)
        self.close_shutter()

    def _command(self, line: str) -> None:
        answer = self._ask(line)
        if answer != "ok":
            msg = f"light box at {self._port}: answered {answer!r} to {line!r}"
            raise DeviceFault(msg)

    def _ask(self, question: str) -> str:
        with self._lock:
            line = self._opened()
            if not line.in_step:
                # An answer that came too late must not be taken for this one's.
                line.resynchronise("?", lambda said: bool(_STATE.fullmatch(said)))
            return line.ask(question)
