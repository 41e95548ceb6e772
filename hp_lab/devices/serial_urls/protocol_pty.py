"""``pty://PATH``: a pseudo terminal that accepts any framing.

The kernel gives a pty no parity and no 7-bit characters, and since glibc 2.34 tcsetattr
reports that as an error from the second call on, so that 7E1 fails on reopening. Here
the terminal is configured as 8N1 while the attributes keep what the driver asked for.
"""

from typing import Any

import serial
from serial import serialposix


class Serial(serialposix.Serial):
    """A port on a pseudo terminal."""

    # pyserial is untyped; these are the settings that a pseudo terminal cannot take.
    _bytesize: Any
    _parity: Any
    _stopbits: Any

    @property
    def port(self) -> str | None:
        """Path of the pseudo terminal."""
        path: str | None = self._port
        return path

    @port.setter
    def port(self, url: str | None) -> None:
        path = url.removeprefix("pty://") if url is not None else None
        serialposix.Serial.port.fset(self, path)

    def _reconfigure_port(self, force_update: bool = False) -> None:
        wanted = (self._bytesize, self._parity, self._stopbits)
        self._bytesize, self._parity, self._stopbits = (
            serial.EIGHTBITS,
            serial.PARITY_NONE,
            serial.STOPBITS_ONE,
        )
        try:
            super()._reconfigure_port(force_update)
        finally:
            self._bytesize, self._parity, self._stopbits = wanted
