"""Least squares between bounds, for problems whose derivatives are cheap.

scipy's trust-region method takes a singular value decomposition a step, which costs
more than the model of a film; with beliefs on every unknown the normal equations are
well conditioned, and Levenberg's method on them (Q. Appl. Math. 1944, 2, 164) with
projection onto the bounds is several times faster.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg.lapack import dposv

from hp_lab.units import FloatArray

# Unknowns are in units of their believed spread, so one damping suits them all.
_FIRST_DAMPING = 3.0
_LEAST_DAMPING, _MOST_DAMPING = 1e-4, 1e9


class Problem(Protocol):
    """A sum of squares and its derivatives."""

    def cost(self, x: FloatArray) -> float:
        """Return the sum of squares."""
        ...

    def linearised(self, x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return the linear problem at a point.

        Returns:
            The sum of squares; the normal matrix of the derivatives, which sets the
            step's length, shape (u, u); half the derivative of the sum, shape (u,).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Where the fit ended.

    Attributes:
        x: Unknowns, shape (u,).
        cost: Sum of squared residuals.
        converged: False where the steps ran out first.
    """

    x: FloatArray
    cost: float
    converged: bool


def solve(
    problem: Problem,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    *,
    most_steps: int,
    tolerance: float = 1e-4,
) -> Solution:
    """Return a local minimum of the sum of squares between bounds.

    Args:
        problem: Residuals and derivatives.
        start: First unknowns, shape (u,); moved between the bounds if outside.
        low: Lower bounds, may be infinite.
        high: Upper bounds, may be infinite.
        most_steps: Accepted and refused steps together.
        tolerance: The fit ends when a step gains less than this share of the cost plus
            this much.
    """
    x = np.clip(start, low, high)
    cost, normal, slope = problem.linearised(x)
    damping = _FIRST_DAMPING
    for _ in range(most_steps):
        moved = _step(x, slope, normal, low, high, damping)
        gained = cost - problem.cost(moved)
        if not gained > 0.0:
            damping *= 8.0
            if damping > _MOST_DAMPING:
                return Solution(x=x, cost=cost, converged=True)
            continue
        small = gained < tolerance * (cost + 1.0)
        x = moved
        damping = max(damping / 6.0, _LEAST_DAMPING)
        cost, normal, slope = problem.linearised(x)
        if small:
            return Solution(x=x, cost=cost, converged=True)
    return Solution(x=x, cost=cost, converged=False)


def _step(
    x: FloatArray,
    slope: FloatArray,
    normal: FloatArray,
    low: FloatArray,
    high: FloatArray,
    damping: float,
) -> FloatArray:
    """Return the next point; unknowns that push against a bound stay there."""
    held = ((x <= low) & (slope > 0.0)) | ((x >= high) & (slope < 0.0))
    free = np.flatnonzero(~held)
    damped = normal[free[:, None], free]
    damped.flat[:: free.size + 1] += damping
    _, step, failure = dposv(damped, -slope[free], lower=1)
    if failure:
        step = -slope[free] / damped.flat[:: free.size + 1]
    moved = x.copy()
    moved[free] += step
    return np.clip(moved, low, high)
