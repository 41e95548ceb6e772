"""Byte streams to instruments: serial ports, sockets, and streams inside the process.

A driver is handed an address and nothing else:

* ``/dev/ttyUSB0`` or any other port or URL that pyserial knows, ``pty://PATH`` for a
  pseudo terminal (which cannot do 7E1 on Linux; see ``serial_urls/protocol_pty.py``);
* ``HOST:PORT`` for instruments on the network;
* ``inproc://NAME`` for a stream that another part of this process offers, on the same
  clock. Emulated laboratories in virtual time are wired this way, with the same bytes.
"""

import termios
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import serial

from hp_lab.errors import DeviceFault, DeviceLost, InvalidConfig

INPROC = "inproc://"
# termios.error is neither an OSError nor a SerialException, and a pty raises it.
PORT_ERRORS = (serial.SerialException, OSError, termios.error)
# No instrument here says more in one line; noise without an end must not read for ever.
_LONGEST_LINE = 512
# Lines that may wait from earlier exchanges when the conversation is found again.
_MOST_LATE_LINES = 64


class ByteStream(Protocol):
    """A connection to an instrument."""

    def write(self, data: bytes) -> None:
        """Send the bytes. Raises OSError when the other end is gone."""
        ...

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return 1 to size bytes, or none when timeout_s passed without any."""
        ...

    def close(self) -> None:
        """End the connection; closing twice does nothing."""
        ...


_offered: dict[str, Callable[[], ByteStream]] = {}
_offered_lock = threading.Lock()


def offer_stream(name: str, connect: Callable[[], ByteStream]) -> None:
    """Offer a stream inside this process under ``inproc://NAME``.

    Raises:
        InvalidConfig: The name is taken.
    """
    with _offered_lock:
        if name in _offered:
            msg = f"transport: {INPROC}{name} is offered already; withdraw it first"
            raise InvalidConfig(msg)
        _offered[name] = connect


def withdraw_stream(name: str) -> None:
    """Take an offered stream back; unknown names do nothing."""
    with _offered_lock:
        _offered.pop(name, None)


def open_inproc(address: str) -> ByteStream:
    """Open ``inproc://NAME``.

    Raises:
        DeviceLost: Nobody in this process offers that name.
    """
    with _offered_lock:
        connect = _offered.get(address.removeprefix(INPROC))
    if connect is None:
        msg = f"transport: nobody offers {address} in this process"
        raise DeviceLost(msg)
    return connect()


def open_serial(
    port: str,
    *,
    baudrate: int,
    bytesize: int = serial.EIGHTBITS,
    parity: str = serial.PARITY_NONE,
    timeout_s: float = 1.0,
) -> serial.SerialBase:
    """Open a serial port for this process alone.

    Args:
        port: Device path, pyserial URL, ``pty://PATH`` or ``inproc://NAME``.
        baudrate: Bits per second.
        bytesize: 7 or 8.
        parity: pyserial's letter: N, E or O.
        timeout_s: How long a read waits for a byte.

    Raises:
        DeviceLost: The port is missing, busy, or nobody listens.
    """
    if "hp_lab.devices.serial_urls" not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append("hp_lab.devices.serial_urls")
    exclusive = (
        {} if "://" in port and not port.startswith("pty://") else {"exclusive": True}
    )
    try:
        return serial.serial_for_url(
            port,
            baudrate=baudrate,
            bytesize=bytesize,
            parity=parity,
            timeout=timeout_s,
            write_timeout=timeout_s,
            **exclusive,
        )
    except PORT_ERRORS as error:
        msg = (
            f"port {port}: cannot be opened ({error}); check that it exists, that no "
            "other program uses it and that you may read and write it"
        )
        raise DeviceLost(msg) from error


class SerialLine:
    """A line-by-line conversation over a serial port.

    An answer that did not come in time may come later, and would then be taken for the
    answer to the next question. After a failed exchange ``in_step`` is False, and the
    owner calls :meth:`resynchronise` before it trusts an answer again.

    Not thread-safe: the owner holds one lock a device.

    Args:
        port: As for :func:`open_serial`.
        baudrate: Bits per second.
        bytesize: 7 or 8.
        parity: pyserial's letter.
        timeout_s: How long an answer may take.
        ending: What ends each line that is sent.

    Attributes:
        in_step: Whether the next line that comes answers the next line sent.
    """

    def __init__(
        self,
        port: str,
        *,
        baudrate: int,
        bytesize: int = serial.EIGHTBITS,
        parity: str = serial.PARITY_NONE,
        timeout_s: float = 1.0,
        ending: bytes = b"\r\n",
    ) -> None:
        self.port = port
        self.in_step = True
        self._ending = ending
        self._timeout_s = timeout_s
        # What has come of a line that is not complete yet.
        self._partial = b""
        self._serial = open_serial(
            port,
            baudrate=baudrate,
            bytesize=bytesize,
            parity=parity,
            timeout_s=timeout_s,
        )

    def send(self, line: str) -> None:
        """Send one line.

        Raises:
            DeviceLost: The port is gone or takes no bytes.
        """
        self.send_bytes(line.encode("ascii") + self._ending)

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are (real-time commands).

        Raises:
            DeviceLost: The port is gone or takes no bytes.
        """
        try:
            self._serial.write(data)
        except PORT_ERRORS as error:
            msg = f"port {self.port}: cannot send {data!r} ({error})"
            raise DeviceLost(msg) from error

    def receive(self, timeout_s: float | None = None) -> str:
        """Return the next line without its ending and outer blanks.

        Args:
            timeout_s: How long the line may take; None is the line's usual time.

        Raises:
            DeviceLost: No whole line within the timeout.
            DeviceFault: What came is not text.
        """
        wait_s = self._timeout_s if timeout_s is None else timeout_s
        line = self.poll(wait_s)
        if line is None:
            self.in_step = False
            got = f"only {self._partial!r}" if self._partial else "nothing"
            msg = f"port {self.port}: no answer in {wait_s:g} s, {got} came"
            raise DeviceLost(msg)
        return line

    def poll(self, timeout_s: float) -> str | None:
        """Return the next line, or None when there is no whole line in time.

        The part of a line that has come is kept for the next call.

        Raises:
            DeviceLost: The port is gone.
            DeviceFault: What came is not text, or is a line without end.
        """
        try:
            if self._serial.timeout != timeout_s:
                self._serial.timeout = timeout_s
            room = _LONGEST_LINE - len(self._partial)
            self._partial += self._serial.readline(room)
        except PORT_ERRORS as error:
            self.in_step = False
            msg = f"port {self.port}: cannot be read ({error})"
            raise DeviceLost(msg) from error
        if not self._partial.endswith(b"\n") and len(self._partial) < _LONGEST_LINE:
            return None
        raw, self._partial = self._partial, b""
        if raw.isascii() and raw.endswith(b"\n"):
            return raw.decode("ascii").strip()
        self.in_step = False
        msg = (
            f"port {self.port}: answer {raw[:40]!r} is not text; check the line's noise"
        )
        raise DeviceFault(msg)

    def ask(self, line: str) -> str:
        """Drop what is left of earlier answers, send a line and return its answer.

        Raises:
            DeviceLost: As :meth:`send` and :meth:`receive`.
            DeviceFault: As :meth:`receive`.
        """
        self.drop_input()
        self.send(line)
        return self.receive()

    def resynchronise(self, question: str, is_answer: Callable[[str], bool]) -> str:
        """Find the conversation again: ask what only one answer fits, and wait for it.

        Answers come in the order of the questions, so whatever comes before that one
        belongs to earlier questions and is dropped.

        Args:
            question: A line whose answer cannot be mistaken for another's.
            is_answer: Whether a line is that answer.

        Raises:
            DeviceLost: The answer did not come.
        """
        self.in_step = False
        self.drop_input()
        self.send(question)
        for _ in range(_MOST_LATE_LINES):
            try:
                line = self.receive()
            except DeviceFault:
                continue
            if is_answer(line):
                self.in_step = True
                return line
        msg = f"port {self.port}: no answer to {question!r}, only other lines"
        raise DeviceLost(msg)

    def drop_input(self) -> None:
        """Forget bytes that came unasked or late.

        Raises:
            DeviceLost: The port is gone.
        """
        self._partial = b""
        try:
            self._serial.reset_input_buffer()
        except PORT_ERRORS as error:
            self.in_step = False
            msg = f"port {self.port}: is gone ({error})"
            raise DeviceLost(msg) from error

    def close(self) -> None:
        """Close the port; closing twice does nothing."""
        try:
            self._serial.close()
        except PORT_ERRORS:
            # The port is gone: there is nothing left to close.
            return

    def __enter__(self) -> Self:
        """Return the open line."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the port."""
        self.close()
