"""Solutions as text: solutes such as FA0.8_Cs0.2_Pb_I3, solvents such as DMF4_DMSO1.

Parts are joined by underscores, each a name and an amount; no amount means 1. What is
not an ion is an inert molecule and keeps its name: a monolayer, a fullerene.
"""

import re
from collections.abc import Mapping

from hp_lab.chemistry.ions import A_SITE, B_SITE, X_SITE
from hp_lab.chemistry.spacers import library
from hp_lab.errors import InvalidInput

_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_MOLECULE = re.compile(rf"(?P<name>.*?[^\d.])(?P<amount>{_NUMBER.pattern})?")


def parse_solutes(text: str) -> dict[str, float]:
    """Return the relative amount of each ion or inert molecule in a solute text.

    A text without any ion is the name of one inert molecule, whatever it consists of
    (MEO-2_PAcZ). An empty text is a pure solvent.

    Raises:
        InvalidInput: A part is empty, or a name comes twice.
    """
    if not text:
        return {}
    parts = text.split("_")
    ions = [_ion_part(part) for part in parts]
    if not any(ions):
        return {text: 1.0}
    found = [
        ion or _molecule_part(part, text) for ion, part in zip(ions, parts, strict=True)
    ]
    return _unique(found, text)


def parse_solvents(text: str) -> dict[str, float]:
    """Return the volume fraction of each solvent in a solvent text.

    Raises:
        InvalidInput: The text is empty, a part is, or a name comes twice.
    """
    parts = [_molecule_part(part, text) for part in text.split("_")]
    amounts = _unique(parts, text)
    total = sum(amounts.values())
    if total <= 0:
        msg = f"solvents {text!r}: amounts add to {total:g}, but must be above 0"
        raise InvalidInput(msg)
    return {name: amount / total for name, amount in amounts.items()}


def amounts_text(amounts: Mapping[str, float]) -> str:
    """Return amounts as text, which the parsers above read back exactly below 10."""
    return "_".join(
        name if amount == 1 else f"{name}{amount!r}" for name, amount in amounts.items()
    )


def _ion_part(part: str) -> tuple[str, float] | None:
    # Longest first: 4F-PEA2 is not 4, and TMA4 is not four TMA.
    known = sorted((*A_SITE, *B_SITE, *X_SITE, *library()), key=len, reverse=True)
    for ion in known:
        rest = part.removeprefix(ion)
        if part.startswith(ion) and (not rest or _NUMBER.fullmatch(rest)):
            return ion, float(rest or 1)
    return None


def _molecule_part(part: str, text: str) -> tuple[str, float]:
    match = _MOLECULE.fullmatch(part)
    if match is None:
        msg = f"{text!r}: part {part!r} must be a name and an amount, such as DMF0.8"
        raise InvalidInput(msg)
    return match["name"], float(match["amount"] or 1)


def _unique(parts: list[tuple[str, float]], text: str) -> dict[str, float]:
    amounts: dict[str, float] = {}
    for name, amount in parts:
        if name in amounts:
            msg = f"{text!r}: {name} comes twice; give its amount once"
            raise InvalidInput(msg)
        amounts[name] = amount
    return amounts
