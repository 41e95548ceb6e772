"""Writing worklists in the shape of PASCAL netlists."""

from collections.abc import Mapping
from typing import Any

from hp_lab.errors import InvalidInput
from hp_lab.recipes.characterization import PICTURES, Characterization
from hp_lab.recipes.steps import Anneal, Drop, Recipe, Rest, SpinCoat
from hp_lab.recipes.worklist import (
    DropHandling,
    PlannedTask,
    Worklist,
    WorklistSolution,
)


def export_netlist(worklist: Worklist) -> dict[str, Any]:
    """Return a worklist in the shape of a PASCAL netlist, ready for JSON.

    Reading the result gives the worklist again.
    """
    recipes = {recipe.sample_id: recipe for recipe in worklist.recipes}
    tasks: dict[str, list[PlannedTask]] = {name: [] for name in recipes}
    for task in worklist.tasks:
        tasks[task.sample_id].append(task)
    return {
        "name": worklist.name,
        "description": worklist.description,
        "samples": {
            name: {
                "name": name,
                "substrate": recipe.substrate,
                "storage_slot": _storage_slot(recipe),
                "worklist": [
                    _task(task, recipe, worklist.solutions) for task in tasks[name]
                ],
            }
            for name, recipe in recipes.items()
        },
        "hotplate_setpoints": dict(worklist.setpoints_c),
        "baselines_required": {
            name: list(exposures)
            for name, exposures in worklist.baseline_exposures_s.items()
        },
    }


def lead_s(step: SpinCoat) -> float:
    """Return how long before the spin the first drop falls."""
    return max(0.0, -min((drop.offset_s for drop in step.drops), default=0.0))


def _storage_slot(recipe: Recipe) -> dict[str, str]:
    tray, _, slot = recipe.slot.partition("/")
    return {"tray": tray, "slot": slot}


def _task(
    task: PlannedTask, recipe: Recipe, solutions: Mapping[str, WorklistSolution]
) -> dict[str, Any]:
    written: dict[str, Any] = {
        "id": task.task_id,
        "name": task.name,
        "sample": task.sample_id,
        "start": task.start_s,
        "precedent": task.precedent or None,
    }
    if task.name == "characterize":
        parts = [_part(part) for part in task.characterizations]
        written["duration"] = task.duration_s
        written["details"] = {"characterization_tasks": parts}
        return written
    if not task.step_count:
        written["details"] = {"source": task.source, "destination": task.destination}
        return written
    match recipe.steps[task.first_step]:
        case SpinCoat() as spin:
            written["details"] = _spincoat(spin, task, solutions)
        case Anneal() as anneal:
            (segment,) = anneal.profile
            written["details"] = {
                "temperature": segment.temperature_c,
                "duration": segment.hold_s,
                "hotplate": anneal.hotplate,
            }
        case Rest() as rest:
            written["details"] = {"duration": rest.duration_s}
        case other:
            msg = f"netlist: no word for {type(other).__name__} in {task.task_id}"
            raise InvalidInput(msg)
    return written


def _spincoat(
    step: SpinCoat, task: PlannedTask, solutions: Mapping[str, WorklistSolution]
) -> dict[str, Any]:
    start_times = [lead_s(step)]
    for spin in step.steps[:-1]:
        start_times.append(start_times[-1] + spin.duration_s)
    return {
        "steps": [
            {
                "rpm": spin.speed_rpm,
                "acceleration": spin.acceleration_rpm_s,
                "duration": spin.duration_s,
            }
            for spin in step.steps
        ],
        "start_times": start_times,
        "duration": task.duration_s,
        "drops": [
            _drop(drop, how, solutions[drop.source])
            for drop, how in zip(step.drops, task.drops, strict=True)
        ],
    }


def _drop(drop: Drop, how: DropHandling, text: WorklistSolution) -> dict[str, Any]:
    labware, _, well = drop.source.partition("/")
    return {
        "solution": {
            "solutes": text.solutes,
            "molarity": text.molarity,
            "solvent": text.solvent,
            "well": {"labware": labware, "well": well},
        },
        "volume": drop.volume_ul,
        "time": drop.offset_s,
        "rate": drop.rate_ul_s,
        "height": how.height_mm,
        "pre_mix": [how.pre_mix_repetitions, how.pre_mix_ul],
        "slow_retract": how.slow_retract,
        "touch_tip": how.touch_tip,
        "air_gap": how.air_gap,
        "reuse_tip": how.reuse_tip,
        "slow_travel": how.slow_travel,
        "blow_out": how.blow_out,
    }


def _part(part: Characterization) -> dict[str, Any]:
    exposures = list(part.exposures_s)
    if part.name not in PICTURES:
        details = {"exposure_times": exposures, "num_scans": part.count}
    elif part.name == "PLImaging" or len(exposures) > 1:
        details = {"exposure_times": exposures, "num_frames": part.count}
    else:
        details = {"exposure_time": exposures[0], "num_frames": part.count}
    return {
        "name": part.name,
        "station": part.station,
        "position": part.position_mm,
        "duration": part.duration_s,
        "details": details,
    }
