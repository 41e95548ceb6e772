"""Waking emulators that do something by themselves, on the laboratory's clock."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from hp_lab.clock import Alarm, LabClock
from hp_lab.simulation.emulators.emulator import Emulator, Reply, SelfActing


class Waker:
    """Wakes an emulator when it does something by itself.

    Args:
        emulator: Any emulator; one that never acts by itself is never woken.
        clock: On which it is woken.
        key: Orders the wake-ups among the events of one instant.
        lock: Held while the emulator works.
        deliver: Takes what it says when woken by the clock.
    """

    def __init__(
        self,
        emulator: Emulator,
        clock: LabClock,
        key: str,
        lock: AbstractContextManager[object],
        deliver: Callable[[list[Reply]], None],
    ) -> None:
        self._acting = emulator if isinstance(emulator, SelfActing) else None
        self._clock = clock
        self._key = key
        self._lock = lock
        self._deliver = deliver
        self._alarm: Alarm | None = None
        self._alarm_s = float("inf")
        self._retired = False

    def schedule(self) -> None:
        """Look when the emulator is due; called with the lock, after it worked.

        An alarm that comes too early is left: it looks again. A watchdog that is fed
        often then costs one event a period, not one a feed.
        """
        due_s = self.due_s()
        if self._retired or due_s >= self._alarm_s:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_s = due_s
        self._alarm = self._clock.call_at(due_s, self._key, self._ring)

    def wake(self) -> list[Reply]:
        """Let the emulator do what is due by now; called with the lock."""
        if self._acting is None:
            return []
        replies = self._acting.wake(self._clock.now_s())
        self.schedule()
        return replies

    def due_s(self) -> float:
        """Return when the emulator acts by itself, inf for never."""
        due_s = None if self._acting is None else self._acting.due_s()
        return float("inf") if due_s is None else due_s

    def retire(self) -> None:
        """Leave the emulator to another one; called with the lock."""
        self._retired = True
        if self._alarm is not None:
            self._alarm.cancel()

    def _ring(self) -> None:
        try:
            with self._lock:
                self._alarm, self._alarm_s = None, float("inf")
                replies = [] if self._retired else self.wake()
            self._deliver(replies)
        finally:
            self._clock.release(self._key)
