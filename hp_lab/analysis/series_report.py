"""Plates over time as plain dictionaries, ready for JSON."""

from typing import Any

from hp_lab.analysis.measured import Measured
from hp_lab.analysis.plates import PhaseMap, PlateComponents
from hp_lab.analysis.series import WellKinetics, WellLoss


def kinetics_dictionary(one: WellKinetics) -> dict[str, Any]:
    """Return a well's kinetics as plain numbers and texts, None for what is missing."""
    found = one.kinetics
    row: dict[str, Any] = {
        "file": one.series.file,
        "well": one.series.well,
        "step": one.series.step,
        "reads": len(one.series.spectra),
        "censored": sum(reading.kind == "lower_bound" for reading in one.readings),
        "reason": one.reason,
    }
    if found is None:
        return row | {"model": None, "flags": []}
    figures: dict[str, Measured | None] = {
        "initial": found.initial,
        "gain": found.gain,
        "growth_s": found.growth_s,
        "decay_s": found.decay_s,
        "maximum": found.maximum,
        "retention": found.retention,
        "half_life_s": found.half_life_s,
    }
    for name, measured in figures.items():
        row |= _with_sigma(name, measured)
    return row | {
        "model": found.model,
        "maximum_kind": found.maximum_kind,
        "retention_kind": found.retention_kind,
        "half_life_kind": found.half_life_kind,
        "flags": list(found.flags),
    }


def loss_dictionary(one: WellLoss) -> dict[str, Any]:
    """Return a well's loss of absorbance as plain numbers and texts."""
    return {
        "file": one.series.file,
        "well": one.series.well,
        "step": one.series.step,
        "reads": len(one.series.spectra),
        **_with_sigma("lost", one.lost),
        **_with_sigma("lead_iodide", one.lead_iodide),
        "reason": one.reason,
    }


def components_dictionary(parts: PlateComponents, wells: PhaseMap) -> dict[str, Any]:
    """Return a plate's components and groups of wells as plain numbers and texts."""
    return {
        "caveat": parts.caveat,
        "wavelength_nm": parts.wavelength_nm.tolist(),
        "components": [
            {"peak_nm": float(peak), "spectrum": row.tolist()}
            for peak, row in zip(parts.peak_nm, parts.components, strict=True)
        ],
        "wells": [
            {
                "name": name,
                "weights": parts.weights[index].tolist(),
                "residual": float(parts.residual[index]),
                "cluster": int(wells.cluster[index]),
                "border": bool(wells.border[index]),
            }
            for index, name in enumerate(parts.names)
        ],
        "left_out": dict(parts.left_out),
    }


def _with_sigma(name: str, measured: Measured | None) -> dict[str, float | None]:
    return {
        name: None if measured is None else float(measured.value),
        f"{name}_sigma": None if measured is None else float(measured.sigma),
    }
