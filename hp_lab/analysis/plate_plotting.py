"""Pictures of plates: maps of wells, components, and brightness over time."""

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum
from hp_lab.analysis.emission import Emission
from hp_lab.analysis.kinetics import Kinetics, intensity_at
from hp_lab.analysis.plate_report import PlateReport, StepComponents
from hp_lab.analysis.series import WellKinetics
from hp_lab.errors import InvalidInput
from hp_lab.units import FloatArray

# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#999999",
    "#000000",
)
_INK = "#222222"
_WELL = re.compile(r"([A-P])(\d{1,2})")
_MOST_COURSES = 24
_NOTE_WIDTH = 82


def plot_plate(
    analyzed: Sequence[AnalyzedSpectrum], report: PlateReport, out_png: Path | str
) -> None:
    """Draw a plate into one PNG: maps of its wells, components, brightness over time.

    Where a plate was read in several ways, PL of the first way is drawn.

    Args:
        analyzed: The plate's spectra.
        report: What they say together.
        out_png: The picture.

    Raises:
        InvalidInput: There is no PL of a plate.
    """
    if not report.components:
        msg = "no PL of a plate is among the spectra; draw other spectra one by one"
        raise InvalidInput(msg)
    shown = report.components[0]
    first = [
        one
        for one in analyzed
        if one.spectrum.plate is not None
        and one.spectrum.file == shown.file
        and one.spectrum.plate.step == shown.step
        and one.spectrum.plate.cycle == 0
    ]
    kinetics = [
        one
        for one in report.kinetics
        if (one.series.file, one.series.step) == (shown.file, shown.step)
    ]
    layout = ConstrainedLayoutEngine(
        h_pad=0.25, w_pad=0.15, rect=(0.0, 0.04, 1.0, 0.96)
    )
    figure = Figure(figsize=(16.0, 9.2), layout=layout)
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3)
    figure.suptitle(f"{shown.file}, {shown.step}", x=0.01, ha="left", fontsize=12)
    _draw_peaks(axes[0, 0], first)
    _draw_brightness(axes[0, 1], first, kinetics)
    _draw_retention(axes[0, 2], kinetics)
    _draw_components(axes[1, 0], shown)
    _draw_groups(axes[1, 1], shown, first)
    _draw_courses(axes[1, 2], kinetics)
    figure.savefig(Path(out_png), dpi=110)


def _well_of(one: AnalyzedSpectrum) -> str:
    return one.spectrum.plate.well if one.spectrum.plate else one.spectrum.name


def _grid(values: Mapping[str, float]) -> FloatArray:
    """Return the values of wells as rows and columns of the smallest usual plate."""
    places = {}
    for well, value in values.items():
        match = _WELL.fullmatch(well)
        if match:
            places[(ord(match.group(1)) - ord("A"), int(match.group(2)) - 1)] = value
    tall = max((row for row, _ in places), default=0) >= 8
    wide = max((column for _, column in places), default=0) >= 12
    grid = np.full((16, 24) if tall or wide else (8, 12), np.nan)
    for place, value in places.items():
        grid[place] = value
    return grid


def _draw_map(
    panel: Axes,
    values: Mapping[str, float],
    title: str,
    *,
    colours: str = "viridis",
    norm: Normalize | None = None,
    marked: Sequence[str] = (),
    legend: str = "",
) -> None:
    grid = _grid(values)
    rows, columns = grid.shape
    picture = panel.imshow(grid, cmap=colours, norm=norm, aspect="equal")
    panel.set_xticks(range(columns), [str(k + 1) for k in range(columns)], fontsize=8)
    panel.set_yticks(range(rows), [chr(65 + k) for k in range(rows)], fontsize=8)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    panel.set_xticks(np.arange(-0.5, columns), minor=True)
    panel.set_yticks(np.arange(-0.5, rows), minor=True)
    panel.grid(which="minor", color="white", lw=1.2)
    panel.tick_params(which="minor", length=0)
    for well in marked:
        match = _WELL.fullmatch(well)
        if match:
            place = int(match.group(2)) - 1, ord(match.group(1)) - ord("A")
            panel.plot(*place, "x", color="#D55E00", ms=5, mew=1.4)
    panel.set_title(title, fontsize=10, loc="left", color=_INK)
    if values:
        bar = panel.figure.colorbar(picture, ax=panel, shrink=0.7, pad=0.02)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    _note(panel, legend, below=0.10)


def _note(panel: Axes, words: str, below: float = 0.16) -> None:
    """Write a remark under a panel, without the layout making room for its length."""
    note = panel.text(
        0.0,
        -below,
        textwrap.fill(words, _NOTE_WIDTH),
        transform=panel.transAxes,
        fontsize=8,
        va="top",
        color=_INK,
    )
    note.set_in_layout(False)


def _draw_peaks(panel: Axes, first: Sequence[AnalyzedSpectrum]) -> None:
    peaks = {
        _well_of(one): one.found.peaks[0].center_nm.value
        for one in first
        if isinstance(one.found, Emission)
    }
    hidden = [_well_of(one) for one in first if one.curve.saturated.any()]
    _draw_map(
        panel,
        peaks,
        "strongest peak of the first read (nm)",
        marked=hidden,
        legend="x: at the ceiling, the true maximum is not seen" if hidden else "",
    )


def _draw_brightness(
    panel: Axes, first: Sequence[AnalyzedSpectrum], kinetics: Sequence[WellKinetics]
) -> None:
    bright = {
        _well_of(one): one.found.height.value
        for one in first
        if isinstance(one.found, Emission)
    }
    bright |= {
        one.series.well: one.kinetics.initial.value
        for one in kinetics
        if one.kinetics is not None
    }
    norm = None
    if bright:
        lowest, highest = min(bright.values()), max(bright.values())
        norm = LogNorm(vmin=lowest, vmax=max(highest, 1.001 * lowest))
    hidden = [_well_of(one) for one in first if one.curve.saturated.any()]
    _draw_map(
        panel,
        bright,
        "brightness at the start",
        colours="magma",
        norm=norm,
        marked=hidden,
        legend="x: at the ceiling, from what was seen or fitted later"
        if hidden
        else "",
    )


def _draw_retention(panel: Axes, kinetics: Sequence[WellKinetics]) -> None:
    found = {
        one.series.well: one.kinetics
        for one in kinetics
        if one.kinetics is not None and one.kinetics.retention is not None
    }
    bounds = [well for well, one in found.items() if one.retention_kind != "exact"]
    if not found:
        reason = kinetics[0].reason if kinetics else "the wells were read once"
        panel.set_axis_off()
        panel.set_title("kept of the maximum", fontsize=10, loc="left", color=_INK)
        _note(panel, reason, below=-0.9)
        return
    _draw_map(
        panel,
        {well: one.retention.value for well, one in found.items() if one.retention},
        "kept of the maximum at the end",
        norm=Normalize(0.0, 1.0),
        marked=bounds,
        legend="empty: nothing is known, all at the ceiling or below the noise"
        + ("; x: an upper bound, the maximum was at the ceiling" if bounds else ""),
    )


def _draw_components(panel: Axes, shown: StepComponents) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_title("components", fontsize=10, loc="left", color=_INK)
    parts = shown.parts
    if parts is None:
        panel.set_axis_off()
        _note(panel, shown.reason, below=-0.9)
        return
    for index, row in enumerate(parts.components):
        panel.plot(
            parts.wavelength_nm,
            row,
            color=_COLOURS[index % len(_COLOURS)],
            lw=1.6,
            label=f"{parts.peak_nm[index]:.0f} nm",
        )
    panel.set_xlabel("wavelength (nm)", fontsize=9)
    panel.set_ylabel("PL, highest point 1", fontsize=9)
    panel.set_ylim(0.0, 1.3)
    panel.tick_params(labelsize=8)
    panel.legend(fontsize=8, frameon=False, ncols=4, loc="upper left")
    _note(panel, parts.caveat)


def _draw_groups(
    panel: Axes, shown: StepComponents, first: Sequence[AnalyzedSpectrum]
) -> None:
    if shown.wells is None:
        panel.set_axis_off()
        return
    wells = {one.spectrum.name: _well_of(one) for one in first}
    groups = {
        wells[name]: float(shown.wells.peak_nm[cluster])
        for name, cluster in zip(shown.wells.names, shown.wells.cluster, strict=True)
        if name in wells
    }
    _draw_map(panel, groups, "groups of alike wells: their main component (nm)")


def _draw_courses(panel: Axes, kinetics: Sequence[WellKinetics]) -> None:
    panel.set_title("brightness over time", fontsize=10, loc="left", color=_INK)
    seen = [one for one in kinetics if one.kinetics is not None]
    if not seen:
        panel.set_axis_off()
        return
    panel.spines[["top", "right"]].set_visible(False)
    step = max(1, math.ceil(len(seen) / _MOST_COURSES))
    highest = 1.0
    for index, one in enumerate(seen[::step]):
        if one.kinetics is not None:
            colour = _COLOURS[index % len(_COLOURS)]
            highest = max(highest, _draw_course(panel, one, one.kinetics, colour))
    panel.set_xlabel("time (min)", fontsize=9)
    panel.set_ylabel("PL over its start", fontsize=9)
    panel.set_yscale("log")
    panel.tick_params(labelsize=8)
    _note(
        panel,
        "points: readings; triangles: at the ceiling, the truth is above; lines: fits",
    )


def _draw_course(panel: Axes, one: WellKinetics, found: Kinetics, colour: str) -> float:
    start = found.initial.value
    for kind, marker in (("exact", "."), ("lower_bound", "^"), ("upper_bound", "v")):
        points = [reading for reading in one.readings if reading.kind == kind]
        panel.plot(
            [reading.time_s / 60.0 for reading in points],
            [reading.intensity / start for reading in points],
            marker,
            color=colour,
            ms=3,
            alpha=0.7,
        )
    last_s = max(reading.time_s for reading in one.readings)
    time_s = np.linspace(0.0, last_s, 200)
    course = intensity_at(
        time_s,
        1.0,
        found.gain.value if found.gain else 0.0,
        found.growth_s.value if found.growth_s else 1.0,
        1.0 / found.decay_s.value if found.decay_s else 0.0,
    )
    if "few_exact" not in found.flags:
        panel.plot(time_s / 60.0, course, color=colour, lw=0.9)
    return float(course.max())
