"""The tasks of a PASCAL worklist, with the durations and rules of that laboratory."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from hp_lab.errors import InvalidInput
from hp_lab.recipes.netlist import CHARACTERIZATION, SPIN_COATER
from hp_lab.recipes.worklist import PlannedTask, Worklist
from hp_lab.scheduling.stations import Station
from hp_lab.scheduling.tasks import Heat, Lag, Task

_GANTRY: Final = "Gantry"
_PLATE_SLOTS: Final = 30
# The seconds after which the gantry is used again in the published plan of 36 samples,
# for the moves that nothing follows there.
_LAST_MOVE_S: Final[Mapping[str, float]] = {
    "hotplate_to_storage": 18.0,
    "characterization_to_storage": 18.0,
}


def worklist_stations(worklist: Worklist) -> tuple[Station, ...]:
    """Return the stations: hotplates keep one temperature, trays are never full."""
    return (
        Station(name=_GANTRY),
        Station(name=SPIN_COATER),
        Station(name=CHARACTERIZATION),
        *(Station(name=name, capacity=_PLATE_SLOTS) for name in worklist.setpoints_c),
    )


def worklist_tasks(worklist: Worklist) -> tuple[Task, ...]:
    """Return the tasks of every sample, in the file's order.

    Moves off the spin coater and off hotplates, and anneals, start at once when what
    precedes them ends, as that laboratory's own scheduler demands. A film's age counts
    from its last anneal to its characterisation.

    Raises:
        InvalidInput: The plan does not show how long a move takes.
    """
    moves_s = {**_LAST_MOVE_S, **worklist.move_durations_s()}
    samples: dict[str, list[PlannedTask]] = {}
    for planned in worklist.tasks:
        samples.setdefault(planned.sample_id, []).append(planned)
    return tuple(
        task
        for chain in samples.values()
        for task in _film(chain, moves_s, worklist.setpoints_c)
    )


def _film(
    chain: Sequence[PlannedTask],
    moves_s: Mapping[str, float],
    setpoints_c: Mapping[str, float],
) -> list[Task]:
    tasks: list[Task] = []
    at: tuple[str, ...] = ()
    annealed = ""
    for planned in chain:
        name, moves = planned.name, planned.duration_s is None
        if moves:
            known = planned.destination in {SPIN_COATER, CHARACTERIZATION, *setpoints_c}
            at = (planned.destination,) if known else ()
        age = annealed and name == "characterize"
        at_once = name == "anneal" or name.startswith(("spincoater_to", "hotplate_to"))
        tasks.append(
            Task(
                task_id=planned.task_id,
                sample_id=planned.sample_id,
                name=name,
                duration_s=_duration_s(planned, moves_s),
                stations=(_GANTRY,) if moves else (),
                at=at,
                moves=moves,
                predecessor=planned.precedent,
                max_wait_s=0.0 if at_once else math.inf,
                lags=(Lag(after=annealed, film_age=True),) if age else (),
                heat=_heat(at, setpoints_c) if name == "anneal" else None,
                step=planned.first_step if planned.step_count else -1,
            )
        )
        if name == "anneal":
            annealed = planned.task_id
    return tasks


def _duration_s(planned: PlannedTask, moves_s: Mapping[str, float]) -> float:
    if planned.duration_s is not None:
        return planned.duration_s
    if planned.name not in moves_s:
        msg = (
            f"task {planned.task_id}: the plan does not show how long a "
            f"{planned.name} takes; give a plan in which something follows it"
        )
        raise InvalidInput(msg)
    return moves_s[planned.name]


def _heat(at: Sequence[str], setpoints_c: Mapping[str, float]) -> Heat | None:
    if not at or at[0] not in setpoints_c:
        return None
    setpoint_c = setpoints_c[at[0]]
    return Heat(arrive_c=setpoint_c, leave_c=setpoint_c)
