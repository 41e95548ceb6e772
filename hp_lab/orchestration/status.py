"""What a run's journal says, for people and programs; works while it is written."""

import math
from contextlib import suppress
from typing import Any

from hp_lab.errors import JournalError, LaboratoryBusy
from hp_lab.orchestration.campaign_file import load_recorded
from hp_lab.orchestration.replay import replay
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.orchestration.state import CampaignState, Sample
from hp_lab.orchestration.summary import best_observation
from hp_lab.planner.dimensions import Categorical, Ordinal
from hp_lab.planner.objectives import Objective
from hp_lab.records import Setting
from hp_lab.store.journal import JournalReader
from hp_lab.store.writer_lock import WriterLock

# Laboratory time at which a virtual laboratory begins: 2026-01-01 00:00 UTC.
VIRTUAL_START_S = 1_767_225_600.0


def objectives_of(run_dir: RunDir) -> tuple[Objective, ...]:
    """Return the objectives of a run; none for a worklist."""
    if not run_dir.campaign.exists():
        return ()
    return load_recorded(run_dir.campaign).objectives


def choices_of(run_dir: RunDir) -> dict[str, tuple[Setting, ...]]:
    """Return the values of every setting for which the space lists them."""
    if not run_dir.campaign.exists():
        return {}
    dimensions = load_recorded(run_dir.campaign).space.dimensions
    choices: dict[str, tuple[Setting, ...]] = {}
    for name, dimension in dimensions.items():
        if isinstance(dimension, Ordinal):
            choices[name] = dimension.values
        elif isinstance(dimension, Categorical):
            choices[name] = dimension.labels
    return choices


def world_seed(run_dir: RunDir) -> int:
    """Return the seed of an emulated laboratory's hidden world."""
    if not run_dir.campaign.exists():
        return 1
    return load_recorded(run_dir.campaign).seed


def read_state(run_dir: RunDir) -> CampaignState:
    """Return the state of a run.

    Raises:
        JournalError: The journal cannot be read.
    """
    with JournalReader.open(run_dir.journal) as journal:
        return replay(journal)


def last_lab_time_s(run_dir: RunDir) -> float:
    """Return the laboratory time at which a virtual laboratory goes on."""
    if not run_dir.journal.exists():
        return VIRTUAL_START_S
    with suppress(JournalError):
        return max(VIRTUAL_START_S, read_state(run_dir).last_s)
    return VIRTUAL_START_S


def is_being_written(run_dir: RunDir) -> bool:
    """Return whether a program has the run's journal open for writing."""
    try:
        WriterLock.acquire(run_dir.journal).release()
    except LaboratoryBusy:
        return True
    return False


def run_status(run_dir: RunDir) -> dict[str, Any]:
    """Return how a run stands, as plain data.

    Raises:
        JournalError: The journal cannot be read.
    """
    with JournalReader.open(run_dir.journal) as journal:
        state = replay(journal)
        first = next(journal.events(), None)
        last_sequence = sum(1 for _ in journal.events())
    objectives = objectives_of(run_dir)
    best = best_observation(state, objectives[0]) if objectives else None
    question = state.question
    begun_s = first.lab_time_s if first is not None else state.last_s
    return {
        "run_id": run_dir.run_id,
        "path": str(run_dir.path),
        "status": state.status,
        "reason": state.reason,
        "films": state.films,
        "films_done": state.films_done,
        "films_failed": state.films_failed,
        "films_active": sum(s.counts for s in state.active()),
        "unreachable": len(state.unreachable),
        "objective": objectives[0].quantity if objectives else "",
        "best_value": best.value if best is not None else math.nan,
        "best_sigma": best.sigma if best is not None else math.nan,
        "best_sample_id": best.sample_id if best is not None else "",
        "question_id": question.question_id if question is not None else "",
        "question": question.text if question is not None else "",
        "planner_notes": list(state.planner_notes),
        "events": last_sequence,
        "lab_hours": (state.last_s - begun_s) / 3600.0,
        "samples": [_sample_row(state, sample) for sample in state.samples.values()],
    }


def setting_names(run_dir: RunDir) -> list[str]:
    """Return the settings of a run's candidates in the campaign file's order."""
    if not run_dir.campaign.exists():
        return []
    return load_recorded(run_dir.campaign).space.names


def film_rows(run_dir: RunDir) -> tuple[list[str], list[list[object]]]:
    """Return column names and a row a film."""
    state = read_state(run_dir)
    objectives = objectives_of(run_dir)
    films = [sample for sample in state.samples.values() if sample.counts]
    settings = setting_names(run_dir)
    columns = ["film", *settings, *(o.quantity for o in objectives), "status"]
    rows: list[list[object]] = []
    for film in films:
        candidate = state.candidates.get(film.candidate_id)
        values = candidate.settings if candidate is not None else {}
        found = {
            o.quantity: o.value
            for o in state.observations
            if o.sample_id == film.sample_id
        }
        rows.append(
            [
                film.sample_id,
                *(values.get(name, "") for name in settings),
                *(found.get(o.quantity, math.nan) for o in objectives),
                f"{film.status} {film.reason}".strip(),
            ]
        )
    return columns, rows


def _sample_row(state: CampaignState, sample: Sample) -> dict[str, Any]:
    task = state.next_task(sample)
    return {
        "sample_id": sample.sample_id,
        "candidate_id": sample.candidate_id,
        "status": sample.status,
        "location": sample.location,
        "step": task.data.action if task is not None else "",
        "reason": sample.reason or sample.failure,
        "readings": list(sample.readings),
    }
