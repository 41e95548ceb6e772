"""PASCAL's characterisation line, and what its parts are in our recipes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hp_lab.errors import InvalidInput
from hp_lab.recipes.steps import Image, Measure

# PASCAL's pictures and how we call their light.
PICTURES = {
    "Brightfield": "brightfield",
    "Darkfield": "darkfield",
    "PLImaging": "photoluminescence",
}
_TRANSMISSION = "Transmission"
_PL = re.compile(r"PL_\d+(?:\.\d+)?nm")
# Where PASCAL's line has these instruments: station and axis position.
_PLACES = {
    "Brightfield": ("brightfield", 164.4),
    "Darkfield": ("darkfield", 74.2),
    "PLImaging": ("pl_imaging", 74.2),
    _TRANSMISSION: ("transmission", 287.0),
}
_PL_PLACE = ("pl_red", 287.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Characterization:
    """One instrument's part of a characterisation.

    Attributes:
        station: Its place on the line.
        position_mm: Where the line's axis stands.
        exposures_s: Exposures, one reading or picture each.
        count: Scans or frames for each exposure.
    """

    name: str
    station: str
    position_mm: float
    duration_s: float
    exposures_s: tuple[float, ...]
    count: int


def is_spectrum(name: str) -> bool:
    """Return whether a part of a characterisation takes spectra."""
    return name == _TRANSMISSION or _PL.fullmatch(name) is not None


def characterization_steps(part: Characterization) -> list[Measure | Image]:
    """Return our steps for one part, one for each exposure."""
    if part.name in PICTURES:
        lighting = PICTURES[part.name]
        return [Image(lighting=lighting, exposure_s=x) for x in part.exposures_s]
    return [
        Measure(
            mode=(
                "transmittance" if part.name == _TRANSMISSION else "photoluminescence"
            ),
            integration_s=exposure_s,
            averages=part.count,
        )
        for exposure_s in part.exposures_s
    ]


def characterizations_of(
    steps: Iterable[Measure | Image], excitation_nm: float
) -> tuple[Characterization, ...]:
    """Return the parts that give steps, neighbours of one kind together.

    Args:
        steps: Spectra with stated exposures, and pictures.
        excitation_nm: Of the PL spectra; PASCAL writes it into their name.

    Raises:
        InvalidInput: A netlist has no word for a step.
    """
    parts: list[Characterization] = []
    for step in steps:
        name, exposure_s, count = _described(step, excitation_nm)
        exposures_s: tuple[float, ...] = (exposure_s,)
        if parts and (parts[-1].name, parts[-1].count) == (name, count):
            exposures_s = (*parts.pop().exposures_s, exposure_s)
        station, position_mm = _PLACES.get(name, _PL_PLACE)
        parts.append(
            Characterization(
                name=name,
                station=station,
                position_mm=position_mm,
                duration_s=sum(exposures_s) * count,
                exposures_s=exposures_s,
                count=count,
            )
        )
    return tuple(parts)


def _described(step: Measure | Image, excitation_nm: float) -> tuple[str, float, int]:
    if isinstance(step, Image):
        for name, lighting in PICTURES.items():
            if lighting == step.lighting:
                return name, step.exposure_s, 1
        msg = (
            f"netlist: no word for lighting {step.lighting!r}; use "
            f"{', '.join(PICTURES.values())}"
        )
        raise InvalidInput(msg)
    if step.repeats > 1:
        msg = (
            f"netlist: no word for {step.repeats} repeats of a measurement; use 1 and "
            "write several steps"
        )
        raise InvalidInput(msg)
    names = {
        "transmittance": _TRANSMISSION,
        "photoluminescence": f"PL_{excitation_nm:g}nm",
    }
    if step.mode not in names:
        msg = f"netlist: no word for mode {step.mode}; use {' or '.join(names)}"
        raise InvalidInput(msg)
    return names[step.mode], step.integration_s, step.averages
