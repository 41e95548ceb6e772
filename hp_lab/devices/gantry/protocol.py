"""What the laboratory asks of a gantry that carries substrates, whoever made it."""

from collections.abc import Callable
from typing import Literal, Protocol

from hp_lab.clock import Signal

Phase = Literal["homing", "travelling", "gripping", "carrying", "releasing"]
OnPhase = Callable[[Phase], None]

# Where a substrate can be beside the named positions.
GRIPPER = "gripper"
UNKNOWN = "unknown"


class Gantry(Protocol):
    """A head with a gripper above named positions.

    Calls block and belong in a worker thread, one job at a time; ``make_safe`` may come
    from another thread.
    """

    def connect(self) -> None:
        """Check that motion controller and gripper answer; nothing moves.

        Raises:
            DeviceLost: One of them does not answer.
            DeviceFault: The controller is not set up for this gantry.
        """
        ...

    def close(self) -> None:
        """End the connection; nothing moves."""
        ...

    def identity(self) -> str:
        """Return what the controller calls itself.

        Raises:
            DeviceLost: It is not connected.
        """
        ...

    @property
    def location(self) -> str:
        """Where the substrate of the last job is.

        A position's name; ``gripper`` while it is held; ``unknown`` when that is lost.
        Empty before the first job.
        """
        ...

    def home(self, *, stop: Signal) -> None:
        """Find the ends of the axes; the first job does it otherwise.

        Raises:
            Aborted: stop was raised.
            DeviceFault: An end was not found.
            DeviceLost: No answer.
        """
        ...

    def move_sample(
        self, source: str, target: str, *, stop: Signal, on_phase: OnPhase
    ) -> str:
        """Carry a substrate from one position to another and return where it is.

        After an error :attr:`location` says where it is, as far as that is known.

        Args:
            source: Position, or ``gripper`` for what an earlier job left there.
            target: Position.
            stop: Ends the job; the head stands still and the gripper keeps its hold.
            on_phase: Gets each phase as it begins.

        Raises:
            InvalidInput: An unknown position; nothing moved.
            LaboratoryBusy: Another job is under way.
            Aborted: stop was raised.
            DeviceFault: No substrate could be gripped, or the controller refused.
            DeviceLost: No answer.
            AmbiguousOutcome: The substrate was lost, or it is not known whether the
                gripper holds it; never to be repeated without looking.
        """
        ...

    def make_safe(self) -> None:
        """Stop the head; the gripper keeps its hold, since letting go would drop it.

        Raises:
            DeviceLost: The controller does not answer.
        """
        ...
