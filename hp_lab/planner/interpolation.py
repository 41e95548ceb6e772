"""Interpolation of tables of calculated values, by a Gaussian process.

Matern-5/2 with a length for every number; texts must match. Lengths and the table's own
noise have the largest posterior density, the variance is profiled out (Rasmussen and
Williams, equation 5.8 with 2.30). A table is taken as exact unless its scatter speaks
clearly against it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

from hp_lab.units import FloatArray

# Shares of the values' variance.
_EXACT = 1e-8
_FIRST_NOISE = 1e-2
# Scatter is believed in from this many nats on.
_CLEAR = 3.0
_LENGTH_SD = 1.0
_TUNING_ROWS = 200
_WORST = 1e10


def _matern(a: FloatArray, b: FloatArray, lengths: FloatArray) -> FloatArray:
    a, b = a / lengths, b / lengths
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    r = np.sqrt(5 * np.maximum(square, 0.0))
    return np.asarray((1 + r + r * r / 3) * np.exp(-r))


@dataclass(frozen=True, slots=True)
class Interpolation:
    """A fitted table; called with points and texts it returns values.

    Attributes:
        points: Numbers of the rows, (n, d), scaled to about 0..1.
        texts: What the rows' texts say together, one code a row, (n,).
        lengths: Of the kernel, (d,).
        noise: Variance of the rows as a share of the kernel's.
        weight: What each row contributes, (n,).
        centre: Value far from every row.
    """

    points: FloatArray
    texts: np.ndarray
    lengths: FloatArray
    noise: float
    weight: FloatArray
    centre: float

    def __call__(self, points: FloatArray, texts: np.ndarray) -> FloatArray:
        """Return values (m,) at points (m, d) whose texts have codes (m,)."""
        K = _matern(points, self.points, self.lengths)
        K *= texts[:, None] == self.texts[None, :]
        return np.asarray(self.centre + K @ self.weight)


def interpolation(
    points: FloatArray, texts: np.ndarray, values: FloatArray
) -> Interpolation:
    """Fit rows of points (n, d), codes of their texts (n,) and values (n,)."""
    centre = float(values.mean())
    scale = float(values.std()) or 1.0
    y = (values - centre) / scale
    # Rows evenly chosen: lengths need no more, and time grows with their cube.
    few = np.unique(
        np.linspace(0, len(y) - 1, min(len(y), _TUNING_ROWS)).round().astype(int)
    )
    lengths, noise = _tuned(points[few], texts[few], y[few])
    K = _covariance(points, texts, lengths, noise)
    weight = cho_solve(cho_factor(K, lower=True), y) * scale
    return Interpolation(points, texts, lengths, noise, weight, centre)


def _covariance(
    points: FloatArray, texts: np.ndarray, lengths: FloatArray, noise: float
) -> FloatArray:
    K = _matern(points, points, lengths) * (texts[:, None] == texts[None, :])
    return np.asarray(K + noise * np.eye(len(K)))


def _tuned(
    points: FloatArray, texts: np.ndarray, y: FloatArray
) -> tuple[FloatArray, float]:
    d = points.shape[1]
    if d == 0:
        return np.zeros(0), _EXACT
    median = np.log(0.5 * np.sqrt(d))

    def cost(log_lengths: FloatArray, noise: float) -> float:
        K = _covariance(points, texts, np.exp(log_lengths), noise)
        try:
            factor = cho_factor(K, lower=True)
        except LinAlgError:
            return _WORST
        variance = max(float(y @ cho_solve(factor, y)) / len(y), 1e-12)
        prior = 0.5 * (((log_lengths - median) / _LENGTH_SD) ** 2).sum()
        spread = np.log(np.diag(factor[0])).sum()
        return float(0.5 * len(y) * np.log(variance) + spread + prior)

    def exact_cost(p: FloatArray) -> float:
        return cost(p, _EXACT)

    def noisy_cost(p: FloatArray) -> float:
        return cost(p[:-1], float(np.exp(p[-1])))

    start = np.full(d, median)
    limits = [(median - 4, median + 4)] * d
    exact = minimize(exact_cost, start, bounds=limits)
    noisy = minimize(
        noisy_cost,
        np.append(start, np.log(_FIRST_NOISE)),
        bounds=[*limits, (np.log(_EXACT), 0.0)],
    )
    if noisy.fun < exact.fun - _CLEAR:
        return np.exp(noisy.x[:-1]), float(np.exp(noisy.x[-1]))
    return np.exp(exact.x), _EXACT
