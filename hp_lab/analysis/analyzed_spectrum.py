"""Spectra of files, analysed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hp_lab.analysis.absorption import Absorption, NoAbsorption, analyze_absorbance
from hp_lab.analysis.baselines import LEAST_POINTS, Method, without_baseline
from hp_lab.analysis.emission import Emission, NoEmission, analyze_emission
from hp_lab.analysis.file_curve import curve_of
from hp_lab.analysis.library import FilmContext, phase_library
from hp_lab.analysis.readers.any_file import read_any
from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.spectrum import Curve, Kind
from hp_lab.errors import InvalidInput

KINDS: tuple[Kind, ...] = ("pl", "absorbance", "transmission")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedSpectrum:
    """A spectrum of a file, its curve, and what was found in it."""

    spectrum: NamedSpectrum
    kind: Kind
    curve: Curve
    found: Emission | NoEmission | Absorption | NoAbsorption
    flags: tuple[str, ...]


def analyzed_files(
    paths: Sequence[Path | str],
    kind: Kind | None = None,
    context: FilmContext | None = None,
    baseline: Method | None = None,
) -> list[AnalyzedSpectrum]:
    """Analyse every spectrum of some files.

    Args:
        paths: Files of any format that ``read_any`` knows.
        kind: pl, absorbance or transmission; without it, the file's own statement is
            taken, or else the kind is guessed from the curve.
        context: What is known of the films; without it, a lead halide is assumed whose
            halide is chosen by the spectrum.
        baseline: Taken off PL before it is analysed; without it, the fit carries a
            sloping background of its own.

    Raises:
        InvalidInput: A file is unknown or broken, or the kind is none of the three.
    """
    return [
        analyze_spectrum(spectrum, kind, context, baseline)
        for path in paths
        for spectrum in read_any(path)
    ]


def analyze_spectrum(
    spectrum: NamedSpectrum,
    kind: Kind | None = None,
    context: FilmContext | None = None,
    baseline: Method | None = None,
) -> AnalyzedSpectrum:
    """Analyse one spectrum of a file; the arguments are those of ``analyzed_files``."""
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
        if baseline is not None and curve.points()[0].size >= LEAST_POINTS:
            curve = without_baseline(curve, baseline)
        bandpass_nm = context.bandpass_nm if context else spectrum.bandpass_nm
        found = analyze_emission(curve, bandpass_nm=bandpass_nm)
    else:
        found = analyze_absorbance(curve, phase_library(context or FilmContext()))
    flags.extend(found.flags)
    if kind is not None:
        # The reader's doubt about the kind is settled by who names it.
        flags = [flag for flag in flags if flag != "kind_guessed"]
    return AnalyzedSpectrum(
        spectrum=spectrum,
        kind=taken,
        curve=curve,
        found=found,
        flags=tuple(dict.fromkeys(flags)),
    )


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
