"""Fit of several pseudo-Voigt lines on a background, as many as the data support."""

from collections.abc import Callable
from dataclasses import dataclass

import lmfit
import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.analysis.line_shapes import line_gradients, lines
from hp_lab.analysis.noise import correlation_factor
from hp_lab.units import FloatArray

# Weak beliefs that keep the fit regular where the data say nothing.
_MIXING, _MIXING_SIGMA = 0.2, 0.2
_BACKGROUND_SIGMA = 0.01
# A better BIC by this much is strong evidence (Kass and Raftery, J. Am. Stat. Assoc.
# 1995, 90, 773: above 10 is very strong).
_BIC_STEP = 10.0
_RESTART_WIDTHS = (1.0, 0.5)


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
    background: FloatArray,
    *,
    fwhm_limits: tuple[float, float],
    most: int = 4,
) -> LineFit:
    """Fit one to ``most`` lines, adding one while the BIC asks for it.

    Args:
        x: Energies, ascending, shape (k,).
        y: Signal, shape (k,).
        sigma: Noise, shape (k,), model floor included.
        background: Columns the background is built of, shape (b, k), each scaled to
            about the size of the signal.
        fwhm_limits: Narrowest and widest line.
        most: Highest number of lines.
    """
    best: LineFit | None = None
    for count in range(1, most + 1):
        start = np.empty((0, 4)) if best is None else best.parameters
        leftover = y - lines(x, start)
        if best is not None:
            leftover = leftover - best.background @ background
        tries = [
            _fit(x, y, sigma, background, fwhm_limits, np.vstack([start, seed]))
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


def _parameters(
    rows: FloatArray,
    background_size: int,
    x: FloatArray,
    fwhm_limits: tuple[float, float],
) -> lmfit.Parameters:
    parameters = lmfit.Parameters()
    narrow, wide = fwhm_limits
    highest = float(rows[:, 0].max())
    for index, (height, centre, fwhm, mixing) in enumerate(rows):
        floor = 1e-4 * highest
        parameters.add(f"height{index}", max(height, 2.0 * floor), min=floor)
        inside = float(np.clip(centre, x[1], x[-2]))
        parameters.add(f"centre{index}", inside, min=x[0], max=x[-1])
        width = float(np.clip(fwhm, 1.02 * narrow, 0.98 * wide))
        parameters.add(f"fwhm{index}", width, min=narrow, max=wide)
        share = float(np.clip(mixing, 0.02, 0.98))
        parameters.add(f"mixing{index}", share, min=0.0, max=1.0)
    for index in range(background_size):
        parameters.add(f"background{index}", 0.0)
    return parameters


def _split(vector: FloatArray, background_size: int) -> tuple[FloatArray, FloatArray]:
    cut = vector.size - background_size
    return vector[:cut].reshape(-1, 4), vector[cut:]


def _problem(
    x: FloatArray, y: FloatArray, sigma: FloatArray, background: FloatArray, count: int
) -> tuple[
    Callable[[lmfit.Parameters], FloatArray], Callable[[lmfit.Parameters], FloatArray]
]:
    """Return residuals and their derivatives, the weak beliefs as extra rows."""
    size = background.shape[0]
    beliefs = np.zeros((4 * count + size, count + size))
    for index in range(count):
        beliefs[4 * index + 3, index] = 1.0 / _MIXING_SIGMA
    for index in range(size):
        beliefs[4 * count + index, count + index] = 1.0 / _BACKGROUND_SIGMA
    centre = np.zeros(4 * count + size)
    centre[3 : 4 * count : 4] = _MIXING

    def residual(parameters: lmfit.Parameters) -> FloatArray:
        vector = np.array([item.value for item in parameters.values()])
        rows, levels = _split(vector, size)
        model = lines(x, rows) + levels @ background
        return np.concatenate([(model - y) / sigma, (vector - centre) @ beliefs])

    def gradient(parameters: lmfit.Parameters) -> FloatArray:
        vector = np.array([item.value for item in parameters.values()])
        rows, _ = _split(vector, size)
        by_data = np.vstack([line_gradients(x, rows), background]) / sigma
        return np.hstack([by_data, beliefs])

    return residual, gradient


def _fit(
    x: FloatArray,
    y: FloatArray,
    sigma: FloatArray,
    background: FloatArray,
    fwhm_limits: tuple[float, float],
    rows: FloatArray,
) -> LineFit:
    size = background.shape[0]
    count = rows.shape[0]
    residual, gradient = _problem(x, y, sigma, background, count)
    start = _parameters(rows, size, x, fwhm_limits)
    # calc_covar is off because the covariance below has the external parameters,
    # the beliefs and the correlation of the residuals in it.
    minimizer = lmfit.Minimizer(residual, start, calc_covar=False)
    result = minimizer.leastsq(
        Dfun=gradient, col_deriv=True, max_nfev=60 + 30 * count, ftol=1e-4, xtol=1e-4
    )
    vector = np.array([item.value for item in result.params.values()])
    found, levels = _split(vector, size)
    weighted = residual(result.params)
    data = weighted[: x.size]
    rows_of_gradient = gradient(result.params)
    information = rows_of_gradient @ rows_of_gradient.T
    scale = np.sqrt(np.diag(information))
    normal = information / np.outer(scale, scale)
    inverse = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)
    covariance = inverse / np.outer(scale, scale)
    chi2 = float(np.sum(data**2))
    reduced = chi2 / max(x.size - vector.size, 1)
    spread = max(reduced, 1.0) * correlation_factor(data) ** 2
    order = np.argsort(-found[:, 0], kind="stable")
    places = np.concatenate(
        [*(np.arange(4 * k, 4 * k + 4) for k in order), 4 * count + np.arange(size)]
    )
    return LineFit(
        parameters=found[order],
        background=levels,
        covariance=covariance[np.ix_(places, places)] * spread,
        bic=float(np.sum(weighted**2)) + vector.size * float(np.log(x.size)),
        reduced_chi2=reduced,
        residual=data,
    )
