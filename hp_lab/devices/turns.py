"""Whose turn it is with a device: one job at a time, one exchange at a time.

Nothing here blocks a thread without giving laboratory time back: in virtual time a
thread that waited for a plain lock would stop the clock on which the other one waits.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from hp_lab.clock import Clock, Signal
from hp_lab.errors import Aborted, LaboratoryBusy

_TURN_S = 0.02


class ExchangeLock:
    """A lock that the same thread may take again, waited for on the clock.

    Args:
        clock: The clock of the device.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        """Wait for the turn."""
        while not self._lock.acquire(blocking=False):
            self._clock.sleep(_TURN_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one in."""
        self._lock.release()


class JobTurn:
    """Lets one job at a time use a device.

    Args:
        who: The device, for messages.
        clock: The clock of the device.
    """

    def __init__(self, who: str, clock: Clock) -> None:
        self._who = who
        self._clock = clock
        self._lock = threading.Lock()
        self._job = ""

    @contextmanager
    def take(self, job: str) -> Iterator[None]:
        """Be the job that uses the device.

        Raises:
            LaboratoryBusy: Another job does.
        """
        with self._lock:
            if self._job:
                msg = (
                    f"{self._who}: cannot {job}, it is at work ({self._job}); "
                    "wait for the end or stop it first"
                )
                raise LaboratoryBusy(msg)
            self._job = job
        try:
            yield
        finally:
            with self._lock:
                self._job = ""

    def wait_for_end(self, timeout_s: float) -> bool:
        """Wait until no job uses the device; return whether that came true."""
        deadline_s = self._clock.now_s() + timeout_s
        while self._job:
            if self._clock.now_s() >= deadline_s:
                return False
            self._clock.sleep(_TURN_S)
        return True


def wait_or_abort(stop: Signal, duration_s: float, who: str) -> None:
    """Wait for laboratory time.

    Raises:
        Aborted: stop was raised.
    """
    if stop.wait(max(0.0, duration_s)):
        msg = f"{who}: stopped"
        raise Aborted(msg)
