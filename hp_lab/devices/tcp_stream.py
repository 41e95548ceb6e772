"""A byte stream over TCP, and byte streams by address."""

import socket
from collections.abc import Callable

from hp_lab.devices.http_stream import split_address
from hp_lab.devices.transport import INPROC, ByteStream, open_inproc
from hp_lab.errors import DeviceLost

CONNECT_TIMEOUT_S = 10.0


class TcpStream:
    """A connection over TCP.

    Args:
        host: Name or address.
        port: TCP port.

    Raises:
        DeviceLost: Nobody listens there.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
        except OSError as error:
            msg = (
                f"{host}:{port}: no connection ({error}); check the instrument's "
                "power, network and address"
            )
            raise DeviceLost(msg) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> None:
        """Send the bytes.

        Raises:
            OSError: The other end is gone.
        """
        self._socket.settimeout(CONNECT_TIMEOUT_S)
        self._socket.sendall(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return 1 to size bytes, or none when timeout_s passed without any.

        Raises:
            ConnectionResetError: The other end is gone.
        """
        # A timeout of 0 would be "do not block", which is another exception.
        self._socket.settimeout(max(timeout_s, 1e-6))
        try:
            data = self._socket.recv(size)
        except TimeoutError:
            return b""
        if not data:
            msg = "the other end closed the connection"
            raise ConnectionResetError(msg)
        return data

    def close(self) -> None:
        """End the connection; closing twice does nothing."""
        self._socket.close()


def stream_opener(address: str) -> Callable[[], ByteStream]:
    """Return what connects to ``HOST:PORT`` or ``inproc://NAME`` when it is called.

    Raises:
        InvalidConfig: The address is neither form.
    """
    if address.startswith(INPROC):
        return lambda: open_inproc(address)
    host, port = split_address(address)
    return lambda: TcpStream(host, port)
