"""HTTP to an instrument: over a TCP socket, or over a byte stream in this process.

``http_client("HOST:PORT")`` and ``http_client("inproc://NAME")`` give the same
``httpx.Client``; only the network below it differs. The client keeps one connection.
Its timeouts are watchdogs: large, because a wait for the instrument is ended by the
instrument. Over a stream in this process they are counted in laboratory time.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import httpcore
import httpx

from hp_lab.devices.transport import INPROC, ByteStream, open_inproc
from hp_lab.errors import DeviceLost, InvalidConfig

WATCHDOG_S = 30.0

SocketOptions: TypeAlias = Iterable[
    tuple[int, int, int]
    | tuple[int, int, bytes | bytearray]
    | tuple[int, int, None, int]
]

# Most special first: each httpcore error is also one of the later ones.
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
)


def http_client(address: str, *, headers: dict[str, str] | None = None) -> httpx.Client:
    """Return a client of the HTTP server at an address; nothing is sent yet.

    Args:
        address: ``HOST:PORT`` or ``inproc://NAME``.
        headers: Sent with every request.

    Raises:
        InvalidConfig: The address is neither form.
    """
    if address.startswith(INPROC):
        backend: httpcore.NetworkBackend = _StreamBackend(address)
        base_url = "http://inproc"
    else:
        host, port = split_address(address)
        backend = httpcore.SyncBackend()
        base_url = f"http://{host}:{port}"
    return httpx.Client(
        transport=_Transport(backend),
        base_url=base_url,
        headers=headers,
        timeout=WATCHDOG_S,
        # A proxy of the user's shell is not on the way to an instrument.
        trust_env=False,
    )


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``.

    Raises:
        InvalidConfig: The address has no host, or no port from 1 to 65535.
    """
    host, _, port = address.rpartition(":")
    if host and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        return host, int(port)
    msg = (
        f"address {address!r} must be HOST:PORT (such as 192.168.1.50:31950) "
        f"or {INPROC}NAME"
    )
    raise InvalidConfig(msg)


class _Transport(httpx.BaseTransport):
    """httpx's transport with a network backend of our choice."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        # An idle connection never expires: that would depend on the wall clock.
        self._pool = httpcore.ConnectionPool(
            max_connections=1, keepalive_expiry=None, network_backend=backend
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with _httpx_errors():
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.read(),
                    extensions=request.extensions,
                )
            )
            content = answer.read()
            answer.close()
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            content=content,
            extensions={"http_version": b"HTTP/1.1"},
        )

    def close(self) -> None:
        self._pool.close()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        for theirs, ours in _ERRORS:
            if isinstance(error, theirs):
                raise ours(str(error)) from error
        raise


class _StreamBackend(httpcore.NetworkBackend):
    """Connects to one address in this process, whatever host is asked for."""

    def __init__(self, address: str) -> None:
        self._address = address

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        del host, port, timeout, local_address, socket_options
        try:
            return _Stream(open_inproc(self._address))
        except (DeviceLost, OSError) as error:
            raise httpcore.ConnectError(str(error)) from error


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        wait_s = WATCHDOG_S if timeout is None else timeout
        try:
            data = self._stream.read(max_bytes, wait_s)
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        if not data:
            # A byte stream says nothing at its timeout; h11 would take b"" for the end.
            msg = f"no answer within {wait_s:g} s"
            raise httpcore.ReadTimeout(msg)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        if not buffer:
            # httpcore ends a body with an empty chunk, which a parser at the other
            # end would take for the end of the connection.
            return
        try:
            self._stream.write(buffer)
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._stream.close()
