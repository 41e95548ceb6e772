"""Band gaps without a phase model: the steepest slope, and Tauc's line.

Tauc, Grigorovici and Vancu, Phys. Status Solidi 1966, 15, 627: for a direct allowed gap
(alpha E)**2 is linear in E - Eg. That assumes bands without excitons; in a layered
perovskite the line runs along the exciton's flank and meets the axis hundreds of meV
below the gap. It is offered because people compare with it, with a warning.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.analysis.measured import Measured
from hp_lab.units import FloatArray

_SMOOTH_EV = 0.012
# The line is fitted where (alpha E)**2 lies between these shares of its edge's rise.
_TAUC_SHARE = (0.25, 0.75)
# An edge that falls again behind its top by this share has an exciton.
_EXCITON_DROP = 0.08
_LEAST_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class TaucGap:
    """A Tauc gap with the warning that goes with it.

    Attributes:
        gap_ev: Where the line meets the axis.
        flags: ``tauc_excitonic`` where the edge shows an exciton, so that the value is
            no band gap.
    """

    gap_ev: Measured
    flags: tuple[str, ...]


def _smoothed(
    energy_ev: FloatArray, absorbance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the absorbance on an even axis, smoothed over _SMOOTH_EV."""
    step = 0.002
    grid = np.arange(energy_ev[0], energy_ev[-1], step)
    even = np.interp(grid, energy_ev, absorbance)
    return grid, gaussian_filter1d(even, _SMOOTH_EV / step, mode="nearest")


def inflection_gap(
    energy_ev: FloatArray, absorbance: FloatArray, sigma: FloatArray
) -> Measured | None:
    """Return the energy of the steepest rise of the lowest edge, or None.

    Args:
        energy_ev: Ascending, shape (k,).
        absorbance: OD, shape (k,).
        sigma: Noise, shape (k,).
    """
    grid, smooth = _smoothed(energy_ev, absorbance)
    slope = np.gradient(smooth, grid)
    highest = float(slope.max())
    points = max(_SMOOTH_EV / float(np.median(np.diff(energy_ev))), 1.0)
    noise = float(np.median(sigma)) / np.sqrt(points) / _SMOOTH_EV
    if highest < 5.0 * noise or grid.size < 20:
        return None
    tops = np.flatnonzero((slope[1:-1] > slope[:-2]) & (slope[1:-1] >= slope[2:])) + 1
    strong = tops[slope[tops] > max(_LEAST_SHARE * highest, 5.0 * noise)]
    if strong.size == 0:
        return None
    top = int(strong[0])
    bend = (slope[top - 1] - 2.0 * slope[top] + slope[top + 1]) / 0.002**2
    # Noise of the slope's own slope, over its curvature, moves the top.
    spread = noise / _SMOOTH_EV / max(-float(bend), 1e-9)
    return Measured(value=float(grid[top]), sigma=float(np.clip(spread, 0.002, 0.05)))


def tauc_gap(
    energy_ev: FloatArray, absorbance: FloatArray, sigma: FloatArray
) -> TaucGap | None:
    """Return the direct-gap Tauc energy of the lowest edge, or None without an edge.

    Args:
        energy_ev: Ascending, shape (k,).
        absorbance: OD, background removed, shape (k,).
        sigma: Noise, shape (k,).
    """
    edge = inflection_gap(energy_ev, absorbance, sigma)
    if edge is None:
        return None
    grid, smooth = _smoothed(energy_ev, absorbance)
    below = grid < edge.value - 0.12
    floor = float(np.median(smooth[below])) if below.any() else float(smooth.min())
    tauc = (np.maximum(smooth - floor, 0.0) * grid) ** 2
    near = (grid > edge.value - 0.12) & (grid < edge.value + 0.12)
    top = float(tauc[near].max())
    low, high = (share * top for share in _TAUC_SHARE)
    rising = (
        near & (tauc > low) & (tauc < high) & (grid < grid[near][tauc[near].argmax()])
    )
    if int(rising.sum()) < 4:
        return None
    slope, offset = np.polyfit(grid[rising], tauc[rising], 1)
    if slope <= 0.0:
        return None
    gap = -float(offset) / float(slope)
    behind = smooth[(grid > edge.value) & (grid < edge.value + 0.25)]
    flags: tuple[str, ...] = ()
    if behind.size > 3:
        peak = int(behind.argmax())
        drop = float(behind[peak] - behind[peak:].min())
        if drop > _EXCITON_DROP * (float(behind[peak]) - floor):
            flags = ("tauc_excitonic",)
    misfit = tauc[rising] - (slope * grid[rising] + offset)
    spread = float(np.std(misfit)) / float(slope)
    return TaucGap(gap_ev=Measured(value=gap, sigma=max(spread, 0.005)), flags=flags)
