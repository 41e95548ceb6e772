"""A bright line of known wavelength, which tells whether the axis is right."""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.line_shapes import SIGMA_PER_FWHM
from hp_lab.analysis.measured import Measured
from hp_lab.units import FloatArray

# The line is looked for within this distance, on a straight background of this reach.
REACH_NM = 12.0
_AROUND_NM = 32.0
_CENTRE_STEP_NM = 0.75
_WIDTHS_NM = (1.2, 2.0, 3.2, 5.0, 8.0, 12.0, 17.0, 24.0)
_LINE_SIGMAS = 12.0
_LEAST_POINTS = 16
_ROUNDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class BrightLine:
    """A line that was found.

    Attributes:
        shift_nm: Its centre minus its nominal wavelength.
        height: Above the background, the signal's unit.
        background: Of the signal below it.
        fwhm_nm: Its full width at half maximum.
    """

    shift_nm: Measured
    height: float
    background: float
    fwhm_nm: float


def find_line(
    wavelength_nm: FloatArray,
    value: FloatArray,
    sigma: FloatArray,
    nominal_nm: float,
    widest_nm: float = 30.0,
) -> BrightLine | None:
    """Return the line near its nominal wavelength, None if it is not seen.

    A Gaussian of any centre and width on a straight background is fitted: over a grid
    first, whose amplitudes follow linearly, then by Gauss and Newton from its best
    point.

    Args:
        wavelength_nm: Ascending, shape (k,).
        value: Signal, shape (k,).
        sigma: Its noise, shape (k,).
        nominal_nm: Where the line should be.
        widest_nm: Full width at half maximum above which it is no line.
    """
    offset = wavelength_nm - nominal_nm
    near = np.abs(offset) < _AROUND_NM
    if int(near.sum()) < _LEAST_POINTS:
        return None
    place, signal, noise = offset[near], value[near], sigma[near]
    if place[0] > -REACH_NM or place[-1] < REACH_NM:
        return None
    widths = np.array([w for w in _WIDTHS_NM if w <= widest_nm]) * SIGMA_PER_FWHM
    start = _best_of_grid(place, signal / noise, noise, widths)
    return _refined(place, signal, noise, start, widest_nm * SIGMA_PER_FWHM)


def _gaussian(place: FloatArray, centre: FloatArray, width: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((place - centre) / width) ** 2))


def _best_of_grid(
    place: FloatArray, weighted: FloatArray, noise: FloatArray, widths: FloatArray
) -> tuple[float, float]:
    """Return centre and width (standard deviation) that explain most of the signal."""
    centres = np.arange(-REACH_NM, REACH_NM + 0.5 * _CENTRE_STEP_NM, _CENTRE_STEP_NM)
    grid = np.array([(centre, width) for width in widths for centre in centres])
    lines = _gaussian(place, grid[:, :1], grid[:, 1:]) / noise
    straight = np.stack([np.ones_like(place), place]) / noise
    basis, _ = np.linalg.qr(straight.T)
    lines = lines - (lines @ basis) @ basis.T
    rest = weighted - basis @ (basis.T @ weighted)
    along = np.maximum(lines @ rest, 0.0)
    gain = along**2 / np.maximum(np.sum(lines**2, axis=1), 1e-300)
    centre, width = grid[int(np.argmax(gain))]
    return float(centre), float(width)


def _refined(
    place: FloatArray,
    signal: FloatArray,
    noise: FloatArray,
    start: tuple[float, float],
    widest: float,
) -> BrightLine | None:
    centre, width = start
    columns = np.ones((5, place.size))
    for _ in range(_ROUNDS):
        line = _gaussian(place, np.array(centre), np.array(width))
        away = (place - centre) / width
        columns[0], columns[2] = line, place
        linear = columns[:3] / noise
        height, level, slope = np.linalg.lstsq(linear.T, signal / noise, rcond=None)[0]
        columns[3] = height * line * away / width
        columns[4] = height * line * away**2
        misfit = signal - height * line - level - slope * place
        design = columns / noise
        normal = design @ design.T
        scale = np.sqrt(np.maximum(np.diag(normal), 1e-300))
        inverse = np.linalg.pinv(normal / np.outer(scale, scale), hermitian=True)
        inverse = inverse / np.outer(scale, scale)
        step = inverse @ (design @ (misfit / noise))
        centre += float(np.clip(step[3], -width, width))
        width *= float(np.exp(np.clip(step[4], -0.3, 0.3)))
        if abs(centre) > REACH_NM or not 0.0 < width <= widest:
            return None
    reduced = float(np.sum((misfit / noise) ** 2)) / max(place.size - 5, 1)
    spread = np.sqrt(np.maximum(np.diag(inverse), 0.0) * max(reduced, 1.0))
    if not height > _LINE_SIGMAS * spread[0]:
        return None
    return BrightLine(
        shift_nm=Measured(value=centre, sigma=max(float(spread[3]), 1e-3)),
        height=float(height),
        background=float(level + slope * centre),
        fwhm_nm=width / SIGMA_PER_FWHM,
    )
