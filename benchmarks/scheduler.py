"""How good the schedules are: a robot's real worklist, and a campaign of our own.

The worklist is PASCAL's of 36 samples, planned again under the durations and the rules
of its own plan and compared with that plan. Run with ``--json`` for one JSON object.
"""

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from hp_lab.lab_config import load_lab_config
from hp_lab.recipes.pascal import example_worklist, load_worklist
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Drop,
    Measure,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    SpinStep,
    Transfer,
)
from hp_lab.recipes.worklist import Worklist
from hp_lab.scheduling.audit import violations
from hp_lab.scheduling.from_recipe import tasks_of
from hp_lab.scheduling.from_worklist import worklist_stations, worklist_tasks
from hp_lab.scheduling.schedule import Booking, Schedule, figures
from hp_lab.scheduling.scheduler import schedule
from hp_lab.scheduling.stations import Station, stations_of
from hp_lab.scheduling.tasks import Task

_LAB = Path(__file__).parents[1] / "config" / "lab.yaml"
_TEMPERATURES_C = (100.0, 80.0, 120.0, 100.0, 140.0, 90.0)
_HOLDS_S = (600.0, 300.0, 900.0)


def published(worklist: Worklist, tasks: Iterable[Task]) -> Schedule:
    """Return the plan that the file itself holds."""
    starts = {planned.task_id: planned.start_s for planned in worklist.tasks}
    bookings = [
        Booking(
            task_id=task.task_id,
            sample_id=task.sample_id,
            name=task.name,
            stations=task.stations,
            place=task.at[0] if task.at else "",
            start_s=starts[task.task_id],
            end_s=starts[task.task_id] + task.duration_s,
        )
        for task in tasks
    ]
    bookings.sort(key=lambda booking: (booking.start_s, booking.task_id))
    return Schedule(now_s=0.0, bookings=tuple(bookings), method="cp-sat")


def campaign_tasks(films: int) -> list[Task]:
    """Return the tasks of films that need different temperatures on two hotplates."""
    lab = load_lab_config(_LAB)
    return [task for index in range(films) for task in tasks_of(_recipe(index), lab)]


def _recipe(index: int) -> Recipe:
    transfer = Transfer(
        source="stocks/A1",
        target=f"mix/A{index + 1}",
        volume_ul=50.0,
        mix_repetitions=3,
        mix_volume_ul=50.0,
    )
    segment = AnnealSegment(
        temperature_c=_TEMPERATURES_C[index % len(_TEMPERATURES_C)],
        hold_s=_HOLDS_S[index % len(_HOLDS_S)],
    )
    spin = SpinStep(speed_rpm=4000.0, acceleration_rpm_s=1000.0, duration_s=40.0)
    drops = (
        Drop(source=transfer.target, volume_ul=40.0, offset_s=-2.0),
        Drop(source="solvents/A1", volume_ul=120.0, offset_s=15.0),
    )
    return Recipe(
        sample_id=f"film-{index + 1:02d}",
        candidate_id=f"candidate-{index + 1:02d}",
        substrate="glass",
        slot=f"tray/A{index + 1}",
        steps=(
            Mix(transfers=(transfer,) * 4),
            SpinCoat(steps=(spin,), drops=drops),
            Anneal(profile=(segment,)),
            Rest(duration_s=60.0),
            Measure(mode="absorbance"),
            Measure(mode="photoluminescence"),
        ),
    )


def describe(
    plan: Schedule, tasks: Sequence[Task], stations: Sequence[Station]
) -> dict[str, object]:
    """Return the figures of a schedule and what the auditor says of it."""
    found = figures(plan, tasks, stations)
    return {
        "makespan_s": found.makespan_s,
        "films_per_hour": round(found.films_per_hour, 2),
        "mean_film_age_s": round(found.mean_film_age_s, 1),
        "max_film_age_s": found.max_film_age_s,
        "utilisation": {name: round(x, 3) for name, x in found.utilisation.items()},
        "violations": len(violations(plan.bookings, tasks, stations, now_s=plan.now_s)),
    }


def compare(
    tasks: Sequence[Task], stations: Sequence[Station], effort: float
) -> dict[str, object]:
    """Return what both schedulers make of the tasks, and in how long."""
    result: dict[str, object] = {}
    for name, spent in (("greedy", 0.0), ("cp_sat", effort)):
        started_s = time.perf_counter()
        plan = schedule(tasks, stations, now_s=0.0, effort=spent)
        took_s = time.perf_counter() - started_s
        result[name] = {
            **describe(plan, tasks, stations),
            "lower_bound_s": plan.bound_s,
            "optimal": plan.optimal,
            "wall_s": round(took_s, 2),
        }
    return result


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--file", type=Path, help="another PASCAL netlist")
    parser.add_argument("--effort", type=float, default=5.0, help="of CP-SAT, about s")
    parser.add_argument("--films", type=int, default=8, help="films of the campaign")
    given = parser.parse_args()
    worklist = load_worklist(given.file) if given.file else example_worklist()
    tasks, stations = worklist_tasks(worklist), worklist_stations(worklist)
    own, lab = campaign_tasks(given.films), stations_of(load_lab_config(_LAB))
    result = {
        "worklist": {
            "films": len(worklist.recipes),
            "published": describe(published(worklist, tasks), tasks, stations),
            **compare(tasks, stations, given.effort),
        },
        "campaign": {"films": given.films, **compare(own, lab, given.effort)},
    }
    if given.json:
        print(json.dumps(result))
        return
    for part, plans in result.items():
        print(f"{part}, {plans['films']} films")
        for name, plan in plans.items():
            if isinstance(plan, dict):
                age_s = plan["mean_film_age_s"]
                print(f"  {name:9} {plan['makespan_s']:7.0f} s, film age {age_s:.0f} s")


if __name__ == "__main__":
    main()
