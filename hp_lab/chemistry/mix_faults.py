"""Why a composition cannot be mixed, in words that name the remedy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hp_lab.chemistry.ions import A_SITE, B_SITE, X_SITE, is_ion
from hp_lab.chemistry.mix_problem import MixProblem
from hp_lab.chemistry.solution import mixed
from hp_lab.chemistry.spacers import library
from hp_lab.chemistry.stocks import StockTable
from hp_lab.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why there is no mix.

    Attributes:
        is_inventory: There would be one if the wells held more.
    """

    text: str
    is_inventory: bool = False


def explain(
    problem: MixProblem, stocks: StockTable, usable_ul: Mapping[str, float]
) -> Reason:
    """Return the reason why a problem without a solution has none.

    Checks from the general to the particular: is a component missing, does any ratio of
    the stocks give the composition, is the concentration right, are volumes too small
    for the pipette, is there enough in the wells.
    """
    return (
        _missing(problem, stocks)
        or _wrong_ratio(problem, stocks)
        or _wrong_concentration(problem)
        or _wrong_solvents(problem)
        or _empty(problem, stocks, usable_ul)
        or _too_small(problem, stocks)
    )


def _missing(problem: MixProblem, stocks: StockTable) -> Reason | None:
    candidates = problem.candidates
    for name in problem.target:
        if any(name in problem.wells[well].species_m for well in candidates):
            continue
        sources = {
            stocks.wells[well].name: [s for s in solution.species_m if s != name]
            for well, solution in problem.wells.items()
            if name in solution.species_m
        }
        if not sources:
            return Reason(
                text=f"mixing: {name} is in none of the stocks; add a stock with "
                f"{_salt_hint(name)}, or leave {name} out"
            )
        unwanted = {s for others in sources.values() for s in others}
        unwanted -= set(problem.target)
        return Reason(
            text=f"mixing: no stock brings {name} without what is not wanted here "
            f"({', '.join(sorted(unwanted))}); {name} is in {', '.join(sources)}: add "
            f"a stock with {_salt_hint(name)}, or leave {name} out"
        )
    return None


def _wrong_ratio(problem: MixProblem, stocks: StockTable) -> Reason | None:
    volumes = problem.relaxed(with_concentration=False, total_ul=1.0)
    if volumes is None:
        return Reason(text="mixing: no stock holds a metal; add one with PbI2")
    wells = problem.candidates
    species, matrix, metal_m = problem.balance(wells)
    deviations = matrix @ volumes / float(metal_m @ volumes)
    if float(np.max(np.abs(deviations))) <= problem.limits.tolerance:
        return None
    # What lacks says more than what is left over.
    lacking = float(np.min(deviations)) < -problem.limits.tolerance
    worst = int(np.argmin(deviations) if lacking else np.argmax(deviations))
    name = species[worst]
    wanted = problem.target[name]
    sources = ", ".join(
        f"{well} ({stocks.wells[well].name})"
        for well in wells
        if name in problem.wells[well].species_m
    )
    richer = "richer" if lacking else "poorer"
    return Reason(
        text=f"mixing: {wanted:.3g} {name} for each metal ion are wanted, but the "
        f"closest mix has {wanted + deviations[worst]:.3g}; {name} comes from "
        f"{sources}: add a stock {richer} in {name}, or choose another composition"
    )


def _wrong_concentration(problem: MixProblem) -> Reason | None:
    limits = problem.limits
    volumes = problem.relaxed(with_concentration=True, total_ul=limits.max_volume_ul)
    wells = problem.candidates
    _, matrix, metal_m = problem.balance(wells)
    if volumes is not None:
        deviations = matrix @ volumes / float(metal_m @ volumes)
        if float(np.max(np.abs(deviations))) <= limits.tolerance:
            return None
    # The undiluted composition shows on which side the concentration is.
    free = problem.relaxed(with_concentration=False, total_ul=1.0)
    reached_m = float(metal_m @ free) if free is not None else 0.0
    diluted = any(not problem.wells[well].species_m for well in wells)
    if limits.concentration_m > reached_m or diluted:
        remedy = "lower concentration_m or use stronger stocks"
    else:
        remedy = "raise concentration_m or add a stock of the pure solvent"
    return Reason(
        text=f"mixing: {limits.concentration_m:g} M metal is wanted, but the stocks "
        f"give {reached_m:.3g} M in this composition; {remedy}"
    )


def _wrong_solvents(problem: MixProblem) -> Reason | None:
    if not problem.solvents:
        return None
    plenty = dict.fromkeys(problem.wells, float("inf"))
    if problem.solve(plenty) is not None:
        return None
    volumes_ul = replace(problem, solvents={}).solve(plenty)
    if volumes_ul is None:
        return None
    reached = mixed((problem.wells[well], v) for well, v in volumes_ul.items()).solvents
    texts = (
        ", ".join(f"{name} {fraction:.3g}" for name, fraction in solvents.items())
        for solvents in (problem.solvents, reached)
    )
    wanted_text, reached_text = texts
    return Reason(
        text=f"mixing: solvents {wanted_text} are wanted, but the stocks give "
        f"{reached_text}; add stocks in other solvents or leave the solvents open"
    )


def _empty(
    problem: MixProblem, stocks: StockTable, usable_ul: Mapping[str, float]
) -> Reason | None:
    plenty = problem.solve(dict.fromkeys(usable_ul, float("inf")))
    if plenty is None:
        return None
    lacking = {
        well: needed for well, needed in plenty.items() if needed > usable_ul[well]
    }
    # With two wells of one solution the plan may need both, each enough for itself.
    wells = lacking or plenty
    text = "; ".join(
        f"{well} ({stocks.wells[well].name}) would give {needed:.1f} uL, but has "
        f"{usable_ul[well]:.1f} uL above its dead volume"
        for well, needed in wells.items()
    )
    return Reason(
        text=f"mixing: {text}; refill the well or choose another composition",
        is_inventory=True,
    )


def _too_small(problem: MixProblem, stocks: StockTable) -> Reason:
    limits = problem.limits
    volumes = problem.relaxed(with_concentration=True, total_ul=limits.max_volume_ul)
    wells = problem.candidates
    small = _below_minimum(volumes, limits.pipette_min_ul)
    if small is None or volumes is None:
        return Reason(
            text=f"mixing: no volumes of at least {limits.pipette_min_ul:g} uL that "
            f"add to at most {limits.max_volume_ul:g} uL come within "
            f"{limits.tolerance:g} of the composition; raise max_volume_ul or "
            "tolerance"
        )
    well, volume_ul = wells[small], float(volumes[small])
    needed_ul = limits.max_volume_ul * limits.pipette_min_ul / volume_ul
    return Reason(
        text=f"mixing: {well} ({stocks.wells[well].name}) would give "
        f"{volume_ul:.1f} uL of {limits.max_volume_ul:g} uL, below the pipette's "
        f"{limits.pipette_min_ul:g} uL; raise max_volume_ul to {needed_ul:.0f} uL, "
        "raise the share, or leave it out"
    )


def _below_minimum(volumes: FloatArray | None, minimum_ul: float) -> int | None:
    if volumes is None:
        return None
    small = [i for i, v in enumerate(volumes) if 1e-6 < v < minimum_ul - 1e-6]
    return min(small, key=lambda i: float(volumes[i]), default=None)


def _salt_hint(name: str) -> str:
    if name in X_SITE:
        return f"Pb{name}2"
    if name in B_SITE:
        return f"{name}I2"
    if name in A_SITE or (is_ion(name) and library()[name].charge == 1):
        return f"{name}I"
    return f"{name}I2" if is_ion(name) else name
