"""The mixed-integer problem behind a mix, and its relaxations."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from hp_lab.chemistry.solution import Solution
from hp_lab.errors import HpLabError, InvalidInput
from hp_lab.units import FloatArray

# One more stock costs as much as the mix's least volume of liquid.
_STOCK_COST = 1.0
# Prefers wells that come first in the table, so that ties have one answer.
_ORDER_COST = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class MixLimits:
    """Numbers that bound a mix; see :func:`hp_lab.chemistry.mixing.plan_mix`."""

    concentration_m: float
    min_volume_ul: float
    max_volume_ul: float
    pipette_min_ul: float
    pipette_max_ul: float
    tolerance: float
    concentration_tolerance: float
    solvent_tolerance: float

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        for name in (
            "concentration_m",
            "min_volume_ul",
            "max_volume_ul",
            "pipette_min_ul",
            "pipette_max_ul",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                msg = f"mixing: {name} {value:g} must be a finite number above 0"
                raise InvalidInput(msg)
        for low, high in (
            ("min_volume_ul", "max_volume_ul"),
            ("pipette_min_ul", "pipette_max_ul"),
        ):
            if getattr(self, low) > getattr(self, high):
                msg = (
                    f"mixing: {low} {getattr(self, low):g} is above {high} "
                    f"{getattr(self, high):g}; raise {high}"
                )
                raise InvalidInput(msg)
        for name in ("tolerance", "concentration_tolerance", "solvent_tolerance"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.001 <= value < 1):
                msg = f"mixing: {name} {value:g} must be from 0.001 to below 1"
                raise InvalidInput(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixProblem:
    """A target, the solutions it may be made of, and the limits.

    Attributes:
        target: Amount of each ion or molecule for one metal ion.
        solvents: Wanted volume fractions; empty means any.
        wells: Well to its solution.
        margin: How far the deviation must stay below the tolerance.
    """

    target: Mapping[str, float]
    solvents: Mapping[str, float]
    wells: Mapping[str, Solution]
    limits: MixLimits
    margin: float

    @property
    def candidates(self) -> list[str]:
        """Wells that bring nothing but what is wanted.

        A pure solvent dilutes if the solutes come in it or it is asked for: isopropanol
        on the deck must not get into a DMF ink.
        """
        bearing = [
            well
            for well, solution in self.wells.items()
            if solution.species_m and all(s in self.target for s in solution.species_m)
        ]
        familiar = {s for well in bearing for s in self.wells[well].solvents}
        familiar |= set(self.solvents)
        diluents = [
            well
            for well, solution in self.wells.items()
            if not solution.species_m and familiar.issuperset(solution.solvents)
        ]
        return bearing + diluents

    def solve(self, usable_ul: Mapping[str, float]) -> dict[str, float] | None:
        """Return the volumes above zero, by well, or None if there are none.

        Args:
            usable_ul: Well to the volume that can be taken from it.
        """
        wells = [w for w in self.candidates if usable_ul[w] > 0]
        if not wells:
            return None
        model = _Model(self, wells, [usable_ul[w] for w in wells])
        closest = model.minimise(model.error_cost())
        if closest is None:
            return None
        limits = self.limits
        # Errors are amounts (metal molarity times uL), as large as the mix.
        slack = 0.1 * limits.tolerance * limits.concentration_m * limits.min_volume_ul
        cheap = model.minimise(
            model.effort_cost(), error_limit=float(closest[-1]) + slack
        )
        chosen = closest if cheap is None else cheap
        # Nearly the same volumes of the same stocks, without using up that slack.
        exact = model.minimise(
            model.error_cost(),
            counts=np.round(chosen[len(wells) : 2 * len(wells)]),
            total_ul=1.05 * float(np.sum(chosen[: len(wells)])),
        )
        solution = chosen if exact is None else exact
        counts = solution[len(wells) : 2 * len(wells)]
        return {
            well: float(solution[i])
            for i, well in enumerate(wells)
            if round(counts[i]) > 0
        }

    def relaxed(
        self, *, with_concentration: bool, total_ul: float
    ) -> FloatArray | None:
        """Return volumes of the candidates if the pipette could do any volume.

        The deviation is minimised, whatever it is.

        Args:
            with_concentration: Whether the concentration must be right.
            total_ul: Volume of the mix.

        Returns:
            Volumes, shape (len(candidates),), or None where no volumes do.
        """
        wells = self.candidates
        if not wells:
            return None
        species, matrix, metal_m = self.balance(wells)
        k = len(wells)
        error = np.full((len(species), 1), 1.0)
        constraints = [
            LinearConstraint(np.hstack([matrix, -error]), -np.inf, 0),
            LinearConstraint(np.hstack([matrix, error]), 0, np.inf),
            LinearConstraint(np.append(np.ones(k), 0), total_ul, total_ul),
            # Without any metal the deviation would be zero.
            LinearConstraint(np.append(metal_m, 0), 1e-6 * total_ul, np.inf),
        ]
        if with_concentration:
            wanted = self.limits.concentration_m * total_ul
            spread = self.limits.concentration_tolerance
            constraints.append(
                LinearConstraint(
                    np.append(metal_m, 0), (1 - spread) * wanted, (1 + spread) * wanted
                )
            )
        cost = np.append(np.zeros(k), 1.0)
        result = milp(cost, constraints=constraints)
        return None if result.x is None else np.asarray(result.x[:k])

    def balance(self, wells: Sequence[str]) -> tuple[list[str], FloatArray, FloatArray]:
        """Return what the deviation of each species is made of.

        Returns:
            Species; matrix of shape (len(species), len(wells)), whose product with the
            volumes is amount less wanted amount; metal molarity, shape (len(wells),).
        """
        solutions = [self.wells[well] for well in wells]
        metal_m = np.array([solution.metal_m for solution in solutions])
        species = list(self.target)
        matrix = np.array(
            [
                [
                    s.species_m.get(name, 0.0) - self.target[name] * s.metal_m
                    for s in solutions
                ]
                for name in species
            ]
        )
        return species, matrix, metal_m


class _Model:
    """Variables: volumes (uL), aspirations, and last the largest deviation."""

    def __init__(
        self, problem: MixProblem, wells: Sequence[str], usable_ul: Sequence[float]
    ) -> None:
        limits = problem.limits
        k = len(wells)
        self._k = k
        most_ul = np.minimum(usable_ul, limits.max_volume_ul)
        # A pipette whose maximum is twice its minimum reaches every volume from the
        # minimum up; then it is enough to know whether a stock is used at all.
        any_from_min = limits.pipette_max_ul >= 2 * limits.pipette_min_ul
        most_counts = np.ones(k)
        portion_ul = most_ul
        if not any_from_min:
            most_counts = np.floor(most_ul / limits.pipette_min_ul)
            portion_ul = np.full(k, limits.pipette_max_ul)
        self._bounds = Bounds(
            np.zeros(2 * k + 1),
            np.concatenate([most_ul, most_counts, [np.inf]]),
        )
        self._integrality = np.concatenate([np.zeros(k), np.ones(k), [0]])
        self._min_volume_ul = limits.min_volume_ul
        species, matrix, metal_m = problem.balance(wells)
        rows = len(species)
        none, error = np.zeros((rows, k)), np.ones((rows, 1))
        eye = np.eye(k)
        blank = np.zeros((k, 1))
        ones = np.ones(k)
        allowed = limits.tolerance - problem.margin
        ratio = limits.concentration_tolerance / limits.tolerance
        self._constraints = [
            LinearConstraint(np.hstack([matrix, none, -error]), -np.inf, 0),
            LinearConstraint(np.hstack([matrix, none, error]), 0, np.inf),
            _one(metal_m * allowed, -1.0, 0, np.inf),
            _one(ones, 0.0, limits.min_volume_ul, limits.max_volume_ul),
            # Concentration and solvents count too, each by its own tolerance.
            _one(metal_m - limits.concentration_m, -ratio, -np.inf, 0),
            _one(metal_m - limits.concentration_m, ratio, 0, np.inf),
            LinearConstraint(
                np.hstack([eye, -limits.pipette_min_ul * eye, blank]), 0, np.inf
            ),
            LinearConstraint(np.hstack([eye, -np.diag(portion_ul), blank]), -np.inf, 0),
        ]
        share = limits.solvent_tolerance / limits.tolerance / limits.concentration_m
        for solvent, wanted in problem.solvents.items():
            excess = np.array(
                [problem.wells[w].solvents.get(solvent, 0.0) - wanted for w in wells]
            )
            self._constraints += [
                _one(excess, -share, -np.inf, 0),
                _one(excess, share, 0, np.inf),
            ]

    def error_cost(self) -> FloatArray:
        # The smallest mix among equally good ones.
        volume = np.full(self._k, 1e-6)
        return np.concatenate([volume, np.zeros(self._k), [1.0]])

    def effort_cost(self) -> FloatArray:
        volume = np.full(self._k, 1.0 / self._min_volume_ul)
        stocks = _STOCK_COST + _ORDER_COST * np.arange(self._k)
        return np.concatenate([volume, stocks, [0.0]])

    def minimise(
        self,
        cost: FloatArray,
        *,
        error_limit: float = np.inf,
        counts: FloatArray | None = None,
        total_ul: float = np.inf,
    ) -> FloatArray | None:
        """Return the variables of least cost, or None if there are none.

        Args:
            cost: Cost of each variable, shape (2 k + 1,).
            error_limit: Most deviation, as an amount.
            counts: Numbers of aspirations to keep to, shape (k,).
            total_ul: Most volume of the mix.

        Raises:
            HpLabError: The solver gave up.
        """
        k = self._k
        low, high = np.array(self._bounds.lb), np.array(self._bounds.ub)
        high[-1] = error_limit
        if counts is not None:
            low[k : 2 * k] = high[k : 2 * k] = counts
        result = milp(
            cost,
            integrality=self._integrality,
            bounds=Bounds(low, high),
            constraints=[
                *self._constraints,
                _one(np.ones(k), 0.0, self._min_volume_ul, total_ul),
            ],
        )
        if result.x is not None and result.status == 0:
            return np.asarray(result.x)
        # Presolve may leave open whether it is infeasible or unbounded; volumes have
        # bounds, so it is the former.
        if result.status == 2 or "infeasible" in result.message.lower():
            return None
        msg = f"mixing: the solver gave up ({result.message})"
        raise HpLabError(msg)


def _one(
    volumes: FloatArray, error: float, low: float, high: float
) -> LinearConstraint:
    """Return a constraint of one row on volumes and deviation."""
    row = np.concatenate([volumes, np.zeros(len(volumes)), [error]])
    return LinearConstraint(row, low, high)
