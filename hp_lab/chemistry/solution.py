"""Solutions: what is dissolved, in which solvents, and what mixing them gives."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hp_lab.chemistry.ions import B_SITE
from hp_lab.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A liquid.

    Attributes:
        species_m: Ion or inert molecule to its concentration, mol/L; none is zero.
        solvents: Solvent to volume fraction; the fractions add to one.

    Raises:
        InvalidInput: A concentration or fraction is negative or not finite, or the
            fractions do not add to one.
    """

    species_m: Mapping[str, float] = field(default_factory=dict, hash=False)
    solvents: Mapping[str, float] = field(hash=False)

    def __post_init__(self) -> None:
        """Check, and leave out what is not there."""
        for values, unit in ((self.species_m, " M"), (self.solvents, "")):
            for name, value in values.items():
                if not (math.isfinite(value) and value >= 0):
                    msg = (
                        f"solution: {name} {value:g}{unit} must be a finite number "
                        "from 0"
                    )
                    raise InvalidInput(msg)
        total = sum(self.solvents.values())
        if abs(total - 1.0) > 1e-6:
            text = ", ".join(f"{name} {v:g}" for name, v in self.solvents.items())
            msg = f"solution: solvents {text or 'none'} add to {total:g}, but must to 1"
            raise InvalidInput(msg)
        for name in ("species_m", "solvents"):
            present = {key: v for key, v in getattr(self, name).items() if v > 0}
            object.__setattr__(self, name, present)

    @property
    def metal_m(self) -> float:
        """Concentration of all metal ions, mol/L."""
        return sum(self.species_m.get(ion, 0.0) for ion in B_SITE)


def mixed(parts: Iterable[tuple[Solution, float]]) -> Solution:
    """Return what volumes (microlitres) of solutions give together.

    Volumes are taken to add up: excess volumes of DMF with DMSO are below 1 %.

    Raises:
        InvalidInput: A volume is negative, or there is nothing to mix.
    """
    amounts: dict[str, float] = {}
    solvents: dict[str, float] = {}
    total_ul = 0.0
    for solution, volume_ul in parts:
        if not (math.isfinite(volume_ul) and volume_ul >= 0):
            msg = f"mixing: {volume_ul:g} uL must be a volume from 0"
            raise InvalidInput(msg)
        total_ul += volume_ul
        for name, molar in solution.species_m.items():
            amounts[name] = amounts.get(name, 0.0) + molar * volume_ul
        for name, fraction in solution.solvents.items():
            solvents[name] = solvents.get(name, 0.0) + fraction * volume_ul
    if total_ul <= 0:
        msg = "mixing: the volumes add to 0 uL; give at least one above 0"
        raise InvalidInput(msg)
    return Solution(
        species_m={name: amount / total_ul for name, amount in amounts.items()},
        solvents={name: volume / total_ul for name, volume in solvents.items()},
    )
