"""The report's pictures, as SVG text."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hp_lab.records import Spectrum, TaskTime
from hp_lab.units import FloatArray

# The names that matplotlib's types list differ between its versions.
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#889",
    "axes.labelcolor": "#556",
    "text.color": "#556",
    "xtick.color": "#889",
    "ytick.color": "#889",
    "svg.fonttype": "none",
    "svg.hashsalt": "hp_lab",
}
_BLUE, _ORANGE, _GREY = "#2b6cb0", "#dd6b20", "#a0aec0"
_ACTIONS = {
    "mix": "#6b46c1",
    "move": "#a0aec0",
    "spin_coat": "#2b6cb0",
    "anneal": "#c53030",
    "rest": "#e2e8f0",
    "measure": "#2f855a",
    "image": "#b7791f",
}
_ROWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPoint:
    """One film in the pictures.

    Attributes:
        number: Which film it was, from 1.
        value: Its objective; NaN when it has none.
        settings: Numbers and categories of its candidate.
    """

    number: int
    sample_id: str
    value: float
    sigma: float
    settings: Mapping[str, float | str]


@rc_context(_STYLE)
def progress_svg(films: Sequence[FilmPoint], quantity: str, best: FloatArray) -> str:
    """Return the objective against the film number, with the best so far.

    Args:
        films: In the order in which they were made.
        quantity: The objective.
        best: Best value after each film, shape (len(films),); NaN before the first.
    """
    figure, axes = _figure(7.2, 3.0)
    numbers = [film.number for film in films]
    axes.errorbar(
        numbers,
        [film.value for film in films],
        yerr=[film.sigma for film in films],
        fmt="o",
        color=_BLUE,
        ecolor=_GREY,
        markersize=4,
        linewidth=1,
        label="film",
    )
    axes.step(numbers, best, where="post", color=_ORANGE, label="best so far")
    axes.set_xlabel("film number")
    axes.set_ylabel(_words(quantity))
    axes.legend(frameon=False, loc="best")
    return _svg(figure)


@rc_context(_STYLE)
def spectra_svg(films: Sequence[tuple[str, Sequence[Spectrum]]]) -> str:
    """Return absorbance and PL of a few films, PL scaled to its maximum."""
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, spectra in films:
        for spectrum in spectra:
            seen = np.where(spectrum.wavelength_nm < 850.0)[0]
            wavelength = spectrum.wavelength_nm[seen]
            if spectrum.mode == "absorbance":
                left.plot(wavelength, _absorbance(spectrum)[seen], lw=1.2, label=name)
            elif spectrum.mode == "photoluminescence":
                signal = (spectrum.counts - spectrum.dark)[seen]
                beyond = wavelength > spectrum.excitation_nm + 40.0
                top = float(signal[beyond].max(initial=0.0))
                if top > 0:
                    right.plot(
                        wavelength[beyond], signal[beyond] / top, lw=1.2, label=name
                    )
    left.set_xlabel("wavelength (nm)")
    left.set_ylabel("absorbance")
    left.set_xlim(400, 850)
    right.set_xlabel("wavelength (nm)")
    right.set_ylabel("PL, scaled")
    right.set_xlim(440, 850)
    right.set_ylim(-0.05, 1.1)
    left.legend(frameon=False)
    return _svg(figure)


@rc_context(_STYLE)
def space_svg(films: Sequence[FilmPoint], quantity: str) -> str:
    """Return the space as one panel a setting, the objective on every axis's height."""
    names = list(films[0].settings) if films else []
    columns = max(1, math.ceil(len(names) / _ROWS))
    rows = min(_ROWS, max(1, len(names)))
    figure = Figure(figsize=(7.2, 2.1 * rows), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, columns, sharey=True)).ravel()
    values = np.array([film.value for film in films])
    order = np.arange(len(films))
    for panel, name in zip(panels, names, strict=False):
        places = [film.settings.get(name, math.nan) for film in films]
        if any(isinstance(place, str) for place in places):
            kinds = sorted({str(place) for place in places})
            places = [kinds.index(str(place)) for place in places]
            panel.set_xticks(range(len(kinds)), kinds, rotation=60)
        panel.scatter(places, values, c=order, cmap="viridis", s=18)
        panel.set_xlabel(_words(name))
    for panel in panels[len(names) :]:
        panel.axis("off")
    for row in range(rows):
        panels[row * columns].set_ylabel(_words(quantity))
    return _svg(figure)


@rc_context(_STYLE)
def gantt_svg(tasks: Sequence[TaskTime]) -> str:
    """Return what every station did when; outlines are the plan."""
    done = [t for t in tasks if t.actual_start_s is not None and t.actual_end_s]
    stations = sorted({station for task in done for station in task.stations})
    figure, axes = _figure(7.2, 0.9 + 0.32 * max(1, len(stations)))
    start_s = min((t.actual_start_s or 0.0 for t in done), default=0.0)
    for task in done:
        for station in task.stations:
            row = stations.index(station)
            begin = ((task.actual_start_s or 0.0) - start_s) / 3600.0
            length = ((task.actual_end_s or 0.0) - start_s) / 3600.0 - begin
            axes.broken_barh(
                [(begin, length)],
                (row - 0.32, 0.64),
                facecolors=_ACTIONS.get(task.name, _GREY),
                linewidth=0,
            )
            planned = (task.planned_start_s - start_s) / 3600.0
            planned_h = (task.planned_end_s - task.planned_start_s) / 3600.0
            axes.broken_barh(
                [(planned, planned_h)],
                (row - 0.4, 0.8),
                facecolors="none",
                edgecolors="#4a5568",
                linewidth=0.3,
            )
    axes.set_yticks(range(len(stations)), stations)
    axes.set_xlabel("laboratory time (h)")
    used = [name for name in _ACTIONS if any(task.name == name for task in done)]
    handles = [Patch(color=_ACTIONS[name], label=_words(name)) for name in used]
    axes.set_xlim(left=0.0)
    axes.legend(
        handles=handles,
        frameon=False,
        ncols=max(1, len(used)),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
    )
    return _svg(figure)


def _absorbance(spectrum: Spectrum) -> FloatArray:
    """Return -log10((S - D) / (R - D)), NaN where there is no light."""
    lit = spectrum.reference.size == spectrum.counts.size
    reference = spectrum.reference - spectrum.dark if lit else spectrum.counts * 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (spectrum.counts - spectrum.dark) / reference
        absorbance = -np.log10(np.where(ratio > 0, ratio, np.nan))
    enough = reference > 0.01 * np.nanmax(reference, initial=1.0)
    return np.where(enough, absorbance, np.nan)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    # Inside an HTML page there is no XML prologue.
    return svg[svg.index("<svg") :]


def _words(name: str) -> str:
    return name.replace("_", " ")
