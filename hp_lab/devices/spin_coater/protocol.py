"""What the laboratory asks of a spin coater, whoever made it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hp_lab.clock import Signal
from hp_lab.devices.armed import FireGate
from hp_lab.recipes.steps import SpinStep

Phase = Literal["spinning", "stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinReading:
    """One reading of the chuck's encoder.

    Attributes:
        elapsed_s: Since the start of the program.
        speed_rpm: As measured.
    """

    elapsed_s: float
    speed_rpm: float
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinResult:
    """What the chuck did.

    Attributes:
        started_s: Laboratory time at which it was told to start.
        stopped_s: Laboratory time at which it stood again.
        trace_s: Seconds after the start of each reading.
        trace_rpm: Measured speed, as many.
    """

    started_s: float
    stopped_s: float
    trace_s: tuple[float, ...]
    trace_rpm: tuple[float, ...]


OnReading = Callable[[SpinReading], None]


class SpinCoater(Protocol):
    """A chuck with vacuum under a lid, that follows a spin program.

    Calls block and belong in a worker thread, one job at a time; ``make_safe`` may come
    from another thread.
    """

    def connect(self) -> None:
        """Check that motor and relay board answer; nothing moves.

        Raises:
            DeviceLost: One of them does not answer.
        """
        ...

    def close(self) -> None:
        """End the connection; nothing moves."""
        ...

    def identity(self) -> str:
        """Return what the instruments call themselves.

        Raises:
            DeviceLost: They are not connected.
        """
        ...

    def prepare(self, stop: Signal) -> None:
        """Calibrate the motor if it needs that; the first job does it otherwise.

        Raises:
            InterlockOpen: The lid is open.
            Aborted: stop was raised.
            DeviceFault: The calibration failed.
            DeviceLost: No answer.
        """
        ...

    def spin(
        self,
        steps: Sequence[SpinStep],
        *,
        gate: FireGate | None,
        stop: Signal,
        on_reading: OnReading,
        on_armed: Callable[[], None] = lambda: None,
        arm_timeout_s: float = 600.0,
    ) -> SpinResult:
        """Hold the substrate, run the steps, stand still and let it go.

        Args:
            steps: Speed (rpm), acceleration (rpm/s) and duration (s) of each.
            gate: Where the armed coater waits for its time; None starts at once.
            stop: Ends the job; the chuck brakes as fast as it can.
            on_reading: Gets every reading, in this thread.
            on_armed: Called when vacuum and motor are ready.
            arm_timeout_s: Longest wait at the gate.

        Raises:
            InvalidInput: A step is outside the coater's limits; nothing happened.
            LaboratoryBusy: Another job is under way.
            InterlockOpen: No vacuum, or the lid is open, before or during the spin.
            NotFired: Nobody fired in time.
            Aborted: stop was raised or the gate aborted.
            DeviceLost: Motor or relay board do not answer any more.
            DeviceFault: The motor does not follow or reports an error.
        """
        ...

    def make_safe(self) -> None:
        """Brake as fast as it can; when the chuck stands, let the substrate go.

        Raises:
            DeviceLost: The motor does not answer; the vacuum is left as it is.
            DeviceFault: The chuck still turns; the vacuum is left on.
        """
        ...
