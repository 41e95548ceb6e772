"""A run's report: one HTML file with pictures, from its journal."""

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment

from hp_lab.orchestration.planning import task_times
from hp_lab.orchestration.replay import replay
from hp_lab.orchestration.report_plots import (
    FilmPoint,
    gantt_svg,
    progress_svg,
    space_svg,
    spectra_svg,
)
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.orchestration.state import CampaignState
from hp_lab.orchestration.status import film_rows, objectives_of, run_status
from hp_lab.planner.objectives import Objective
from hp_lab.store.journal import JournalReader
from hp_lab.store.readings import ReadingsReader
from hp_lab.units import FloatArray

_BEST_FILMS = 3


def report_run(run_dir: RunDir) -> Path:
    """Write the report of a run and return its path.

    Raises:
        JournalError: The journal cannot be read.
    """
    with JournalReader.open(run_dir.journal) as journal:
        state = replay(journal)
        page = _page(run_dir, state, ReadingsReader(journal))
    template = files("hp_lab.orchestration") / "templates" / "report.html.j2"
    environment = Environment(autoescape=True)
    text = environment.from_string(template.read_text(encoding="utf-8")).render(page)
    draft = run_dir.report.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(run_dir.report)
    return run_dir.report


def _page(
    run_dir: RunDir, state: CampaignState, readings: ReadingsReader
) -> dict[str, Any]:
    objectives = objectives_of(run_dir)
    found = run_status(run_dir)
    cards = [
        {"label": "films measured", "value": f"{state.films_done} of {state.films}"},
        {"label": "films failed", "value": str(state.films_failed)},
        {"label": "hours of laboratory", "value": f"{found['lab_hours']:.1f}"},
    ]
    best_id = found["best_sample_id"]
    if best_id:
        words = found["objective"].replace("_", " ")
        value = f"{found['best_value']:.3g} ± {found['best_sigma']:.1g}"
        cards.insert(0, {"label": f"best {words}, film {best_id}", "value": value})
    columns, rows = film_rows(run_dir)
    return {
        "title": state.name,
        "run_id": run_dir.run_id,
        "status": state.status,
        "reason": state.reason,
        "cards": cards,
        "pictures": _pictures(state, readings, objectives),
        "models": sorted(state.model_probabilities.items(), key=lambda m: -m[1]),
        "columns": [column.replace("_", " ") for column in columns],
        "rows": [_row(row, best_id) for row in rows],
        "problems": _problems(state),
    }


def _pictures(
    state: CampaignState, readings: ReadingsReader, objectives: tuple[Objective, ...]
) -> list[dict[str, str]]:
    pictures = []
    if objectives:
        objective = objectives[0]
        films = _points(state, objective)
        if any(math.isfinite(film.value) for film in films):
            pictures += [
                {
                    "title": "Objective against film number",
                    "svg": progress_svg(
                        films, objective.quantity, _best_so_far(films, objective)
                    ),
                    "caption": "Error bars are one standard deviation.",
                },
                {
                    "title": "Spectra of the best films",
                    "svg": spectra_svg(
                        [
                            (
                                film.sample_id,
                                [
                                    stored.spectrum
                                    for stored in readings.spectra(film.sample_id)
                                ],
                            )
                            for film in _best_films(films, objective)
                        ]
                    ),
                    "caption": "Raw readings: dark and reference taken off, no more.",
                },
                {
                    "title": "Where in the space",
                    "svg": space_svg(films, objective.quantity),
                    "caption": "From dark (first films) to light (last films).",
                },
            ]
    tasks = task_times(state)
    if tasks:
        pictures.append(
            {
                "title": "Schedule",
                "svg": gantt_svg(tasks),
                "caption": "Bars are what happened, outlines what was planned.",
            }
        )
    return pictures


def _points(state: CampaignState, objective: Objective) -> list[FilmPoint]:
    seen = {
        o.sample_id: o
        for o in state.observations
        if o.quantity == objective.quantity and o.kind == "exact"
    }
    points = []
    films = [s for s in state.samples.values() if s.counts and s.status != "active"]
    for number, film in enumerate(films, 1):
        candidate = state.candidates.get(film.candidate_id)
        observation = seen.get(film.sample_id)
        points.append(
            FilmPoint(
                number=number,
                sample_id=film.sample_id,
                value=observation.value if observation else math.nan,
                sigma=observation.sigma if observation else 0.0,
                settings=candidate.settings if candidate else {},
            )
        )
    return points


def _best_so_far(films: list[FilmPoint], objective: Objective) -> FloatArray:
    """Return the best value after each film, shape (len(films),)."""
    best: list[float] = []
    for film in films:
        last = best[-1] if best else math.nan
        both = [v for v in (last, film.value) if math.isfinite(v)]
        utility = objective.utility(np.array(both))
        best.append(both[int(np.argmax(utility))] if both else math.nan)
    return np.array(best)


def _best_films(films: list[FilmPoint], objective: Objective) -> list[FilmPoint]:
    measured = [film for film in films if math.isfinite(film.value)]
    utility = objective.utility(np.array([film.value for film in measured]))
    return [measured[i] for i in np.argsort(-utility)[:_BEST_FILMS]]


def _row(row: list[object], best_id: str) -> dict[str, Any]:
    status = str(row[-1])
    kind = "best" if row[0] == best_id else ""
    if not status.startswith(("done", "active")):
        kind = "failed"
    return {"kind": kind, "cells": [_cell(value) for value in row]}


def _cell(value: object) -> dict[str, Any]:
    if isinstance(value, float):
        return {"text": "" if math.isnan(value) else f"{value:.4g}", "number": True}
    return {"text": str(value), "number": False}


def _problems(state: CampaignState) -> list[dict[str, str]]:
    problems = [
        {"what": f"candidate {candidate_id}", "why": reason}
        for candidate_id, reason in state.unreachable.items()
    ]
    problems += [
        {
            "what": f"film {sample.sample_id}" + (" (made again)" * sample.remake),
            "why": sample.reason,
        }
        for sample in state.samples.values()
        if sample.status in {"failed", "quarantined"}
    ]
    return problems
