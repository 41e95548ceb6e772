"""The wire between a driver and an emulator in one process, on laboratory time."""

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from heapq import heappop, heappush
from itertools import count

from hp_lab.clock import Clock, LabClock, WouldBlockError
from hp_lab.simulation.emulators.emulator import Emulator, Reply
from hp_lab.simulation.waker import Waker

# Laboratory times near 2e9 s are multiples of 2.4e-7 s: now + (until - now) may miss
# until by that much.
_ROUNDING_S = 1e-6


class InProcessStream:
    """The driver's end of a wire to an emulator in the same process.

    A write returns when the emulator has consumed the bytes. A read waits on the
    laboratory's clock until the next reply leaves or the timeout has passed.

    Args:
        emulator: The other end.
        clock: The laboratory's.
        name: Orders this wire's events among those of one instant.
        lock: Held while the emulator works; whoever has it may take it again.
        unplugged: Whether the wire is cut.
    """

    def __init__(
        self,
        emulator: Emulator,
        clock: LabClock,
        name: str,
        lock: AbstractContextManager[object],
        unplugged: Callable[[], bool] = lambda: False,
    ) -> None:
        self._emulator = emulator
        self._clock: Clock = clock.named(name)
        self._lock = lock
        self._unplugged = unplugged
        self._replies: list[tuple[float, int, bytes]] = []
        self._sequence = count()
        self._ready = b""
        self._open = True
        self.waker = Waker(emulator, clock, f"{name}~wake", lock, self._queue)
        with lock:
            self._queue(emulator.connected(clock.now_s()))
            self.waker.schedule()

    def write(self, data: bytes) -> None:
        """Let the emulator consume the bytes.

        Raises:
            BrokenPipeError: The stream is closed, or the instrument unplugged.
        """
        self._refuse_broken()
        with self._lock:
            self._queue(self.waker.wake())
            self._queue(self._emulator.receive(data, self._clock.now_s()))
            self.waker.schedule()

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return 1 to size bytes, or none after timeout_s.

        In a thread that must not wait (an executor's), what is not there does not come.

        Raises:
            BrokenPipeError: The instrument is unplugged.
            TimeoutError: The timeout is infinite and nothing is under way.
        """
        deadline_s = self._clock.now_s() + timeout_s
        self._collect()
        while not self._ready and self._open:
            self._refuse_broken()
            until_s = min(self._next_s(), deadline_s)
            if until_s <= self._clock.now_s():
                break
            if until_s == float("inf"):
                msg = "a read without timeout of an instrument that says nothing"
                raise TimeoutError(msg)
            try:
                self._clock.sleep(until_s - self._clock.now_s())
            except WouldBlockError:
                break
            self._collect()
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def close(self) -> None:
        """End the connection; replies under way are lost."""
        if not self._open:
            return
        with self._lock:
            self._open = False
            self._replies.clear()
            self._emulator.disconnected(self._clock.now_s())

    def _refuse_broken(self) -> None:
        if not self._open:
            raise BrokenPipeError(errno.EPIPE, "the stream is closed")
        if self._unplugged():
            raise BrokenPipeError(errno.EPIPE, "the instrument is unplugged")

    def _next_s(self) -> float:
        with self._lock:
            leaves_s = self._replies[0][0] if self._replies else float("inf")
            return min(leaves_s, self.waker.due_s())

    def _queue(self, replies: list[Reply]) -> None:
        with self._lock:
            for reply in replies if self._open else ():
                heappush(self._replies, (reply.at_s, next(self._sequence), reply.data))

    def _collect(self) -> None:
        now_s = self._clock.now_s()
        with self._lock:
            if self.waker.due_s() <= now_s:
                self._queue(self.waker.wake())
            while self._replies and self._replies[0][0] <= now_s + _ROUNDING_S:
                self._ready += heappop(self._replies)[2]
