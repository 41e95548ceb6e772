"""Formation: from what happened to a substrate to the film that is on it.

The way of a film: coats -> ink -> stoichiometry after losses on the hotplate ->
ordering -> shares of lead in each phase -> volumes, thickness, morphology.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from hp_lab.simulation import constants as c
from hp_lab.simulation.coating import Coat, coats_of
from hp_lab.simulation.degradation import (
    Heat,
    air_share,
    crystallised,
    heat_since,
    light_factor,
    segregated_share,
)
from hp_lab.simulation.films import FilmHistory
from hp_lab.simulation.inks import Composition, Ink
from hp_lab.simulation.phases import INVERSE_LAYERS, Ordering, distribute, ordering_of
from hp_lab.simulation.variation import Variation
from hp_lab.units import FloatArray

# What absorbs beside the layered phases, in this order.
BY_PRODUCTS = ("lead_iodide", "delta", "chains", "solvate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """The hidden truth of a film at a time.

    Shares are of the metal; ``layered`` and ``by_products`` together add to one.

    Attributes:
        composition: Its ions.
        nominal_n: Layer number of the dispensed stoichiometry; infinite without spacer.
        thickness_nm: Of the perovskite and its by-products.
        inert_nm: Of inert layers.
        layered: Share of each of ``phases.LAYERS``, shape (9,).
        by_products: Shares of lead iodide, delta phase, chains and solvate, shape (4,).
        quality: Of the drop, 0 to 1.
        crystalline: Crystallised share, 0 to 1.
        coverage: Covered share of the area.
        roughness_nm: Root mean square.
        haze: Naperian depth of scattering at 550 nm.
        gradient: 0 for no vertical order, 1 for thin layers at the substrate only.
        peak_shift_ev: Of this film's energies against its kind's.
        ln_yield: Logarithm of its factor on the quantum yield.
        segregated: Share of the halide that parted under light.
        shoulder: Share of the thin layers' emission that large crystals shift red.
    """

    composition: Composition
    nominal_n: float
    thickness_nm: float
    inert_nm: float
    layered: FloatArray
    by_products: FloatArray
    quality: float
    crystalline: float
    coverage: float
    roughness_nm: float
    haze: float
    gradient: float
    peak_shift_ev: float
    ln_yield: float
    segregated: float = 0.0
    shoulder: float = 0.0


def film_at(history: FilmHistory, now_s: float, variation: Variation) -> Film | None:
    """Return the film on a substrate at a time, fresh; None on a bare substrate.

    Ageing in air and light is not in it, see :func:`aged`.
    """
    film: Film | None = None
    inert_nm = 0.0
    for coat in coats_of(history, now_s, variation):
        if coat.ink is None:
            inert_nm += coat.inert_nm
            if coat.redissolves:
                film = None
        else:
            # A polar ink dissolves the perovskite below it.
            film = _spun_film(coat, coat.ink, history, now_s, variation)
    return None if film is None else replace(film, inert_nm=inert_nm)


def aged(film: Film, age_s: float, dose_s: float) -> Film:
    """Return a film after an age in air and a dose of excitation light, seconds."""
    emission, lattice = air_share(film.composition, age_s)
    lit = light_factor(
        dose_s,
        gain=c.LIGHT_GAIN,
        growth_s=c.LIGHT_GROWTH_S,
        decay_s=c.LIGHT_DECAY_S,
    )
    lost = (1.0 - lattice) * float(film.layered.sum())
    by_products = film.by_products + np.array([lost, 0.0, 0.0, 0.0])
    return replace(
        film,
        layered=film.layered * lattice,
        by_products=by_products,
        ln_yield=film.ln_yield + math.log(emission * lit),
        segregated=segregated_share(film.composition.bromide, dose_s),
    )


def volumes_a3(film: Film) -> tuple[FloatArray, FloatArray]:
    """Return volumes a lead atom: of each layered phase (9,), each by-product (4,)."""
    composition = film.composition
    spacer_a3 = composition.spacers.volume_a3
    smaller = 1.0 - (1.0 - c.VOLUME_BROMIDE) * composition.bromide
    layered = smaller * (
        c.VOLUME_3D_A3
        + INVERSE_LAYERS * (c.VOLUME_SHEET_A3 - c.VOLUME_3D_A3 + spacer_a3)
    )
    chain_a3 = c.VOLUME_SHEET_A3 + spacer_a3
    by_products = np.array(
        [c.VOLUME_LEAD_IODIDE_A3, c.VOLUME_DELTA_A3, chain_a3, layered[2]]
    )
    return layered, by_products


def _spun_film(
    coat: Coat, ink: Ink, history: FilmHistory, now_s: float, variation: Variation
) -> Film:
    heat = heat_since(history, coat.start_s, now_s)
    after = [h.arrive_s for h in history.heatings if h.arrive_s >= coat.end_s]
    waited_s = max((min(after) if after else now_s) - coat.end_s, 0.0)
    waits = 1.0 + c.WAIT_QUALITY_LOSS * math.expm1(-waited_s / c.WAIT_QUALITY_S)
    quality = coat.quality * waits
    spacers = ink.composition.spacers
    growth = heat.growth * spacers.mean("growth", 1.0)
    growth *= (
        c.GROWTH_QUALITY[0] + (c.GROWTH_QUALITY[1] - c.GROWTH_QUALITY[0]) * quality
    )
    start = c.CAST_CRYSTALLINE * quality
    return form(
        ink,
        heat,
        quality=quality,
        crystalline=start + (1.0 - start) * crystallised(growth),
        thickness_nm=coat.thickness_nm,
        variation=variation,
        apart_sigma_ln=c.LN_APART_FILM,
        peak_sigma_ev=c.PEAK_FILM_EV,
        yield_sigma_ln=c.LN_YIELD_FILM,
    )


def form(
    ink: Ink,
    heat: Heat,
    *,
    quality: float,
    crystalline: float,
    thickness_nm: float,
    variation: Variation,
    apart_sigma_ln: float,
    peak_sigma_ev: float,
    yield_sigma_ln: float,
    more_apart: float = 0.0,
    wider: float = 1.0,
) -> Film:
    """Return the film that an ink makes, by whatever route.

    Args:
        ink: What was dispensed.
        heat: What heat did to it since.
        quality: Of the drop, 0 to 1.
        crystalline: Crystallised share, 0 to 1.
        thickness_nm: As if it were MAPbI3 with as much lead; bulky spacers swell it.
        variation: How the film differs from its kind.
        apart_sigma_ln: Film-to-film spread of the odds to fall apart.
        peak_sigma_ev: Film-to-film spread of the energies.
        yield_sigma_ln: Film-to-film spread of the logarithm of the quantum yield.
        more_apart: Share that falls apart for reasons of the route.
        wider: Factor on the width of the distribution for reasons of the route.
    """
    composition = ink.composition
    stoichiometry = _after_losses(ink, heat)
    left = ink_with(ink, *stoichiometry)
    ordering = ordering_of(
        composition,
        inverse_n=ink.inverse_n,
        quality=quality,
        crystalline=crystalline,
        ordered=-math.expm1(-heat.ordering),
        coarsening=heat.coarsening,
        alpha=heat.alpha,
    )
    apart = 1.0 - (1.0 - ordering.apart) * (1.0 - more_apart)
    odds = apart / max(1.0 - apart, 1e-6)
    odds *= variation.factor("apart", apart_sigma_ln)
    ordering = replace(
        ordering,
        apart=min(odds / (1.0 + odds), c.APART_MOST),
        width=ordering.width * wider * variation.factor("width", c.LN_WIDTH_FILM),
    )
    layered, by_products = _shares(left, ordering, crystalline)
    film = Film(
        composition=composition,
        nominal_n=ink.nominal_n,
        thickness_nm=0.0,
        inert_nm=0.0,
        layered=layered,
        by_products=by_products,
        quality=quality,
        crystalline=crystalline,
        coverage=1.0 - c.PINHOLES * (1.0 - quality) ** 2,
        roughness_nm=c.ROUGHNESS_NM[0]
        + (c.ROUGHNESS_NM[1] - c.ROUGHNESS_NM[0]) * (1.0 - quality),
        haze=c.HAZE
        * (1.0 - quality) ** c.HAZE_POWER
        * variation.factor("haze", c.LN_HAZE_FILM)
        * min(thickness_nm / c.HAZE_THICKNESS_NM, c.HAZE_THICKNESS_MOST),
        gradient=c.GRADIENT[0]
        + (c.GRADIENT[1] - c.GRADIENT[0]) * (1.0 - quality * crystalline),
        peak_shift_ev=peak_sigma_ev * variation.film("peak"),
        ln_yield=yield_sigma_ln * variation.film("yield")
        + c.LN_YIELD_BATCH * variation.batch("yield"),
    )
    layered_a3, by_product_a3 = volumes_a3(film)
    volume_a3 = float(layered @ layered_a3 + by_products @ by_product_a3)
    swelling = (volume_a3 / c.VOLUME_3D_A3) ** c.THICKNESS_VOLUME_POWER
    return replace(film, thickness_nm=thickness_nm * swelling)


def ink_with(ink: Ink, spacer_charge: float, a_per_pb: float) -> Ink:
    """Return an ink with other amounts of organics."""
    return replace(ink, spacer_charge=spacer_charge, a_per_pb=a_per_pb)


def _after_losses(ink: Ink, heat: Heat) -> tuple[float, float]:
    """Return spacer charge and A cations a metal after the hotplate."""
    composition = ink.composition
    stays = math.exp(-heat.spacer_loss * composition.spacers.mean("loss", 1.0))
    a_stays = sum(
        share * math.exp(-heat.a_loss * c.A_LOSS_BY_ION[ion])
        for ion, share in composition.a_site
    )
    # Surplus organics leave first and harm nothing.
    surplus = max(ink.spacer_charge / 2.0 + ink.a_per_pb, 1.0)
    return ink.spacer_charge / surplus * stays, ink.a_per_pb / surplus * a_stays


def _shares(
    ink: Ink, ordering: Ordering, crystalline: float
) -> tuple[FloatArray, FloatArray]:
    reacted = ink.reacted
    forms = ink.composition.spacers.mean("forms_layers", 1.0)
    # A spacer that forms no layers binds as much lead into chains.
    chains = reacted * (1.0 - forms) * ink.inverse_n
    lattice = reacted - chains
    inverse_n = reacted * forms * ink.inverse_n / lattice if lattice > 1e-9 else 0.0
    shares = distribute(inverse_n, ordering)
    delta = ordering.delta * shares[-1]
    shares[-1] -= delta
    solvate = c.SOLVATE_UNANNEALED * (1.0 - crystalline)
    layered = lattice * (1.0 - solvate) * shares
    by_products = np.array(
        [
            1.0 - reacted,
            lattice * (1.0 - solvate) * delta,
            chains,
            lattice * solvate,
        ]
    )
    return layered, by_products
