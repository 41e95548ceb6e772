"""The steps of a recipe. Volumes in microlitres, times in seconds, speeds in rpm."""

from dataclasses import dataclass

from hp_lab.records import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Liquid from one well into another, optionally mixed there.

    Wells are written LABWARE/WELL, for example stocks/A1 or mix/B2.

    Attributes:
        rate_ul_s: Aspirate and dispense rate; 0 means the pipette's default.
        mix_repetitions: How often mix_volume_ul is taken up and returned afterwards.
        new_tip: Take a new tip first; otherwise go on with the one at hand.
    """

    source: str
    target: str
    volume_ul: float
    rate_ul_s: float = 0.0
    mix_repetitions: int = 0
    mix_volume_ul: float = 0.0
    new_tip: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Liquid dropped on the substrate at a time relative to the start of the spin.

    Attributes:
        offset_s: Negative before the spinner starts.
    """

    source: str
    volume_ul: float
    offset_s: float
    rate_ul_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinStep:
    """One speed of a spin program; duration includes the ramp."""

    speed_rpm: float
    acceleration_rpm_s: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnealSegment:
    """Ramp to a temperature, then hold it; ramp 0 is as fast as the plate can."""

    temperature_c: float
    hold_s: float
    ramp_k_min: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Prepare a solution on the deck."""

    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinCoat:
    """Coat the substrate: a spin program and what is dropped while it runs."""

    steps: tuple[SpinStep, ...]
    drops: tuple[Drop, ...]

    @property
    def duration_s(self) -> float:
        """Time from the start of the spin to its end."""
        return sum(step.duration_s for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anneal:
    """Heat the film along a profile, on the named hotplate or any (empty)."""

    profile: tuple[AnnealSegment, ...]
    hotplate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Leave the film alone in its tray slot."""

    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Take spectra; integration 0 is automatic exposure, repeats give a time series."""

    mode: Mode
    integration_s: float = 0.0
    averages: int = 1
    repeats: int = 1
    interval_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Take a picture: brightfield or darkfield."""

    lighting: str
    exposure_s: float


Step = Mix | SpinCoat | Anneal | Rest | Measure | Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything done to one substrate, in order.

    Attributes:
        substrate: What the film is made on, e.g. glass or FTO.
        slot: Tray slot in which the substrate waits and is stored, e.g. tray/A1.
    """

    sample_id: str
    candidate_id: str
    substrate: str
    slot: str
    steps: tuple[Step, ...]
