"""Peaks of a fitted band: maxima and shoulders, with widths where they are defensible.

The lines of a fit are a means: two lines may describe one skewed peak. A peak is a
maximum of their sum, and a shoulder is a place where the sum bends like a peak without
having a maximum of its own.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from hp_lab.analysis.line_fit import LineFit
from hp_lab.analysis.line_shapes import GAUSS_AREA, LORENTZ_AREA
from hp_lab.analysis.measured import Measured
from hp_lab.units import HC_EV_NM, FloatArray

_GRID = 1200
# Maxima less prominent and shoulders lower than this, relative to the highest peak, are
# not reported.
_LEAST_SHARE = 0.02
_LEAST_SHOULDER = 0.05
# Bending of a shoulder relative to that of the highest peak.
_LEAST_BEND = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """One peak or shoulder.

    ``center_ev`` is the maximum per eV and ``center_nm`` the maximum per nm; for a
    broad peak the two differ by more than the conversion of units, because the density
    per nm is the density per eV times hc / lambda**2.

    Attributes:
        fwhm_ev: None where the half maxima are not both in view.
        area: Integral, the curve's unit times nm (equal on both axes).
        height: Maximum per eV.
        shoulder: True where the peak has no maximum of its own.
    """

    center_ev: Measured
    center_nm: Measured
    fwhm_ev: Measured | None
    fwhm_nm: Measured | None
    area: Measured
    height: Measured
    shoulder: bool


def band_peaks(
    fit: LineFit,
    energy: FloatArray,
    background: FloatArray,
    scale: float,
) -> tuple[tuple[Peak, ...], tuple[str, ...]]:
    """Return the peaks of a fit, highest first, and the flags they give rise to.

    Args:
        fit: Lines on an energy axis.
        energy: Energies that were fitted, ascending, shape (k,).
        background: Fitted background there, in units of ``scale``, shape (k,).
        scale: Signal per eV that the fit calls 1.
    """
    grid = np.linspace(energy[0], energy[-1], _GRID)
    model = fit.at(grid)
    # Maxima are those of what is seen: a line that only mends the background is none.
    tops = _maxima(model + np.interp(grid, energy, background))
    flags = []
    if tops.size == 0:
        tops = np.array([int(np.argmax(model))])
        flags.append("top_not_in_view")
    shoulders = _shoulders(grid, model, tops, fit)
    places = [_refined(grid, model, top) for top in tops]
    centres = np.array([*places, *shoulders])
    owner = np.argmin(np.abs(fit.parameters[:, 1][:, None] - centres[None, :]), axis=1)
    peaks = []
    for index, centre in enumerate(centres):
        lines = np.flatnonzero(owner == index)
        if index < len(places):
            peaks.append(_maximum(fit, energy, centre, lines, scale))
        else:
            peaks.append(_shoulder(fit, centre, lines, scale))
    if shoulders:
        flags.append("shouldered")
    if peaks[0].fwhm_ev is None:
        flags.append("fwhm_not_in_view")
    return tuple(peaks), tuple(flags)


def _maxima(total: FloatArray) -> np.ndarray:
    """Return grid indices of the maxima worth reporting, highest first."""
    least = _LEAST_SHARE * float(np.ptp(total))
    tops, _ = find_peaks(total, prominence=least)
    return np.asarray(tops[np.argsort(-total[tops], kind="stable")])


def _refined(grid: FloatArray, model: FloatArray, top: int) -> float:
    """Return the vertex of the parabola through a grid maximum."""
    if top in (0, grid.size - 1):
        return float(grid[top])
    before, at, after = model[top - 1 : top + 2]
    bend = before - 2.0 * at + after
    shift = 0.5 * (before - after) / bend if bend < 0.0 else 0.0
    return float(grid[top] + shift * (grid[1] - grid[0]))


def _shoulders(
    grid: FloatArray, model: FloatArray, tops: np.ndarray, fit: LineFit
) -> list[float]:
    """Return the centres of lines that show as shoulders of the sum."""
    bend = np.gradient(np.gradient(model, grid), grid)
    strongest = -float(bend.min())
    dips = np.flatnonzero((bend[1:-1] < bend[:-2]) & (bend[1:-1] <= bend[2:])) + 1
    reach = 0.35 * float(fit.parameters[0, 2])
    found: list[float] = []
    for dip in dips:
        weak = -bend[dip] < _LEAST_BEND * strongest
        small = model[dip] < _LEAST_SHOULDER * float(model.max())
        near_top = bool(np.any(np.abs(grid[tops] - grid[dip]) < reach))
        if weak or small or near_top:
            continue
        line = int(np.argmin(np.abs(fit.parameters[:, 1] - grid[dip])))
        centre = float(fit.parameters[line, 1])
        inside = abs(centre - grid[dip]) < 0.5 * float(fit.parameters[line, 2])
        if inside and not any(abs(centre - grid[top]) < reach for top in tops):
            found.append(centre)
    return sorted(set(found))


def _spread(fit: LineFit, gradient: FloatArray) -> float:
    return float(np.sqrt(max(float(gradient @ fit.covariance @ gradient), 1e-18)))


def _maximum(
    fit: LineFit,
    energy: FloatArray,
    centre: float,
    lines: np.ndarray,
    scale: float,
) -> Peak:
    """Return a peak from the sum of the lines, sigmas by the implicit-function rule."""
    step = 1e-4
    around = np.array([centre - step, centre, centre + step])
    before, height, after = fit.at(around)
    bend = (before - 2.0 * height + after) / step**2
    by_parameters = fit.gradient_at(around)
    slope_gradient = (by_parameters[:, 2] - by_parameters[:, 0]) / (2.0 * step)
    centre_gradient = -slope_gradient / min(bend, -1e-9)
    position = Measured(value=centre, sigma=_spread(fit, centre_gradient))
    width = _full_width(fit, energy, centre, by_parameters[:, 1])
    peak_nm = _top_per_nm(fit, energy, centre)
    return _peak(
        fit,
        position,
        peak_nm,
        width,
        float(height),
        by_parameters[:, 1],
        lines,
        scale,
        shoulder=False,
    )


def _top_per_nm(fit: LineFit, energy: FloatArray, centre: float) -> float:
    """Return the energy near ``centre`` at which the density per nm is highest."""
    reach = 0.5 * float(fit.parameters[:, 2].max())
    grid = np.linspace(
        max(centre - 0.2 * reach, energy[0]), min(centre + reach, energy[-1]), 400
    )
    per_nm = fit.at(grid) * grid**2
    # Uphill from the maximum per eV, so that a neighbouring peak is not taken.
    falling = np.flatnonzero(np.diff(per_nm) < 0.0)
    start = int(np.argmin(np.abs(grid - centre)))
    after = falling[falling >= start]
    top = int(after[0]) if after.size else grid.size - 1
    return _refined(grid, per_nm, top)


def _shoulder(fit: LineFit, centre: float, lines: np.ndarray, scale: float) -> Peak:
    """Return a shoulder from its own line."""
    line = (
        int(lines[0])
        if lines.size
        else int(np.argmin(np.abs(fit.parameters[:, 1] - centre)))
    )
    height, _, fwhm, _ = fit.parameters[line]
    spread = np.sqrt(np.maximum(np.diag(fit.covariance), 1e-18))
    position = Measured(value=centre, sigma=float(spread[4 * line + 1]))
    width = Measured(value=float(fwhm), sigma=float(spread[4 * line + 2]))
    gradient = np.zeros(fit.covariance.shape[0])
    gradient[4 * line] = 1.0
    return _peak(
        fit,
        position,
        centre,
        width,
        float(height),
        gradient,
        np.array([line]),
        scale,
        shoulder=True,
    )


def _peak(
    fit: LineFit,
    position: Measured,
    peak_nm_at_ev: float,
    width: Measured | None,
    height: float,
    height_gradient: FloatArray,
    lines: np.ndarray,
    scale: float,
    *,
    shoulder: bool,
) -> Peak:
    nm_per_ev = HC_EV_NM / position.value**2
    center_nm = float(HC_EV_NM / peak_nm_at_ev)
    return Peak(
        center_ev=position,
        center_nm=Measured(value=center_nm, sigma=position.sigma * nm_per_ev),
        fwhm_ev=width,
        fwhm_nm=width.times(nm_per_ev) if width is not None else None,
        area=_area(fit, lines).times(scale),
        height=Measured(
            value=height * scale, sigma=_spread(fit, height_gradient) * scale
        ),
        shoulder=shoulder,
    )


def _area(fit: LineFit, lines: np.ndarray) -> Measured:
    total = 0.0
    gradient = np.zeros(fit.covariance.shape[0])
    for line in lines:
        height, _, fwhm, mixing = fit.parameters[line]
        shape = GAUSS_AREA + mixing * (LORENTZ_AREA - GAUSS_AREA)
        total += height * fwhm * shape
        gradient[4 * line] = fwhm * shape
        gradient[4 * line + 2] = height * shape
        gradient[4 * line + 3] = height * fwhm * (LORENTZ_AREA - GAUSS_AREA)
    return Measured(value=float(total), sigma=_spread(fit, gradient))


def _full_width(
    fit: LineFit,
    energy: FloatArray,
    centre: float,
    height_gradient: FloatArray,
) -> Measured | None:
    """Return the width at half maximum, or None where a half maximum is not in view.

    A crossing counts only where measured points lie around it.
    """
    below = half_maximum_ev(fit, energy, centre, -1.0)
    above = half_maximum_ev(fit, energy, centre, 1.0)
    if below is None or above is None:
        return None
    step = 1e-4
    gradient = np.zeros(fit.covariance.shape[0])
    for place, sign in ((below, -1.0), (above, 1.0)):
        at = np.array([place - step, place, place + step])
        model = fit.at(at)
        slope = (model[2] - model[0]) / (2.0 * step)
        if sign * slope >= 0.0:
            return None
        move = (0.5 * height_gradient - fit.gradient_at(at)[:, 1]) / slope
        gradient += sign * move
    return Measured(value=above - below, sigma=_spread(fit, gradient))


def half_maximum_ev(
    fit: LineFit, energy: FloatArray, centre: float, side: float
) -> float | None:
    """Return where the lines fall to half their height at a peak, within the data.

    Args:
        fit: Lines on an energy axis.
        energy: Energies that were measured, ascending, shape (k,).
        centre: The peak's maximum.
        side: -1 to look below it, 1 above.

    Returns:
        None where no measured points lie around the half maximum.
    """
    edge = float(energy[0] if side < 0.0 else energy[-1])
    path = np.linspace(centre, edge, 600)
    model = fit.at(path)
    half = 0.5 * float(model[0])
    low = np.flatnonzero(model < half)
    if low.size == 0:
        return None
    after = int(low[0])
    before = after - 1
    share = (model[before] - half) / (model[before] - model[after])
    place = float(path[before] + share * (path[after] - path[before]))
    gap = float(np.min(np.abs(energy - place)))
    return place if gap < 2.5 * float(np.median(np.diff(energy))) else None
