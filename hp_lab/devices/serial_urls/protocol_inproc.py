"""``inproc://NAME``: a serial port on a byte stream of this process."""

from typing import Any

from serial import SerialBase, SerialException

from hp_lab.devices.transport import INPROC, ByteStream, open_inproc
from hp_lab.errors import DeviceLost


class Serial(SerialBase):
    """A port whose waits are on the stream's clock, not on the wall."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - pyserial's own signature
        self._stream: ByteStream | None = None
        self._ready = b""
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Connect.

        Raises:
            SerialException: Nobody offers the stream.
        """
        name = (self._port or "").removeprefix(INPROC)
        try:
            self._stream = open_inproc(INPROC + name)
        except DeviceLost as error:
            raise SerialException(str(error)) from error
        self._ready = b""
        self.is_open = True

    def close(self) -> None:
        """Disconnect."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self.is_open = False

    def _reconfigure_port(self, force_update: bool = False) -> None:
        """Accept any framing: a byte stream has none."""

    @property
    def in_waiting(self) -> int:
        """Number of bytes that can be read at once."""
        self._fill(0.0)
        return len(self._ready)

    def read(self, size: int = 1) -> bytes:
        """Return size bytes, or fewer after the timeout."""
        wait_s = float("inf") if self._timeout is None else self._timeout
        while len(self._ready) < size and self._fill(wait_s):
            pass
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def readline(self, size: int | None = -1) -> bytes:
        """Return up to a line feed, size bytes, or what came before the timeout."""
        wait_s = float("inf") if self._timeout is None else self._timeout
        most = size if size is not None and size >= 0 else None
        while b"\n" not in self._ready and (most is None or len(self._ready) < most):
            if not self._fill(wait_s):
                break
        end = self._ready.find(b"\n") + 1 or len(self._ready)
        end = end if most is None else min(end, most)
        data, self._ready = self._ready[:end], self._ready[end:]
        return data

    def write(self, data: bytes) -> int:
        """Send the bytes."""
        self._connected().write(bytes(data))
        return len(data)

    def reset_input_buffer(self) -> None:
        """Forget what has come."""
        while self._fill(0.0):
            pass
        self._ready = b""

    def flush(self) -> None:
        """Return at once: a write has arrived when it returns."""

    def _fill(self, wait_s: float) -> bool:
        data = self._connected().read(65536, wait_s)
        self._ready += data
        return bool(data)

    def _connected(self) -> ByteStream:
        if self._stream is None:
            msg = f"{self._port} is not open"
            raise SerialException(msg)
        return self._stream
