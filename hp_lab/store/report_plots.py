"""The report's pictures of what was found: progress, spectra, the space."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from hp_lab.records import Observation, Spectrum
from hp_lab.store.report_theme import (
    BAD,
    COLOUR_MAP,
    DIM,
    INK,
    SERIES,
    STYLE,
    figure,
    plain,
    svg,
    words,
)
from hp_lab.store.run_summary import FilmSummary, ObjectiveSummary, RunSummary
from hp_lab.units import FloatArray, ev_from_nm

# Below this share of the lamp's maximum an absorbance is noise.
_DIMMEST = 0.02
# The excitation's own light and its tail.
_BEYOND_EXCITATION_NM = 30.0
# A value with more digits is easier to read with an exponent.
_MOST_DIGITS = 7
# So many listed values of a setting are its ticks.
_MOST_TICKS = 8
_ENERGIES_EV = (1.2, 1.4, 1.6, 1.8, 2.0, 2.25, 2.5, 3.0, 3.5)
# Apart from one another, the grey of the initial design left out.
_LINES = (SERIES[0], SERIES[1], SERIES[3], SERIES[4], SERIES[5])
_MARKERS = {"initial": "o", "replicate": "D"}


@rc_context(STYLE)
def progress_svg(run: RunSummary, objective: ObjectiveSummary) -> str:
    """Return the objective against the film number, with the best so far."""
    drawn = figure(10.0, 3.3)
    axes = drawn.subplots()
    tips: dict[str, str] = {}
    best = np.array(run.running_best(objective))
    numbers = np.arange(1, len(run.films) + 1)
    axes.step(numbers, best, where="post", color=SERIES[1], lw=1.8, label="best so far")
    _best_band(axes, run, objective, best)
    seen: set[str] = set()
    for number, film in enumerate(run.films, 1):
        found = film.observed(objective.quantity)
        if found is None:
            continue
        label = _chosen_by(film)
        gid = f"{objective.quantity}-film-{number}"
        colour = SERIES[2] if label == "initial design" else SERIES[0]
        marker = {"lower_bound": "^", "upper_bound": "v"}.get(
            found.kind, _MARKERS.get(_reason(film), "o")
        )
        axes.errorbar(
            number,
            found.value,
            yerr=found.sigma if found.kind == "exact" else None,
            fmt="none",
            ecolor=colour,
            elinewidth=1.0,
            alpha=0.45,
        )
        axes.plot(
            number,
            found.value,
            marker,
            color=colour,
            ms=5.5,
            # One entry a label, and not with the triangle of a bound.
            label="_" if label in seen or found.kind != "exact" else label,
            gid=gid,
        )
        if found.kind == "exact":
            seen.add(label)
        tips[gid] = tip(film, found)
    _unmeasured(axes, run, objective)
    axes.set_xlabel("film number")
    axes.set_ylabel(plain(words(objective.quantity)))
    axes.set_xlim(0.2, max(len(run.films), budget_of(run)) + 0.8)
    axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return svg(drawn, f"progress-{objective.quantity}", tips)


def budget_of(run: RunSummary) -> int:
    """Return the films asked for, for a run that is under way."""
    return run.budget if run.status in {"running", "paused", "interrupted"} else 0


def _best_band(
    axes: Axes, run: RunSummary, objective: ObjectiveSummary, best: FloatArray
) -> None:
    """Shade one standard deviation around the best so far."""
    sigmas = np.full(best.shape, np.nan)
    last = math.nan
    for index, film in enumerate(run.films):
        found = film.observed(objective.quantity)
        if found is not None and found.kind == "exact" and found.value == best[index]:
            last = found.sigma
        sigmas[index] = last
    numbers = np.arange(1, best.size + 1)
    axes.fill_between(
        numbers,
        best - sigmas,
        best + sigmas,
        step="post",
        color=SERIES[1],
        alpha=0.15,
        linewidth=0,
    )


def _unmeasured(axes: Axes, run: RunSummary, objective: ObjectiveSummary) -> None:
    """Mark films without a value at the foot of the picture."""
    ended = [
        number
        for number, film in enumerate(run.films, 1)
        if film.observed(objective.quantity) is None and film.status != "active"
    ]
    if ended:
        axes.plot(
            ended,
            np.full(len(ended), 0.03),
            "x",
            color=BAD,
            ms=6,
            transform=axes.get_xaxis_transform(),
            label="no value",
            clip_on=False,
        )


def _reason(film: FilmSummary) -> str:
    return film.candidate.reason if film.candidate is not None else ""


def _chosen_by(film: FilmSummary) -> str:
    return {"initial": "initial design", "replicate": "replicate"}.get(
        _reason(film), "chosen by the model"
    )


def tip(film: FilmSummary, found: Observation | None) -> str:
    """Return what is shown when the pointer is on a film."""
    lines = [film.sample_id]
    if found is not None:
        bound = {"lower_bound": "≥ ", "upper_bound": "≤ "}.get(found.kind, "")
        lines[0] += f": {bound}{with_sigma(found.value, found.sigma)} {found.unit}"
    if film.candidate is not None:
        lines += [
            f"{words(name)}: {value if isinstance(value, str) else f'{value:g}'}"
            for name, value in film.candidate.settings.items()
        ]
    if film.reason:
        lines.append(film.reason)
    return "\n".join(lines)


def with_sigma(value: float, sigma: float) -> str:
    """Return a value and its sigma to the sigma's second digit: 2.134 ± 0.012."""
    digits = max(0, 1 - math.floor(math.log10(sigma)))
    if digits > _MOST_DIGITS:
        return f"{value:.4g} ± {sigma:.2g}"
    return f"{value:.{digits}f} ± {sigma:.{digits}f}"


@rc_context(STYLE)
def spectra_svg(
    films: Sequence[FilmSummary], spectra: Mapping[str, Sequence[Spectrum]]
) -> str:
    """Return absorbance and PL of a few films, or nothing without spectra."""
    drawn = figure(10.0, 3.4)
    left, right = drawn.subplots(1, 2)
    for index, film in enumerate(films):
        for spectrum in reversed(spectra.get(film.sample_id, ())):
            style = {
                "color": _LINES[index % len(_LINES)],
                "lw": 1.4,
                "label": plain(_film_label(film)),
            }
            if spectrum.mode == "absorbance":
                _replace(left, spectrum.wavelength_nm, absorbance(spectrum), style)
            elif spectrum.mode == "photoluminescence":
                _replace(right, *emission(spectrum), style)
    left.set_ylabel("absorbance")
    right.set_ylabel("PL, scaled to its maximum")
    shown = [axes for axes in (left, right) if axes.lines]
    if not shown:
        return ""
    if len(shown) == 1:
        (left if shown == [right] else right).remove()
        shown[0].set_subplotspec(drawn.add_gridspec(1, 1)[0])
    for axes in shown:
        axes.set_xlabel("wavelength (nm)")
        energy = axes.secondary_xaxis("top", functions=(_other_unit, _other_unit))
        low, high = ev_from_nm(np.array(axes.get_xlim()[::-1]))
        energy.set_ticks([ev for ev in _ENERGIES_EV if low <= ev <= high])
        energy.set_xlabel("photon energy (eV)", color=DIM, fontsize=8.5)
        energy.tick_params(labelcolor=DIM, color=DIM)
        axes.legend(fontsize=8.5)
    return svg(drawn, "spectra")


def _other_unit(nm_or_ev: FloatArray) -> FloatArray:
    """Return eV of nm or nm of eV; matplotlib also asks for 0, where there is none."""
    return ev_from_nm(np.maximum(nm_or_ev, 1e-6))


def _film_label(film: FilmSummary) -> str:
    if film.candidate is None:
        return film.sample_id
    names = [v for v in film.candidate.settings.values() if isinstance(v, str)]
    n = film.candidate.settings.get("n")
    return " ".join([film.sample_id, *names, *([f"n={n:g}"] if _number(n) else [])])


def _number(value: object) -> bool:
    return isinstance(value, float | int) and math.isfinite(value)


def _replace(
    axes: Axes, x: FloatArray, y: FloatArray, style: Mapping[str, Any]
) -> None:
    """Draw a film's first spectrum of a kind; those drawn before are later ones."""
    for line in axes.lines:
        if line.get_label() == style["label"]:
            line.remove()
            break
    if np.isfinite(y).any():
        axes.plot(x, y, **style)


def absorbance(spectrum: Spectrum) -> FloatArray:
    """Return -log10(T) of raw counts, T = ((S - D) / t) / ((R - D) / t_R), shape (k,).

    NaN where the detector was saturated or the lamp too dim; all NaN without reference.
    """
    counts, reference = spectrum.counts, spectrum.reference
    if reference.shape != counts.shape:
        return np.full(counts.shape, np.nan)
    dark = spectrum.dark if spectrum.dark.shape == counts.shape else 0.0
    lamp = (reference - dark) / (
        spectrum.reference_integration_s or spectrum.integration_s
    )
    light = (counts - dark) / spectrum.integration_s
    usable = (lamp > _DIMMEST * np.nanmax(lamp)) & (light > 0) & ~_saturated(spectrum)
    ratio = np.where(usable, light, 1.0) / np.where(usable, lamp, 1.0)
    return np.where(usable, -np.log10(ratio), np.nan)


def emission(spectrum: Spectrum) -> tuple[FloatArray, FloatArray]:
    """Return wavelength and PL beyond the excitation, scaled to a maximum of 1."""
    dark = spectrum.dark if spectrum.dark.shape == spectrum.counts.shape else 0.0
    light = np.where(_saturated(spectrum), np.nan, spectrum.counts - dark)
    beyond = spectrum.wavelength_nm > spectrum.excitation_nm + _BEYOND_EXCITATION_NM
    wavelength, light = spectrum.wavelength_nm[beyond], light[beyond]
    # A spike of one pixel is no maximum.
    top = float(np.nanpercentile(light, 99.8)) if np.isfinite(light).any() else 0.0
    if top <= 0:
        return wavelength, np.full(wavelength.shape, np.nan)
    return wavelength, light / top


def _saturated(spectrum: Spectrum) -> np.ndarray:
    if spectrum.saturated.shape == spectrum.counts.shape:
        return spectrum.saturated
    return np.zeros(spectrum.counts.shape, dtype=bool)


@rc_context(STYLE)
def parity_svg(run: RunSummary, index: int, objective: ObjectiveSummary) -> str:
    """Return what was found against what was predicted, or nothing without any."""
    drawn = figure(4.8, 3.6)
    axes = drawn.subplots()
    tips: dict[str, str] = {}
    ends: list[float] = []
    for number, film in enumerate(run.films, 1):
        found = film.observed(objective.quantity)
        candidate = film.candidate
        if found is None or found.kind != "exact" or candidate is None:
            continue
        if index >= min(len(candidate.predicted_mean), len(candidate.predicted_sigma)):
            continue
        mean, sigma = candidate.predicted_mean[index], candidate.predicted_sigma[index]
        gid = f"parity-film-{number}"
        axes.errorbar(
            mean,
            found.value,
            xerr=sigma,
            yerr=found.sigma,
            fmt="none",
            ecolor=SERIES[0],
            elinewidth=0.9,
            alpha=0.4,
        )
        axes.plot(mean, found.value, "o", color=SERIES[0], ms=5.0, gid=gid)
        tips[gid] = tip(film, found)
        ends += [mean, found.value]
    if len(tips) < 2:
        return ""
    low, high = min(ends), max(ends)
    axes.plot([low, high], [low, high], color=INK, lw=0.8, alpha=0.6)
    axes.set_xlabel(plain(f"predicted {words(objective.quantity)}"))
    axes.set_ylabel("found")
    return svg(drawn, "parity", tips)


@rc_context(STYLE)
def settings_svg(run: RunSummary, objective: ObjectiveSummary) -> str:
    """Return the objective against each setting that is a number."""
    names = numeric_settings(run.films)
    if not names:
        return ""
    rows = math.ceil(len(names) / 4)
    columns = math.ceil(len(names) / rows)
    drawn = figure(10.0, 0.35 + 2.0 * rows)
    panels = np.atleast_1d(drawn.subplots(rows, columns, sharey=True)).ravel()
    order = np.arange(1, len(run.films) + 1)
    values = values_of(run.films, objective)
    for panel, name in zip(panels, names, strict=False):
        places = setting_values(run.films, name)
        shown = panel.scatter(
            places, values, c=order, cmap=COLOUR_MAP, s=22, edgecolor=DIM, linewidth=0.4
        )
        panel.set_xlabel(plain(words(name)))
        listed = run.choices.get(name, ())
        if 1 < len(listed) <= _MOST_TICKS:
            panel.set_xticks([float(value) for value in listed])
    for panel in panels[len(names) :]:
        panel.axis("off")
    for row in range(rows):
        panels[row * columns].set_ylabel(plain(words(objective.quantity)))
    bar = drawn.colorbar(shown, ax=list(panels), label="film number", aspect=30)
    bar.outline.set_visible(False)
    return svg(drawn, "settings")


def numeric_settings(films: Sequence[FilmSummary]) -> list[str]:
    """Return the settings that are numbers and not the same for all films."""
    found: dict[str, set[float]] = {}
    for film in films:
        for name, value in (film.candidate.settings if film.candidate else {}).items():
            if not isinstance(value, str):
                found.setdefault(name, set()).add(float(value))
    return [name for name, values in found.items() if len(values) > 1]


def setting_values(films: Sequence[FilmSummary], name: str) -> FloatArray:
    """Return a setting of every film, NaN where it has none, shape (len(films),)."""
    settings = [film.candidate.settings if film.candidate else {} for film in films]
    return np.array(
        [
            math.nan if isinstance(found.get(name, ""), str) else found[name]
            for found in settings
        ],
        dtype=np.float64,
    )


def values_of(films: Sequence[FilmSummary], objective: ObjectiveSummary) -> FloatArray:
    """Return the exact values of all films, NaN where there is none."""
    found = [film.observed(objective.quantity) for film in films]
    return np.array(
        [o.value if o is not None and o.kind == "exact" else math.nan for o in found]
    )
