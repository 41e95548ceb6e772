"""The report's schedule: what every station did when, and what was planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Patch, Rectangle

from hp_lab.records import TaskTime
from hp_lab.store.report_theme import (
    CARD,
    DIM,
    INK,
    SERIES,
    STYLE,
    figure,
    plain,
    svg,
    words,
)

_HOUR_S: Final = 3600.0
# Tasks in the order of a film's way, which is also the legend's.
_COLOURS: Final[Mapping[str, str]] = {
    "mix": SERIES[4],
    "move": SERIES[2],
    "spin_coat": SERIES[0],
    "anneal": SERIES[1],
    "measure": SERIES[3],
    "image": SERIES[5],
}
# Stations in the order of a film's way; others follow by name.
_ROWS: Final = ("gantry", "pipettor", "spin_coater", "spin_chuck")
# With more bars than this the page gets heavy: no text under the pointer any more.
_MOST_TIPS: Final = 3000
# A name is written into a bar that is at least this share of the picture per letter.
_LETTER: Final = 0.0075


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    task: TaskTime
    row: int
    lane: int
    lanes: int
    start_h: float
    end_h: float

    @property
    def bottom(self) -> float:
        return self.row - 0.38 + 0.76 * self.lane / self.lanes

    @property
    def height(self) -> float:
        return 0.76 / self.lanes


@rc_context(STYLE)
def gantt_svg(tasks: Sequence[TaskTime], now_s: float) -> str:
    """Return the schedule by station, or nothing when nothing has started.

    Args:
        tasks: Planned and actual times.
        now_s: Where a task that is under way ends in the picture.
    """
    begun = [task for task in tasks if task.actual_start_s is not None]
    if not any(task.stations for task in begun):
        return ""
    start_s = min(task.actual_start_s or 0.0 for task in begun)
    stations = _stations(begun)
    bars = [
        bar
        for row, station in enumerate(stations)
        for bar in _lanes(begun, station, row, start_s, now_s)
    ]
    end_h = max(bar.end_h for bar in bars)
    drawn = figure(10.0, 1.0 + 0.36 * len(stations))
    axes = drawn.subplots()
    tips = _draw(axes, bars, end_h) if len(bars) <= _MOST_TIPS else {}
    if not tips:
        _draw_fast(axes, bars)
    _draw_plans(axes, bars, start_s)
    for row in range(len(stations)):
        busy_h = sum(bar.end_h - bar.start_h for bar in bars if bar.row == row)
        lanes = max(bar.lanes for bar in bars if bar.row == row)
        share = busy_h / (lanes * end_h) if end_h else 0.0
        axes.text(
            1.008,
            row,
            f"{share:.0%}",
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(stations)), [plain(words(name)) for name in stations])
    axes.set_ylim(len(stations) - 0.4, -0.6)
    axes.set_xlim(0.0, end_h)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("laboratory time (h)")
    names = [n for n in _COLOURS if any(bar.task.name == n for bar in bars)]
    others = any(bar.task.name not in _COLOURS for bar in bars)
    handles = [Patch(color=_COLOURS[name], label=words(name)) for name in names]
    if others:
        handles.append(Patch(color=DIM, label="other"))
    handles.append(Patch(facecolor="none", edgecolor=INK, lw=0.6, label="planned"))
    axes.legend(handles=handles, ncols=8, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return svg(drawn, "schedule", tips)


def _stations(tasks: Sequence[TaskTime]) -> list[str]:
    found = {name for task in tasks for name in task.stations}
    known = [name for name in _ROWS if name in found]
    return known + sorted(found - set(known))


def _lanes(
    tasks: Sequence[TaskTime], station: str, row: int, start_s: float, now_s: float
) -> list[_Bar]:
    """Return the bars of a station; those that overlap go side by side."""
    own = sorted(
        (task for task in tasks if station in task.stations),
        key=lambda task: (task.actual_start_s or 0.0, task.task_id),
    )
    ends: list[float] = []
    placed: list[tuple[TaskTime, int, float, float]] = []
    for task in own:
        begin_s = task.actual_start_s or 0.0
        end_s = task.actual_end_s if task.actual_end_s is not None else now_s
        end_s = max(begin_s, end_s)
        free = [lane for lane, end in enumerate(ends) if end <= begin_s]
        lane = free[0] if free else len(ends)
        ends[lane : lane + 1] = [end_s]
        placed.append((task, lane, begin_s, end_s))
    return [
        _Bar(
            task=task,
            row=row,
            lane=lane,
            lanes=len(ends),
            start_h=(begin_s - start_s) / _HOUR_S,
            end_h=(end_s - start_s) / _HOUR_S,
        )
        for task, lane, begin_s, end_s in placed
    ]


def _draw(axes: Axes, bars: Sequence[_Bar], end_h: float) -> dict[str, str]:
    tips: dict[str, str] = {}
    for index, bar in enumerate(bars):
        gid = f"task-{index}"
        box = _box(bar)
        box.set_gid(gid)
        axes.add_patch(box)
        tips[gid] = _tip(bar.task)
        name = bar.task.sample_id
        if bar.end_h - bar.start_h > _LETTER * len(name) * end_h and bar.lanes == 1:
            axes.text(
                (bar.start_h + bar.end_h) / 2,
                bar.bottom + bar.height / 2,
                plain(name),
                ha="center",
                va="center",
                fontsize=6.5,
                color=CARD,
                clip_on=True,
            )
    return tips


def _draw_fast(axes: Axes, bars: Sequence[_Bar]) -> None:
    collection = PatchCollection([_box(bar) for bar in bars], match_original=True)
    axes.add_collection(collection)


def _box(bar: _Bar) -> Rectangle:
    return Rectangle(
        (bar.start_h, bar.bottom),
        bar.end_h - bar.start_h,
        bar.height,
        facecolor=_COLOURS.get(bar.task.name, DIM),
        linewidth=0,
    )


def _draw_plans(axes: Axes, bars: Sequence[_Bar], start_s: float) -> None:
    plans = [
        Rectangle(
            ((bar.task.planned_start_s - start_s) / _HOUR_S, bar.bottom - 0.05),
            (bar.task.planned_end_s - bar.task.planned_start_s) / _HOUR_S,
            bar.height + 0.1,
        )
        for bar in bars
    ]
    axes.add_collection(
        PatchCollection(
            plans, facecolor="none", edgecolor=INK, linewidth=0.4, alpha=0.55
        )
    )


def _tip(task: TaskTime) -> str:
    begin_s = task.actual_start_s or 0.0
    slip_s = begin_s - task.planned_start_s
    length_s = task.planned_end_s - task.planned_start_s
    if task.actual_end_s is None:
        took = "under way"
    else:
        took = f"took {task.actual_end_s - begin_s:.0f} s, planned {length_s:.0f} s"
    return f"{task.sample_id} {words(task.name)}\n{took}\nbegan {slip_s:+.0f} s"
