"""Least squares between bounds, for problems whose derivatives are cheap.

scipy's trust-region method takes a singular value decomposition a step, which costs
more than the model of a film; with beliefs on every unknown the normal equations are
well conditioned, and Levenberg's method on them (Q. Appl. Math. 1944, 2, 164) with
projection onto the bounds is several times faster.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from hp_lab.units import FloatArray

# Unknowns are in units of their believed spread, so one damping suits them all.
_FIRST_DAMPING = 3.0
_LEAST_DAMPING, _MOST_DAMPING = 1e-4, 1e9


class Problem(Protocol):
    """Weighted residuals and their derivatives."""

    def residual(self, x: FloatArray) -> FloatArray:
        """Return residuals, shape (r,)."""
        ...

    def linearised(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the linear problem at a point.

        Returns:
            Residuals, shape (r,); derivatives for the step's length, shape (r, u); half
            the derivative of the sum of squares, shape (u,).
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
    residual, jacobian, slope = problem.linearised(x)
    cost = float(residual @ residual)
    damping = _FIRST_DAMPING
    for _ in range(most_steps):
        moved = _step(x, slope, jacobian, low, high, damping)
        after = problem.residual(moved)
        gained = cost - float(after @ after)
        if not gained > 0.0:
            damping *= 8.0
            if damping > _MOST_DAMPING:
                return Solution(x=x, cost=cost, converged=True)
            continue
        small = gained < tolerance * (cost + 1.0)
        x = moved
        damping = max(damping / 6.0, _LEAST_DAMPING)
        residual, jacobian, slope = problem.linearised(x)
        cost = float(residual @ residual)
        if small:
            return Solution(x=x, cost=cost, converged=True)
    return Solution(x=x, cost=cost, converged=False)


def _step(
    x: FloatArray,
    slope: FloatArray,
    jacobian: FloatArray,
    low: FloatArray,
    high: FloatArray,
    damping: float,
) -> FloatArray:
    """Return the next point; unknowns that push against a bound stay there."""
    free = ~(((x <= low) & (slope > 0.0)) | ((x >= high) & (slope < 0.0)))
    used = jacobian[:, free]
    normal = used.T @ used
    diagonal = np.diag_indices_from(normal)
    normal[diagonal] += damping
    try:
        step = -cho_solve(cho_factor(normal, check_finite=False), slope[free])
    except LinAlgError:
        step = -slope[free] / normal[diagonal]
    moved = x.copy()
    moved[free] += step
    return np.clip(moved, low, high)
