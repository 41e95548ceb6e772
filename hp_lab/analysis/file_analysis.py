"""Spectrum files in, plain dictionaries (ready for JSON) out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hp_lab.analysis.absorption import Absorption, NoAbsorption, analyze_absorbance
from hp_lab.analysis.emission import Emission, NoEmission, analyze_emission
from hp_lab.analysis.file_curve import curve_of
from hp_lab.analysis.gaps import inflection_gap
from hp_lab.analysis.library import FilmContext, phase_library
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peaks import Peak
from hp_lab.analysis.quality import status_of
from hp_lab.analysis.readers.any_file import read_any
from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.spectrum import Curve, Kind
from hp_lab.analysis.version import ANALYSIS_VERSION
from hp_lab.errors import InvalidInput

KINDS: tuple[Kind, ...] = ("pl", "absorbance", "transmission")
# Phases below this share of the absorbed light are noise of the fit.
_LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedSpectrum:
    """A spectrum of a file, its curve, and what was found in it."""

    spectrum: NamedSpectrum
    kind: Kind
    curve: Curve
    found: Emission | NoEmission | Absorption | NoAbsorption
    flags: tuple[str, ...]


def analyze_files(
    paths: Sequence[Path | str],
    kind: Kind | None = None,
    context: FilmContext | None = None,
) -> list[dict[str, Any]]:
    """Analyse every spectrum of some files.

    Args:
        paths: Files of any format that ``read_any`` knows.
        kind: pl, absorbance or transmission; without it, the file's own statement is
            taken, or else the kind is guessed from the curve.
        context: What is known of the films; without it, a lead halide is assumed whose
            halide is chosen by the spectrum.

    Returns:
        One dictionary a spectrum with the keys ``file``, ``name``, ``kind``,
        ``status`` (ok, flagged or rejected), ``flags``, ``reason``, ``peaks``
        (strongest first, each with ``center_nm``, ``center_ev``, ``fwhm_ev``,
        ``fwhm_nm``, ``area`` and their sigmas as ``center_nm_sigma`` and so on),
        ``gap_ev``, ``gap_ev_sigma``, ``exciton_ev``, ``exciton_ev_sigma``, ``phases``
        (each with ``name``, ``n``, ``share``, ``share_sigma``, ``exciton_ev``),
        ``header`` (what the file says of itself) and ``analysis_version``. What was not
        found is None or an empty list, never NaN.

    Raises:
        InvalidInput: A file is unknown or broken, or the kind is none of the three.
    """
    return [
        as_dictionary(analyze_spectrum(spectrum, kind, context))
        for path in paths
        for spectrum in read_any(path)
    ]


def analyze_spectrum(
    spectrum: NamedSpectrum,
    kind: Kind | None = None,
    context: FilmContext | None = None,
) -> AnalyzedSpectrum:
    """Analyse one spectrum of a file; the arguments are those of ``analyze_files``."""
    if kind is not None and kind not in KINDS:
        msg = f"kind {kind!r} is not known; use one of {', '.join(KINDS)}"
        raise InvalidInput(msg)
    flags: list[str] = []
    taken = kind or spectrum.kind
    if taken is None:
        taken = _guessed_kind(spectrum)
        flags.append("kind_guessed")
    curve = curve_of(spectrum, taken)
    found: Emission | NoEmission | Absorption | NoAbsorption
    if taken == "pl":
        bandpass_nm = context.bandpass_nm if context else spectrum.bandpass_nm
        found = analyze_emission(curve, bandpass_nm=bandpass_nm)
    else:
        found = _absorption(curve, context)
    if kind is not None:
        flags = [flag for flag in flags if flag != "kind_guessed"]
    return AnalyzedSpectrum(
        spectrum=spectrum,
        kind=taken,
        curve=curve,
        found=found,
        flags=tuple(dict.fromkeys((*flags, *found.flags))),
    )


def _absorption(curve: Curve, context: FilmContext | None) -> Absorption | NoAbsorption:
    return analyze_absorbance(curve, phase_library(context or FilmContext()))


def _guessed_kind(spectrum: NamedSpectrum) -> Kind:
    """Guess the kind from the curve's form.

    PL falls to a low level at both ends. Absorbance is highest towards the blue,
    transmission towards the red, and neither leaves its few units.
    """
    value = spectrum.value[np.isfinite(spectrum.value)]
    if value.size < 16 or float(np.max(np.abs(value))) > 150.0:
        return "pl"
    tenth = max(value.size // 10, 1)
    low, high = float(np.percentile(value, 2.0)), float(np.percentile(value, 99.5))
    span = max(high - low, 1e-12)
    blue = (float(np.median(value[:tenth])) - low) / span
    red = (float(np.median(value[-tenth:])) - low) / span
    if blue < 0.25 and red < 0.25:
        return "pl"
    if red > blue and high <= 1.5:
        return "transmission"
    return "absorbance" if high <= 6.0 else "pl"


def _with_sigma(name: str, measured: Measured | None) -> dict[str, float | None]:
    return {
        name: None if measured is None else measured.value,
        f"{name}_sigma": None if measured is None else measured.sigma,
    }


def _peak(peak: Peak) -> dict[str, float | bool | None]:
    return {
        **_with_sigma("center_nm", peak.center_nm),
        **_with_sigma("center_ev", peak.center_ev),
        **_with_sigma("fwhm_ev", peak.fwhm_ev),
        **_with_sigma("fwhm_nm", peak.fwhm_nm),
        **_with_sigma("area", peak.area),
        "shoulder": peak.shoulder,
    }


def _phases(found: Absorption) -> list[dict[str, Any]]:
    fit = found.phases
    rows = []
    for label in fit.labels():
        share = fit.share_of(label)
        if share.value < _LEAST_SHARE:
            continue
        index = fit.dominant(label)
        n = fit.library[index].n
        rows.append(
            {
                "name": label,
                "n": int(n) if n < 5.5 else None,
                "share": share.value,
                "share_sigma": share.sigma,
                "exciton_ev": float(fit.exciton_ev[index]),
                "exciton_ev_sigma": float(fit.exciton_sigma_ev[index]),
            }
        )
    return sorted(rows, key=lambda row: -float(row["share"]))


def as_dictionary(analyzed: AnalyzedSpectrum) -> dict[str, Any]:
    """Return what was found as a dictionary of plain numbers, texts and lists."""
    found = analyzed.found
    status, reason = status_of(analyzed.flags)
    peaks: list[dict[str, Any]] = []
    phases: list[dict[str, Any]] = []
    gap = exciton = None
    if isinstance(found, NoEmission | NoAbsorption):
        status, reason = "rejected", found.reason
    elif isinstance(found, Emission):
        peaks = [_peak(peak) for peak in found.peaks]
    else:
        phases = _phases(found)
        gap, exciton = found.gap_ev, found.exciton_ev
    if isinstance(found, NoAbsorption) and analyzed.curve.usable.sum() > 40:
        gap = inflection_gap(*analyzed.curve.energy_points())
    return {
        "file": analyzed.spectrum.file,
        "name": analyzed.spectrum.name,
        "kind": analyzed.kind,
        "status": status,
        "flags": list(analyzed.flags),
        "reason": reason,
        "peaks": peaks,
        **_with_sigma("gap_ev", gap),
        **_with_sigma("exciton_ev", exciton),
        "phases": phases,
        "header": dict(analyzed.spectrum.header),
        "analysis_version": ANALYSIS_VERSION,
    }
