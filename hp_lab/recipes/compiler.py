"""From a candidate to a recipe: which steps make the film that a planner asks for."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from hp_lab.chemistry.composition import (
    composition_from_settings,
    is_composition_setting,
    number_setting,
)
from hp_lab.chemistry.mixing import MixPlan, aspirations_ul, plan_mix
from hp_lab.chemistry.stocks import StockTable
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig, check_model
from hp_lab.recipes.anneal_profile import single_hold
from hp_lab.recipes.limits import check_recipe, pipette_range_ul
from hp_lab.recipes.process import NO_ANTISOLVENT, ProcessDefaults
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Drop,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    SpinStep,
    Transfer,
)
from hp_lab.records import Candidate, Setting

__all__ = ["SETTINGS", "ProcessDefaults", "check_setting", "compile_recipe"]

# Every setting that a candidate may have, and what it does.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "spacer": "abbreviation of the spacer cation, or none for a 3D perovskite",
        "n": "metal halide sheets a layer",
        "a_site.ION": "fraction of the A site; all of them add to 1",
        "b_site.ION": "fraction of the metal; all of them add to 1",
        "x_site.ION": "fraction of the halide; all of them add to 1",
        "fa_fraction": "FA on the A site, the rest MA",
        "cs_fraction": "Cs on the A site, the rest MA",
        "sn_fraction": "Sn of the metal, the rest Pb",
        "br_fraction": "Br of the halide, the rest I",
        "cl_fraction": "Cl of the halide, the rest I",
        "concentration_m": "metal concentration of the ink, mol/L",
        "solvent.NAME": "volume fraction of a solvent of the ink",
        "precursor_ul": "volume of ink on the substrate",
        "spin_rpm": "last speed of the spin program",
        "spin_s": "duration of that last speed",
        "acceleration_rpm_s": "acceleration to that last speed",
        "antisolvent": "name of the antisolvent, or none",
        "antisolvent_ul": "volume of antisolvent",
        "drop_time_s": "when the antisolvent falls after the start of the spin",
        "anneal_c": "temperature of the anneal",
        "anneal_s": "how long it is held",
        "anneal_ramp_k_min": "ramp to it, 0 as fast as the plate can",
        "anneal.K.c": "temperature of segment K of an anneal in segments, K from 1",
        "anneal.K.s": "how long segment K holds it",
        "anneal.K.ramp_k_min": "ramp of segment K, 0 as fast as the plate can",
        "rest_s": "from the anneal to the first measurement",
    }
)

# Settings that replace a process default of the same name.
_OVERRIDES = (
    "concentration_m",
    "precursor_ul",
    "antisolvent",
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
_SOLVENT = "solvent."
_SEGMENT = re.compile(r"anneal\.(?P<number>[1-9]\d*)\.(?P<what>c|s|ramp_k_min)")


def compile_recipe(
    candidate: Candidate,
    *,
    sample_id: str,
    slot: str,
    mix_well: str,
    lab: LabConfig,
    stocks: StockTable,
    process: ProcessDefaults,
    available_ul: Mapping[str, float] | None = None,
) -> Recipe:
    """Return the recipe that makes a candidate's film.

    Args:
        candidate: Its settings are those of :data:`SETTINGS`.
        sample_id: Name of the film.
        slot: Tray slot of its substrate.
        mix_well: Empty well in which the ink is mixed.
        lab: The laboratory, for its limits.
        stocks: What the wells hold.
        process: What the settings leave open.
        available_ul: What is left in the wells, if not what the table says.

    Raises:
        UnreachableComposition: The stocks cannot give the composition.
        InventoryError: They could if the wells in available_ul held more.
        InvalidInput: A setting is unknown or contradicts another, or the recipe is
            outside the laboratory's limits.
    """
    settings = candidate.settings
    _refuse_unknown(settings)
    process = _with_overrides(process, settings)
    _check_substrate(slot, stocks, process)
    plan = _ink(settings, mix_well, lab, stocks, process, available_ul)
    recipe = Recipe(
        sample_id=sample_id,
        candidate_id=candidate.candidate_id,
        substrate=process.substrate,
        slot=slot,
        steps=(
            Mix(transfers=_transfers(plan, mix_well, lab, process)),
            _spin_coat(mix_well, stocks, process),
            Anneal(profile=_profile(settings, process), hotplate=process.hotplate),
            Rest(duration_s=process.rest_s),
            *(measurement.step() for measurement in process.measurements),
        ),
    )
    check_recipe(recipe, lab)
    return recipe


def check_setting(name: str, value: Setting, process: ProcessDefaults) -> None:
    """Check one setting, whatever the others of a candidate may be.

    Args:
        name: Its name.
        value: Its value.
        process: What settings leave open.

    Raises:
        InvalidInput: There is no such setting, or no film can have that value.
    """
    settings = {name: value}
    _refuse_unknown(settings)
    _with_overrides(process, settings)
    if name == "n":
        # Layers need a spacer, whichever.
        settings["spacer"] = "BA"
    whole_site = name.startswith(("a_site.", "b_site.", "x_site."))
    if is_composition_setting(name) and not whole_site:
        composition_from_settings(settings)


def _refuse_unknown(settings: Mapping[str, Setting]) -> None:
    for name in settings:
        known = (
            name in SETTINGS
            or is_composition_setting(name)
            or (name.startswith(_SOLVENT) and name != _SOLVENT)
            or _SEGMENT.fullmatch(name)
        )
        if not known:
            msg = f"setting {name!r} is unknown; use {', '.join(SETTINGS)}"
            raise InvalidInput(msg)


def _with_overrides(
    process: ProcessDefaults, settings: Mapping[str, Setting]
) -> ProcessDefaults:
    data = process.model_dump()
    for name in _OVERRIDES:
        if name == "antisolvent" and name in settings:
            data[name] = str(settings[name])
        elif name in settings:
            data[name] = number_setting(settings, name)
    for name, field in _SPIN.items():
        if name in settings:
            *before, last = data["spin"]
            data["spin"] = (*before, {**last, field: number_setting(settings, name)})
    solvents = {
        name.removeprefix(_SOLVENT): number_setting(settings, name)
        for name in settings
        if name.startswith(_SOLVENT)
    }
    if solvents:
        data["solvents"] = solvents
    return check_model(ProcessDefaults, data, "settings")


def _check_substrate(slot: str, stocks: StockTable, process: ProcessDefaults) -> None:
    lies_there = stocks.slots.get(slot, process.substrate)
    if lies_there != process.substrate:
        msg = (
            f"slot {slot}: holds {lies_there}, but {process.substrate} is wanted; use "
            "another slot or change substrate"
        )
        raise InvalidInput(msg)


def _ink(
    settings: Mapping[str, Setting],
    mix_well: str,
    lab: LabConfig,
    stocks: StockTable,
    process: ProcessDefaults,
    available_ul: Mapping[str, float] | None,
) -> MixPlan:
    least_ul, most_ul = pipette_range_ul(lab)
    labware = lab.pipettor.labware.get(mix_well.partition("/")[0])
    room_ul = process.mix_max_volume_ul if labware is None else labware.well_ul
    return plan_mix(
        composition_from_settings(settings).ions,
        concentration_m=process.concentration_m,
        volume_ul=process.mix_volume_ul,
        max_volume_ul=min(process.mix_max_volume_ul, room_ul),
        stocks=stocks,
        pipette_min_ul=least_ul,
        pipette_max_ul=most_ul,
        available_ul=available_ul,
        tolerance=process.mix_tolerance,
        solvents=process.solvents,
    )


def _transfers(
    plan: MixPlan, mix_well: str, lab: LabConfig, process: ProcessDefaults
) -> tuple[Transfer, ...]:
    least_ul, most_ul = pipette_range_ul(lab)
    # Small volumes go into liquid, not onto a dry well's wall; the last tip mixes.
    order = sorted(plan.volumes_ul.items(), key=lambda item: -item[1])
    # A tip that was in the ink must not go back into a stock; only while the ink still
    # is that stock it may.
    first = order[0][0]
    portions = [
        (well, portion_ul, number == 0 or well != first)
        for well, volume_ul in order
        for number, portion_ul in enumerate(
            aspirations_ul(volume_ul, pipette_min_ul=least_ul, pipette_max_ul=most_ul)
        )
    ]
    # Half the well, as far as the pipette goes; more would draw air.
    mix_ul = min(max(0.5 * plan.total_ul, least_ul), most_ul)
    last = len(portions) - 1
    mixes = len(order) > 1 and process.mix_repetitions > 0
    return tuple(
        Transfer(
            source=well,
            target=mix_well,
            volume_ul=portion_ul,
            mix_repetitions=process.mix_repetitions if mixes and i == last else 0,
            mix_volume_ul=mix_ul if mixes and i == last else 0.0,
            new_tip=new_tip,
        )
        for i, (well, portion_ul, new_tip) in enumerate(portions)
    )


def _spin_coat(mix_well: str, stocks: StockTable, process: ProcessDefaults) -> SpinCoat:
    drops = [
        Drop(
            source=mix_well,
            volume_ul=process.precursor_ul,
            offset_s=process.precursor_offset_s,
            rate_ul_s=process.precursor_rate_ul_s,
        )
    ]
    if process.antisolvent != NO_ANTISOLVENT:
        drops.append(
            Drop(
                source=stocks.antisolvent_well(process.antisolvent),
                volume_ul=process.antisolvent_ul,
                offset_s=process.drop_time_s,
                rate_ul_s=process.antisolvent_rate_ul_s,
            )
        )
    steps: tuple[SpinStep, ...] = tuple(speed.step() for speed in process.spin)
    return SpinCoat(steps=steps, drops=tuple(drops))


def _profile(
    settings: Mapping[str, Setting], process: ProcessDefaults
) -> tuple[AnnealSegment, ...]:
    found = {name: match for name in settings if (match := _SEGMENT.fullmatch(name))}
    if not found:
        return single_hold(
            process.anneal_c, process.anneal_s, process.anneal_ramp_k_min
        )
    whole = [name for name in ("anneal_c", "anneal_s") if name in settings]
    if whole:
        msg = (
            f"settings give the anneal both as {whole[0]} and as {next(iter(found))}; "
            "use one of the two ways"
        )
        raise InvalidInput(msg)
    last = max(int(match["number"]) for match in found.values())
    return tuple(
        AnnealSegment(
            temperature_c=number_setting(settings, f"anneal.{number}.c"),
            hold_s=number_setting(settings, f"anneal.{number}.s"),
            ramp_k_min=(
                number_setting(settings, f"anneal.{number}.ramp_k_min")
                if f"anneal.{number}.ramp_k_min" in settings
                else process.anneal_ramp_k_min
            ),
        )
        for number in range(1, last + 1)
    )
