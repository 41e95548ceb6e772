"""A Numato USB relay board with inputs, on its command line.

The board echoes each command, ends what it says with LF CR and prompts with ``>``; a
query's answer comes between echo and prompt. So an answer names its question. Source:
the vendor's documentation and examples.
"""

from hp_lab.clock import Clock
from hp_lab.devices.serial_instrument import SerialInstrument
from hp_lab.devices.transport import SerialLine
from hp_lab.errors import DeviceFault

_CHANNELS = "0123456789ABCDEF"
_MOST_LINES = 8


class RelayBoard(SerialInstrument):
    """A table of the manual; every call is one exchange, switching is two."""

    kind = "relay board"

    def __init__(self, port: str, clock: Clock, timeout_s: float) -> None:
        super().__init__(port, clock, timeout_s)
        self._version = ""

    def open(self) -> None:
        """Open the port and learn the firmware's version.

        Raises:
            DeviceLost: The port is missing or nobody answers.
            DeviceFault: The answer is noise.
        """
        with self._lock:
            self.close()
            self._line = SerialLine(
                self._port, baudrate=19200, timeout_s=self._timeout_s, ending=b"\r"
            )
            self._find_again(self._line)

    @property
    def version(self) -> str:
        """Return the firmware's version.

        Raises:
            DeviceLost: It is not connected.
        """
        self._opened()
        return self._version

    def switch(self, channel: int, on: bool) -> None:
        """Set a relay and check it.

        Raises:
            DeviceFault: The relay stays as it was.
        """
        name = _CHANNELS[channel]
        wanted = "on" if on else "off"
        for _ in range(2):
            self._ask(f"relay {wanted} {name}", answers=())
            if self.is_on(channel) == on:
                return
        msg = f"relay board: relay {name} does not go {wanted}; check the board"
        raise DeviceFault(msg)

    def is_on(self, channel: int) -> bool:
        """Get whether a relay is on."""
        return self._ask(f"relay read {_CHANNELS[channel]}", ("off", "on")) == "on"

    def input(self, channel: int) -> bool:
        """Get whether an input is high."""
        return self._ask(f"gpio read {_CHANNELS[channel]}", ("0", "1")) == "1"

    def _ask(self, command: str, answers: tuple[str, ...]) -> str:
        """Return the answer, once more if it is noise: nothing here counts."""
        with self._lock:
            try:
                return self._ask_once(command, answers)
            except DeviceFault:
                return self._ask_once(command, answers)

    def _ask_once(self, command: str, answers: tuple[str, ...]) -> str:
        line = self._opened()
        if not line.in_step:
            self._find_again(line)
        line.drop_input()
        line.send(command)
        if line.receive().lstrip(">\r ") != command:
            line.in_step = False
            msg = f"relay board: {command!r} was not echoed; check the line's noise"
            raise DeviceFault(msg)
        if not answers:
            return ""
        said = line.receive()
        if said not in answers:
            line.in_step = False
            msg = f"relay board: {command!r} was answered by {said!r}"
            raise DeviceFault(msg)
        return said

    def _find_again(self, line: SerialLine) -> None:
        # Whatever half command the board has heard ends here.
        line.send("")
        line.resynchronise("ver", lambda said: said.lstrip(">\r ") == "ver")
        self._version = line.receive()
