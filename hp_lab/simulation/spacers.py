"""What the hidden world knows of each spacer cation.

Molecules (charge, length, branching at the nitrogen, what is known to form layers) are
those of the spacer library. What they do in a film follows partly from these
descriptors and partly from an offset that belongs to the spacer alone, the same in
every laboratory: descriptors are informative, never sufficient. All rules are
assumptions of the simulator; the direction of each has its reason beside it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from hp_lab.chemistry.spacers import Spacer, library
from hp_lab.simulation import constants as c
from hp_lab.simulation.variation import normal_of

# Nature is the same for every laboratory and seed.
_NATURE = 20231


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenSpacer:
    """A spacer's behaviour in films.

    Attributes:
        charge: Positive charges a molecule.
        alternating: Shares the interlayer space with small cations (ACI).
        forms_layers: Share of the spacer that goes into layers when offered; the rest
            makes colourless chains.
        shift_n1_ev: Exciton energy of n = 1 against the reference ladder.
        ladder_ev: A ladder of its own, n = 1..4, or None.
        heavy_atoms: Non-hydrogen atoms of the cation.
        favoured_n: Layer number that suits it best.
        width: Factor on the width of the distribution of n.
        lattice_a: Spacing of the inorganic sheet that suits it best, angstrom.
        drying: Relative shift of the drop window.
        loss: Factor on its rate of loss on the hotplate.
        growth: Factor on the rate of crystallisation.
        ln_yield: Natural logarithm of its factor on the quantum yield.
        logp: Octanol-water partition (Crippen), for moisture.
    """

    charge: int
    alternating: bool
    forms_layers: float
    shift_n1_ev: float
    ladder_ev: tuple[float, ...] | None
    heavy_atoms: float
    favoured_n: float
    width: float
    lattice_a: float
    drying: float
    loss: float
    growth: float
    ln_yield: float
    logp: float


def is_spacer(species: str) -> bool:
    """Return whether a species is an organic cation that is no A cation."""
    return species in _names()


@cache
def _names() -> frozenset[str]:
    return frozenset(name for name in library() if name not in c.A_SITE_SHIFT_EV)


@cache
def hidden_spacer(name: str) -> HiddenSpacer:
    """Return the behaviour of a spacer of the library."""
    spacer = library()[name]
    about = spacer.descriptors
    diammonium = spacer.charge == 2
    bonds, aromatic = about["rot_bonds"], min(about["aromatic_rings"], 2.0)

    def offset(purpose: str) -> float:
        return normal_of(_NATURE, "spacer", name, purpose)

    # Diammonium spacers pin the layers and carry thicker ones; long chains do not.
    favoured = math.log(c.FAVOURED_N) + c.FAVOURED_DIAMMONIUM * diammonium
    favoured += c.FAVOURED_SPREAD * offset("favoured_n")
    favoured -= c.FAVOURED_LENGTH * (about["length_N_to_far_A"] - 6.0)
    # Floppy chains disorder the stacking, stacked rings order it.
    width = c.DISORDER_BONDS * max(bonds - 3.0, 0.0) - c.DISORDER_AROMATIC * aromatic
    width += c.DISORDER_SPREAD * offset("width")
    # Wide cations hold the sheet apart.
    lattice = c.SPACER_LATTICE_A + c.SPACER_LATTICE_AROMATIC_A * aromatic
    lattice += c.SPACER_LATTICE_SPREAD_A * offset("lattice")
    # Stacking molecules leave the solution first.
    drying = c.SPACER_DRYING - c.SPACER_DRYING_AROMATIC * aromatic
    drying += c.SPACER_DRYING_SPREAD * offset("drying")
    # Light molecules leave the film first; two anchors hold.
    loss = c.SPACER_LOSS_LN - c.SPACER_LOSS_WEIGHT * (about["mol_wt"] - 74.0)
    loss -= c.SPACER_LOSS_DIAMMONIUM * diammonium
    return HiddenSpacer(
        charge=spacer.charge,
        alternating=spacer.structure_class == "ACI",
        forms_layers=_forms_layers(spacer, offset("formability")),
        shift_n1_ev=_shift_n1_ev(name, offset("exciton")),
        ladder_ev=c.KNOWN_LADDER_EV.get(name),
        heavy_atoms=about["heavy_atoms"],
        favoured_n=math.exp(
            _within(favoured, (math.log(c.FAVOURED[0]), math.log(c.FAVOURED[1])))
        ),
        width=math.exp(_within(width, c.DISORDER_LN)),
        lattice_a=_within(lattice, c.SPACER_LATTICE_LIMITS_A),
        drying=_within(drying, c.SPACER_DRYING_LIMITS),
        loss=math.exp(max(loss, -2.0) + c.SPACER_LOSS_SPREAD * offset("loss")),
        growth=math.exp(
            c.SPACER_GROWTH_SPREAD * offset("growth")
            - c.SPACER_GROWTH_BONDS * max(bonds - 4.0, 0.0)
        ),
        ln_yield=c.SPACER_YIELD_SPREAD * offset("yield"),
        logp=about["logp_crippen"],
    )


def _within(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])


def _shift_n1_ev(name: str, offset: float) -> float:
    listed = c.EXCITON_N1_EV.get(name)
    if listed is None:
        return c.UNLISTED_SPACER_EV * offset
    most = 2.0 * c.LISTED_SPACER_EV
    hidden = min(max(c.LISTED_SPACER_EV * offset, -most), most)
    return listed - c.IODIDE_LADDER_EV[0] + hidden


def _forms_layers(spacer: Spacer, offset: float) -> float:
    """Return the share that forms layers: a logistic, bent to what is known.

    The score falls with substituents at the nitrogen, molecules too short or too long
    to reach across the interlayer space, polar surface and fused rings.
    """
    about: Mapping[str, float] = spacer.descriptors
    length = about["length_N_to_far_A"]
    score = (
        c.FORMS_SCORE
        - c.FORMS_SUBSTITUENT
        * (about["max_N_substituents"] - 1.0)
        * (spacer.charge == 1)
        - c.FORMS_SHORT * max(3.5 - length, 0.0)
        - c.FORMS_LONG * max(length - 16.0, 0.0)
        - c.FORMS_POLAR * max(about["tpsa"] - 60.0, 0.0)
        - c.FORMS_RINGS * max(about["rings"] - 2.0, 0.0)
        + c.FORMS_SPREAD * offset
    )
    if spacer.forms_2d == "yes":
        score = max(score, 1.5 + 0.3 * abs(offset))
    elif spacer.forms_2d == "no":
        score = min(score, -1.5 - 0.3 * abs(offset))
    elif spacer.forms_2d == "mixed":
        score = min(max(score, 0.3), 1.0)
    return 1.0 / (1.0 + math.exp(-2.0 * score))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpacerMix:
    """Several spacers in one film act by their share of the positive charge.

    Attributes:
        shares: Spacer to share of charge; empty without spacer.
    """

    shares: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, amounts: Mapping[str, float]) -> "SpacerMix":
        """Return the mix of dissolved amounts (umol, any common factor)."""
        charges = {
            name: umol * hidden_spacer(name).charge
            for name, umol in sorted(amounts.items())
            if umol > 0
        }
        total = sum(charges.values())
        return cls(shares=tuple((name, q / total) for name, q in charges.items()))

    def mean(self, attribute: str, empty: float) -> float:
        """Return the mean of a numeric attribute over the mix, or a value for none."""
        if not self.shares:
            return empty
        table = {
            name: _numbers(hidden_spacer(name))[attribute] for name, _ in self.shares
        }
        return sum(share * table[name] for name, share in self.shares)

    @property
    def volume_a3(self) -> float:
        """Volume of the spacers that carry two charges, cubic angstrom."""
        return sum(
            share * c.VOLUME_HEAVY_ATOM_A3 * entry.heavy_atoms * 2.0 / entry.charge
            for entry, share in ((hidden_spacer(n), s) for n, s in self.shares)
        )


def _numbers(entry: HiddenSpacer) -> dict[str, float]:
    return {
        "forms_layers": entry.forms_layers,
        "shift_n1_ev": entry.shift_n1_ev,
        "favoured_n": entry.favoured_n,
        "width": entry.width,
        "lattice_a": entry.lattice_a,
        "drying": entry.drying,
        "loss": entry.loss,
        "growth": entry.growth,
        "ln_yield": entry.ln_yield,
        "logp": entry.logp,
    }
