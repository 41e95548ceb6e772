"""Which volumes of which stocks give a composition: a small mixed-integer problem.

A pipette moves no less than its minimum and no more than its maximum at a time, so the
volume of a stock is zero or lies in [k min, k max] for a whole number k of aspirations.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from hp_lab.chemistry.ions import B_SITE
from hp_lab.chemistry.mix_faults import explain
from hp_lab.chemistry.mix_problem import MixLimits, MixProblem
from hp_lab.chemistry.solution import Solution, mixed
from hp_lab.chemistry.stocks import StockTable
from hp_lab.errors import InvalidInput, InventoryError, UnreachableComposition

# Volumes are rounded to a nanolitre, finer than any pipette: records read better.
_DECIMALS = 3
# What that rounding can shift an ion by, for each metal ion, in mixes from 20 uL up.
_ROUNDING_MARGIN = 3e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class MixPlan:
    """Volumes that give a composition.

    Attributes:
        volumes_ul: Well to the volume taken from it, in the order of the stock table.
        solution: What these volumes give together.
        deviations: For each ion, its amount less the wanted one, for one metal ion.
    """

    volumes_ul: Mapping[str, float] = field(hash=False)
    solution: Solution
    deviations: Mapping[str, float] = field(hash=False)

    @property
    def total_ul(self) -> float:
        """Volume of the mix."""
        return sum(self.volumes_ul.values())

    @property
    def deviation(self) -> float:
        """Largest deviation of an ion, for one metal ion."""
        return max(map(abs, self.deviations.values()), default=0.0)


def plan_mix(
    target: Mapping[str, float],
    *,
    concentration_m: float,
    volume_ul: float,
    stocks: StockTable,
    pipette_min_ul: float,
    pipette_max_ul: float,
    max_volume_ul: float | None = None,
    available_ul: Mapping[str, float] | None = None,
    tolerance: float = 0.01,
    concentration_tolerance: float = 0.02,
    solvents: Mapping[str, float] | None = None,
    solvent_tolerance: float = 0.02,
) -> MixPlan:
    """Find the volumes whose mixture comes closest to a composition.

    First the largest deviation of an ion is made as small as possible, then, keeping it
    within a tenth of the tolerance of that, few stocks and little volume are used.
    The same arguments give the same plan.

    Args:
        target: Relative amounts of ions and inert molecules; one must be a metal.
        concentration_m: Wanted concentration of the metals, mol/L.
        volume_ul: Least volume of the mix.
        stocks: What the wells hold; antisolvents are not used.
        pipette_min_ul: Least volume of one aspiration.
        pipette_max_ul: Most volume of one aspiration.
        max_volume_ul: The volume may be raised to this so that small shares reach the
            pipette's minimum; by default it is not raised.
        available_ul: What the wells hold now; by default what they were filled with.
            The table's dead volume is left in them.
        tolerance: Largest deviation of any ion, for one metal ion; from 0.001.
        concentration_tolerance: Largest relative deviation of the concentration.
        solvents: Wanted volume fractions of solvents; by default they come as they do.
        solvent_tolerance: Largest deviation of a solvent's volume fraction.

    Raises:
        InvalidInput: An argument is outside its limits.
        UnreachableComposition: These stocks cannot give it; the message names the
            missing component, or the volume that is out of range and its limit.
        InventoryError: They could if ``available_ul`` were more.
    """
    limits = MixLimits(
        concentration_m=concentration_m,
        min_volume_ul=volume_ul,
        max_volume_ul=volume_ul if max_volume_ul is None else max_volume_ul,
        pipette_min_ul=pipette_min_ul,
        pipette_max_ul=pipette_max_ul,
        tolerance=tolerance,
        concentration_tolerance=concentration_tolerance,
        solvent_tolerance=solvent_tolerance,
    )
    per_metal = _per_metal(target)
    held_ul = stocks.volumes_ul() if available_ul is None else available_ul
    usable_ul = {
        well: max(held_ul.get(well, 0.0) - stocks.dead_volume_ul, 0.0)
        for well in stocks.precursors
    }
    problem = MixProblem(
        target=per_metal,
        solvents=dict(solvents or {}),
        wells={well: stock.solution for well, stock in stocks.precursors.items()},
        limits=limits,
        margin=_ROUNDING_MARGIN,
    )
    volumes_ul = problem.solve(usable_ul)
    if volumes_ul is None:
        reason = explain(problem, stocks, usable_ul)
        if reason.is_inventory and available_ul is not None:
            raise InventoryError(reason.text)
        raise UnreachableComposition(reason.text)
    rounded = {well: round(volume, _DECIMALS) for well, volume in volumes_ul.items()}
    solution = mixed((stocks.wells[well].solution, v) for well, v in rounded.items())
    return MixPlan(
        volumes_ul=rounded,
        solution=solution,
        deviations={
            name: solution.species_m.get(name, 0.0) / solution.metal_m
            - per_metal.get(name, 0.0)
            for name in sorted({*solution.species_m, *per_metal})
        },
    )


def aspirations_ul(
    volume_ul: float, *, pipette_min_ul: float, pipette_max_ul: float
) -> tuple[float, ...]:
    """Split a volume into the fewest equal aspirations that the pipette can do.

    Raises:
        InvalidInput: No number of aspirations makes it.
    """
    count = math.ceil(volume_ul / pipette_max_ul - 1e-9)
    if count < 1 or volume_ul / count < pipette_min_ul - 1e-9:
        msg = (
            f"pipette: {volume_ul:g} uL cannot be moved in portions from "
            f"{pipette_min_ul:g} to {pipette_max_ul:g} uL; change the volume"
        )
        raise InvalidInput(msg)
    return (volume_ul / count,) * count


def _per_metal(target: Mapping[str, float]) -> dict[str, float]:
    for name, amount in target.items():
        if not (math.isfinite(amount) and amount >= 0):
            msg = f"mixing: amount {amount:g} of {name} must be a finite number from 0"
            raise InvalidInput(msg)
    metal = sum(target.get(ion, 0.0) for ion in B_SITE)
    if metal <= 0:
        msg = (
            f"mixing: the target needs a metal; give an amount of {' or '.join(B_SITE)}"
        )
        raise InvalidInput(msg)
    return {name: amount / metal for name, amount in target.items() if amount > 0}
