"""Hosts for emulated instruments: in this process, on a pseudo terminal, on a socket."""

import errno
import os
import select
import socket
import threading
import tty
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Self

from hp_lab.clock import Clock, LabClock
from hp_lab.devices.transport import ByteStream, offer_stream, withdraw_stream
from hp_lab.errors import LaboratoryBusy
from hp_lab.simulation.emulators.emulator import Emulator, Reply


# Called for each connection: an instrument with one port returns itself, a server a new
# conversation that shares the instrument's state.
Session = Callable[[], Emulator]


class InProcessStream:
    """The driver's end of a wire to an emulator in the same process.

    A write returns when the emulator has consumed the bytes. A read waits on the
    laboratory's clock until the next reply leaves or the timeout has passed.
    """

    def __init__(self, emulator: Emulator, clock: Clock) -> None:
        self._emulator = emulator
        self._clock = clock
        self._replies: list[tuple[float, int, bytes]] = []
        self._sequence = count()
        self._ready = b""
        self._open = True
        self._queue(emulator.connected(clock.now_s()))

    def write(self, data: bytes) -> None:
        """Let the emulator consume the bytes.

        Raises:
            BrokenPipeError: The stream is closed.
        """
        if not self._open:
            raise BrokenPipeError(errno.EPIPE, "the stream is closed")
        self._queue(self._emulator.receive(data, self._clock.now_s()))

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return 1 to size bytes, or none after timeout_s."""
        deadline_s = self._clock.now_s() + timeout_s
        self._collect()
        while not self._ready and self._open:
            next_s = self._replies[0][0] if self._replies else float("inf")
            until_s = min(next_s, deadline_s)
            if until_s <= self._clock.now_s():
                break
            if until_s == float("inf"):
                msg = "a read without timeout of an instrument that says nothing"
                raise TimeoutError(msg)
            self._clock.sleep(until_s - self._clock.now_s())
            self._collect()
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def close(self) -> None:
        """End the connection; replies under way are lost."""
        if self._open:
            self._open = False
            self._replies.clear()
            self._emulator.disconnected(self._clock.now_s())

    def _queue(self, replies: list[Reply]) -> None:
        for reply in replies:
            heappush(self._replies, (reply.at_s, next(self._sequence), reply.data))

    def _collect(self) -> None:
        # One nanosecond of grace for the rounding of now + (until - now).
        while self._replies and self._replies[0][0] <= self._clock.now_s() + 1e-6:
            self._ready += heappop(self._replies)[2]


class InProcessHost:
    """Offers emulators as ``inproc://NAME`` on a virtual (or any) clock."""

    def __init__(self, clock: LabClock) -> None:
        self._clock = clock
        self._names: list[str] = []

    def offer(self, name: str, session: Session) -> str:
        """Offer an instrument and return its address."""

        def connect() -> ByteStream:
            return InProcessStream(session(), self._clock.named(name))

        offer_stream(name, connect)
        self._names.append(name)
        return f"inproc://{name}"

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
    """Moves bytes between a file descriptor and an emulator, in a thread."""

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
        self._live = True

    def open(self) -> None:
        with self._lock:
            self._deliver(self._emulator.connected(self._clock.now_s()))

    def take(self, data: bytes) -> None:
        with self._lock:
            self._deliver(self._emulator.receive(data, self._clock.now_s()))

    def shut(self) -> None:
        with self._lock:
            self._live = False
            self._emulator.disconnected(self._clock.now_s())

    def _deliver(self, replies: list[Reply]) -> None:
        now_s = self._clock.now_s()
        for reply in replies:
            if reply.at_s <= now_s:
                self._send_live(reply.data)
            else:
                data = reply.data
                self._clock.call_at(
                    reply.at_s, "wire", lambda data=data: self._send_live(data)
                )

    def _send_live(self, data: bytes) -> None:
        if self._live:
            self._send(data)


class PtyHost:
    """Hosts an emulator on a pseudo terminal, in real time.

    Args:
        session: Gives the instrument for a connection.
        clock: A wall clock.
        lock: Held while the emulator works; share one over all hosts of one world.
        link: Path of a symbolic link to the terminal: a stable name for drivers.
    """

    def __init__(
        self, session: Session, clock: LabClock, lock: threading.Lock, link: str
    ) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._path = os.ttyname(slave)
        # Without an open slave a read of the master tells when the driver has gone.
        os.close(slave)
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(self._path, link)
        self._link = link
        self.address = f"pty://{link}"
        self._session = session
        self._clock = clock
        self._lock = lock
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name=link, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and remove the link."""
        os.write(self._stop_write, b"x")
        self._thread.join(timeout=5)
        for descriptor in (self._master, self._stop_read, self._stop_write):
            os.close(descriptor)
        if os.path.islink(self._link):
            os.unlink(self._link)

    def _serve(self) -> None:
        wire: _Wire | None = None
        poll = select.poll()
        poll.register(self._stop_read, select.POLLIN)
        poll.register(self._master, select.POLLIN)
        while True:
            events = dict(poll.poll(1000 if wire is not None else 20))
            if self._stop_read in events:
                return
            state = events.get(self._master, 0)
            if state & select.POLLHUP and not state & select.POLLIN:
                # Nobody has the terminal open.
                if wire is not None:
                    wire.shut()
                    wire = None
                threading.Event().wait(0.02)
                continue
            if wire is None:
                wire = _Wire(self._session(), self._clock, self._lock, self._write)
                wire.open()
            if state & select.POLLIN:
                try:
                    wire.take(os.read(self._master, 4096))
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise

    def _write(self, data: bytes) -> None:
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
            msg = f"TCP port {port}: in use ({error}); stop the other program or choose another port"
            raise LaboratoryBusy(msg) from error
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._session = session
        self._clock = clock
        self._lock = lock
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(
            target=self._serve, name=f"tcp-{self.port}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.add(connection)
            threading.Thread(
                target=self._converse, args=(connection,), daemon=True
            ).start()

    def _converse(self, connection: socket.socket) -> None:
        def send(data: bytes) -> None:
            try:
                connection.sendall(data)
            except OSError:
                # The driver has gone; the reading side ends the conversation.
                return

        wire = _Wire(self._session(), self._clock, self._lock, send)
        wire.open()
        with connection:
            while True:
                try:
                    data = connection.recv(65536)
                except OSError:
                    break
                if not data:
                    break
                wire.take(data)
        wire.shut()
        self._connections.discard(connection)
