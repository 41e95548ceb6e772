"""Plates that were read several times: kinetics of the PL, loss of the absorbance."""

from collections.abc import Sequence
from dataclasses import dataclass

from hp_lab.analysis.absorption import Absorption
from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum
from hp_lab.analysis.degradation import lead_iodide, lost_share
from hp_lab.analysis.emission import Emission, NoEmission
from hp_lab.analysis.kinetics import Kinetics, Reading, fit_kinetics
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.readers.named_spectrum import PlateRead
from hp_lab.errors import InvalidInput

# Relative uncertainty of where the ceiling lies: gain and rounding.
_CEILING_SIGMA = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class WellSeries:
    """One well, read in one way, over time.

    Attributes:
        file: Name of the file.
        well: Such as B7.
        step: Way of reading, see ``PlateRead``.
        spectra: In order of time.
        interval_s: Time between two of them.
    """

    file: str
    well: str
    step: str
    spectra: tuple[AnalyzedSpectrum, ...]
    interval_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WellKinetics:
    """How a well's PL changed.

    Attributes:
        series: The well.
        readings: Its brightness over time.
        kinetics: The fit, None where there is none.
        reason: Why there is none.
    """

    series: WellSeries
    readings: tuple[Reading, ...]
    kinetics: Kinetics | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WellLoss:
    """How a well's absorbance changed from the first to the last read.

    Attributes:
        series: The well.
        lost: Share of the perovskite's absorption that is gone; None where either end
            shows no film.
        lead_iodide: Share of the absorbed light that is lead iodide's at the end.
        reason: Why something is missing.
    """

    series: WellSeries
    lost: Measured | None
    lead_iodide: Measured | None
    reason: str


def well_series(
    analyzed: Sequence[AnalyzedSpectrum], interval_s: float | None = None
) -> list[WellSeries]:
    """Return the wells that were read more than once in the same way.

    Args:
        analyzed: Spectra of one or more exports.
        interval_s: Time between reads, where the exports do not state it.
    """
    groups: dict[tuple[str, str, str], list[tuple[PlateRead, AnalyzedSpectrum]]] = {}
    for one in analyzed:
        place = one.spectrum.plate
        if place is not None:
            key = (one.spectrum.file, place.well, place.step)
            groups.setdefault(key, []).append((place, one))
    found = []
    for (file, well, step), members in groups.items():
        if len(members) < 2:
            continue
        ordered = sorted(members, key=lambda member: member[0].cycle)
        found.append(
            WellSeries(
                file=file,
                well=well,
                step=step,
                spectra=tuple(one for _, one in ordered),
                interval_s=interval_s or ordered[0][0].interval_s,
            )
        )
    return found


def well_kinetics(series: Sequence[WellSeries]) -> list[WellKinetics]:
    """Return the kinetics of every series of PL."""
    return [
        _kinetics(one)
        for one in series
        if all(spectrum.kind == "pl" for spectrum in one.spectra)
    ]


def well_losses(series: Sequence[WellSeries]) -> list[WellLoss]:
    """Return what every series of absorbance lost."""
    return [
        _loss(one)
        for one in series
        if all(spectrum.kind != "pl" for spectrum in one.spectra)
    ]


def _kinetics(series: WellSeries) -> WellKinetics:
    if series.interval_s is None:
        return WellKinetics(
            series=series,
            readings=(),
            kinetics=None,
            reason="the time between reads is not in the file; give --interval-min",
        )
    readings = []
    for one in series.spectra:
        place = one.spectrum.plate
        cycle = place.cycle if place else 0
        reading = reading_of(one, cycle * series.interval_s)
        if reading is not None:
            readings.append(reading)
    try:
        kinetics, reason = fit_kinetics(readings), ""
    except InvalidInput as error:
        kinetics, reason = None, str(error)
    return WellKinetics(
        series=series, readings=tuple(readings), kinetics=kinetics, reason=reason
    )


def reading_of(analyzed: AnalyzedSpectrum, time_s: float) -> Reading | None:
    """Return the brightness of a PL spectrum, a bound where its top is not seen.

    Returns:
        None where the spectrum tells nothing of it.
    """
    curve, found = analyzed.curve, analyzed.found
    if curve.saturated.any():
        _, value, _ = curve.points()
        seen = float(value.max()) if value.size else 0.0
        level = analyzed.spectrum.ceiling or seen
        if level <= 0.0:
            return None
        return Reading(
            time_s=time_s,
            intensity=level,
            sigma=_CEILING_SIGMA * level,
            kind="lower_bound",
        )
    if isinstance(found, NoEmission):
        limit = found.height_limit
        if limit is None or limit <= 0.0:
            return None
        # The limit is three sigmas of what noise can hide.
        return Reading(
            time_s=time_s, intensity=limit, sigma=limit / 3.0, kind="upper_bound"
        )
    if not isinstance(found, Emission):
        return None
    return Reading(
        time_s=time_s,
        intensity=found.height.value,
        sigma=found.height.sigma,
        kind="lower_bound" if "top_not_in_view" in found.flags else "exact",
    )


def _loss(series: WellSeries) -> WellLoss:
    before, after = series.spectra[0].found, series.spectra[-1].found
    if not isinstance(before, Absorption):
        return _no_loss(series, "the first read shows no film")
    if not isinstance(after, Absorption):
        return _no_loss(series, "the last read shows no film")
    product = lead_iodide(after)
    return WellLoss(
        series=series,
        lost=lost_share(before, after),
        lead_iodide=None if product is None else product.share,
        reason="",
    )


def _no_loss(series: WellSeries, reason: str) -> WellLoss:
    return WellLoss(series=series, lost=None, lead_iodide=None, reason=reason)
