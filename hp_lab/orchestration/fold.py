"""The fold: state after an event, from the state before it."""

from dataclasses import replace

from hp_lab.errors import ErrorCode
from hp_lab.orchestration.events import (
    CampaignEnded,
    CampaignStarted,
    CandidatesProposed,
    CandidateUnreachable,
    Event,
    FilmAnalysed,
    Interrupted,
    Paused,
    ProposalsRequested,
    QuestionAnswered,
    QuestionAsked,
    Restarted,
    Resumed,
    SampleCreated,
    SampleEnded,
    TaskEnded,
    TasksPlanned,
    TaskStarted,
)
from hp_lab.orchestration.failure_policy import (
    MAX_REMAKES,
    Decision,
    decide_failure,
)
from hp_lab.orchestration.recipe_data import recipe_from
from hp_lab.orchestration.state import UNKNOWN, CampaignState, Question, Sample, Task

# Whatever is sent next would fail too: a person has to look first.
_NOBODY_THERE = frozenset(
    {ErrorCode.EMERGENCY_STOP, ErrorCode.DEVICE_LOST, ErrorCode.NOT_ACTIVE}
)


def apply(state: CampaignState, event: Event, at_s: float) -> CampaignState:
    """Return the state after an event at laboratory time at_s."""
    state = replace(state, last_s=at_s)
    match event:
        case CampaignStarted():
            return _started(state, event)
        case ProposalsRequested():
            return replace(
                state, requested=event.count, asked=state.asked + event.count
            )
        case CandidatesProposed():
            new = {c.candidate_id: c for c in event.candidates}
            return replace(
                state,
                requested=0,
                candidates={**state.candidates, **new},
                model_probabilities=event.model_probabilities,
                planner_notes=tuple(event.notes),
                posterior_reading=event.posterior_reading,
            )
        case CandidateUnreachable():
            reasons = {**state.unreachable, event.candidate_id: event.reason}
            return replace(state, unreachable=reasons)
        case SampleCreated():
            return _created(state, event)
        case TasksPlanned():
            return _planned(state, event)
        case TaskStarted():
            return _task_started(state, event, at_s)
        case TaskEnded():
            return _task_ended(state, event, at_s)
        case FilmAnalysed() | SampleEnded():
            return _film(state, event)
        case _:
            return _status(state, event)


def _film(state: CampaignState, event: FilmAnalysed | SampleEnded) -> CampaignState:
    sample = state.samples[event.sample_id]
    if isinstance(event, FilmAnalysed):
        return replace(
            _with_sample(state, replace(sample, analysed=True)),
            observations=(*state.observations, *event.observations),
        )
    sample = replace(
        sample, status=event.status, reason=event.reason, remake=event.remake
    )
    return replace(_with_sample(state, sample), needs_plan=True)


def _status(state: CampaignState, event: Event) -> CampaignState:
    match event:
        case Paused():
            # A planner that failed has to be asked again.
            requested = 0 if event.planner_failed else state.requested
            return replace(
                state, status="paused", reason=event.reason, requested=requested
            )
        case Resumed():
            return replace(state, status="running", reason="", needs_plan=True)
        case Interrupted():
            return replace(state, status="interrupted", reason=event.reason)
        case Restarted():
            return _restarted(state)
        case QuestionAsked():
            question = Question(
                question_id=event.question_id, task_id=event.task_id, text=event.text
            )
            return replace(state, question=question)
        case QuestionAnswered():
            return _answered(state, event)
        case CampaignEnded():
            return replace(state, status=event.status, reason=event.message)
        case _:
            msg = f"no rule for event {event.kind}"
            raise AssertionError(msg)


def _started(state: CampaignState, event: CampaignStarted) -> CampaignState:
    return replace(
        state,
        status="running",
        name=event.name,
        seed=event.seed,
        films=event.films,
        parallel=event.parallel,
        worklist=event.worklist,
        volumes_ul=event.volumes_ul,
        tip_racks=event.tip_racks,
        slots=tuple(event.slots),
        mix_wells=tuple(event.mix_wells),
    )


def _created(state: CampaignState, event: SampleCreated) -> CampaignState:
    sample = Sample(
        sample_id=event.sample_id,
        candidate_id=event.candidate_id,
        slot=event.slot,
        mix_well=event.mix_well,
        recipe=recipe_from(event.recipe),
        counts=event.counts,
        location=event.slot,
    )
    return replace(
        _with_sample(state, sample),
        slots=tuple(s for s in state.slots if s != event.slot),
        mix_wells=tuple(w for w in state.mix_wells if w != event.mix_well),
        needs_plan=True,
        needs_blank=state.needs_blank and event.counts,
    )


def _planned(state: CampaignState, event: TasksPlanned) -> CampaignState:
    kept = {
        task_id: task
        for task_id, task in state.tasks.items()
        if task.status != "planned"
    }
    attempts = {task_id: task.attempt for task_id, task in state.tasks.items()}
    new = {
        data.task_id: Task(data=data, attempt=attempts.get(data.task_id, 0))
        for data in event.tasks
        # Started while the plan was made.
        if data.task_id not in kept
    }
    tasks = {**kept, **new}
    samples = {
        sample_id: replace(
            sample,
            tasks=(
                *(t for t in sample.tasks if t in kept),
                *(t for t, task in new.items() if task.data.sample_id == sample_id),
            ),
        )
        for sample_id, sample in state.samples.items()
    }
    return replace(state, tasks=tasks, samples=samples, needs_plan=False)


def _task_started(
    state: CampaignState, event: TaskStarted, at_s: float
) -> CampaignState:
    task = replace(
        state.tasks[event.task_id],
        status="running",
        attempt=event.attempt,
        started_s=at_s,
        ended_s=None,
    )
    # What an action may take is gone from here on; the outcome gives back the rest.
    volumes = dict(state.volumes_ul)
    for well, volume_ul in event.volumes_ul.items():
        volumes[well] = volumes.get(well, 0.0) - volume_ul
    return replace(
        _with_task(state, task),
        volumes_ul=volumes,
        tips_used=_with_tips_taken(state, event.tips),
    )


def _with_tips_taken(state: CampaignState, count: int) -> dict[str, int]:
    """Return the used tips after count more, rack after rack."""
    used = dict(state.tips_used)
    for rack, size in state.tip_racks.items():
        taken = min(count, size - used.get(rack, 0))
        used[rack] = used.get(rack, 0) + taken
        count -= taken
    return used


def _task_ended(state: CampaignState, event: TaskEnded, at_s: float) -> CampaignState:
    task = replace(
        state.tasks[event.task_id],
        ended_s=at_s,
        message=event.message,
        facts=event.facts,
    )
    sample = state.samples[event.sample_id]
    sample = replace(
        sample,
        location=event.location or sample.location,
        readings=(*sample.readings, *event.readings),
    )
    if event.deck is not None:
        state = replace(
            state, volumes_ul=event.deck.volumes_ul, tips_used=event.deck.tips_used
        )
    if event.error_code == ErrorCode.OK:
        task = replace(task, status="done")
        if task.data.action == "anneal" and not _measured(state, sample):
            sample = replace(sample, annealed_s=at_s)
        return _with_task(_with_sample(state, sample), task)
    code = ErrorCode(event.error_code)
    if code in _NOBODY_THERE and state.status == "running":
        state = replace(state, status="paused", reason=event.message)
    decision = decide_failure(task.data.action, code, task.attempt)
    if decision is Decision.RETRY:
        task = replace(task, status="planned")
        return _with_task(_with_sample(state, sample), task)
    task = replace(task, status="failed")
    state = _with_task(_with_sample(state, sample), task)
    if decision is Decision.ASK:
        return state
    remake = decision is Decision.REMAKE and _may_remake(state, sample)
    return _give_up(state, task, remake)


def _measured(state: CampaignState, sample: Sample) -> bool:
    """Whether a reading of the film was taken already."""
    tasks = (state.tasks[name] for name in sample.tasks)
    return any(t.data.action == "measure" and t.status == "done" for t in tasks)


def _may_remake(state: CampaignState, sample: Sample) -> bool:
    """Whether the candidate was not spoiled too often already."""
    spoiled = sum(
        other.remake
        for other in state.samples.values()
        if other.candidate_id == sample.candidate_id
    )
    return bool(sample.candidate_id) and spoiled < MAX_REMAKES


def _give_up(state: CampaignState, task: Task, remake: bool) -> CampaignState:
    """Drop the failed and the remaining tasks; the film will be cleared away."""
    sample = state.samples[task.data.sample_id]
    dropped = {t for t in sample.tasks if state.tasks[t].status == "planned"}
    sample = replace(
        sample,
        failure=f"{task.data.action}: {task.message}",
        remake=remake,
        tasks=tuple(
            t for t in sample.tasks if t not in dropped and t != task.data.task_id
        ),
    )
    tasks = {t: task for t, task in state.tasks.items() if t not in dropped}
    return replace(_with_sample(state, sample), tasks=tasks, needs_plan=True)


def _restarted(state: CampaignState) -> CampaignState:
    """Judge what was under way when the program stopped."""
    state = replace(
        state,
        status="running",
        reason="",
        requested=0,
        needs_plan=True,
        # A new spectrometer driver knows no reference.
        needs_blank=True,
    )
    for task in list(state.tasks.values()):
        if task.status != "running":
            continue
        sample = state.samples[task.data.sample_id]
        if task.data.action == "move":
            # Nobody saw where the substrate ended.
            sample = replace(sample, location=UNKNOWN)
        lost = replace(task, status="failed", message="the program stopped under way")
        state = _with_task(_with_sample(state, sample), lost)
        if task.data.action in {"rest", "measure", "image"}:
            state = _with_task(state, replace(lost, status="planned"))
        else:
            state = _give_up(state, lost, remake=True)
    return state


def _answered(state: CampaignState, event: QuestionAnswered) -> CampaignState:
    question = state.question
    if question is None or question.question_id != event.question_id:
        return state
    state = replace(state, question=None)
    task = state.tasks[question.task_id]
    if event.answer == "retry":
        return _with_task(state, replace(task, status="planned"))
    if event.answer == "skip":
        # The person has done it by hand.
        sample = state.samples[task.data.sample_id]
        if task.data.action == "move":
            sample = replace(sample, location=task.data.target)
        return _with_task(_with_sample(state, sample), replace(task, status="done"))
    sample = state.samples[task.data.sample_id]
    if event.answer == "quarantine":
        # The person takes it out by hand.
        state = _with_sample(state, replace(sample, location=UNKNOWN))
    return _give_up(state, task, remake=sample.remake)


def _with_sample(state: CampaignState, sample: Sample) -> CampaignState:
    return replace(state, samples={**state.samples, sample.sample_id: sample})


def _with_task(state: CampaignState, task: Task) -> CampaignState:
    return replace(state, tasks={**state.tasks, task.data.task_id: task})
