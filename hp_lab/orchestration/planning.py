"""The schedule of a campaign's films, from the state and for the state."""

from collections.abc import Iterable, Mapping

from hp_lab.lab_config import LabConfig
from hp_lab.orchestration.events import TaskData, TasksPlanned
from hp_lab.orchestration.state import GRIPPER, UNKNOWN, CampaignState, Sample, Task
from hp_lab.records import TaskTime
from hp_lab.scheduling.durations import Durations, Waits
from hp_lab.scheduling.from_recipe import tasks_of
from hp_lab.scheduling.schedule import Booking, stays
from hp_lab.scheduling.scheduler import schedule
from hp_lab.scheduling.stations import stations_of
from hp_lab.scheduling.tasks import Task as PlannedTask

# Films of a laboratory that is full wait longer than the defaults allow; what they
# waited is in the journal.
_WAITS = Waits(film_age_s=float("inf"), solution_age_s=float("inf"))
# CP-SAT's deterministic effort for a plan that the next film may replace.
_EFFORT = 0.1


def plan_tasks(state: CampaignState, lab: LabConfig, now_s: float) -> TasksPlanned:
    """Return when and where every task that has not started is done.

    Raises:
        InvalidInput: The tasks cannot be scheduled; the message says why.
    """
    durations = Durations().learn(_records(state))
    chains = {
        sample.sample_id: chain
        for sample in state.active()
        if (chain := _chain(state, sample, lab, durations))
    }
    tasks = [task for chain in chains.values() for task in chain]
    begun = [
        _booking(state.tasks[task.task_id], task, now_s)
        for task in tasks
        if _has_begun(state, task.task_id)
    ]
    held = _put_down(state, chains, now_s)
    plan = schedule(
        tasks, stations_of(lab), now_s=now_s, started=[*begun, *held], effort=_EFFORT
    )
    by_id = {task.task_id: task for task in tasks}
    positions = _positions(lab, plan.bookings)
    known = {booking.task_id for booking in begun}
    return TasksPlanned(
        tasks=[
            _task_data(state, by_id[b.task_id], b, positions)
            for b in plan.bookings
            if b.task_id not in known
        ]
    )


def task_times(state: CampaignState) -> list[TaskTime]:
    """Return planned and actual times of every task that ever started."""
    return [
        TaskTime(
            task_id=task.data.task_id,
            sample_id=task.data.sample_id,
            name=task.data.action,
            stations=task.data.stations,
            planned_start_s=task.data.planned_start_s,
            planned_end_s=task.data.planned_end_s,
            actual_start_s=task.started_s,
            actual_end_s=task.ended_s,
        )
        for task in state.tasks.values()
        if task.started_s is not None
    ]


def _records(state: CampaignState) -> list[TaskTime]:
    done = {t.data.task_id for t in state.tasks.values() if t.status == "done"}
    return [record for record in task_times(state) if record.task_id in done]


def _has_begun(state: CampaignState, task_id: str) -> bool:
    task = state.tasks.get(task_id)
    return task is not None and task.status in {"running", "done"}


def _under_way(state: CampaignState, sample: Sample) -> bool:
    return any(state.tasks[name].status == "running" for name in sample.tasks)


def _chain(
    state: CampaignState, sample: Sample, lab: LabConfig, durations: Durations
) -> list[PlannedTask]:
    """Return the tasks of a film, done ones too; a given-up film is cleared away."""
    chain = list(tasks_of(sample.recipe, lab, durations=durations, waits=_WAITS))
    if not sample.failure:
        return chain
    if sample.location in {sample.slot, UNKNOWN}:
        return []
    done = [task for task in chain if task.task_id in sample.tasks]
    done = [task for task in done if _has_begun(state, task.task_id)]
    clear = PlannedTask(
        task_id=f"{sample.sample_id}/99-clear",
        sample_id=sample.sample_id,
        name="move",
        duration_s=durations.other_move_s,
        stations=("gantry",),
        moves=True,
        predecessor=done[-1].task_id if done else "",
    )
    return [*done, clear]


def _put_down(
    state: CampaignState, chains: Mapping[str, list[PlannedTask]], now_s: float
) -> list[Booking]:
    """Return the move, at once, of the film that a stop left in the gripper.

    Until then the gantry carries nothing else, so no other film can make room.
    """
    moves: list[Booking] = []
    for sample_id, chain in chains.items():
        left = [task for task in chain if not _has_begun(state, task.task_id)]
        sample = state.samples[sample_id]
        if sample.location != GRIPPER or not left or _under_way(state, sample):
            continue
        move = left[0]
        stopped = state.tasks.get(move.task_id)
        moves.append(
            Booking(
                task_id=move.task_id,
                sample_id=sample_id,
                name=move.name,
                stations=move.stations,
                place=_place(stopped, move) if stopped is not None else "",
                start_s=now_s,
                end_s=now_s + move.duration_s,
            )
        )
    return moves


def _booking(task: Task, planned: PlannedTask, now_s: float) -> Booking:
    start_s = task.started_s if task.started_s is not None else now_s
    end_s = task.ended_s
    if end_s is None:
        # Under way: as long as expected, and not over yet.
        end_s = max(now_s, start_s + planned.duration_s)
    return Booking(
        task_id=planned.task_id,
        sample_id=planned.sample_id,
        name=planned.name,
        stations=planned.stations,
        place=_place(task, planned),
        start_s=start_s,
        end_s=end_s,
    )


def _place(task: Task, planned: PlannedTask) -> str:
    place = task.data.target.partition("/")[0]
    return place if place in planned.at else ""


def _positions(lab: LabConfig, bookings: Iterable[Booking]) -> Mapping[str, str]:
    """Return the gantry position of every task's place.

    A plate with several positions gives each film the first that is free.
    """
    films: dict[str, list[Booking]] = {}
    for booking in bookings:
        films.setdefault(booking.sample_id, []).append(booking)
    free_from: dict[str, float] = {}
    taken: dict[tuple[str, str, float], str] = {}
    all_stays = [stay for own in films.values() for stay in stays(own)]
    for stay in sorted(all_stays, key=lambda s: (s.start_s, s.sample_id)):
        plate = lab.hotplates.get(stay.place)
        choices = plate.positions if plate is not None else [stay.place]
        position = min(choices, key=lambda p: (free_from.get(p, 0.0), p))
        free_from[position] = stay.end_s
        taken[stay.sample_id, stay.place, stay.start_s] = position
    found: dict[str, str] = {}
    for sample_id, own in films.items():
        arrived_s, place = 0.0, ""
        for booking in own:
            if booking.place != place:
                arrived_s, place = booking.start_s, booking.place
            if place:
                found[booking.task_id] = taken[sample_id, place, arrived_s]
    return found


def _task_data(
    state: CampaignState,
    planned: PlannedTask,
    booking: Booking,
    positions: Mapping[str, str],
) -> TaskData:
    slot = state.samples[planned.sample_id].slot
    place = (booking.place,) if booking.place and not planned.moves else ()
    return TaskData(
        task_id=planned.task_id,
        sample_id=planned.sample_id,
        action=planned.name,
        step=planned.step,
        target=positions.get(planned.task_id, slot if planned.moves else ""),
        device=booking.place if planned.name == "anneal" else "",
        stations=planned.stations + place,
        planned_start_s=booking.start_s,
        planned_end_s=booking.end_s,
    )
