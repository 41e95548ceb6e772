"""Liquids in wells and tips: amounts are kept, whatever is done with them.

Amounts are micromoles; 1 mol/L is 1 umol/uL. Mixing is ideal: volumes add.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hp_lab.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class WellContents:
    """A liquid: how much, what is dissolved in it, and in what.

    Attributes:
        volume_ul: Volume.
        species: Amount of every ion or molecule, umol.
        solvents: Volume fraction of every solvent; they add to one unless it is empty.
    """

    volume_ul: float = 0.0
    species: Mapping[str, float] = field(default_factory=dict, hash=False)
    solvents: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse negative amounts.

        Raises:
            InvalidInput: The volume, an amount or a fraction is negative.
        """
        for name, value in (
            ("volume_ul", self.volume_ul),
            *self.species.items(),
            *self.solvents.items(),
        ):
            if not value >= 0:
                msg = f"liquid: {name} is {value:g}, but must be at least 0"
                raise InvalidInput(msg)

    @classmethod
    def from_molar(
        cls,
        volume_ul: float,
        species_m: Mapping[str, float],
        solvents: Mapping[str, float],
    ) -> "WellContents":
        """Return a solution of given concentrations, mol/L."""
        total = sum(solvents.values())
        return cls(
            volume_ul=volume_ul,
            species={name: molar * volume_ul for name, molar in species_m.items()},
            solvents={name: part / total for name, part in solvents.items()},
        )

    def molar(self, name: str) -> float:
        """Return a concentration, mol/L; 0 in an empty well."""
        if self.volume_ul <= 0:
            return 0.0
        return self.species.get(name, 0.0) / self.volume_ul

    def split(self, volume_ul: float) -> tuple["WellContents", "WellContents"]:
        """Return at most a volume of the liquid, and what is left of it."""
        taken_ul = min(volume_ul, self.volume_ul)
        if taken_ul <= 0:
            return WellContents(), self
        share = taken_ul / self.volume_ul
        taken = WellContents(
            volume_ul=taken_ul,
            species={name: share * umol for name, umol in self.species.items()},
            solvents=self.solvents,
        )
        if share >= 1.0:
            return taken, WellContents()
        left = WellContents(
            volume_ul=self.volume_ul - taken_ul,
            species={
                name: umol - taken.species[name] for name, umol in self.species.items()
            },
            solvents=self.solvents,
        )
        return taken, left


def mixed(liquids: Iterable[WellContents]) -> WellContents:
    """Return several liquids poured together."""
    parts = [liquid for liquid in liquids if liquid.volume_ul > 0]
    if len(parts) == 1:
        return parts[0]
    volume_ul = sum(part.volume_ul for part in parts)
    species: dict[str, float] = {}
    solvents: dict[str, float] = {}
    for part in parts:
        for name, umol in part.species.items():
            species[name] = species.get(name, 0.0) + umol
        for name, fraction in part.solvents.items():
            share = fraction * part.volume_ul / volume_ul
            solvents[name] = solvents.get(name, 0.0) + share
    return WellContents(volume_ul=volume_ul, species=species, solvents=solvents)


@dataclass(frozen=True, slots=True)
class Tip:
    """What a tip holds, first taken first; the last taken leaves first.

    Attributes:
        parts: Liquids, and volumes of air in microlitres.
    """

    parts: tuple[WellContents | float, ...] = ()

    def draw(self, liquid: WellContents, air_ul: float) -> "Tip":
        """Return the tip after it took liquid and then air."""
        parts: list[WellContents | float] = list(self.parts)
        if liquid.volume_ul > 0:
            parts.append(liquid)
        if air_ul > 0:
            parts.append(air_ul)
        return Tip(tuple(parts))

    def release(self, volume_ul: float) -> tuple[WellContents, "Tip"]:
        """Return the liquid that leaves with a volume, and the tip after it.

        Air leaves like liquid does; a tip never gives more than it holds.
        """
        out: list[WellContents] = []
        parts = list(self.parts)
        left_ul = volume_ul
        while parts and left_ul > 0:
            last = parts.pop()
            if isinstance(last, float):
                if last > left_ul:
                    parts.append(last - left_ul)
                left_ul -= last
                continue
            taken, rest = last.split(left_ul)
            out.append(taken)
            if rest.volume_ul > 0:
                parts.append(rest)
            left_ul -= last.volume_ul
        return mixed(out), Tip(tuple(parts))

    @property
    def liquid(self) -> WellContents:
        """All liquid in the tip."""
        return mixed(part for part in self.parts if isinstance(part, WellContents))
