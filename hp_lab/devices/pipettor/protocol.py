"""What the laboratory asks of a pipetting robot, whoever made it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from hp_lab.clock import Signal
from hp_lab.devices.armed import FireGate
from hp_lab.recipes.steps import Drop, Transfer

CHUCK = "spin_chuck/A1"

Mount = Literal["left", "right"]

# Called after each stroke into a target, with the step's index and the volume (ul) that
# the step has moved so far. When a job fails, this is what is certain to have happened.
OnStep = Callable[[int, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckState:
    """What the deck holds; the journal owns it, the driver keeps it up to date.

    Attributes:
        volumes_ul: Volume of each well (LABWARE/WELL); a well not named is empty.
        tips_used: How many tips of each rack are gone, in the order of its wells
            (A1, A2, ... row by row); a rack not named is full.
        mounted: The tip (RACK/WELL) on each mount that has one.
    """

    volumes_ul: Mapping[str, float] = field(default_factory=dict)
    tips_used: Mapping[str, int] = field(default_factory=dict)
    mounted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferResult:
    """The volume (ul) that each step moved from its source to its target."""

    moved_ul: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropResult:
    """Timed drops, in the order in which they were asked for.

    Attributes:
        drop_times_s: Laboratory time at which each drop's liquid started to move.
        moved_ul: Volume of each drop.
    """

    drop_times_s: tuple[float, ...]
    moved_ul: tuple[float, ...]


class Pipettor(Protocol):
    """A robot that moves liquids on a deck and drops them on a chuck, on time.

    Calls block and belong in a worker thread, one at a time; ``make_safe`` alone may
    come from another thread at any moment.
    """

    def connect(self) -> None:
        """Check that the robot answers and is the one described; nothing moves.

        Raises:
            DeviceLost: It does not answer.
            DeviceFault: It is not the robot of the laboratory's description.
        """
        ...

    def close(self) -> None:
        """End the connection; nothing moves."""
        ...

    def load_deck(self, state: DeckState) -> None:
        """State what the deck holds; this replaces the driver's own account.

        Only tips that the driver knows on its mounts stay there until it has thrown
        them away.

        Raises:
            InvalidInput: A name is unknown, or a number cannot be.
        """
        ...

    def deck(self) -> DeckState:
        """Return what the deck holds now.

        After a failure a command with unknown outcome counts as done.
        """
        ...

    def tips_left(self) -> int:
        """Return the number of unused tips on the deck."""
        ...

    def transfer(
        self,
        steps: Sequence[Transfer],
        *,
        stop: Signal,
        on_step: OnStep | None = None,
    ) -> TransferResult:
        """Move liquids, one step after the other.

        Args:
            steps: What to move.
            stop: Ends the job before the next motion, or within about a second.
            on_step: Told of what each step has moved.

        Raises:
            InvalidInput: A step cannot be; nothing has moved.
            InventoryError: Tips or liquid do not suffice; nothing has moved.
            Aborted: stop was raised; the robot stands still.
            DeviceFault: The robot refused or failed.
            DeviceLost: No connection, and the last command was never sent or moved
                no liquid.
            AmbiguousOutcome: The connection was lost while a command was under way.
        """
        ...

    def needed_lead_s(self, drops: Sequence[Drop]) -> float:
        """Return how long before its zero of time a drop job must be fired."""
        ...

    def drop(
        self,
        drops: Sequence[Drop],
        target: str = CHUCK,
        *,
        gate: FireGate,
        stop: Signal,
        on_armed: Callable[[], None],
        arm_timeout_s: float,
        on_step: OnStep | None = None,
    ) -> DropResult:
        """Load every drop, wait armed at the gate, and drop each on its time.

        Args:
            drops: What to drop, and when from the fire time.
            target: A chuck or a well.
            gate: Gives the fire time, the drops' zero of time.
            stop: Ends the job; so does aborting the gate while armed.
            on_armed: Called when everything is loaded and hangs over the target.
            arm_timeout_s: How long to wait at the gate.
            on_step: Told of each drop that has fallen.

        Raises:
            InvalidInput: A drop cannot be, there are more drops than mounts, or two
                are too close in time; nothing has moved.
            NotFired: Nobody fired within arm_timeout_s, or too late; nothing dropped.
            Aborted: stop was raised or the gate aborted; no further drop falls.
            InventoryError: As for :meth:`transfer`; so are the other errors.
        """
        ...

    def make_safe(self) -> None:
        """Stop whatever the robot does; the next job starts by homing.

        Raises:
            DeviceLost: The robot does not answer.
        """
        ...
