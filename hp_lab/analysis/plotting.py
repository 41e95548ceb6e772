"""Pictures of analysed spectra: data, fit, parts and what was read off."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hp_lab.analysis.absorption import Absorption
from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum
from hp_lab.analysis.emission import Emission
from hp_lab.analysis.line_shapes import lines
from hp_lab.analysis.quality import status_of
from hp_lab.errors import InvalidInput
from hp_lab.units import HC_EV_NM, FloatArray

# Okabe and Ito's colours, which colour-blind readers can tell apart.
_INK = "#222222"
_FIT = "#D55E00"
_PARTS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#8B6BB1")
_STATUS = {"ok": "#009E73", "flagged": "#E69F00", "rejected": "#D55E00"}
_NAMES = {"pl": "PL", "absorbance": "absorbance", "transmission": "transmission"}
_CAPTION_WIDTH = 46
_COLUMNS = 4
_MOST_PANELS = 96


def plot_analyzed(analyzed: Sequence[AnalyzedSpectrum], out_png: Path | str) -> None:
    """Draw every spectrum with its fit into one PNG.

    Args:
        analyzed: Spectra, at most 96.
        out_png: The picture.

    Raises:
        InvalidInput: There are too many spectra.
    """
    if len(analyzed) > _MOST_PANELS:
        msg = (
            f"{len(analyzed)} spectra are more than the {_MOST_PANELS} that one "
            "picture holds; name fewer files"
        )
        raise InvalidInput(msg)
    count = len(analyzed)
    columns = min(_COLUMNS, max(1, math.ceil(math.sqrt(count))))
    rows = max(1, math.ceil(count / columns))
    size = 6.4 if count == 1 else 4.2
    figure = Figure(figsize=(size * columns, 0.72 * size * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for panel, one in zip(axes.flat, analyzed, strict=False):
        _draw(panel, one)
    for panel in list(axes.flat)[count:]:
        panel.set_axis_off()
    figure.savefig(Path(out_png), dpi=130)


def _draw(panel: Axes, one: AnalyzedSpectrum) -> None:
    curve = one.curve
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)
    panel.yaxis.get_offset_text().set_fontsize(8)
    panel.margins(y=0.06)
    panel.set_xlabel("wavelength (nm)", fontsize=9)
    seen = curve.usable
    shown = np.where(seen, curve.value, np.nan)
    panel.plot(curve.wavelength_nm, shown, ".", color=_INK, markersize=1.6, alpha=0.55)
    found = one.found
    caption = ""
    if isinstance(found, Emission):
        panel.set_ylabel(f"PL ({curve.unit})", fontsize=9)
        caption = _draw_emission(panel, found)
    elif isinstance(found, Absorption):
        panel.set_ylabel("absorbance (OD)", fontsize=9)
        caption = _draw_absorption(panel, found)
    else:
        panel.set_ylabel(f"{_NAMES[curve.kind]} ({curve.unit})", fontsize=9)
        caption = textwrap.fill(found.reason, _CAPTION_WIDTH)
        _show_most(panel, curve.value[seen])
    rejected = not isinstance(found, Emission | Absorption)
    status = "rejected" if rejected else status_of(one.flags)[0]
    panel.set_title(one.spectrum.name, fontsize=10, loc="left", color=_INK, pad=11)
    panel.set_title(status, fontsize=9, loc="right", color=_STATUS[status], pad=11)
    panel.text(
        0.98,
        0.97,
        caption,
        transform=panel.transAxes,
        ha="right",
        va="top",
        fontsize=8,
        color=_INK,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5},
    )


def _show_most(panel: Axes, value: FloatArray) -> None:
    """Leave out of view the few points that lie far from all others."""
    if value.size < 2:
        return
    low, high = (float(edge) for edge in np.percentile(value, (0.5, 99.5)))
    margin = 0.3 * max(high - low, 1e-12)
    panel.set_ylim(low - margin, high + 2.0 * margin)


def _draw_emission(panel: Axes, found: Emission) -> str:
    low_ev, high_ev = found.window_ev
    wavelength_nm = np.linspace(HC_EV_NM / high_ev, HC_EV_NM / low_ev, 700)
    energy = HC_EV_NM / wavelength_nm
    per_nm = found.scale * energy**2 / HC_EV_NM
    base = found.background.at(wavelength_nm)
    if found.fit.parameters.shape[0] > 1:
        for index, row in enumerate(found.fit.parameters):
            part = lines(energy, row[None, :]) * per_nm
            panel.fill_between(
                wavelength_nm,
                base,
                base + part,
                alpha=0.25,
                lw=0,
                color=_PARTS[index % len(_PARTS)],
            )
    panel.plot(wavelength_nm, base + found.fit.at(energy) * per_nm, color=_FIT, lw=1.3)
    rows = []
    for peak in found.peaks[:4]:
        panel.axvline(
            peak.center_nm.value, color=_INK, lw=0.6, ls=":" if peak.shoulder else "--"
        )
        width = f", FWHM {1e3 * peak.fwhm_ev.value:.0f} meV" if peak.fwhm_ev else ""
        rows.append(
            f"{peak.center_nm.value:.1f} nm ({peak.center_ev.value:.3f} eV){width}"
        )
    panel.set_xlim(wavelength_nm[0], wavelength_nm[-1])
    low, high = panel.get_ylim()
    panel.set_ylim(low, high + 0.09 * len(rows) * (high - low))
    return "\n".join(rows)


def _draw_absorption(panel: Axes, found: Absorption) -> str:
    low_ev, high_ev = found.window_ev
    wavelength_nm = np.linspace(HC_EV_NM / high_ev, HC_EV_NM / low_ev, 700)
    energy = HC_EV_NM / wavelength_nm
    fit = found.phases
    base = fit.background_at(energy)
    lower = base
    parts = fit.parts_at(energy)
    for index, label in enumerate(fit.labels()):
        share = fit.share_of(label).value
        if share < 0.01:
            continue
        members = [
            place for place, line in enumerate(fit.library) if line.label == label
        ]
        part = parts[members].sum(axis=0)
        panel.fill_between(
            wavelength_nm,
            lower,
            lower + part,
            alpha=0.35,
            lw=0,
            color=_PARTS[index % len(_PARTS)],
            label=f"{label} {100 * share:.0f} %",
        )
        lower = lower + part
    panel.plot(wavelength_nm, fit.curve_at(energy), color=_FIT, lw=1.3)
    panel.legend(
        fontsize=7.5, loc="upper right", bbox_to_anchor=(0.99, 0.84), frameon=False
    )
    panel.set_xlim(wavelength_nm[0], wavelength_nm[-1])
    highest = float(np.nanmax(fit.curve_at(energy)))
    panel.set_ylim(min(0.0, float(base.min())) - 0.02 * highest, 1.25 * highest)
    return (
        f"exciton {found.exciton_ev.value:.3f} eV\ngap {found.gap_ev.value:.3f} eV "
        f"({fit.library[found.main].label})"
    )
