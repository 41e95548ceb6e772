"""Spectrum files in, plain dictionaries (ready for JSON) out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hp_lab.analysis.analyzed_spectrum import analyzed_files
from hp_lab.analysis.baselines import Method
from hp_lab.analysis.file_report import as_dictionary
from hp_lab.analysis.library import FilmContext
from hp_lab.analysis.spectrum import Kind


def analyze_files(
    paths: Sequence[Path | str],
    kind: Kind | None = None,
    context: FilmContext | None = None,
    baseline: Method | None = None,
) -> list[dict[str, Any]]:
    """Analyse every spectrum of some files; see ``analyzed_files`` for the arguments.

    Returns:
        One dictionary a spectrum, see ``file_report.as_dictionary``.

    Raises:
        InvalidInput: A file is unknown or broken, or the kind is none of the three.
    """
    return [
        as_dictionary(one) for one in analyzed_files(paths, kind, context, baseline)
    ]
