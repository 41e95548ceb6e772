"""What the laboratory asks of a spectrometer, and what it asks of its parts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hp_lab.clock import Signal
from hp_lab.records import Mode, Spectrum
from hp_lab.units import FloatArray

# Told of each phase (dark, reference, exposure, sample) and the repeat it belongs to.
OnPhase = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrometerInfo:
    """What a spectrometer says of itself.

    Attributes:
        ceiling_counts: Its highest reading; a pixel that shows it is saturated.
        shortest_s: Shortest integration time.
        longest_s: Longest integration time.
        nonlinearity: Response per count above dark, lowest power first; empty when it
            has none. True counts are counts / polynomial(counts).
    """

    model: str
    serial: str
    pixels: int
    ceiling_counts: float
    shortest_s: float
    longest_s: float
    nonlinearity: tuple[float, ...]


class SpectrometerPort(Protocol):
    """The detector alone, whoever made it: what every spectrometer can do."""

    def open(self) -> SpectrometerInfo:
        """Connect and ask who is there; opening twice asks again.

        Raises:
            DeviceLost: It does not answer.
            DeviceFault: It answers nonsense, or is another model.
        """
        ...

    def wavelength_nm(self) -> FloatArray:
        """Return the wavelengths of the pixels, ascending, shape (pixels,)."""
        ...

    def set_integration(self, integration_s: float) -> float:
        """Set the integration time and return it as the instrument can have it.

        Raises:
            InvalidInput: Outside the instrument's limits.
            DeviceLost: It does not answer.
            DeviceFault: It refuses.
        """
        ...

    def read(self) -> FloatArray:
        """Expose once and return the counts, shape (pixels,).

        Raises:
            DeviceLost: It does not answer.
            DeviceFault: It refuses, or answers nonsense.
        """
        ...

    def close(self) -> None:
        """Disconnect; closing twice does nothing."""
        ...


class Spectrometer(Protocol):
    """Detector, lamp, excitation LED and shutter together.

    Calls block and belong in a worker thread, one at a time; ``make_safe`` alone may
    come from another thread at any moment.
    """

    def connect(self) -> None:
        """Connect to detector and lights and put the lights out.

        Raises:
            DeviceLost: One of them does not answer.
            DeviceFault: One of them answers nonsense.
        """
        ...

    def close(self) -> None:
        """Disconnect."""
        ...

    def acquire(
        self,
        mode: Mode,
        *,
        sample_id: str,
        integration_s: float = 0.0,
        averages: int = 1,
        repeats: int = 1,
        interval_s: float = 0.0,
        stop: Signal,
        on_phase: OnPhase | None = None,
    ) -> list[Spectrum]:
        """Take spectra of what is on the stage; afterwards it is dark.

        Args:
            mode: absorbance and transmittance need a reference taken before.
            sample_id: Written into the spectra.
            integration_s: Integration time; 0 chooses it.
            averages: Exposures averaged into one spectrum.
            repeats: Number of spectra.
            interval_s: Time between their starts; 0 is as fast as possible.
            stop: Ends the series before the next exposure.
            on_phase: Told what happens.

        Raises:
            InvalidInput: A number cannot be, or the reference is missing.
            Aborted: stop was raised.
            DeviceLost: Detector or lights do not answer.
            DeviceFault: They refuse, or answer nonsense.
        """
        ...

    def make_safe(self) -> None:
        """Put all lights out and close the shutter.

        Raises:
            DeviceLost: The lights do not answer.
        """
        ...
