"""What is the same for every film of a campaign (its file's ``process:`` section)."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from hp_lab.lab_config import Model, Positive
from hp_lab.recipes.steps import Measure, SpinStep
from hp_lab.records import Mode

NO_ANTISOLVENT = "none"
# Fractions are a few rounded numbers.
_SUM_TOLERANCE = 1e-6

NonNegative = Annotated[float, Field(ge=0)]
Tolerance = Annotated[float, Field(ge=0.001, lt=1)]
Count = Annotated[int, Field(ge=1)]


class SpinSpeed(Model):
    """One speed of the spin program; duration includes the ramp."""

    speed_rpm: Positive
    acceleration_rpm_s: Positive = 1500.0
    duration_s: Positive

    def step(self) -> SpinStep:
        """Return it as a recipe's spin step."""
        return SpinStep(
            speed_rpm=self.speed_rpm,
            acceleration_rpm_s=self.acceleration_rpm_s,
            duration_s=self.duration_s,
        )


class Measurement(Model):
    """One measurement of every film; integration 0 is automatic exposure."""

    mode: Mode
    integration_s: NonNegative = 0.0
    averages: Count = 4
    repeats: Count = 1
    interval_s: NonNegative = 0.0

    def step(self) -> Measure:
        """Return it as a recipe's step."""
        return Measure(
            mode=self.mode,
            integration_s=self.integration_s,
            averages=self.averages,
            repeats=self.repeats,
            interval_s=self.interval_s,
        )


class ProcessDefaults(Model):
    """How films are made where a candidate's settings do not say otherwise.

    Attributes:
        substrate: What the films are made on.
        concentration_m: Metal concentration of the ink, mol/L.
        solvents: Wanted volume fractions of the ink; none: as the stocks are.
        mix_volume_ul: Least volume of ink to mix.
        mix_max_volume_ul: Most, when small shares must reach the pipette's minimum.
        mix_tolerance: Largest deviation of an ion, for one metal ion.
        mix_repetitions: How often the ink is taken up and returned.
        precursor_ul: Volume of ink on the substrate.
        precursor_offset_s: When it falls; negative before the spin starts.
        precursor_rate_ul_s: Its rate; 0 is the pipette's own.
        spin: The spin program.
        antisolvent: Name in the stock table, or ``none``.
        antisolvent_ul: Volume of antisolvent.
        antisolvent_rate_ul_s: Its rate; 0 is the pipette's own.
        drop_time_s: When it falls after the start of the spin.
        anneal_c: Temperature of the anneal.
        anneal_s: How long it is held.
        anneal_ramp_k_min: Ramp to it; 0 is as fast as the plate can.
        hotplate: Which one; empty for any.
        rest_s: From the anneal to the first measurement, to cool down.
        measurements: What is measured, in this order.
    """

    substrate: Annotated[str, Field(min_length=1)] = "glass"
    concentration_m: Positive = 0.5
    solvents: dict[str, NonNegative] = Field(default_factory=dict)
    mix_volume_ul: Positive = 100.0
    mix_max_volume_ul: Positive = 900.0
    mix_tolerance: Tolerance = 0.02
    mix_repetitions: Annotated[int, Field(ge=0)] = 5
    precursor_ul: Positive = 60.0
    precursor_offset_s: Annotated[float, Field(le=0)] = -5.0
    precursor_rate_ul_s: NonNegative = 0.0
    spin: Annotated[tuple[SpinSpeed, ...], Field(min_length=1)] = (
        SpinSpeed(speed_rpm=4000.0, duration_s=45.0),
    )
    antisolvent: Annotated[str, Field(min_length=1)] = "chlorobenzene"
    antisolvent_ul: Positive = 150.0
    antisolvent_rate_ul_s: NonNegative = 0.0
    drop_time_s: float = 14.0
    anneal_c: float = 100.0
    anneal_s: NonNegative = 600.0
    anneal_ramp_k_min: NonNegative = 0.0
    hotplate: str = ""
    rest_s: NonNegative = 180.0
    measurements: tuple[Measurement, ...] = (
        Measurement(mode="absorbance"),
        Measurement(mode="photoluminescence"),
    )

    @field_validator("solvents")
    @classmethod
    def _fractions_add_to_one(cls, solvents: dict[str, float]) -> dict[str, float]:
        total = sum(solvents.values())
        if solvents and abs(total - 1.0) > _SUM_TOLERANCE:
            text = ", ".join(f"{name} {value:g}" for name, value in solvents.items())
            msg = f"fractions {text} add to {total:g}, but must add to 1"
            raise ValueError(msg)
        return solvents

    @model_validator(mode="after")
    def _volumes_suffice(self) -> Self:
        if self.mix_volume_ul < self.precursor_ul:
            msg = (
                f"mix_volume_ul {self.mix_volume_ul:g} is below precursor_ul "
                f"{self.precursor_ul:g}; mix at least what is dropped"
            )
            raise ValueError(msg)
        if self.mix_max_volume_ul < self.mix_volume_ul:
            msg = (
                f"mix_max_volume_ul {self.mix_max_volume_ul:g} is below mix_volume_ul "
                f"{self.mix_volume_ul:g}; raise it"
            )
            raise ValueError(msg)
        return self
