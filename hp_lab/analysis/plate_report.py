"""What a plate's reads say together: kinetics, losses and components."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum
from hp_lab.analysis.plates import PhaseMap, PlateComponents, factorize, phase_map
from hp_lab.analysis.series import (
    WellKinetics,
    WellLoss,
    well_kinetics,
    well_losses,
    well_series,
)
from hp_lab.analysis.series_report import (
    components_dictionary,
    kinetics_dictionary,
    loss_dictionary,
)
from hp_lab.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class StepComponents:
    """Components of the wells' first and last reads in one way.

    Attributes:
        file: Name of the file.
        step: Way of reading, see ``PlateRead``.
        parts: The components, None where there are none.
        wells: Groups of alike reads, None where there are no components.
        reason: Why there are none.
    """

    file: str
    step: str
    parts: PlateComponents | None
    wells: PhaseMap | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateReport:
    """What a plate's reads say together."""

    kinetics: tuple[WellKinetics, ...]
    losses: tuple[WellLoss, ...]
    components: tuple[StepComponents, ...]


def plate_report(
    analyzed: Sequence[AnalyzedSpectrum], interval_s: float | None = None
) -> PlateReport:
    """Return what the spectra of plates say together.

    Args:
        analyzed: Spectra of one or more files; those of no plate are left out.
        interval_s: Time between reads, where the exports do not state it.
    """
    series = well_series(analyzed, interval_s)
    return PlateReport(
        kinetics=tuple(well_kinetics(series)),
        losses=tuple(well_losses(series)),
        components=tuple(_components(analyzed)),
    )


def _components(analyzed: Sequence[AnalyzedSpectrum]) -> list[StepComponents]:
    steps: dict[tuple[str, str], list[tuple[int, AnalyzedSpectrum]]] = {}
    for one in analyzed:
        place = one.spectrum.plate
        if place is not None and one.kind == "pl":
            key = (one.spectrum.file, place.step)
            steps.setdefault(key, []).append((place.cycle, one))
    found = []
    for (file, step), members in steps.items():
        ends = {0, max(cycle for cycle, _ in members)}
        curves = {
            one.spectrum.name: one.curve for cycle, one in members if cycle in ends
        }
        parts = wells = None
        reason = ""
        try:
            parts = factorize(curves)
            wells = phase_map(parts)
        except InvalidInput as error:
            reason = str(error)
        found.append(
            StepComponents(
                file=file, step=step, parts=parts, wells=wells, reason=reason
            )
        )
    return found


def as_dictionary(report: PlateReport) -> dict[str, Any]:
    """Return a report as plain numbers, texts and lists, ready for JSON.

    Returns:
        ``kinetics`` (a list, one entry a well and way of reading), ``losses``
        (likewise, of absorbance) and ``components`` (one entry a way of reading).
    """
    components = []
    for one in report.components:
        row: dict[str, Any] = {"file": one.file, "step": one.step, "reason": one.reason}
        if one.parts is not None and one.wells is not None:
            row |= components_dictionary(one.parts, one.wells)
        components.append(row)
    return {
        "kinetics": [kinetics_dictionary(one) for one in report.kinetics],
        "losses": [loss_dictionary(one) for one in report.losses],
        "components": components,
    }
