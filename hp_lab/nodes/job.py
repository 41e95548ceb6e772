"""What a device node works on, and what with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hp_lab.clock import Signal
from hp_lab.devices.armed import FireGate
from hp_lab.errors import DeviceError, ErrorCode


class Driver(Protocol):
    """What every driver can do."""

    def connect(self) -> None:
        """Open the port and check who is there."""
        ...

    def close(self) -> None:
        """Let the port go."""
        ...

    def make_safe(self) -> None:
        """Bring the device to its safe state."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One goal while it is worked on.

    Attributes:
        goal: The goal message.
        stop: Raised when the job is to give up.
        gate: Where an armed device waits to be fired.
        feedback: Publishes a feedback message, from any thread.
        armed: Tells the client that the device is armed.
    """

    goal: Any
    stop: Signal
    gate: FireGate
    feedback: Callable[[Any], None]
    armed: Callable[[], None]


class NotActiveError(DeviceError):
    """The node is not active."""

    code = ErrorCode.NOT_ACTIVE
