"""The report's map of the space: a category by an ordinal, and the rest by PCA."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from hp_lab.records import Setting
from hp_lab.store.report_plots import (
    numeric_settings,
    setting_values,
    tip,
    values_of,
)
from hp_lab.store.report_theme import (
    BAD,
    CARD,
    COLOUR_MAP,
    DIM,
    INK,
    LINE,
    STYLE,
    figure,
    plain,
    quiet,
    svg,
    words,
)
from hp_lab.store.run_summary import FilmSummary, ObjectiveSummary, RunSummary
from hp_lab.units import FloatArray

# An ordinal with more values than this is as good as continuous.
_MOST_COLUMNS = 8
# Relative luminance above which black text reads better than white.
_BRIGHT = 0.5


@dataclass(slots=True)
class _Map:
    """What both panels show: films with a candidate, their values, one colour scale."""

    films: list[FilmSummary]
    objective: ObjectiveSummary
    values: FloatArray
    norm: Normalize
    choices: Mapping[str, Sequence[Setting]]
    tips: dict[str, str] = field(default_factory=dict)

    def colour(self, value: float) -> tuple[float, float, float, float]:
        """Return the colour of a value."""
        return colormaps[COLOUR_MAP](float(self.norm(value)))


@rc_context(STYLE)
def map_svg(run: RunSummary, objective: ObjectiveSummary) -> str:
    """Return the map of the space, or nothing where there is too little of it."""
    films = [film for film in run.films if film.candidate is not None]
    values = values_of(films, objective)
    if not np.isfinite(values).any():
        return ""
    category, ordinal = _category(films), _ordinal(films)
    numeric = [name for name in numeric_settings(films) if name != ordinal]
    grid, plane = bool(category and ordinal), len(numeric) >= 2
    if not (grid or plane):
        return ""
    norm = Normalize(float(np.nanmin(values)), float(np.nanmax(values)))
    shown = _Map(
        films=films,
        objective=objective,
        values=values,
        norm=norm,
        choices=run.choices,
    )
    rows = len(_names(shown, category)) if grid else 0
    drawn = figure(10.0, max(3.8, 1.2 + 0.32 * rows))
    panels = np.atleast_1d(drawn.subplots(1, grid + plane))
    if grid:
        _draw_grid(panels[0], shown, category, ordinal)
    if plane:
        _draw_plane(panels[-1], shown, numeric)
    bar = drawn.colorbar(
        ScalarMappable(norm, COLOUR_MAP),
        ax=list(panels),
        label=plain(words(objective.quantity)),
        aspect=30,
    )
    bar.outline.set_visible(False)
    return svg(drawn, "map", shown.tips)


def _category(films: Sequence[FilmSummary]) -> str:
    """Return the first setting that is a word and not the same for all films."""
    for name in dict.fromkeys(n for f in films for n in _settings(f)):
        kinds = {_settings(film).get(name) for film in films}
        if len(kinds) > 1 and all(isinstance(kind, str) for kind in kinds):
            return name
    return ""


def _ordinal(films: Sequence[FilmSummary]) -> str:
    """Return the number with the fewest values; n where that is as good as any."""
    counts = {
        name: len({_settings(film).get(name) for film in films})
        for name in numeric_settings(films)
    }
    few = {name: count for name, count in counts.items() if count <= _MOST_COLUMNS}
    return min(few, key=lambda name: (name != "n", few[name], name), default="")


def _settings(film: FilmSummary) -> dict[str, float | str]:
    return dict(film.candidate.settings) if film.candidate is not None else {}


def _text(film: FilmSummary, name: str) -> str:
    return str(_settings(film).get(name, ""))


def _names(shown: _Map, category: str) -> set[str]:
    """Return the names of a category, also those of which no film was made."""
    made = {_text(film, category) for film in shown.films}
    return made | {str(name) for name in shown.choices.get(category, ())}


def _draw_grid(axes: Axes, shown: _Map, category: str, ordinal: str) -> None:
    """Draw the best value of every cell, and how many films were made there."""
    numbers = setting_values(shown.films, ordinal)
    listed = {float(x) for x in shown.choices.get(ordinal, ())}
    columns = sorted(listed | {float(x) for x in numbers if math.isfinite(x)})
    cells: dict[tuple[str, float], list[int]] = {}
    for index, film in enumerate(shown.films):
        if math.isfinite(numbers[index]):
            key = (_text(film, category), float(numbers[index]))
            cells.setdefault(key, []).append(index)
    best = {key: _best(shown, indices) for key, indices in cells.items()}
    names = sorted(
        _names(shown, category), key=lambda name: _row_rank(shown, best, name)
    )
    for (name, number), indices in cells.items():
        _draw_cell(
            axes,
            shown,
            (columns.index(number), names.index(name)),
            indices,
            best[name, number],
        )
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [f"{x:g}" for x in columns])
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.set_xlabel(plain(words(ordinal)))
    axes.set_title(plain(f"best film by {words(category)} and {words(ordinal)}"))
    quiet(axes)


def _best(shown: _Map, indices: Sequence[int]) -> float:
    measured = [i for i in indices if math.isfinite(shown.values[i])]
    if not measured:
        return math.nan
    best = max(measured, key=lambda i: shown.objective.score(float(shown.values[i])))
    return float(shown.values[best])


def _row_rank(
    shown: _Map, best: dict[tuple[str, float], float], name: str
) -> tuple[float, str]:
    scores = [
        shown.objective.score(value)
        for (category, _), value in best.items()
        if category == name and math.isfinite(value)
    ]
    return -max(scores, default=-math.inf), name


def _draw_cell(
    axes: Axes,
    shown: _Map,
    place: tuple[int, int],
    indices: Sequence[int],
    best: float,
) -> None:
    x, y = place
    gid = f"cell-{x}-{y}"
    measured = math.isfinite(best)
    face = shown.colour(best) if measured else "none"
    box = Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, facecolor=face, edgecolor=LINE)
    box.set_gid(gid)
    axes.add_patch(box)
    shown.tips[gid] = "\n".join(
        tip(shown.films[i], shown.films[i].observed(shown.objective.quantity)).split(
            "\n", maxsplit=1
        )[0]
        for i in indices
    )
    text, colour = "no value", BAD
    if measured:
        red, green, blue, _ = shown.colour(best)
        bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > _BRIGHT
        text, colour = f"{best:.3g}", "#111111" if bright else "#ffffff"
    if len(indices) > 1:
        text += f" ({len(indices)})"
    axes.text(x, y, text, ha="center", va="center", color=colour, fontsize=8.5)


def _draw_plane(axes: Axes, shown: _Map, names: Sequence[str]) -> None:
    """Draw the films on the two main axes of the numeric settings.

    Settings are scaled to zero mean and unit variance; arrows are their loadings.
    """
    table = np.column_stack([setting_values(shown.films, name) for name in names])
    whole = np.isfinite(table).all(axis=1)
    scaled = table[whole] - table[whole].mean(axis=0)
    spread = scaled.std(axis=0)
    scaled = scaled / np.where(spread > 0, spread, 1.0)
    _, weights, loadings = np.linalg.svd(scaled, full_matrices=False)
    # The sign of a component is free; the largest loading points to the positive.
    largest = np.abs(loadings).argmax(axis=1)
    signs = np.sign(loadings[np.arange(len(loadings)), largest])
    loadings = loadings * np.where(signs == 0, 1.0, signs)[:, None]
    places = scaled @ loadings[:2].T
    shares = weights**2 / max(float((weights**2).sum()), 1e-300)
    for place, index in zip(places, np.flatnonzero(whole), strict=True):
        film, value = shown.films[index], shown.values[index]
        measured = math.isfinite(value)
        gid = f"plane-film-{index}"
        axes.plot(
            *place,
            "o" if measured else "x",
            ms=7 if measured else 6,
            color=shown.colour(value) if measured else BAD,
            markeredgecolor=DIM if measured else BAD,
            markeredgewidth=0.5 if measured else 1.5,
            gid=gid,
        )
        shown.tips[gid] = tip(film, film.observed(shown.objective.quantity))
    _draw_arrows(axes, names, 0.85 * float(np.abs(places).max(initial=1.0)) * loadings)
    axes.margins(0.16)
    axes.set_xlabel(f"first component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second component ({shares[1]:.0%})")
    axes.set_title("films in the plane of their settings")


def _draw_arrows(axes: Axes, names: Sequence[str], ends: FloatArray) -> None:
    """Draw where each setting grows.

    Args:
        axes: The plane.
        names: Settings, k of them.
        ends: Components of the arrows' ends, shape (at least 2, k).
    """
    apart = 0.09 * float(np.ptp(axes.get_ylim()))
    last = {True: -math.inf, False: -math.inf}
    for index in np.argsort(ends[1]):
        x, y = float(ends[0, index]), float(ends[1, index])
        axes.annotate(
            "",
            xy=(x, y),
            xytext=(0.0, 0.0),
            arrowprops={"arrowstyle": "-|>", "color": INK, "alpha": 0.45, "lw": 0.9},
        )
        # Labels on one side of the plane that would overlap move up.
        right = x >= 0
        height = max(1.08 * y, last[right] + apart)
        last[right] = height
        axes.text(
            1.08 * x,
            height,
            plain(words(names[index])),
            color=INK,
            fontsize=8,
            ha="left" if right else "right",
            va="center",
            bbox={"facecolor": CARD, "edgecolor": "none", "alpha": 0.6, "pad": 1.0},
        )
