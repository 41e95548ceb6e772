"""Whether a laboratory can do a recipe: numbers, wells and positions in its limits."""

import math
from collections.abc import Iterator

from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig
from hp_lab.recipes.anneal_profile import profile_faults
from hp_lab.recipes.steps import (
    Anneal,
    Drop,
    Image,
    Measure,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    SpinStep,
    Step,
    Transfer,
)

# Sums of volumes that were rounded to nanolitres.
_VOLUME_SLACK_UL = 0.01


def check_recipe(recipe: Recipe, lab: LabConfig) -> None:
    """Check a recipe against a laboratory's limits.

    Raises:
        InvalidInput: A line for each thing outside the limits, with the value, the
            limit and what to change; steps count from 1.
    """
    faults = list(_slot_faults(recipe, lab))
    mixed_ul: dict[str, float] = {}
    for number, step in enumerate(recipe.steps, start=1):
        faults += _step_faults(step, lab, f"step {number}", mixed_ul)
    if faults:
        raise InvalidInput("\n".join(faults))


def pipette_range_ul(lab: LabConfig) -> tuple[float, float]:
    """Return the least and the most that one aspiration can take up.

    With several pipettes, the least of the finest and the most of the largest.
    """
    pipettes = lab.pipettor.mounts.values()
    return min(p.min_ul for p in pipettes), max(p.max_ul for p in pipettes)


def _slot_faults(recipe: Recipe, lab: LabConfig) -> Iterator[str]:
    tray, _, slot = recipe.slot.partition("/")
    grid = lab.gantry.grids.get(tray)
    if grid is None:
        yield (
            f"slot {recipe.slot}: the gantry has no tray {tray!r}; use "
            f"{', '.join(lab.gantry.grids)}"
        )
    elif slot not in grid.positions():
        names = list(grid.positions())
        yield (
            f"slot {recipe.slot}: {tray} has slots {names[0]} to {names[-1]}; change "
            "the recipe's slot"
        )


def _step_faults(
    step: Step, lab: LabConfig, where: str, mixed_ul: dict[str, float]
) -> Iterator[str]:
    match step:
        case Mix():
            yield from _mix_faults(step, lab, where, mixed_ul)
        case SpinCoat():
            yield from _spin_faults(step, lab, where)
            yield from _drop_faults(step, lab, where, mixed_ul)
        case Anneal():
            yield from _anneal_faults(step, lab, where)
        case Rest():
            yield from _not_below("rest", "duration_s", step.duration_s, 0.0, where)
        case Measure():
            yield from _measure_faults(step, where)
        case Image():
            if not _positive(step.exposure_s):
                yield (
                    f"camera: exposure_s {step.exposure_s:g} must be above 0 s; raise "
                    f"it in {where}"
                )


def _mix_faults(
    step: Mix, lab: LabConfig, where: str, mixed_ul: dict[str, float]
) -> Iterator[str]:
    if not step.transfers:
        yield f"pipettor: a mix without transfers; add one or leave out {where}"
    for number, transfer in enumerate(step.transfers, start=1):
        place = f"{where}, transfer {number}"
        yield from _transfer_faults(transfer, lab, place)
        well_ul = _well_ul(transfer.target, lab)
        filled_ul = mixed_ul.get(transfer.target, 0.0) + transfer.volume_ul
        mixed_ul[transfer.target] = filled_ul
        if well_ul is not None and filled_ul > well_ul + _VOLUME_SLACK_UL:
            yield (
                f"pipettor: {filled_ul:g} uL in {transfer.target} are above the well's "
                f"{well_ul:g} uL; lower volume_ul in {place}"
            )
        if transfer.mix_repetitions and transfer.mix_volume_ul > filled_ul:
            yield (
                f"pipettor: mix_volume_ul {transfer.mix_volume_ul:g} uL is above the "
                f"{filled_ul:g} uL in {transfer.target}; lower it in {place}"
            )


def _transfer_faults(transfer: Transfer, lab: LabConfig, where: str) -> Iterator[str]:
    for name in (transfer.source, transfer.target):
        yield from _well_faults(name, lab, where)
    if transfer.source == transfer.target:
        yield (
            f"pipettor: source and target are both {transfer.source}; change one in "
            f"{where}"
        )
    yield from _volume_faults("volume_ul", transfer.volume_ul, lab, where)
    yield from _not_below("pipettor", "rate_ul_s", transfer.rate_ul_s, 0.0, where)
    repetitions = transfer.mix_repetitions
    yield from _not_below("pipettor", "mix_repetitions", repetitions, 0, where)
    if repetitions > 0:
        yield from _volume_faults("mix_volume_ul", transfer.mix_volume_ul, lab, where)


def _spin_faults(step: SpinCoat, lab: LabConfig, where: str) -> Iterator[str]:
    coater = lab.spin_coater
    if not step.steps:
        yield f"spin_coater: no speeds to run; add one to {where}"
    from_rpm = 0.0
    for number, spin in enumerate(step.steps, start=1):
        place = f"{where}, spin step {number}" if len(step.steps) > 1 else where
        yield from _in_range(
            "spin_coater",
            ("speed_rpm", spin.speed_rpm, "rpm"),
            (coater.min_rpm, coater.max_rpm),
            place,
        )
        yield from _in_range(
            "spin_coater",
            ("acceleration_rpm_s", spin.acceleration_rpm_s, "rpm/s"),
            (coater.min_acceleration_rpm_s, coater.max_acceleration_rpm_s),
            place,
        )
        yield from _ramp_faults(spin, from_rpm, place)
        from_rpm = spin.speed_rpm


def _ramp_faults(spin: SpinStep, from_rpm: float, where: str) -> Iterator[str]:
    if not _positive(spin.duration_s):
        yield (
            f"spin_coater: duration_s {spin.duration_s:g} must be above 0 s; raise it "
            f"in {where}"
        )
        return
    if not _positive(spin.acceleration_rpm_s):
        return
    ramp_s = abs(spin.speed_rpm - from_rpm) / spin.acceleration_rpm_s
    if ramp_s > spin.duration_s:
        yield (
            f"spin_coater: {from_rpm:g} to {spin.speed_rpm:g} rpm takes {ramp_s:.3g} s "
            f"at {spin.acceleration_rpm_s:g} rpm/s, above the {spin.duration_s:g} s of "
            f"the step; raise acceleration_rpm_s or duration_s in {where}"
        )


def _drop_faults(
    step: SpinCoat, lab: LabConfig, where: str, mixed_ul: dict[str, float]
) -> Iterator[str]:
    mounts = len(lab.pipettor.mounts)
    if len(step.drops) > mounts:
        yield (
            f"pipettor: {len(step.drops)} drops need a pipette each, but there are "
            f"{mounts}; leave out drops in {where}"
        )
    for number, drop in enumerate(step.drops, start=1):
        place = f"{where}, drop {number}" if len(step.drops) > 1 else where
        yield from _well_faults(drop.source, lab, place)
        yield from _volume_faults("volume_ul", drop.volume_ul, lab, place)
        yield from _not_below("pipettor", "rate_ul_s", drop.rate_ul_s, 0.0, place)
        yield from _drop_time_faults(drop, step, place)
        held_ul = mixed_ul.get(drop.source, math.inf)
        if drop.volume_ul > held_ul + _VOLUME_SLACK_UL:
            yield (
                f"pipettor: {drop.volume_ul:g} uL from {drop.source} are above the "
                f"{held_ul:g} uL mixed there; mix more or lower volume_ul in {place}"
            )
        if drop.source in mixed_ul:
            mixed_ul[drop.source] = held_ul - drop.volume_ul


def _drop_time_faults(drop: Drop, step: SpinCoat, where: str) -> Iterator[str]:
    if not drop.offset_s <= step.duration_s:
        yield (
            f"pipettor: a drop at {drop.offset_s:g} s is after the end of the spin at "
            f"{step.duration_s:g} s; lower offset_s in {where}"
        )


def _anneal_faults(step: Anneal, lab: LabConfig, where: str) -> Iterator[str]:
    if step.hotplate and step.hotplate not in lab.hotplates:
        yield (
            f"hotplate {step.hotplate!r} does not exist; use "
            f"{', '.join(lab.hotplates)}, or none for any, in {where}"
        )
        return
    if step.hotplate:
        plates = {step.hotplate: lab.hotplates[step.hotplate]}
    else:
        plates = lab.hotplates
    by_plate = {
        name: profile_faults(step.profile, plate, name)
        for name, plate in plates.items()
    }
    # Any plate that can do it will do.
    fewest = min(by_plate.values(), key=len)
    yield from (f"{fault} of {where}" for fault in fewest)


def _measure_faults(step: Measure, where: str) -> Iterator[str]:
    yield from _not_below(
        "spectrometer", "integration_s", step.integration_s, 0.0, where
    )
    yield from _not_below("spectrometer", "averages", step.averages, 1, where)
    yield from _not_below("spectrometer", "repeats", step.repeats, 1, where)
    yield from _not_below("spectrometer", "interval_s", step.interval_s, 0.0, where)
    reading_s = step.integration_s * step.averages
    if step.repeats > 1 and 0 < step.interval_s < reading_s:
        yield (
            f"spectrometer: interval_s {step.interval_s:g} is below the "
            f"{reading_s:g} s that a reading takes; raise it in {where}"
        )


def _well_faults(name: str, lab: LabConfig, where: str) -> Iterator[str]:
    labware_name, _, well = name.partition("/")
    labware = lab.pipettor.labware.get(labware_name)
    if labware is None or labware.kind != "wells":
        known = [k for k, v in lab.pipettor.labware.items() if v.kind == "wells"]
        yield (
            f"pipettor: well {name}: the deck has no wells called "
            f"{labware_name!r}; use {', '.join(known)} in {where}"
        )
    elif well not in labware.wells():
        yield (
            f"pipettor: well {name}: {labware_name} has {labware.wells()[0]} to "
            f"{labware.wells()[-1]}; change it in {where}"
        )


def _well_ul(name: str, lab: LabConfig) -> float | None:
    labware = lab.pipettor.labware.get(name.partition("/")[0])
    return None if labware is None else labware.well_ul


def _volume_faults(
    name: str, volume_ul: float, lab: LabConfig, where: str
) -> Iterator[str]:
    # Above the maximum the pipette goes several times, which a drop and mixing cannot.
    least_ul, most_ul = pipette_range_ul(lab)
    yield from _in_range(
        "pipettor", (name, volume_ul, "uL"), (least_ul, most_ul), where
    )


def _in_range(
    who: str,
    quantity: tuple[str, float, str],
    limits: tuple[float, float],
    where: str,
) -> Iterator[str]:
    name, value, unit = quantity
    low, high = limits
    slack = 1e-9 * high
    if value < low - slack:
        yield (
            f"{who}: {value:g} {unit} is below {low:g} {unit}; raise {name} in {where}"
        )
    elif not value <= high + slack:
        yield (
            f"{who}: {value:g} {unit} is above {high:g} {unit}; lower {name} in {where}"
        )


def _not_below(
    who: str, name: str, value: float, low: float, where: str
) -> Iterator[str]:
    if not (math.isfinite(value) and value >= low):
        yield f"{who}: {name} {value:g} is below {low:g}; raise it in {where}"


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
