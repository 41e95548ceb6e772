"""Analysed spectra as plain dictionaries, ready for JSON."""

from dataclasses import replace
from typing import Any

from hp_lab.analysis.absorption import Absorption, NoAbsorption
from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum
from hp_lab.analysis.degradation import lead_iodide
from hp_lab.analysis.emission import Emission, NoEmission
from hp_lab.analysis.gaps import TaucGap, inflection_gap, tauc_gap
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peaks import Peak
from hp_lab.analysis.quality import status_of
from hp_lab.analysis.quantum_yield import AbsoluteEmission, absolute_emission
from hp_lab.analysis.version import ANALYSIS_VERSION

# Phases below this share of the absorbed light are noise of the fit.
_LEAST_SHARE = 0.01
_LEAST_POINTS = 40
# More of thin phases than this, and Tauc's line runs along their excitons.
_THIN_SHARE = 0.05


def as_dictionary(analyzed: AnalyzedSpectrum) -> dict[str, Any]:
    """Return what was found as a dictionary of plain numbers, texts and lists.

    Returns:
        The keys are ``file``, ``name``, ``well``, ``cycle``, ``kind``, ``status`` (ok,
        flagged or rejected), ``flags``, ``reason``, ``peaks`` (strongest first, each
        with ``center_nm``, ``center_ev``, ``fwhm_ev``, ``fwhm_nm``, ``area`` and their
        sigmas as ``center_nm_sigma`` and so on), ``centroid_ev``, ``gap_ev`` (by the
        Elliott fit; for absolute PL as the instrument defines it), ``exciton_ev``,
        ``inflection_ev`` and ``tauc`` (absorbance only), ``phases`` (each with
        ``name``, ``n``, ``share``, ``share_sigma``, ``exciton_ev``), ``lead_iodide``,
        ``absolute`` (absolute PL only), ``header`` (what the file says of itself) and
        ``analysis_version``. What was not found is None or an empty list, never NaN.
    """
    found, curve = analyzed.found, analyzed.curve
    status, reason = status_of(analyzed.flags)
    if isinstance(found, NoEmission | NoAbsorption):
        status, reason = "rejected", found.reason
    place = analyzed.spectrum.plate
    absolute = None
    if analyzed.kind == "pl":
        absolute = absolute_emission(curve, analyzed.spectrum.header)
    return {
        "file": analyzed.spectrum.file,
        "name": analyzed.spectrum.name,
        "well": None if place is None else place.well,
        "cycle": None if place is None else place.cycle,
        "kind": analyzed.kind,
        "status": status,
        "flags": list(analyzed.flags),
        "reason": reason,
        **_emission(found if isinstance(found, Emission) else None),
        **_gaps(analyzed, absolute),
        **_composition(found if isinstance(found, Absorption) else None),
        "absolute": None if absolute is None else _absolute(absolute),
        "header": dict(analyzed.spectrum.header),
        "analysis_version": ANALYSIS_VERSION,
    }


def _emission(found: Emission | None) -> dict[str, Any]:
    return {
        "peaks": [] if found is None else [_peak(peak) for peak in found.peaks],
        **_with_sigma("centroid_ev", None if found is None else found.centroid_ev),
    }


def _gaps(
    analyzed: AnalyzedSpectrum, absolute: AbsoluteEmission | None
) -> dict[str, Any]:
    """Return exciton and gap, and for absorbance the gaps that need no phases."""
    found = analyzed.found
    gap = exciton = inflection = None
    tauc: TaucGap | None = None
    if absolute is not None:
        gap = absolute.gap_ev
    elif isinstance(found, Absorption):
        gap, exciton = found.gap_ev, found.exciton_ev
    if analyzed.kind != "pl" and int(analyzed.curve.usable.sum()) > _LEAST_POINTS:
        energy_ev, absorbance, sigma = analyzed.curve.energy_points()
        if isinstance(found, Absorption):
            low, high = found.window_ev
            inside = (energy_ev >= low) & (energy_ev <= high)
            energy_ev, sigma = energy_ev[inside], sigma[inside]
            absorbance = absorbance[inside] - found.phases.background_at(energy_ev)
            tauc = tauc_gap(energy_ev, absorbance, sigma)
            if tauc is not None and _thin_share(found) > _THIN_SHARE:
                tauc = replace(tauc, flags=("tauc_excitonic",))
        inflection = inflection_gap(energy_ev, absorbance, sigma)
    return {
        **_with_sigma("gap_ev", gap),
        **_with_sigma("exciton_ev", exciton),
        **_with_sigma("inflection_ev", inflection),
        "tauc": None
        if tauc is None
        else {**_with_sigma("gap_ev", tauc.gap_ev), "flags": list(tauc.flags)},
    }


def _thin_share(found: Absorption) -> float:
    """Return the share of phases whose excitons stand far from their gaps."""
    fit = found.phases
    thin = {line.label for line in fit.library if line.has_own_name}
    return sum(fit.share_of(label).value for label in thin)


def _composition(found: Absorption | None) -> dict[str, Any]:
    product = None if found is None else lead_iodide(found)
    return {
        "phases": [] if found is None else _phases(found),
        "lead_iodide": None
        if product is None
        else {
            **_with_sigma("share", product.share),
            **_with_sigma("edge_ev", product.edge_ev),
            "seen": bool(product.seen),
        },
    }


def _absolute(absolute: AbsoluteEmission) -> dict[str, Any]:
    printed = absolute.printed
    return {
        **_with_sigma("flux_per_s_cm2", absolute.flux),
        **_with_sigma("quantum_yield", absolute.quantum_yield),
        **_with_sigma("loss_ev", absolute.loss_ev),
        **_with_sigma("splitting_ev", absolute.splitting_ev),
        "printed_gap_ev": printed.get("Bandgap (eV)"),
        "printed_splitting_ev": printed.get("iVoc (V)"),
        "printed_jsc_ma_cm2": printed.get("Jsc (mA/cm2)"),
    }


def _with_sigma(name: str, measured: Measured | None) -> dict[str, float | None]:
    return {
        name: None if measured is None else float(measured.value),
        f"{name}_sigma": None if measured is None else float(measured.sigma),
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
