"""Figures as SVG that takes its colours from the page, so dark pages stay readable.

Figures are drawn in place-holder colours. In the SVG text each becomes a CSS variable
that the page defines for light and for dark.
"""

import io
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# The page says what it is; a date would make equal runs differ.
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))

# Place holder to CSS variable; the values are colours that nothing else uses.
INK, DIM, LINE, CARD = "#0a0a01", "#0a0a02", "#0a0a03", "#0a0a04"
SERIES: Final = ("#0b0b01", "#0b0b02", "#0b0b03", "#0b0b04", "#0b0b05", "#0b0b06")
BAD: Final = "#0b0b07"
_VARIABLES: Final[Mapping[str, str]] = {
    INK: "var(--ink)",
    DIM: "var(--dim)",
    LINE: "var(--line)",
    CARD: "var(--card)",
    BAD: "var(--bad)",
    **{colour: f"var(--c{i})" for i, colour in enumerate(SERIES, 1)},
}
# From low to high; each end stays apart from a light and from a dark page.
COLOUR_MAP: Final = "viridis"

# For rc_context; the names that matplotlib's types list differ between versions.
STYLE: Final[Any] = {
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": DIM,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "grid.alpha": 0.7,
    "legend.frameon": False,
    "legend.labelcolor": DIM,
    "text.color": DIM,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": DIM,
    "ytick.labelcolor": DIM,
    "svg.fonttype": "none",
}


def figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure; 10 inches are the width of the page."""
    return Figure(figsize=(width_in, height_in), layout="constrained")


def plain(text: object) -> str:
    """Return text that matplotlib does not read as a formula."""
    return str(text).replace("$", r"\$")


def words(name: str) -> str:
    """Return a name as a person writes it: pl_peak_ev becomes PL peak (eV)."""
    *parts, last = name.split("_")
    unit = _UNITS.get(last) if parts else None
    parts = parts if unit else [*parts, last]
    text = " ".join(_SHORT.get(part, part) for part in parts)
    return f"{text} ({unit})" if unit else text


def quiet(axes: Axes) -> None:
    """Take grid and ticks off axes that hold a map."""
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def svg(drawn: Figure, name: str, tips: Mapping[str, str] | None = None) -> str:
    """Return a figure as SVG text for an HTML page.

    Args:
        drawn: The figure.
        name: Unique on the page; ids inside the SVG depend on it.
        tips: The gid of an artist to the text shown when the pointer is on it.
    """
    text = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        drawn.savefig(text, format="svg", transparent=True, metadata=_NO_METADATA)
    # Inside an HTML page there is no XML prologue.
    found = text.getvalue()
    found = found[found.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        found = found.replace(colour, variable)
    for gid, tip in (tips or {}).items():
        opening = f'<g id="{gid}">'
        found = found.replace(opening, f"{opening}<title>{escape(tip)}</title>", 1)
    return found


_UNITS: Final = {
    "ev": "eV",
    "mev": "meV",
    "nm": "nm",
    "s": "s",
    "c": "°C",
    "k": "K",
    "rpm": "rpm",
    "ul": "µL",
    "m": "M",
    "percent": "%",
}
_SHORT: Final = {"pl": "PL", "fwhm": "FWHM", "fa": "FA", "ma": "MA", "br": "Br"}
