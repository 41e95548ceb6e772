"""What instruments on a serial line share: a port, a lock, a line while open."""

from typing import ClassVar

from hp_lab.clock import Clock
from hp_lab.devices.transport import SerialLine
from hp_lab.devices.turns import ExchangeLock
from hp_lab.errors import DeviceLost


class SerialInstrument:
    """An instrument whose line is opened by its own conversation.

    Attributes:
        kind: What error messages call it.

    Args:
        port: Serial port, as for :func:`hp_lab.devices.transport.open_serial`.
        clock: The clock of the device.
        timeout_s: How long an answer may take.
    """

    kind: ClassVar[str]

    def __init__(self, port: str, clock: Clock, timeout_s: float) -> None:
        self._port = port
        self._clock = clock
        self._timeout_s = timeout_s
        self._lock = ExchangeLock(clock)
        self._line: SerialLine | None = None

    def close(self) -> None:
        """Close the port; twice does nothing."""
        with self._lock:
            if self._line is not None:
                self._line.close()
            self._line = None

    def _opened(self) -> SerialLine:
        if self._line is None:
            msg = f"{self.kind} at {self._port}: not connected; connect first"
            raise DeviceLost(msg)
        return self._line
