"""Droplets dried in the wells of a plate: slow, unannealed, far from stoichiometric.

Published plates of quasi-two-dimensional FA perovskites are of this kind. Between many
spacers the A cation finds no place and ends as the yellow phase; beyond an onset it
enters, first into layers, then, at once and much beyond stoichiometry, into 3D-like
grains.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from hp_lab.errors import InvalidInput
from hp_lab.simulation import constants as c
from hp_lab.simulation.degradation import light_factor
from hp_lab.simulation.formation import Film
from hp_lab.simulation.inks import Ink, ink_of
from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.phases import Ordering, distribute
from hp_lab.simulation.spacers import hidden_spacer
from hp_lab.simulation.variation import Variation


@dataclass(frozen=True, slots=True, kw_only=True)
class WellKinetics:
    """How a well's emission changes in air, seconds."""

    gain: float
    growth_s: float
    decay_s: float

    def factor(self, elapsed_s: float) -> float:
        """Return the emission against its start."""
        return light_factor(
            elapsed_s, gain=self.gain, growth_s=self.growth_s, decay_s=self.decay_s
        )


def dried_well(liquid: WellContents, variation: Variation) -> Film:
    """Return the film that a droplet leaves in a well.

    Raises:
        InvalidInput: The liquid holds no metal halide.
    """
    ink = ink_of(liquid)
    if ink is None:
        msg = "well: the liquid holds no metal halide; nothing dries to a film"
        raise InvalidInput(msg)
    free = 1.0 - ink.inverse_n
    entered = _onset(free, c.WELL_ENTERS)
    enters = free * entered
    lattice = ink.inverse_n + enters
    double = diammonium_share(ink)
    ordering = Ordering(
        width=c.WELL_WIDTH
        * (1.0 + c.WELL_WIDTH_DIAMMONIUM * double)
        * variation.factor("well width", c.LN_WELL_WIDTH),
        apart=c.WELL_APART * _onset(free, c.WELL_THREE_D),
        low_one=0.9,
        delta=0.0,
    )
    layered = lattice * distribute(ink.inverse_n / lattice, ordering)
    by_products = np.array([0.0, free - enters, 0.0, 0.0])
    metal_umol = ink.pb_m * liquid.volume_ul
    return Film(
        composition=ink.composition,
        nominal_n=ink.nominal_n,
        thickness_nm=_thickness_nm(metal_umol, ink),
        inert_nm=0.0,
        layered=layered,
        by_products=by_products,
        quality=c.WELL_QUALITY,
        crystalline=c.WELL_CRYSTALLINE,
        coverage=1.0,
        roughness_nm=c.WELL_ROUGHNESS_NM,
        haze=1.0,
        gradient=c.WELL_GRADIENT * entered,
        peak_shift_ev=c.WELL_SHIFT_EV + c.PEAK_WELL_EV * variation.film("well peak"),
        ln_yield=c.WELL_LN_YIELD
        + c.WELL_LN_DIAMMONIUM * double**2
        + c.WELL_LN_BARE * (1.0 - _onset(_monoammonium(ink), c.WELL_BRIGHT))
        + c.LN_WELL_YIELD * variation.film("well yield"),
        shoulder=c.WELL_SHOULDER * _onset(_monoammonium(ink), c.WELL_SHOULDERED),
    )


def kinetics_of(liquid: WellContents, variation: Variation) -> WellKinetics:
    """Return how the emission of a well changes in air.

    Raises:
        InvalidInput: The liquid holds no metal halide.
    """
    ink = ink_of(liquid)
    if ink is None:
        msg = "well: the liquid holds no metal halide; nothing emits"
        raise InvalidInput(msg)
    single, double = _monoammonium(ink), diammonium_share(ink) * ink.inverse_n
    stable = _onset(single - c.WELL_UNSETTLES * double, c.WELL_STABLE)

    def between(ends: tuple[float, float]) -> float:
        return math.exp((1.0 - stable) * math.log(ends[0]) + stable * math.log(ends[1]))

    varied = variation.factor("well gain", c.LN_WELL_GAIN)
    return WellKinetics(
        gain=1.0 + (between(c.WELL_GAIN) - 1.0) * varied,
        growth_s=60.0 * between(c.WELL_GROWTH_MIN),
        decay_s=60.0 * between(c.WELL_DECAY_MIN),
    )


def after(film: Film, kinetics: WellKinetics, elapsed_s: float) -> Film:
    """Return a well's film after a time in air."""
    change = math.log(kinetics.factor(elapsed_s))
    return replace(film, ln_yield=film.ln_yield + change)


def diammonium_share(ink: Ink) -> float:
    """Return the share of the spacers' charge on doubly charged ones."""
    return sum(
        share
        for name, share in ink.composition.spacers.shares
        if hidden_spacer(name).charge == 2
    )


def _monoammonium(ink: Ink) -> float:
    """Return the share of lead that goes with singly charged spacers."""
    return ink.inverse_n * (1.0 - diammonium_share(ink))


def _onset(value: float, place: tuple[float, float]) -> float:
    return float(expit((value - place[0]) / place[1]))


def _thickness_nm(metal_umol: float, ink: Ink) -> float:
    volume_a3 = c.VOLUME_3D_A3 + ink.inverse_n * ink.composition.spacers.volume_a3
    # 1 umol of 1 cubic angstrom is 6.022e-4 nm over 1 mm2, times 1000.
    return metal_umol * volume_a3 * 602.2 / c.WELL_AREA_MM2
