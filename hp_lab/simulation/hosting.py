"""Hosts for emulators: in this process, on a pseudo terminal, on a socket."""

import contextlib
import errno
import os
import select
import socket
import struct
import threading
import tty
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

from hp_lab.clock import LabClock
from hp_lab.devices.transport import ByteStream, offer_stream, withdraw_stream
from hp_lab.errors import DeviceLost, LaboratoryBusy
from hp_lab.simulation.emulators.emulator import Emulator, Reply
from hp_lab.simulation.inproc import InProcessStream
from hp_lab.simulation.waker import Waker

# Called for each connection: an instrument with one port returns itself, a server a new
# conversation that shares the instrument's state.
Session = Callable[[], Emulator]

_IDLE_POLL_S = 0.02
# A driver that does not read must not stop the clock's thread for ever.
_SEND_TIMEOUT = struct.pack("ll", 2, 0)


class InProcessHost:
    """Offers emulators as ``inproc://NAME`` on a virtual (or any) clock."""

    def __init__(self, clock: LabClock) -> None:
        self._clock = clock
        self._names: list[str] = []
        self._unplugged: set[str] = set()
        # One thread works on the hidden world at a time, and may come back to it.
        self._lock = threading.RLock()

    def offer(self, name: str, session: Session) -> str:
        """Offer an instrument and return its address."""
        latest: tuple[Emulator, Waker] | None = None

        def connect() -> ByteStream:
            nonlocal latest
            if name in self._unplugged:
                msg = f"transport: {name} is unplugged"
                raise DeviceLost(msg)
            with self._lock:
                emulator = session()
                if latest is not None and latest[0] is emulator:
                    latest[1].retire()
                stream = InProcessStream(
                    emulator,
                    self._clock,
                    name,
                    self._lock,
                    lambda: name in self._unplugged,
                )
                latest = (emulator, stream.waker)
            return stream

        offer_stream(name, connect)
        self._names.append(name)
        return f"inproc://{name}"

    def unplug(self, name: str) -> None:
        """Cut the wire of an instrument; the instrument goes on without it."""
        self._unplugged.add(name)

    def plug(self, name: str) -> None:
        """Let an instrument be connected to again; old connections stay dead."""
        self._unplugged.discard(name)

    def close(self) -> None:
        """Withdraw every offer."""
        while self._names:
            withdraw_stream(self._names.pop())

    def __enter__(self) -> Self:
        """Return the host."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Withdraw every offer."""
        self.close()


class _Wire:
    """Moves bytes between a file descriptor and an emulator, in real time.

    The lock is held while the emulator works, never while bytes are sent: a driver
    that does not read must not stop the rest of the laboratory.
    """

    def __init__(
        self,
        emulator: Emulator,
        clock: LabClock,
        lock: threading.Lock,
        send: Callable[[bytes], None],
    ) -> None:
        self._emulator = emulator
        self._clock = clock
        self._lock = lock
        self._send = send
        self._sending = threading.Lock()
        self._live = True
        self.waker = Waker(emulator, clock, "wire", lock, self._deliver)

    def open(self) -> None:
        with self._lock:
            replies = self._emulator.connected(self._clock.now_s())
            self.waker.schedule()
        self._deliver(replies)

    def take(self, data: bytes) -> None:
        with self._lock:
            replies = self.waker.wake()
            replies += self._emulator.receive(data, self._clock.now_s())
            self.waker.schedule()
        self._deliver(replies)

    def shut(self) -> None:
        with self._sending:
            self._live = False
        with self._lock:
            self._emulator.disconnected(self._clock.now_s())

    def _deliver(self, replies: list[Reply]) -> None:
        now_s = self._clock.now_s()
        for reply in replies:
            if reply.at_s <= now_s:
                self._send_live(reply.data)
            else:
                send = partial(self._send_live, reply.data)
                self._clock.call_at(reply.at_s, "wire", send)

    def _send_live(self, data: bytes) -> None:
        with self._sending:
            if self._live:
                self._send(data)


class PtyHost:
    """Hosts an emulator on a pseudo terminal, in real time.

    Args:
        session: Gives the instrument for a connection.
        clock: A wall clock.
        lock: Held while the emulator works; share one over all hosts of one world.
        link: Path of a symbolic link to the terminal: a stable name for drivers.

    Raises:
        LaboratoryBusy: Something other than such a link is at that path.
    """

    def __init__(
        self, session: Session, clock: LabClock, lock: threading.Lock, link: str
    ) -> None:
        self._link = Path(link)
        if self._link.exists() and not self._link.is_symlink():
            msg = f"{link}: is not a link to a terminal; choose another path"
            raise LaboratoryBusy(msg)
        self._master, slave = os.openpty()
        tty.setraw(slave)
        terminal = os.ttyname(slave)
        # Without an open slave a read of the master tells when the driver has gone.
        os.close(slave)
        # Like a real UART, whatever nobody reads is lost; it must not block.
        os.set_blocking(self._master, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(terminal)
        self.address = f"pty://{link}"
        self._session = session
        self._clock = clock
        self._lock = lock
        self._left: tuple[Emulator, Waker] | None = None
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name=link, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and remove the link."""
        os.write(self._stop_write, b"x")
        self._thread.join(timeout=5)
        for descriptor in (self._master, self._stop_read, self._stop_write):
            os.close(descriptor)
        self._link.unlink(missing_ok=True)

    def _serve(self) -> None:
        wire: _Wire | None = None
        poll = select.poll()
        poll.register(self._stop_read, select.POLLIN)
        poll.register(self._master, select.POLLIN)
        stopping = select.poll()
        stopping.register(self._stop_read, select.POLLIN)
        while True:
            # A terminal that is opened makes no event of its own.
            events = dict(poll.poll((_IDLE_POLL_S if wire is None else 1.0) * 1000))
            state = events.get(self._master, 0)
            if self._stop_read in events:
                break
            if state & select.POLLHUP and not state & select.POLLIN:
                # Nobody has the terminal open, which poll reports without end.
                if wire is not None:
                    wire.shut()
                    wire = None
                stopping.poll(_IDLE_POLL_S * 1000)
                continue
            if wire is None:
                wire = self._open_wire()
            if state & select.POLLIN:
                data = self._read()
                if data:
                    wire.take(data)
        if wire is not None:
            wire.shut()

    def _open_wire(self) -> _Wire:
        with self._lock:
            emulator = self._session()
            if self._left is not None and self._left[0] is emulator:
                self._left[1].retire()
        wire = _Wire(emulator, self._clock, self._lock, self._write)
        self._left = (emulator, wire.waker)
        wire.open()
        return wire

    def _read(self) -> bytes:
        try:
            return os.read(self._master, 4096)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EAGAIN):
                raise
            return b""

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)


class TcpHost:
    """Hosts an emulator on a TCP port of the loopback interface, in real time.

    Args:
        session: Gives the instrument for a connection.
        clock: A wall clock.
        lock: Held while the emulator works; share one over all hosts of one world.
        port: TCP port; 0 lets the system choose.

    Raises:
        LaboratoryBusy: The port is in use.
    """

    def __init__(
        self, session: Session, clock: LabClock, lock: threading.Lock, port: int = 0
    ) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind(("127.0.0.1", port))
        except OSError as error:
            self._listener.close()
            msg = (
                f"TCP port {port}: in use ({error}); stop the other program or choose "
                "another port"
            )
            raise LaboratoryBusy(msg) from error
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._session = session
        self._clock = clock
        self._lock = lock
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._thread = threading.Thread(
            target=self._serve, name=f"tcp-{self.port}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)
        for connection, thread in list(self._connections.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
            thread = threading.Thread(
                target=self._converse, args=(connection,), daemon=True
            )
            self._connections[connection] = thread
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        def send(data: bytes) -> None:
            # When the driver has gone, the reading side ends the conversation.
            with contextlib.suppress(OSError):
                connection.sendall(data)

        with self._lock:
            emulator = self._session()
        wire = _Wire(emulator, self._clock, self._lock, send)
        try:
            with connection:
                wire.open()
                while data := _received(connection):
                    wire.take(data)
        finally:
            wire.shut()
            self._connections.pop(connection, None)


def _received(connection: socket.socket) -> bytes:
    """Return what came, nothing when the other side has gone."""
    try:
        return connection.recv(65536)
    except OSError:
        return b""
