"""Laboratory time: on the wall, or virtual and as fast as the work allows.

Everything that waits does so on a clock it was handed. ``WallClock`` waits for real.
``VirtualClock`` is a discrete-event kernel: it counts who is busy, and when nobody is,
it jumps to the next deadline. Its laws:

* One event at a time, in the order (time, key, sequence), also at equal times.
* Whoever runs holds a token. Waiting gives the token back; waking takes it again. A
  token travels with the work: into a worker thread, over a message, back with a result.
* A hand-over between two activities is an event of its own, so its order does not
  depend on the machine.
"""

import heapq
import itertools
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from hp_lab.errors import HpLabError, InvalidInput
from hp_lab.timers import DueCall, Timers

_LOG = logging.getLogger(__name__)


class Signal(Protocol):
    """A flag that a worker can wait for, like threading.Event on laboratory time."""

    def set(self) -> None:
        """Raise the flag for good and wake everyone who waits."""
        ...

    def is_set(self) -> bool:
        """Return whether the flag is raised."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Wait at most timeout_s of laboratory time; return whether the flag is up.

        An infinite timeout waits for the flag alone.
        """
        ...


class Clock(Protocol):
    """What drivers, emulators' hosts and other blocking code see of time."""

    def now_s(self) -> float:
        """Return the laboratory time, seconds since the Unix epoch."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Block the calling worker for duration_s of laboratory time."""
        ...

    def signal(self) -> Signal:
        """Return a new, lowered signal on this clock."""
        ...


class Alarm(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Take the call back; nothing happens when it was made already."""
        ...


class LabClock(Protocol):
    """A clock with the means to schedule on it; nodes and simulation hosts use it."""

    def now_s(self) -> float:
        """Return the laboratory time, seconds since the Unix epoch."""
        ...

    def named(self, key: str) -> Clock:
        """Return the clock of one activity; keys order events at equal times."""
        ...

    def call_at(self, when_s: float, key: str, callback: Callable[[], None]) -> Alarm:
        """Call back at when_s. In virtual time the callback owns a token."""
        ...

    def hold(self, who: str) -> None:
        """Take a token: virtual time stands still until it is released."""
        ...

    def release(self, who: str) -> None:
        """Give a token back."""
        ...


class LaboratoryStalled(HpLabError):
    """Virtual time cannot go on: nobody is busy and nothing is due."""


class WouldBlockError(RuntimeError):
    """A thread that must not wait for virtual time tried to."""


class VirtualClock:
    """A discrete-event clock, for one process.

    Args:
        start_s: Laboratory time at the start, seconds since the Unix epoch.
    """

    def __init__(self, start_s: float = 1_767_225_600.0) -> None:
        self._lock = threading.Lock()
        self._now_s = start_s
        self._heap: list[DueCall] = []
        self._sequence = itertools.count()
        self._busy = 0
        self._holders: Counter[str] = Counter()
        self._no_blocking: set[int] = set()
        self._dispatching = threading.local()
        self.jumps = 0

    def now_s(self) -> float:
        """Return the laboratory time, seconds since the Unix epoch."""
        return self._now_s

    def named(self, key: str) -> "_VirtualView":
        """Return the clock of the activity called key."""
        return _VirtualView(self, key)

    def forbid_blocking(self, thread_id: int) -> None:
        """Make a blocking wait in that thread (an executor's) an error."""
        self._no_blocking.add(thread_id)

    def call_at(self, when_s: float, key: str, callback: Callable[[], None]) -> Alarm:
        """Call back at when_s (or now, if that is past), owning a token.

        The callback runs in whatever thread lets the clock go on, so it must not block.

        Raises:
            ValueError: when_s is not a finite number.
        """
        if not math.isfinite(when_s):
            msg = f"clock: {key} asks for a call at {when_s}; give a finite time"
            raise ValueError(msg)
        with self._lock:
            return self._push(when_s, key, callback)

    def hold(self, who: str) -> None:
        """Take a token."""
        with self._lock:
            self._busy += 1
            self._holders[who] += 1

    def release(self, who: str) -> None:
        """Give a token back; the last one to do so makes the clock go on."""
        with self._lock:
            if self._busy == 0:
                msg = f"clock: {who} released a token that nobody held"
                raise RuntimeError(msg)
            self._busy -= 1
            self._holders[who] -= 1
            callback = self._next() if self._busy == 0 else None
        if callback is not None:
            self._dispatch(callback)

    def _dispatch(self, callback: Callable[[], None]) -> None:
        """Make the call, and then those that calls in it set free, one by one.

        A callback usually ends by giving its token back, which sets the next event
        free: nested calls would exhaust the stack in a long series of events.
        """
        local = self._dispatching
        queue: list[Callable[[], None]] | None = getattr(local, "queue", None)
        if queue is not None:
            queue.append(callback)
            return
        local.queue = queue = [callback]
        try:
            while queue:
                queue.pop(0)()
        finally:
            local.queue = None
            for left in queue:
                # Only after a call that failed; the token of this one is out already.
                self._dispatch(left)

    def describe(self) -> str:
        """Return who holds tokens and what is due, for a stalled laboratory."""
        with self._lock:
            held = {name: n for name, n in self._holders.items() if n}
            due = [(e.when_s, e.key) for e in sorted(self._heap) if e.callback][:5]
        return f"busy {self._busy}, tokens {held}, due {due}, now {self._now_s}"

    @property
    def stalled(self) -> bool:
        """Whether nobody is busy and nothing is due."""
        with self._lock:
            return self._busy == 0 and not any(e.callback for e in self._heap)

    def _push(self, when_s: float, key: str, callback: Callable[[], None]) -> DueCall:
        event = DueCall(max(when_s, self._now_s), key, next(self._sequence), callback)
        heapq.heappush(self._heap, event)
        return event

    def _next(self) -> Callable[[], None] | None:
        while self._heap:
            event = heapq.heappop(self._heap)
            callback = event.callback
            if callback is None:
                continue
            # From here on the event cannot be cancelled: its token is out.
            event.callback = None
            if event.when_s > self._now_s:
                self.jumps += 1
                self._now_s = event.when_s
            self._busy += 1
            self._holders[event.key] += 1
            return callback
        return None

    def _refuse_blocking_here(self, key: str) -> None:
        if threading.get_ident() in self._no_blocking:
            msg = f"clock: {key} blocks on virtual time in an executor's thread"
            raise WouldBlockError(msg)
        if getattr(self._dispatching, "queue", None) is not None:
            msg = f"clock: {key} blocks on virtual time in a callback of the clock"
            raise WouldBlockError(msg)


class _VirtualView:
    """A VirtualClock as one activity sees it."""

    def __init__(self, clock: VirtualClock, key: str) -> None:
        self._clock = clock
        self._key = key

    def now_s(self) -> float:
        return self._clock.now_s()

    def sleep(self, duration_s: float) -> None:
        if duration_s > 0:
            self.signal().wait(duration_s)

    def signal(self) -> Signal:
        return _VirtualSignal(self._clock, self._key)


class _VirtualSignal:
    def __init__(self, clock: VirtualClock, key: str) -> None:
        self._clock = clock
        self._key = key
        self._flag = False
        # Wake-ups of those who wait, each with its timeout, None for an infinite one.
        self._waiting: list[tuple[threading.Event, DueCall | None]] = []

    def is_set(self) -> bool:
        return self._flag

    def set(self) -> None:
        clock = self._clock
        clock.hold(self._key)
        with clock._lock:
            self._flag = True
            waiting, self._waiting = self._waiting, []
            for wake, timeout in waiting:
                if timeout is None:
                    clock._push(clock._now_s, self._key, wake.set)
                elif timeout.callback is not None:
                    timeout.cancel()
                    clock._push(clock._now_s, self._key, wake.set)
        clock.release(self._key)

    def wait(self, timeout_s: float) -> bool:
        clock = self._clock
        if self._flag or not timeout_s > 0:
            return self._flag
        clock._refuse_blocking_here(self._key)
        wake = threading.Event()
        with clock._lock:
            if self._flag:
                return True
            if clock._busy == 0:
                msg = f"clock: {self._key} waits without a token; take one first"
                raise RuntimeError(msg)
            due = None
            if timeout_s < float("inf"):
                due = clock._push(clock._now_s + timeout_s, self._key, wake.set)
            entry = (wake, due)
            self._waiting.append(entry)
        clock.release(self._key)
        wake.wait()
        with clock._lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return self._flag


class WallClock:
    """Real time, or real time made moderately faster.

    Args:
        speed: Laboratory seconds per real second.
        origin_s: Unix time at which laboratory and real time agree; every process of
            one laboratory needs the same.
    """

    def __init__(self, speed: float = 1.0, origin_s: float = 0.0) -> None:
        if not 0 < speed < float("inf"):
            msg = f"clock: speed {speed} must be above 0 and finite; 1 is real time"
            raise InvalidInput(msg)
        self.speed = speed
        self._origin_s = origin_s
        # Monotonic, so that a step of the system clock does not move a deadline.
        self._start_s = time.time() - time.monotonic()
        self._timers = Timers()

    def now_s(self) -> float:
        """Return the laboratory time, seconds since the Unix epoch."""
        real_s = self._start_s + time.monotonic()
        return self._origin_s + (real_s - self._origin_s) * self.speed

    def named(self, key: str) -> "WallClock":
        """Return this clock; the key orders events in virtual time only."""
        del key
        return self

    def sleep(self, duration_s: float) -> None:
        """Block for duration_s of laboratory time."""
        self.signal().wait(duration_s)

    def signal(self) -> Signal:
        """Return a new, lowered signal."""
        return _WallSignal(self.speed)

    def call_at(self, when_s: float, key: str, callback: Callable[[], None]) -> Alarm:
        """Call back at when_s from the clock's own thread.

        Calls are made in the order of their times, those of one time as they were
        asked for.
        """
        del key
        real_s = self._origin_s + (when_s - self._origin_s) / self.speed
        return self._timers.call_at(real_s - self._start_s, callback)

    def hold(self, who: str) -> None:
        """Do nothing: real time does not stand still."""

    def release(self, who: str) -> None:
        """Do nothing: real time does not stand still."""


class _WallSignal:
    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        if timeout_s == float("inf"):
            return self._event.wait()
        return self._event.wait(max(0.0, timeout_s) / self._speed)
