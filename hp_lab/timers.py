"""Calls that are due, and the thread that makes them in real time."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class DueCall:
    """A call that is due at a time; calls are ordered by (time, key, sequence)."""

    when_s: float
    key: str
    sequence: int
    callback: Callable[[], None] | None = field(compare=False)

    def __lt__(self, other: "DueCall") -> bool:
        return (self.when_s, self.key, self.sequence) < (
            other.when_s,
            other.key,
            other.sequence,
        )

    def cancel(self) -> None:
        """Take the call back; nothing happens when it was made already."""
        self.callback = None


class Timers:
    """One thread that makes calls when they are due."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._heap: list[DueCall] = []
        self._sequence = itertools.count()
        self._thread: threading.Thread | None = None

    def call_at(self, monotonic_s: float, callback: Callable[[], None]) -> DueCall:
        """Call back at a monotonic time, from the thread of the timers."""
        with self._condition:
            event = DueCall(monotonic_s, "", next(self._sequence), callback)
            heapq.heappush(self._heap, event)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="lab-clock", daemon=True
                )
                self._thread.start()
            self._condition.notify()
        return event

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._heap:
                    self._condition.wait()
                wait_s = self._heap[0].when_s - time.monotonic()
                if wait_s > 0:
                    self._condition.wait(wait_s)
                    continue
                callback = heapq.heappop(self._heap).callback
            if callback is None:
                continue
            try:
                callback()
            except Exception:  # noqa: BLE001 - logged; one bad call must not end time
                # The other calls of the laboratory are still due.
                _LOG.exception("a call that was due on the laboratory's clock failed")
