"""Inks: what was really pipetted, seen as a perovskite precursor.

For layered perovskites L2 A(n-1) Pb(n) X(3n+1) every lead needs s/2 + a = 1, with s the
spacers' charge and a the A cations a lead; n = 2 (s/2 + a) / s follows. Less organic
leaves lead iodide behind, more of it shares the lead in proportion.
"""

from dataclasses import dataclass

from hp_lab.simulation import constants as c
from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.spacers import SpacerMix, hidden_spacer, is_spacer

_METALS = ("Pb", "Sn", "Ge")
_HALIDES = ("I", "Br", "Cl")
# Less than this (mol/L) of solute is a solvent with traces.
TRACE_M = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """The ions of a film, apart from their amounts against each other.

    Attributes:
        spacers: The spacers' mix.
        a_site: (ion, fraction) pairs, adding to one; MA alone where there is none.
        bromide: Bromide's share of the halide that the lattice takes up.
        chloride: Chloride's share of it.
        tin: Share of the metal that is not lead.
    """

    spacers: SpacerMix
    a_site: tuple[tuple[str, float], ...]
    bromide: float
    chloride: float
    tin: float

    def a_mean(self, table: dict[str, float]) -> float:
        """Return the mean of a property over the A site."""
        return sum(share * table[ion] for ion, share in self.a_site)

    def a_fraction(self, ion: str) -> float:
        """Return an ion's fraction of the A site."""
        return dict(self.a_site).get(ion, 0.0)

    @property
    def lattice_a(self) -> float:
        """Spacing of the inorganic lattice, angstrom (Vegard)."""
        return (
            self.a_mean(c.LATTICE_A)
            + c.LATTICE_BROMIDE_A * (self.bromide + self.chloride)
            + c.LATTICE_TIN_A * self.tin
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """A precursor solution.

    Attributes:
        pb_m: Metal concentration, mol/L.
        spacer_charge: Charge of spacers a metal, s.
        a_per_pb: A cations a metal, a.
        composition: Its ions.
    """

    pb_m: float
    spacer_charge: float
    a_per_pb: float
    composition: Composition

    @property
    def nominal_n(self) -> float:
        """Layer number that the stoichiometry asks for; infinite without spacer."""
        half = self.spacer_charge / 2.0
        return (half + self.a_per_pb) / half if half > 0 else float("inf")

    @property
    def inverse_n(self) -> float:
        """1/n of the stoichiometry; 0 without spacer."""
        half = self.spacer_charge / 2.0
        return half / (half + self.a_per_pb) if half > 0 else 0.0

    @property
    def reacted(self) -> float:
        """Share of the metal that finds enough organic cations."""
        return min(self.spacer_charge / 2.0 + self.a_per_pb, 1.0)


def ink_of(liquid: WellContents) -> Ink | None:
    """Return a liquid as a precursor ink; None when it holds no metal halide."""
    metals = {name: liquid.species.get(name, 0.0) for name in _METALS}
    metal = sum(metals.values())
    if liquid.volume_ul <= 0 or metal / liquid.volume_ul < TRACE_M:
        return None
    spacers = {
        name: umol
        for name, umol in liquid.species.items()
        if umol > 0 and is_spacer(name)
    }
    cations = {
        name: liquid.species.get(name, 0.0)
        for name in c.A_SITE_SHIFT_EV
        if liquid.species.get(name, 0.0) > 0
    }
    a_total = sum(cations.values())
    charge = sum(umol * hidden_spacer(name).charge for name, umol in spacers.items())
    # An alternating cation takes one of the small cations along between the layers.
    paired = sum(u for name, u in spacers.items() if hidden_spacer(name).alternating)
    bromide, chloride = _halides(liquid)
    return Ink(
        pb_m=metal / liquid.volume_ul,
        spacer_charge=(charge + min(paired, a_total)) / metal,
        a_per_pb=max(a_total - paired, 0.0) / metal,
        composition=Composition(
            spacers=SpacerMix.of(spacers),
            a_site=tuple((ion, umol / a_total) for ion, umol in cations.items())
            or (("MA", 1.0),),
            bromide=bromide,
            chloride=chloride,
            tin=1.0 - metals["Pb"] / metal,
        ),
    )


def inert_m(liquid: WellContents) -> float:
    """Return the concentration of solutes that are no part of a perovskite, mol/L."""
    if liquid.volume_ul <= 0:
        return 0.0
    active = {*_METALS, *_HALIDES, *c.A_SITE_SHIFT_EV}
    umol = sum(
        amount
        for name, amount in liquid.species.items()
        if name not in active and not is_spacer(name)
    )
    return umol / liquid.volume_ul


def _halides(liquid: WellContents) -> tuple[float, float]:
    iodide, bromide, chloride = (liquid.species.get(x, 0.0) for x in _HALIDES)
    total = iodide + bromide + chloride
    if total <= 0:
        return 0.0, 0.0
    if iodide > 0:
        limit = c.CHLORIDE_IN_IODIDE * iodide + bromide
        chloride = min(chloride, limit)
        total = iodide + bromide + chloride
    return bromide / total, chloride / total
