"""Fit of several pseudo-Voigt lines on a background, as many as the data support."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.analysis.bounded_fit import solve
from hp_lab.analysis.line_shapes import line_gradients, lines
from hp_lab.analysis.noise import correlation_factor
from hp_lab.units import FloatArray

# Weak beliefs that keep the fit regular where the data say nothing.
_MIXING, _MIXING_SIGMA = 0.2, 0.2
# A better BIC by this much is strong evidence (Kass and Raftery, J. Am. Stat. Assoc.
# 1995, 90, 773: above 10 is very strong).
_BIC_STEP = 10.0
_RESTART_WIDTHS = (1.0, 0.5)
# Typical sizes of height (relative to the spectrum's), centre (eV), width (eV), mixing.
_SCALE = np.array([0.3, 0.03, 0.03, 0.3])
_FIRST_STEPS, _STEPS_A_LINE = 20, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearBackground:
    """What a background is fitted with; its coefficients are believed to be 0.

    Attributes:
        columns: Shape (b, k).
        spread: Believed spread of the coefficients, above 0, shape (b,).
        least: Their lowest values, shape (b,).
        start: Where the search for them begins, shape (b,).
    """

    columns: FloatArray
    spread: FloatArray
    least: FloatArray
    start: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFit:
    """Lines that were fitted, with their covariance.

    Attributes:
        parameters: Rows of height, centre, fwhm, mixing, shape (p, 4), highest first.
        background: Coefficients of the background columns, shape (b,).
        covariance: Of all line parameters row by row, then the background,
            shape (4 p + b, 4 p + b); scaled by the misfit.
        bic: Bayesian information criterion, chi**2 + parameters * ln(points).
        reduced_chi2: With the noise as given, model floor included.
        residual: Weighted residuals, shape (k,).
    """

    parameters: FloatArray
    background: FloatArray
    covariance: FloatArray
    bic: float
    reduced_chi2: float
    residual: FloatArray

    def at(self, x: FloatArray) -> FloatArray:
        """Return the sum of the lines without the background."""
        return lines(x, self.parameters)

    def gradient_at(self, x: FloatArray) -> FloatArray:
        """Return d(lines)/d(parameters), background rows zero, shape (4 p + b, k)."""
        by_line = line_gradients(x, self.parameters)
        return np.vstack([by_line, np.zeros((self.background.size, x.size))])


def fit_lines(
    x: FloatArray,
    y: FloatArray,
    sigma: FloatArray,
    background: LinearBackground,
    *,
    fwhm_limits: tuple[float, float],
    most: int = 4,
) -> LineFit:
    """Fit one to ``most`` lines, adding one while the BIC asks for it.

    Args:
        x: Energies, ascending, shape (k,).
        y: Signal, shape (k,).
        sigma: Noise, shape (k,), model floor included.
        background: What lies under the lines.
        fwhm_limits: Narrowest and widest line.
        most: Highest number of lines.
    """
    best: LineFit | None = None
    for count in range(1, most + 1):
        start = np.empty((0, 4)) if best is None else best.parameters
        levels = background.start if best is None else best.background
        leftover = y - lines(x, start) - levels @ background.columns
        tries = [
            _fit(x, y, sigma, background, fwhm_limits, np.vstack([start, seed]), levels)
            for seed in _seeds(x, leftover, sigma, start, fwhm_limits)
        ]
        fitted = min(tries, key=lambda fit: fit.bic)
        if best is not None and fitted.bic > best.bic - _BIC_STEP:
            break
        best = fitted
        if best.reduced_chi2 * x.size < x.size - 4 * count:
            break
    assert best is not None  # noqa: S101  the loop runs at least once
    return best


def _seeds(
    x: FloatArray,
    leftover: FloatArray,
    sigma: FloatArray,
    known: FloatArray,
    fwhm_limits: tuple[float, float],
) -> list[FloatArray]:
    """Return starting rows for one more line, where most signal is left over."""
    step = float(np.median(np.diff(x)))
    if known.size:
        widths = [float(known[0, 2]) * share for share in _RESTART_WIDTHS]
    else:
        widths = [_half_width(x, leftover)]
    rows = []
    for width in np.clip(widths, *fwhm_limits):
        pixels = max(0.4 * float(width) / step, 0.5)
        smooth = gaussian_filter1d(leftover / sigma, pixels, mode="nearest")
        top = int(np.argmax(smooth))
        height = max(float(leftover[max(top - 1, 0) : top + 2].mean()), 0.0)
        height = height or float(sigma[top])
        rows.append(np.array([height, x[top], width, _MIXING]))
    return rows


def _half_width(x: FloatArray, y: FloatArray) -> float:
    """Return a rough full width at half maximum around the highest point."""
    step = float(np.median(np.diff(x)))
    smooth = gaussian_filter1d(y, 2.0, mode="nearest")
    top = int(np.argmax(smooth))
    above = smooth > 0.5 * smooth[top]
    left = top
    while left > 0 and above[left - 1]:
        left -= 1
    right = top
    while right < x.size - 1 and above[right + 1]:
        right += 1
    return max(float(x[right] - x[left]), 3.0 * step)


class _Lines:
    """Residuals of lines on a background, in scaled unknowns.

    Unknowns are height, centre, fwhm and mixing line by line, then the background, each
    over its scale; beliefs are extra rows.
    """

    def __init__(
        self,
        x: FloatArray,
        y: FloatArray,
        sigma: FloatArray,
        background: LinearBackground,
        count: int,
        fwhm_limits: tuple[float, float],
    ) -> None:
        self.x, self.y, self.sigma = x, y, sigma
        self.background = background.columns
        self.count = count
        size = background.spread.size
        self.scale = np.concatenate([np.tile(_SCALE, count), background.spread])
        beliefs = np.zeros((self.scale.size, count + size))
        for index in range(count):
            beliefs[4 * index + 3, index] = 1.0 / _MIXING_SIGMA
        for index in range(size):
            beliefs[4 * count + index, count + index] = 1.0 / background.spread[index]
        self._beliefs = beliefs
        self._centre = np.zeros(self.scale.size)
        self._centre[3 : 4 * count : 4] = _MIXING
        low = [1e-4, float(x[0]), fwhm_limits[0], 0.0]
        high = [np.inf, float(x[-1]), fwhm_limits[1], 1.0]
        unbound = np.full(size, np.inf)
        self.low = np.concatenate([np.tile(low, count), background.least]) / self.scale
        self.high = np.concatenate([np.tile(high, count), unbound]) / self.scale

    def split(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return rows of line parameters and the background's coefficients."""
        vector = unknowns * self.scale
        cut = 4 * self.count
        return vector[:cut].reshape(-1, 4), vector[cut:]

    def residual(self, unknowns: FloatArray) -> FloatArray:
        """Return weighted residuals, beliefs last."""
        rows, levels = self.split(unknowns)
        model = lines(self.x, rows) + levels @ self.background
        believed = (unknowns * self.scale - self._centre) @ self._beliefs
        return np.concatenate([(model - self.y) / self.sigma, believed])

    def jacobian(self, unknowns: FloatArray) -> FloatArray:
        """Return derivatives by the physical parameters, shape (u, r)."""
        rows, _ = self.split(unknowns)
        by_data = np.vstack([line_gradients(self.x, rows), self.background])
        return np.hstack([by_data / self.sigma, self._beliefs])

    def cost(self, unknowns: FloatArray) -> float:
        """Return the sum of squared residuals."""
        residual = self.residual(unknowns)
        return float(residual @ residual)

    def linearised(self, unknowns: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return cost, normal matrix and slope for the scaled unknowns."""
        residual = self.residual(unknowns)
        jacobian = self.jacobian(unknowns) * self.scale[:, None]
        return float(residual @ residual), jacobian @ jacobian.T, jacobian @ residual


def _fit(
    x: FloatArray,
    y: FloatArray,
    sigma: FloatArray,
    background: LinearBackground,
    fwhm_limits: tuple[float, float],
    rows: FloatArray,
    levels: FloatArray,
) -> LineFit:
    count, size = rows.shape[0], background.spread.size
    problem = _Lines(x, y, sigma, background, count, fwhm_limits)
    start = np.concatenate([rows.ravel(), levels]) / problem.scale
    solution = solve(
        problem,
        start,
        problem.low,
        problem.high,
        most_steps=_FIRST_STEPS + _STEPS_A_LINE * count,
        tolerance=1e-4,
    )
    found, levels = problem.split(solution.x)
    weighted = problem.residual(solution.x)
    data = weighted[: x.size]
    by_parameter = problem.jacobian(solution.x)
    information = by_parameter @ by_parameter.T
    scale = np.sqrt(np.diag(information))
    inverse = np.linalg.pinv(
        information / np.outer(scale, scale), rcond=1e-10, hermitian=True
    )
    covariance = inverse / np.outer(scale, scale)
    reduced = float(np.sum(data**2)) / max(x.size - solution.x.size, 1)
    spread = max(reduced * correlation_factor(data) ** 2, 1.0)
    order = np.argsort(-found[:, 0], kind="stable")
    places = np.concatenate(
        [*(np.arange(4 * k, 4 * k + 4) for k in order), 4 * count + np.arange(size)]
    )
    return LineFit(
        parameters=found[order],
        background=levels,
        covariance=covariance[np.ix_(places, places)] * spread,
        bic=solution.cost + solution.x.size * float(np.log(x.size)),
        reduced_chi2=reduced,
        residual=data,
    )
