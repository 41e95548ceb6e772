"""What the laboratory asks of a hotplate, whoever made it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hp_lab.clock import Signal
from hp_lab.recipes.steps import AnnealSegment

Phase = Literal["heating", "holding", "cooling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnealReading:
    """One reading of the surface sensor.

    Attributes:
        elapsed_s: Since the start of the job.
        temperature_c: As measured.
        setpoint_c: What the plate was told.
    """

    elapsed_s: float
    temperature_c: float
    setpoint_c: float
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnealResult:
    """What the film's plate did.

    Attributes:
        started_s: Laboratory time at which the job began.
        ended_s: Laboratory time at which the last hold ended.
        trace_s: Seconds after the start of each reading.
        trace_c: Surface temperature, as many.
        worst_deviation_k: Largest distance from the profile in the readings of the
            holds; 0 without a hold.
    """

    started_s: float
    ended_s: float
    trace_s: tuple[float, ...]
    trace_c: tuple[float, ...]
    worst_deviation_k: float


OnReading = Callable[[AnnealReading], None]


class Hotplate(Protocol):
    """A plate that follows a temperature profile and measures its surface.

    Calls block and belong in a worker thread, one job at a time; ``make_safe`` may come
    from another thread.
    """

    def connect(self) -> None:
        """Check that the plate answers; its heater is left as it is.

        Raises:
            DeviceLost: It does not answer.
            DeviceFault: It answers nonsense.
        """
        ...

    def close(self) -> None:
        """End the connection; the plate is left as it is."""
        ...

    def identity(self) -> str:
        """Return the instrument's own name.

        Raises:
            DeviceLost: It is not connected.
        """
        ...

    def anneal(
        self,
        profile: Sequence[AnnealSegment],
        *,
        stop: Signal,
        on_reading: OnReading,
        then_hold_c: float | None = None,
    ) -> AnnealResult:
        """Follow a profile; each hold counts from reaching its temperature.

        Args:
            profile: At least one segment, degrees Celsius, K/min and seconds.
            stop: Ends the job with the heater off.
            on_reading: Gets every reading, in this thread.
            then_hold_c: Keep the plate at this temperature afterwards, for the next
                film; None switches the heater off.

        Raises:
            InvalidInput: A segment is outside the plate's limits; nothing happened.
            LaboratoryBusy: Another job is under way.
            Aborted: stop was raised.
            DeviceLost: The plate does not answer any more.
            DeviceFault: It does not follow, is too hot, or reads what cannot be.
        """
        ...

    def preheat(
        self, temperature_c: float, *, stop: Signal, on_reading: OnReading
    ) -> AnnealReading:
        """Bring the plate to a temperature, keep it there and return.

        Raises:
            InvalidInput: As :meth:`anneal`, and so are the other errors.
        """
        ...

    def keep_alive(self) -> None:
        """Let a plate that is kept hot stay so; without it, it cools by itself.

        Raises:
            DeviceLost: The plate does not answer.
        """
        ...

    def make_safe(self) -> None:
        """Switch the heater off and check that it is.

        Raises:
            DeviceLost: The plate does not answer, so nobody knows.
            DeviceFault: It does not obey.
        """
        ...
