"""Armed devices: everything is ready, and one call at a time to come releases it.

A spin coater and the robot that drops on its substrate are armed separately and fired
with the same laboratory time, so the drop falls when the recipe says, whatever the
messages took.
"""

import math
import threading

from hp_lab.clock import Clock
from hp_lab.errors import Aborted, InvalidInput, NotFired


class FireGate:
    """Where an armed device waits for the time at which it is to start.

    A gate is decided once: fired, aborted, or given up by the device that waited.

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
        # What was decided changes under the lock, so that nobody is told "fired" of a
        # device that has given up.
        self._lock = threading.Lock()
        self._closed = False
        self._at_s: float | None = None

    def fire(self, at_s: float) -> None:
        """Release the device at laboratory time at_s.

        Raises:
            InvalidInput: Not a time, too late for that time, or fired, aborted or given
                up already.
        """
        with self._lock:
            if self._closed:
                msg = f"{self._who}: fired or aborted already; arm it again first"
                raise InvalidInput(msg)
            early_s = at_s - self._clock.now_s()
            if not (math.isfinite(at_s) and early_s >= self._lead_s):
                msg = (
                    f"{self._who}: fire time is {early_s:.3f} s ahead, but "
                    f"{self._lead_s:.3f} s are needed; choose a later time"
                )
                raise InvalidInput(msg)
            self._at_s = at_s
            self._closed = True
        self._decided.set()

    def abort(self) -> None:
        """Wake the device and let it give up; after firing this does nothing."""
        with self._lock:
            self._closed = True
        self._decided.set()

    def poll(self, timeout_s: float) -> float | None:
        """Wait a while and return the laboratory time to start at, None if undecided.

        Raises:
            Aborted: The gate was aborted.
        """
        decided = self._decided.wait(timeout_s)
        with self._lock:
            if self._at_s is not None:
                return self._at_s
        if decided:
            msg = f"{self._who}: aborted while armed"
            raise Aborted(msg)
        return None

    def wait(self, timeout_s: float) -> float:
        """Wait until fired and return the laboratory time to start at.

        Raises:
            NotFired: Nobody fired within timeout_s; firing is refused from then on.
            Aborted: The gate was aborted.
        """
        self._decided.wait(timeout_s)
        return self.close(timeout_s)

    def close(self, waited_s: float) -> float:
        """Return the fire time, or refuse firing from now on.

        Raises:
            NotFired: Nobody had fired.
            Aborted: The gate was aborted.
        """
        with self._lock:
            if self._at_s is not None:
                return self._at_s
            aborted, self._closed = self._closed, True
        if aborted:
            msg = f"{self._who}: aborted while armed"
            raise Aborted(msg)
        self._decided.set()
        msg = f"{self._who}: armed, but not fired within {waited_s:g} s"
        raise NotFired(msg)
