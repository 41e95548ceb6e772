"""A run's report: one HTML file that needs nothing but itself."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from hp_lab.records import Observation
from hp_lab.store.report_gantt import gantt_svg
from hp_lab.store.report_map import map_svg
from hp_lab.store.report_plots import (
    parity_svg,
    progress_svg,
    settings_svg,
    spectra_svg,
    with_sigma,
)
from hp_lab.store.report_theme import words
from hp_lab.store.run_summary import FilmSummary, ObjectiveSummary, RunSummary
from hp_lab.store.whole_file import write_whole

_MOST_OBJECTIVES = 3
# Columns of the table of films beside settings and objectives.
_MOST_QUANTITIES = 2
# Quantities that say most, where they were found.
_TELLING = ("pl_peak_ev", "pl_fwhm_ev", "band_gap_ev", "thickness_nm")

_RAW = "Raw counts, dark and reference taken off, each film's first reading."
_MAP = (
    "Left, the best film of each cell and, in brackets, how many were made there. "
    "Right, the other settings, scaled, on their two main axes; arrows show where each "
    "setting grows, crosses are films without an exact value."
)
_EACH = "Early films are dark, late films light."
_PARITY = (
    "What the planner expected of the films that it chose, bars of one standard "
    "deviation; on the line it was right."
)
_SCHEDULE = (
    "Bars are what happened, outlines what was planned last. At the right, the share "
    "of the time in which the station was used."
)


@dataclass(frozen=True, slots=True)
class _Picture:
    title: str
    text: str
    caption: str
    narrow: bool = False

    @property
    def svg(self) -> Markup:
        """The picture as it goes into the page."""
        # It is drawn here, and what it shows is escaped by matplotlib.
        return Markup(self.text)  # noqa: S704


def write_report(run: RunSummary, out: Path) -> Path:
    """Write the report of a run and return its path.

    The file is complete or as it was before; pictures are SVG inside it, and it follows
    the reader's light or dark setting.

    Raises:
        JournalError: The file cannot be written.
    """
    return write_whole(out, render_report(run))


def render_report(run: RunSummary) -> str:
    """Return the report as HTML text."""
    template = files("hp_lab.store") / "data" / "report.html.j2"
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.from_string(template.read_text(encoding="utf-8"))
    best = run.best_films()
    return page.render(
        run=run,
        wanted="; ".join(_wanted(objective) for objective in run.objectives),
        cards=_cards(run, best),
        best=_best_settings(best),
        pictures=_pictures(run, best),
        # Where no quantity has more than one model there is no news.
        models=[]
        if all(probability == 1 for probability in run.models.values())
        else sorted(run.models.items(), key=lambda model: (-model[1], model[0])),
        films=_film_table(run, best),
        observations=_observation_rows(run.films),
        problems=_problems(run),
    )


def _wanted(objective: ObjectiveSummary) -> str:
    name = words(objective.quantity)
    if objective.goal == "target":
        return f"bring {name} to {objective.target:g}"
    return f"{objective.goal} {name}"


def _cards(run: RunSummary, best: list[FilmSummary]) -> list[dict[str, str]]:
    done = sum(film.status == "done" for film in run.films)
    failed = sum(film.failed and not film.remake for film in run.films)
    hours = (run.ended_s - run.begun_s) / 3600.0
    cards = []
    if best:
        objective = run.objectives[0]
        found = best[0].observed(objective.quantity)
        value = _value(found) if found is not None else ""
        label = f"best {words(objective.quantity)}, film {best[0].sample_id}"
        cards.append({"label": label, "value": value, "kind": "lead"})
    of_budget = f" of {run.budget}" if run.budget else ""
    cards.append({"label": "films measured", "value": f"{done}{of_budget}"})
    unreachable = f", {len(run.unreachable)} not makeable" if run.unreachable else ""
    cards.append({"label": "films failed" + unreachable, "value": str(failed)})
    if hours > 0:
        cards.append({"label": "hours of laboratory", "value": f"{hours:.1f}"})
        cards.append({"label": "films an hour", "value": f"{done / hours:.2f}"})
    ages = [age for film in run.films if (age := _film_age_s(film)) is not None]
    if ages:
        mean_min = sum(ages) / len(ages) / 60.0
        cards.append({"label": "mean film age (min)", "value": f"{mean_min:.1f}"})
    return cards


def _film_age_s(film: FilmSummary) -> float | None:
    ages = [o.film_age_s for o in film.observations if o.film_age_s > 0]
    return min(ages, default=None)


def _best_settings(best: list[FilmSummary]) -> list[tuple[str, str]]:
    if not best or best[0].candidate is None:
        return []
    settings = best[0].candidate.settings
    return [(words(name), _setting(settings[name])) for name in _ordered(settings)]


def _ordered(names: Iterable[str]) -> list[str]:
    """Return settings with what a chemist reads first in front."""
    return sorted(names, key=lambda name: (name != "spacer", name != "n"))


def _setting(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pictures(run: RunSummary, best: list[FilmSummary]) -> list[_Picture]:
    pictures = [
        _progress(run, objective)
        for objective in run.objectives[:_MOST_OBJECTIVES]
        if any(film.observed(objective.quantity) for film in run.films)
    ]
    which = "best" if best else "first"
    shown = spectra_svg(run.shown_films(), run.spectra)
    pictures.append(_Picture(f"Spectra of the {which} films", shown, _RAW))
    if best:
        objective = run.objectives[0]
        pictures += [
            _Picture("Map of the space", map_svg(run, objective), _MAP),
            _Picture(
                "Objective against each setting", settings_svg(run, objective), _EACH
            ),
            _Picture(
                "Prediction and finding",
                parity_svg(run, 0, objective),
                _PARITY,
                narrow=True,
            ),
        ]
    schedule = gantt_svg(run.task_times, run.ended_s)
    pictures.append(_Picture("Schedule", schedule, _SCHEDULE))
    return [picture for picture in pictures if picture.text]


def _progress(run: RunSummary, objective: ObjectiveSummary) -> _Picture:
    caption = (
        f"To {_wanted(objective)}. Bars and band are one standard deviation; triangles "
        "are bounds; crosses are films without a value."
    )
    title = f"{words(objective.quantity)} against film number"
    return _Picture(title[0].upper() + title[1:], progress_svg(run, objective), caption)


def _film_table(run: RunSummary, best: list[FilmSummary]) -> dict[str, Any]:
    settings = _ordered(run.setting_names)
    wanted = [objective.quantity for objective in run.objectives]
    others = _telling_quantities(run, wanted)
    columns = ["#", "film", "status"]
    columns += [words(name) for name in (*settings, *wanted, *others)]
    columns += ["film age (min)", "flags"]
    best_id = best[0].sample_id if best else ""
    rows = []
    for number, film in enumerate(run.films, 1):
        kind = "best" if film.sample_id == best_id else "failed" if film.failed else ""
        values = film.candidate.settings if film.candidate is not None else {}
        age_s = _film_age_s(film)
        cells = [
            _cell(number),
            _cell(film.sample_id),
            _cell("made again" if film.remake else film.status, chip=True),
            *(_cell(values.get(name, "")) for name in settings),
            *(_found_cell(film.observed(name)) for name in (*wanted, *others)),
            _cell("" if age_s is None else round(age_s / 60.0, 1)),
            _cell(", ".join(flag.replace("_", " ") for flag in film.flags)),
        ]
        rows.append({"kind": kind, "cells": cells})
    return {"columns": columns, "rows": rows}


def _telling_quantities(run: RunSummary, wanted: list[str]) -> list[str]:
    counts = Counter(
        name
        for film in run.films
        for name in {o.quantity for o in film.observations if o.kind == "exact"}
    )
    names = [name for name in counts if name not in wanted]
    # Found in most films first; of equally common ones, those that say most.
    names.sort(key=lambda n: (n not in _TELLING, -counts[n], n))
    return names[:_MOST_QUANTITIES]


def _cell(value: object, *, chip: bool = False) -> dict[str, Any]:
    number = isinstance(value, float | int) and math.isfinite(value)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    sort = value if number else text
    return {"text": text, "number": number, "chip": chip, "sort": sort}


def _found_cell(found: Observation | None) -> dict[str, Any]:
    if found is None:
        return _cell("")
    return {"text": _value(found), "number": True, "chip": False, "sort": found.value}


def _value(found: Observation) -> str:
    bound = {"lower_bound": "≥ ", "upper_bound": "≤ "}.get(found.kind, "")
    return bound + with_sigma(found.value, found.sigma)


def _observation_rows(films: Iterable[FilmSummary]) -> list[dict[str, str]]:
    return [
        {
            "film": film.sample_id,
            "quantity": words(o.quantity),
            "value": _value(o),
            "unit": o.unit,
            "age": f"{o.film_age_s / 60.0:.1f}" if o.film_age_s else "",
            "note": ", ".join(
                [
                    *([o.cause] if o.cause else []),
                    *(f.replace("_", " ") for f in o.flags),
                ]
            ),
        }
        for film in films
        for o in film.observations
    ]


def _problems(run: RunSummary) -> list[dict[str, str]]:
    problems = [
        {"what": f"candidate {name}", "kind": "cannot be made", "why": reason}
        for name, reason in run.unreachable.items()
    ]
    missing: dict[tuple[str, str], list[str]] = {}
    for film in run.films:
        if film.failed:
            kind = "spoiled, made again" if film.remake else film.status
            why = film.reason or "no reason was recorded"
            problems.append(
                {"what": f"film {film.sample_id}", "kind": kind, "why": why}
            )
        for rejected in film.rejected:
            key = (words(rejected.quantity), rejected.reason)
            missing.setdefault(key, []).append(film.sample_id)
    # What could not be found is mostly the same for many films.
    return problems + [
        {
            "what": f"film{'s' * (len(names) > 1)} {', '.join(names)}",
            "kind": f"no {quantity}",
            "why": reason,
        }
        for (quantity, reason), names in missing.items()
    ]
