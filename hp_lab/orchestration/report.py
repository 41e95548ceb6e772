"""A run's report, from its journal."""

from dataclasses import replace
from pathlib import Path

from hp_lab.orchestration.events import FilmAnalysed
from hp_lab.orchestration.observations import candidate_from_data, observation_from_data
from hp_lab.orchestration.planning import task_times
from hp_lab.orchestration.replay import events_of, replay
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.orchestration.state import CampaignState, Sample
from hp_lab.orchestration.status import choices_of, objectives_of
from hp_lab.records import Rejected
from hp_lab.store.journal import JournalReader
from hp_lab.store.readings import ReadingsReader
from hp_lab.store.report import write_report
from hp_lab.store.run_summary import FilmSummary, ObjectiveSummary, RunSummary


def report_run(run_dir: RunDir) -> Path:
    """Write the report of a run and return its path.

    Raises:
        JournalError: The journal cannot be read.
    """
    with JournalReader.open(run_dir.journal) as journal:
        run = summarise(run_dir, journal)
    return write_report(run, run_dir.report)


def summarise(run_dir: RunDir, journal: JournalReader) -> RunSummary:
    """Return what a report needs to know of a run."""
    state = replay(journal)
    rejected: dict[str, tuple[Rejected, ...]] = {}
    begun_s = state.last_s
    for at_s, event in events_of(journal):
        begun_s = min(begun_s, at_s)
        if isinstance(event, FilmAnalysed):
            rejected[event.sample_id] = tuple(
                Rejected(
                    quantity=item.quantity,
                    sample_id=event.sample_id,
                    reason=item.reason,
                )
                for item in event.rejected
            )
    objectives = [
        ObjectiveSummary(quantity=o.quantity, goal=o.goal, target=o.value)
        for o in objectives_of(run_dir)
    ]
    run = RunSummary(
        name=state.name,
        run_id=run_dir.run_id,
        status=state.status,
        message=state.reason,
        budget=state.films,
        objectives=objectives,
        films=[
            _film(state, sample, rejected.get(sample.sample_id, ()))
            for sample in state.samples.values()
            if sample.counts
        ],
        choices=choices_of(run_dir),
        unreachable=state.unreachable,
        task_times=task_times(state),
        models=state.model_probabilities,
        planner_notes=state.planner_notes,
        begun_s=begun_s,
        ended_s=state.last_s,
        facts={"seed": str(state.seed), "journal": run_dir.journal.name},
    )
    readings = ReadingsReader(journal)
    spectra = {
        film.sample_id: [one.spectrum for one in readings.spectra(film.sample_id)]
        for film in run.shown_films()
    }
    return replace(run, spectra=spectra)


def _film(
    state: CampaignState, sample: Sample, rejected: tuple[Rejected, ...]
) -> FilmSummary:
    candidate = state.candidates.get(sample.candidate_id)
    return FilmSummary(
        sample_id=sample.sample_id,
        candidate=candidate_from_data(candidate) if candidate is not None else None,
        status=sample.status,
        reason=sample.reason or sample.failure,
        remake=sample.remake,
        observations=[
            observation_from_data(data)
            for data in state.observations
            if data.sample_id == sample.sample_id
        ],
        rejected=rejected,
    )
