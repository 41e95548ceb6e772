"""Armed devices: everything is ready, and one call at a time to come releases it.

A spin coater and the robot that drops on its substrate are armed separately and fired
with the same laboratory time, so the drop falls when the recipe says, whatever the
messages took.
"""

import threading

from hp_lab.clock import Clock
from hp_lab.errors import Aborted, InvalidInput, NotFired


class FireGate:
    """Where an armed device waits for the time at which it is to start.

    Args:
        clock: The clock of the device that waits.
        who: The device, for messages.
        lead_s: How long before the fire time the device must know of it.
    """

    def __init__(self, clock: Clock, who: str, lead_s: float = 0.0) -> None:
        self._clock = clock
        self._who = who
        self._lead_s = lead_s
        self._decided = clock.signal()
        self._lock = threading.Lock()
        self._at_s: float | None = None

    def fire(self, at_s: float) -> None:
        """Release the device at laboratory time at_s.

        Raises:
            InvalidInput: Too late for that time, or fired or aborted already.
        """
        with self._lock:
            if self._decided.is_set():
                msg = f"{self._who}: fired or aborted already; arm it again first"
                raise InvalidInput(msg)
            early_s = at_s - self._clock.now_s()
            if early_s < self._lead_s:
                msg = (
                    f"{self._who}: fire time is {early_s:.3f} s ahead, but "
                    f"{self._lead_s:.3f} s are needed; choose a later time"
                )
                raise InvalidInput(msg)
            self._at_s = at_s
        self._decided.set()

    def abort(self) -> None:
        """Wake the device and let it give up; after firing this does nothing."""
        self._decided.set()

    def wait(self, timeout_s: float) -> float:
        """Wait until fired and return the laboratory time to start at.

        Raises:
            NotFired: Nobody fired within timeout_s.
            Aborted: The gate was aborted.
        """
        decided = self._decided.wait(timeout_s)
        with self._lock:
            if self._at_s is not None:
                return self._at_s
        if decided:
            msg = f"{self._who}: aborted while armed"
            raise Aborted(msg)
        self._decided.set()
        msg = f"{self._who}: armed, but not fired within {timeout_s:g} s"
        raise NotFired(msg)
