"""Annealing profiles: whether a plate can do them, and what they set when."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.lab_config import Hotplate
from hp_lab.recipes.steps import AnnealSegment
from hp_lab.units import FloatArray

Profile = Sequence[AnnealSegment]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePoint:
    """A corner of a profile's course: time since its start and temperature set."""

    time_s: float
    temperature_c: float


def single_hold(
    anneal_c: float, anneal_s: float, ramp_k_min: float = 0.0
) -> tuple[AnnealSegment, ...]:
    """Return the profile that holds one temperature; ramp 0 is the plate's fastest."""
    return (
        AnnealSegment(temperature_c=anneal_c, hold_s=anneal_s, ramp_k_min=ramp_k_min),
    )


def profile_faults(profile: Profile, plate: Hotplate, name: str) -> list[str]:
    """Return what a hotplate cannot do of a profile, one sentence each."""
    if not profile:
        return [f"{name}: the profile has no segments; give at least one"]
    faults = []
    for number, segment in enumerate(profile, start=1):
        where = f"segment {number}"
        value_c = segment.temperature_c
        if not math.isfinite(value_c):
            faults.append(f"{name}: {value_c} C is no temperature; change {where}")
        elif value_c > plate.max_c:
            faults.append(
                f"{name}: {value_c:g} C is above {plate.max_c:g} C; lower "
                f"temperature_c in {where}"
            )
        elif value_c < plate.min_c:
            faults.append(
                f"{name}: {value_c:g} C is below {plate.min_c:g} C; raise "
                f"temperature_c in {where}"
            )
        if not (math.isfinite(segment.hold_s) and segment.hold_s >= 0):
            faults.append(
                f"{name}: hold_s {segment.hold_s:g} is below 0 s; raise it in {where}"
            )
        if not 0 <= segment.ramp_k_min <= plate.max_ramp_k_min:
            faults.append(
                f"{name}: {segment.ramp_k_min:g} K/min is not from 0 to "
                f"{plate.max_ramp_k_min:g} K/min; change ramp_k_min in {where}"
            )
    return faults


def check_profile(profile: Profile, plate: Hotplate, name: str = "hotplate") -> None:
    """Check a profile against a hotplate's limits.

    Raises:
        InvalidInput: A line for each temperature, time or ramp outside the limits.
    """
    faults = profile_faults(profile, plate, name)
    if faults:
        raise InvalidInput("\n".join(faults))


def corners(
    profile: Profile, *, start_c: float, max_ramp_k_min: float
) -> tuple[ProfilePoint, ...]:
    """Return the corners of the ideal course, two for each segment after the start.

    Ideal: the plate follows every ramp exactly, upwards and downwards.

    Args:
        profile: Segments.
        start_c: Temperature before the first ramp.
        max_ramp_k_min: Ramp of segments that leave it open.

    Raises:
        InvalidInput: max_ramp_k_min is not above 0.
    """
    if not max_ramp_k_min > 0:
        msg = f"profile: max_ramp_k_min {max_ramp_k_min:g} must be above 0 K/min"
        raise InvalidInput(msg)
    time_s, temperature_c = 0.0, start_c
    points = [ProfilePoint(time_s=time_s, temperature_c=temperature_c)]
    for segment in profile:
        ramp_k_s = (segment.ramp_k_min or max_ramp_k_min) / 60.0
        time_s += abs(segment.temperature_c - temperature_c) / ramp_k_s
        temperature_c = segment.temperature_c
        points.append(ProfilePoint(time_s=time_s, temperature_c=temperature_c))
        time_s += segment.hold_s
        points.append(ProfilePoint(time_s=time_s, temperature_c=temperature_c))
    return tuple(points)


def set_temperature_c(
    time_s: FloatArray, profile: Profile, *, start_c: float, max_ramp_k_min: float
) -> FloatArray:
    """Return the ideal temperature at times since the start, shape of time_s.

    Before the start it is start_c, after the end the last segment's.
    """
    points = corners(profile, start_c=start_c, max_ramp_k_min=max_ramp_k_min)
    return np.asarray(
        np.interp(
            time_s,
            [point.time_s for point in points],
            [point.temperature_c for point in points],
        )
    )


def expected_duration_s(
    profile: Profile, *, start_c: float, max_ramp_k_min: float
) -> float:
    """Return how long a profile takes from start_c if every ramp is followed."""
    points = corners(profile, start_c=start_c, max_ramp_k_min=max_ramp_k_min)
    return points[-1].time_s
