"""From a candidate's settings to what would happen to its substrate, without a robot.

The recipe's vocabulary and defaults are the campaign's; volumes are exact, nothing
waits for a station. What the settings leave open about handling is in
:class:`Handling`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hp_lab.chemistry.composition import composition_from_settings, number_setting
from hp_lab.lab_config import check_model
from hp_lab.recipes.process import NO_ANTISOLVENT, ProcessDefaults
from hp_lab.recipes.steps import AnnealSegment
from hp_lab.records import Setting
from hp_lab.simulation import constants as c
from hp_lab.simulation.films import Deposit, FilmHistory, Ramp
from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.plates import Plate

# The stocks' solvents, where a process does not name its own.
_STOCK_SOLVENTS = {"DMF": 0.8, "DMSO": 0.2}
_PIPETTE_UL_S = 94.0
_RAMP_STEP_S = 5.0
_REACHED_K = 1.0
_LONGEST_RAMP_S = 3600

_NUMBERS = (
    "concentration_m",
    "precursor_ul",
    "antisolvent_ul",
    "drop_time_s",
    "anneal_c",
    "anneal_s",
    "anneal_ramp_k_min",
    "rest_s",
)
_SPIN = {
    "spin_rpm": "speed_rpm",
    "spin_s": "duration_s",
    "acceleration_rpm_s": "acceleration_rpm_s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What moving a film about adds to its recipe.

    Attributes:
        to_plate_s: From the end of the spin to the hotplate.
        plate_c: Temperature of the hotplate when the film arrives; the set point is
            given then, and a hold counts from when the plate has reached it.
        off_plate_s: From the end of the last hold until the film leaves the plate.
    """

    to_plate_s: float = 20.0
    plate_c: float = c.AMBIENT_C
    off_plate_s: float = 15.0


def process_of(
    settings: Mapping[str, Setting], process: ProcessDefaults | None
) -> ProcessDefaults:
    """Return a campaign's process with what a candidate's settings say of it.

    Raises:
        InvalidInput: A setting is not a number or outside its limits.
    """
    data = (process or ProcessDefaults()).model_dump()
    for name in _NUMBERS:
        if name in settings:
            data[name] = number_setting(settings, name)
    if "antisolvent" in settings:
        data["antisolvent"] = str(settings["antisolvent"])
    for name, field in _SPIN.items():
        if name in settings:
            *before, last = data["spin"]
            data["spin"] = (*before, {**last, field: number_setting(settings, name)})
    solvents = {
        name.removeprefix("solvent."): number_setting(settings, name)
        for name in settings
        if name.startswith("solvent.")
    }
    if solvents:
        data["solvents"] = solvents
    return check_model(ProcessDefaults, data, "settings")


def profile_of(
    settings: Mapping[str, Setting], process: ProcessDefaults
) -> tuple[AnnealSegment, ...]:
    """Return the anneal of settings: their segments, or the process's single hold.

    Raises:
        InvalidInput: A setting of a segment is missing or not a number.
    """
    numbers = sorted(
        {int(name.split(".")[1]) for name in settings if name.startswith("anneal.")}
    )
    if not numbers:
        numbers_s = (process.anneal_c, process.anneal_s, process.anneal_ramp_k_min)
        segments = [numbers_s] if process.anneal_s > 0 else []
    else:
        segments = [
            (
                number_setting(settings, f"anneal.{number}.c"),
                number_setting(settings, f"anneal.{number}.s"),
                number_setting(
                    {f"anneal.{number}.ramp_k_min": 0.0, **settings},
                    f"anneal.{number}.ramp_k_min",
                ),
            )
            for number in numbers
        ]
    return tuple(
        AnnealSegment(temperature_c=at_c, hold_s=hold_s, ramp_k_min=ramp)
        for at_c, hold_s, ramp in segments
    )


def history_from_settings(
    settings: Mapping[str, Setting],
    process: ProcessDefaults | None = None,
    handling: Handling | None = None,
) -> FilmHistory:
    """Return what would happen to a substrate; the spin starts at time 0.

    Raises:
        InvalidInput: The settings do not describe a composition or a process.
    """
    how = process_of(settings, process)
    moves = handling or Handling()
    ions = composition_from_settings(settings).ions_per_metal
    ink = WellContents.from_molar(
        how.precursor_ul,
        {ion: how.concentration_m * amount for ion, amount in ions.items()},
        {k: v for k, v in how.solvents.items() if v > 0} or _STOCK_SOLVENTS,
    )
    deposits = [
        Deposit(
            at_s=how.precursor_offset_s,
            liquid=ink,
            rate_ul_s=how.precursor_rate_ul_s or _PIPETTE_UL_S,
        )
    ]
    if how.antisolvent != NO_ANTISOLVENT:
        drop = WellContents.from_molar(how.antisolvent_ul, {}, {how.antisolvent: 1.0})
        deposits.append(
            Deposit(
                at_s=how.drop_time_s,
                liquid=drop,
                rate_ul_s=how.antisolvent_rate_ul_s or _PIPETTE_UL_S,
            )
        )
    ramps = _ramps(how)
    history = FilmHistory(film_id="settings", deposits=tuple(deposits), ramps=ramps)
    profile = profile_of(settings, how)
    if not profile:
        return history
    arrive_s = ramps[-1].end_s + moves.to_plate_s
    plate = Plate().starting(arrive_s, moves.plate_c)
    plate, end_s = annealed(plate, profile, arrive_s)
    return history.heated(arrive_s, plate).cooled(end_s + moves.off_plate_s)


def annealed(
    plate: Plate, profile: tuple[AnnealSegment, ...], now_s: float
) -> tuple[Plate, float]:
    """Return a plate that follows a profile from now on, and when the last hold ends.

    A hold counts from when the plate is within 1 K of its temperature.
    """
    for segment in profile:
        target_c = segment.temperature_c
        if segment.ramp_k_min > 0:
            start_c = plate.temperature_c(now_s)
            per_step_k = segment.ramp_k_min / 60.0 * _RAMP_STEP_S
            steps = int(abs(target_c - start_c) / per_step_k)
            for step in range(1, steps + 1):
                way = per_step_k * step * (1.0 if target_c > start_c else -1.0)
                plate = plate.set(now_s, start_c + way)
                now_s += _RAMP_STEP_S
        plate = plate.set(now_s, target_c)
        now_s += _reaching_s(plate, now_s, target_c) + segment.hold_s
    return plate, now_s


def _reaching_s(plate: Plate, now_s: float, target_c: float) -> float:
    elapsed_s = np.arange(0.0, _LONGEST_RAMP_S, 0.5)
    away_k = np.abs(plate.temperatures_c(now_s + elapsed_s) - target_c)
    return float(elapsed_s[int(np.argmax(away_k < _REACHED_K))])


def _ramps(process: ProcessDefaults) -> tuple[Ramp, ...]:
    ramps: list[Ramp] = []
    now_s, speed_rpm, acceleration = 0.0, 0.0, 1000.0
    for step in process.spin:
        acceleration = step.acceleration_rpm_s
        ramps.append(
            Ramp(
                at_s=now_s,
                from_rpm=speed_rpm,
                to_rpm=step.speed_rpm,
                acceleration_rpm_s=acceleration,
            )
        )
        now_s, speed_rpm = now_s + step.duration_s, step.speed_rpm
    stop = Ramp(
        at_s=now_s, from_rpm=speed_rpm, to_rpm=0.0, acceleration_rpm_s=acceleration
    )
    return (*ramps, stop)
