"""The frozen values that pass between the layers.

A Candidate is what the planner proposes, a Spectrum is what the spectrometer read, an
Observation is what the analysis made of it, a TaskTime is when a station did what.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.units import FloatArray

Setting = float | str
Bound = Literal["exact", "lower_bound", "upper_bound"]
Mode = Literal["absorbance", "transmittance", "photoluminescence", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A proposed experiment.

    Attributes:
        candidate_id: Unique within its campaign.
        settings: Coordinate name to number (SI or the unit in the name) or category.
        predicted_mean: Expected value an objective, in the objectives' order.
        predicted_sigma: Standard deviation an objective.
        acquisition: Acquisition value by which it was chosen.
        feasibility: Probability that the film can be made and measured, 0 to 1.
        reason: initial, acquisition, replicate or pure_exploration.
    """

    candidate_id: str
    settings: Mapping[str, Setting]
    predicted_mean: tuple[float, ...] = ()
    predicted_sigma: tuple[float, ...] = ()
    acquisition: float = 0.0
    feasibility: float = 1.0
    reason: str = "initial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A quantity found from raw readings.

    Attributes:
        quantity: What was found, unit in the name where it has one, e.g. pl_peak_ev.
        value: The value, or the bound.
        sigma: Standard deviation of the value, same unit, above 0.
        unit: Unit as a person writes it.
        kind: exact, lower_bound (truth is above) or upper_bound (truth is below).
        cause: Why it is a bound; empty for an exact value.
        film_age_s: Time between the end of the anneal and the reading.
        flags: Warnings of the analysis, e.g. weak_signal.
    """

    quantity: str
    value: float
    sigma: float
    unit: str
    sample_id: str
    candidate_id: str = ""
    kind: Bound = "exact"
    cause: str = ""
    replicate: int = 0
    film_age_s: float = 0.0
    flags: tuple[str, ...] = ()
    analysis_version: str = ""

    def __post_init__(self) -> None:
        """Refuse values that nobody could use.

        Raises:
            InvalidInput: The value is not finite or sigma is not above 0.
        """
        if not np.isfinite(self.value):
            msg = (
                f"observation {self.quantity} of {self.sample_id}: value {self.value} "
                "is not a finite number; a failed fit is Rejected, not a value"
            )
            raise InvalidInput(msg)
        if not (np.isfinite(self.sigma) and self.sigma > 0):
            msg = (
                f"observation {self.quantity} of {self.sample_id}: sigma {self.sigma} "
                "must be a finite number above 0"
            )
            raise InvalidInput(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """No value could be found, and why."""

    quantity: str
    sample_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """One raw spectrum and what is needed to correct it; arrays share one shape (k,).

    Attributes:
        wavelength_nm: Wavelengths, ascending.
        counts: Detector counts with the film, averaged over ``averages`` readings.
        dark: Counts with closed shutter at the same integration time; may be empty.
        reference: Counts of lamp through the bare substrate; may be empty.
        saturated: True where any averaged reading sat at the detector's ceiling.
        integration_s: Integration time of one reading.
        reference_integration_s: Integration time of the reference.
        excitation_nm: Excitation wavelength of PL, 0 otherwise.
        taken_s: Laboratory time of the reading.
    """

    mode: Mode
    sample_id: str
    wavelength_nm: FloatArray
    counts: FloatArray
    dark: FloatArray = field(default_factory=lambda: np.empty(0))
    reference: FloatArray = field(default_factory=lambda: np.empty(0))
    saturated: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    integration_s: float
    reference_integration_s: float = 0.0
    averages: int = 1
    excitation_nm: float = 0.0
    taken_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTime:
    """When a station was to do a task for a sample, and when it did; laboratory time.

    Attributes:
        stations: The stations that the task occupies.
        actual_start_s: None until it started; the same holds for the end.
    """

    task_id: str
    sample_id: str
    name: str
    stations: tuple[str, ...]
    planned_start_s: float
    planned_end_s: float
    actual_start_s: float | None = None
    actual_end_s: float | None = None
