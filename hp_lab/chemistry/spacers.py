"""The library of spacer cations: what is known of each, and whether it forms layers.

The table data/spacers.csv was compiled for hp_lab. It holds negatives on purpose, for a
planner must meet spacers that do not form layered lead iodides.
"""

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, cast, get_args

from hp_lab.errors import InvalidInput

StructureClass = Literal["RP", "DJ", "ACI", "A-site", "none"]
Forms2D = Literal["yes", "no", "uncertain", "mixed"]

# From the molecule alone (RDKit); lengths in angstrom, masses in g/mol.
DESCRIPTORS = (
    "mol_wt",
    "heavy_atoms",
    "length_N_to_far_A",
    "max_N_substituents",
    "tpsa",
    "logp_crippen",
    "hbd",
    "hba",
    "rot_bonds",
    "rings",
    "aromatic_rings",
    "fsp3",
    "kappa2",
    "chi2n",
    "eccentricity3d",
    "asphericity",
    "radius_gyration",
    "n_halogen",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacer:
    """An organic cation that may separate perovskite layers.

    Attributes:
        smiles: SMILES with explicit charges.
        charge: Positive charges a molecule, 1 or 2.
        structure_class: RP (Ruddlesden-Popper), DJ (Dion-Jacobson), ACI (alternating
            cations), A-site (goes into the lattice) or none (forms no layers).
        forms_2d: Whether a layered lead iodide is known.
        evidence: Where that is known from; "memory" marks what was not looked up.
        exciton_n1_ev: Exciton energy of the n = 1 lead iodide at room temperature.
        exciton_source: Where that energy is from, with its uncertainty if known.
        descriptors: The numbers of :data:`DESCRIPTORS` by name.
    """

    name: str
    abbreviation: str
    smiles: str
    charge: int
    structure_class: StructureClass
    forms_2d: Forms2D
    evidence: str = ""
    exciton_n1_ev: float | None = None
    exciton_source: str = ""
    descriptors: Mapping[str, float] = field(default_factory=dict, hash=False)


@cache
def library() -> Mapping[str, Spacer]:
    """Return every spacer by its abbreviation, in the table's order."""
    table = files("hp_lab.chemistry") / "data" / "spacers.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    spacers = [_from_row(row) for row in csv.DictReader(lines)]
    return MappingProxyType({spacer.abbreviation: spacer for spacer in spacers})


def spacer(abbreviation: str) -> Spacer:
    """Return a spacer of the library; the case of letters matters (PEA, PeA).

    Raises:
        InvalidInput: The library has no such abbreviation; close ones are named.
    """
    try:
        return library()[abbreviation]
    except KeyError:
        close = _close_abbreviations(abbreviation)
        hint = f"did you mean {', '.join(close)}?" if close else "see hp-lab spacers"
        msg = f"spacer {abbreviation!r} is not in the library; {hint}"
        raise InvalidInput(msg) from None


def _close_abbreviations(text: str) -> list[str]:
    """Return abbreviations whose spelling, or whose full name, is close to a text."""
    by_word: dict[str, list[str]] = {}
    for entry in library().values():
        for word in (entry.abbreviation, entry.name):
            by_word.setdefault(word.casefold(), []).append(entry.abbreviation)
    letters = sorted(text.casefold())
    swapped = [word for word in by_word if sorted(word) == letters]
    words = swapped + difflib.get_close_matches(text.casefold(), by_word, n=3)
    return list(dict.fromkeys(name for word in words for name in by_word[word]))


def _from_row(row: Mapping[str, str]) -> Spacer:
    structure_class, forms_2d = row["structure_class"], row["forms_2D_PbI4"]
    if structure_class not in get_args(StructureClass):
        msg = f"spacers.csv: structure_class {structure_class!r} of {row['name']}"
        raise InvalidInput(msg)
    if forms_2d not in get_args(Forms2D):
        msg = f"spacers.csv: forms_2D_PbI4 {forms_2d!r} of {row['name']}"
        raise InvalidInput(msg)
    exciton_ev = row["exciton_n1_eV"]
    return Spacer(
        name=row["name"],
        abbreviation=row["abbreviation"],
        smiles=row["smiles"],
        charge=int(row["charge"]),
        structure_class=cast("StructureClass", structure_class),
        forms_2d=cast("Forms2D", forms_2d),
        evidence=row["evidence"],
        exciton_n1_ev=float(exciton_ev) if exciton_ev else None,
        exciton_source=row["exciton_source"],
        descriptors={name: float(row[name]) for name in DESCRIPTORS},
    )
