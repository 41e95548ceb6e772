"""The commands of IKA hotplates (C-MAG HS 7, RCT digital) on their NAMUR line.

9600 bit/s, 7 data bits, even parity, 1 stop bit; the instrument speaks only when asked,
and says nothing to an unknown command. Source: the manuals' tables of NAMUR commands.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import serial

from hp_lab.clock import Clock
from hp_lab.devices.serial_instrument import SerialInstrument
from hp_lab.devices.transport import SerialLine
from hp_lab.errors import DeviceFault

T = TypeVar("T")
_READING = re.compile(r"(-?\d+(?:\.\d+)?) (\d+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# Set points are sent to a tenth of a degree, so that is how well they can be read back.
RESOLUTION_K = 0.1


class NamurHotplate(SerialInstrument):
    """A table of the manual; every call is one exchange.

    A question is asked again once when its answer is noise. After a missing answer the
    conversation is found again by the instrument's name, which is never a number.
    """

    kind = "hotplate"

    def __init__(self, port: str, clock: Clock, timeout_s: float) -> None:
        super().__init__(port, clock, timeout_s)
        self._name = ""

    def open(self) -> None:
        """Open the port and learn the instrument's name.

        Raises:
            DeviceLost: The port is missing or nobody answers.
            DeviceFault: The answer is not a name.
        """
        with self._lock:
            self.close()
            self._name = ""
            self._line = SerialLine(
                self._port,
                baudrate=9600,
                bytesize=serial.SEVENBITS,
                parity=serial.PARITY_EVEN,
                timeout_s=self._timeout_s,
            )
            # Whatever half command the instrument has heard ends here.
            self._line.send("")
            self._name = self._ask("IN_NAME", self._as_name)

    @property
    def name(self) -> str:
        """Return the instrument's name.

        Raises:
            DeviceLost: It is not connected.
        """
        self._opened()
        return self._name

    def surface_c(self) -> float:
        """Get the temperature of the surface sensor (degrees Celsius)."""
        return self._ask("IN_PV_2", lambda said: self._as_reading(said, 2))

    def setpoint_c(self) -> float:
        """Get the rated temperature (degrees Celsius)."""
        return self._ask("IN_SP_1", lambda said: self._as_reading(said, 1))

    def safety_c(self) -> float:
        """Get the temperature of the safety circuit, which a dial sets."""
        return self._ask("IN_SP_3", lambda said: self._as_reading(said, 3))

    def set_temperature(self, temperature_c: float) -> None:
        """Set the rated temperature, sent to a tenth of a degree, unanswered."""
        self._tell(f"OUT_SP_1 {temperature_c:.1f}")

    def start_heater(self) -> None:
        """Start the heater, unanswered; some instruments forget the set point then."""
        self._tell("START_1")

    def stop_heater(self) -> None:
        """Stop the heater, unanswered."""
        self._tell("STOP_1")

    def set_fallback(self, temperature_c: float) -> None:
        """Set the temperature to which a tripped watchdog of mode 2 goes."""
        self._echoed("OUT_SP_12", temperature_c, f"{temperature_c:.1f}")

    def watch(self, mode: int, timeout_s: float) -> None:
        """Start or feed the watchdog, 20 to 1500 s; 0 ends one of mode 2.

        Mode 1 switches the heater off when nobody feeds it, and locks the instrument
        until a person switches it off and on; nothing ends it. Mode 2 goes to the
        fallback temperature.
        """
        self._echoed(f"OUT_WD{mode}", timeout_s, f"{timeout_s:.0f}")

    def _tell(self, command: str) -> None:
        with self._lock:
            self._opened().send(command)

    def _echoed(self, command: str, value: float, text: str) -> None:
        def check(said: str) -> None:
            if not _NUMBER.fullmatch(said) or abs(float(said) - value) > RESOLUTION_K:
                msg = f"hotplate: {command}@{text} was answered by {said!r}, not {text}"
                raise DeviceFault(msg)

        self._ask(f"{command}@{text}", check)

    def _ask(self, command: str, parse: Callable[[str], T]) -> T:
        with self._lock:
            try:
                return self._ask_once(command, parse)
            except DeviceFault:
                return self._ask_once(command, parse)

    def _ask_once(self, command: str, parse: Callable[[str], T]) -> T:
        line = self._opened()
        if not line.in_step:
            line.resynchronise("IN_NAME", self._is_name)
        try:
            return parse(line.ask(command))
        except DeviceFault:
            line.in_step = False
            raise

    def _is_name(self, said: str) -> bool:
        if self._name:
            return said == self._name
        return bool(said) and not _NUMBER.match(said)

    def _as_name(self, said: str) -> str:
        if self._is_name(said):
            return said
        msg = f"hotplate at {self._port}: IN_NAME was answered by {said!r}, not a name"
        raise DeviceFault(msg)

    def _as_reading(self, said: str, channel: int) -> float:
        match = _READING.fullmatch(said)
        if match is None or int(match[2]) != channel:
            msg = (
                f"hotplate: answer {said!r} is not a reading of channel {channel} "
                "such as '98.7 2'"
            )
            raise DeviceFault(msg)
        return float(match[1])
