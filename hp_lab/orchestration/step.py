"""From state and time to commands: ``state, commands = step(state, event)``.

``decide`` is pure: the same state and time give the same commands. It returns those of
the first rule that has any, so that every command is decided on a state that already
knows the outcome of the one before.
"""

from collections.abc import Callable

from hp_lab.orchestration.commands import (
    AnalyseFilm,
    AskPerson,
    Command,
    EndCampaign,
    EndSample,
    MakeBlank,
    MakeSample,
    PlanTasks,
    RequestProposals,
    StartTask,
    WakeAt,
)
from hp_lab.orchestration.events import Event
from hp_lab.orchestration.fold import apply
from hp_lab.orchestration.state import GRIPPER, UNKNOWN, CampaignState, Sample, Task

# Slack for the rounding of laboratory times, seconds.
_EPSILON_S = 1e-6
# A campaign whose proposals are nearly all unreachable ends instead of asking for ever.
_MAX_ASKED_A_FILM = 10


def step(
    state: CampaignState, event: Event, at_s: float
) -> tuple[CampaignState, list[Command]]:
    """Return the state after an event and what follows from it."""
    state = apply(state, event, at_s)
    return state, decide(state, at_s)


def decide(state: CampaignState, now_s: float) -> list[Command]:
    """Return what is to be done now."""
    if state.status != "running":
        return []
    rules: tuple[Callable[[CampaignState], list[Command]], ...] = (
        _finished_films,
        _questions,
        _new_samples,
        _plans,
        _proposals,
    )
    for rule in rules:
        commands = rule(state)
        if commands:
            return commands
    commands = _due_tasks(state, now_s)
    if not commands and _nothing_left(state):
        return [EndCampaign(status="done", message=_closing_words(state))]
    return commands


def _finished_films(state: CampaignState) -> list[Command]:
    for sample in state.active():
        if state.needs_plan and not sample.failure:
            continue
        if sample.failure:
            # Given up: the film first has to leave its station.
            stuck = sample.location == UNKNOWN
            if stuck or (sample.location == sample.slot and not _busy(state, sample)):
                return [_end(sample, "quarantined" if stuck else "failed")]
            continue
        if sample.tasks and state.next_task(sample) is None:
            if sample.readings and not sample.analysed and sample.counts:
                return [AnalyseFilm(sample_id=sample.sample_id)]
            return [_end(sample, "done")]
    return []


def _end(sample: Sample, status: str) -> EndSample:
    return EndSample(
        sample_id=sample.sample_id,
        status=status,
        reason=sample.failure,
        remake=sample.remake,
    )


def _questions(state: CampaignState) -> list[Command]:
    if state.question is not None:
        return []
    for sample in state.active():
        task = state.next_task(sample)
        if task is not None and task.status == "failed":
            what = f"{task.data.action} at {task.data.target}"
            if task.data.action == "move":
                what = f"move from {sample.location} to {task.data.target}"
            text = (
                f"{sample.sample_id}: {what} failed ({task.message}). Look, then "
                "answer: retry it; skip (you did it by hand); quarantine (you took the "
                "film out); "
                "or cancel the campaign"
            )
            return [AskPerson(task_id=task.data.task_id, text=text)]
    return []


def _new_samples(state: CampaignState) -> list[Command]:
    if state.needs_blank:
        return [MakeBlank()]
    if state.worklist:
        return []
    for candidate_id in state.waiting_candidates():
        return [MakeSample(candidate_id=candidate_id)]
    return []


def _plans(state: CampaignState) -> list[Command]:
    return [PlanTasks()] if state.needs_plan and state.active() else []


def _proposals(state: CampaignState) -> list[Command]:
    if state.worklist or state.requested:
        return []
    if state.asked > _MAX_ASKED_A_FILM * state.films:
        message = (
            f"{len(state.unreachable)} of {state.asked} proposals cannot be made from "
            "the stocks; check stocks.yaml against the campaign's space"
        )
        return [EndCampaign(status="failed", message=message)]
    films = [s for s in state.active() if s.counts]
    left = state.films - state.films_done - state.films_failed - len(films)
    count = min(state.parallel - len(films), left)
    return [RequestProposals(count=count)] if count > 0 else []


def _due_tasks(state: CampaignState, now_s: float) -> list[Command]:
    planned = sorted(
        (t for t in state.tasks.values() if t.status == "planned"),
        key=lambda t: (t.data.planned_start_s, t.data.task_id),
    )
    taken = {
        station
        for task in state.tasks.values()
        if task.status == "running"
        for station in task.data.stations
    }
    # Where a failed task waits for a person, nobody else goes.
    waiting = [
        task
        for sample in state.active()
        if (task := state.next_task(sample)) is not None and task.status == "failed"
    ]
    taken |= {station for task in waiting for station in task.data.stations}
    wake_s: list[float] = []
    for task in planned:
        stations = set(task.data.stations)
        if stations & taken or not _may_start(state, task):
            # Whatever comes later at these stations waits for its turn.
            taken |= stations
            continue
        if task.data.planned_start_s > now_s + _EPSILON_S:
            wake_s.append(task.data.planned_start_s)
            taken |= stations
            continue
        return [StartTask(task_id=task.data.task_id)]
    return [WakeAt(when_s=min(wake_s))] if wake_s else []


def _may_start(state: CampaignState, task: Task) -> bool:
    sample = state.samples[task.data.sample_id]
    if state.next_task(sample) is not task:
        return False
    if task.data.action != "move":
        return True
    # Neither onto another film, nor with another film in the gripper.
    blocked = {task.data.target, GRIPPER}
    return not any(
        other.location in blocked and other.sample_id != sample.sample_id
        for other in state.samples.values()
    )


def _busy(state: CampaignState, sample: Sample) -> bool:
    return any(state.tasks[t].status in {"planned", "running"} for t in sample.tasks)


def _nothing_left(state: CampaignState) -> bool:
    running = any(t.status == "running" for t in state.tasks.values())
    return not (
        running or state.active() or state.requested or state.question is not None
    )


def _closing_words(state: CampaignState) -> str:
    return f"{state.films_done} films measured, {state.films_failed} failed"
