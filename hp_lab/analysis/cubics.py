"""A cubic through noisy points: its highest point and where it passes a level."""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.measured import Measured
from hp_lab.units import FloatArray

LEAST_POINTS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Cubic:
    """A cubic that was fitted to points around 0.

    Attributes:
        coefficients: Lowest power first, shape (4,).
        covariance: Of the coefficients, scaled by the misfit, shape (4, 4).
        reach: Largest distance from 0 of the points.
    """

    coefficients: FloatArray
    covariance: FloatArray
    reach: float

    def value_at(self, place: float) -> Measured:
        """Return the cubic's value with its sigma."""
        powers = place ** np.arange(4.0)
        variance = max(float(powers @ self.covariance @ powers), 1e-300)
        return Measured(value=float(powers @ self.coefficients), sigma=variance**0.5)

    def slope_at(self, place: float) -> float:
        """Return the cubic's slope."""
        _, linear, square, third = self.coefficients
        return float(linear + 2.0 * square * place + 3.0 * third * place**2)

    def top(self) -> Measured | None:
        """Return the place of the maximum, None where there is none within reach."""
        _, linear, square, third = self.coefficients
        inside = square**2 - 3.0 * third * linear
        if inside <= 0.0:
            return None
        # Of the two stationary points the maximum is the one with falling slope.
        place = float(linear / (-square + np.sqrt(inside)))
        bend = 2.0 * square + 6.0 * third * place
        if bend >= 0.0 or abs(place) >= self.reach:
            return None
        move = np.array([0.0, 1.0, 2.0 * place, 3.0 * place**2]) / -bend
        spread = float(np.sqrt(max(float(move @ self.covariance @ move), 1e-12)))
        return Measured(value=place, sigma=spread)

    def crossing(self, level: float) -> float | None:
        """Return the place nearest to 0 with a value, None where none is in reach."""
        constant, linear, square, third = self.coefficients
        roots = np.roots([third, square, linear, constant - level])
        real = roots.real[np.abs(roots.imag) < 1e-9]
        nearest = real[np.argmin(np.abs(real))] if real.size else np.inf
        return float(nearest) if abs(nearest) < self.reach else None


def cubic_through(
    offset: FloatArray, value: FloatArray, sigma: FloatArray, reach: float
) -> Cubic | None:
    """Return the weighted cubic through the points within reach of 0.

    Args:
        offset: Places of the points, shape (k,).
        value: Their values.
        sigma: Their noise.
        reach: Largest distance from 0.

    Returns:
        None where there are fewer than LEAST_POINTS points.
    """
    near = np.abs(offset) < reach
    if int(near.sum()) < LEAST_POINTS:
        return None
    design = np.vander(offset[near], 4, increasing=True)
    weighted = design / sigma[near, None]
    target = value[near] / sigma[near]
    try:
        covariance = np.asarray(np.linalg.inv(weighted.T @ weighted))
    except np.linalg.LinAlgError:
        return None
    coefficients = covariance @ (weighted.T @ target)
    misfit = target - weighted @ coefficients
    freedom = max(target.size - 4, 1)
    return Cubic(
        coefficients=coefficients,
        covariance=np.asarray(covariance * max(float(misfit @ misfit) / freedom, 1.0)),
        reach=reach,
    )
