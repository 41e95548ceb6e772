"""Several objectives: the Pareto front and the expected gain in hypervolume.

All utilities are to be maximised.
"""

from itertools import pairwise

import numpy as np

from hp_lab.planner.acquisition import log_expected_improvement
from hp_lab.units import FloatArray

_LEAST_GAIN = 1e-290


def non_dominated(utility: FloatArray) -> np.ndarray:
    """Return which rows of utilities (n, k) no other row beats in everything."""
    better = (utility[None, :, :] >= utility[:, None, :]).all(axis=2)
    strictly = (utility[None, :, :] > utility[:, None, :]).any(axis=2)
    return np.asarray(np.logical_not(np.any(better & strictly, axis=1)))


def reference_point(utility: FloatArray) -> FloatArray:
    """Return a point (k,) a tenth of the front's extent below its worst values."""
    front = utility[non_dominated(utility)]
    extent = np.ptp(front, axis=0)
    whole = np.ptp(utility, axis=0)
    extent = np.where(extent > 0, extent, np.where(whole > 0, whole, 1.0))
    return np.asarray(front.min(axis=0) - 0.1 * extent)


def boxes(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return corners (b, k) of disjoint boxes that hold what nothing dominates yet."""
    front = front[(front > reference).all(axis=1)]
    if len(front):
        front = front[non_dominated(front)]
    low, high = _boxes(front, reference)
    return np.array(low), np.array(high)


def _boxes(
    front: FloatArray, reference: FloatArray
) -> tuple[list[FloatArray], list[FloatArray]]:
    if len(reference) == 1:
        start = front.max(initial=reference[0])
        return [np.array([start])], [np.array([np.inf])]
    # Slabs of the last objective; in each, what lies above it counts.
    levels = np.unique(front[:, -1])
    edges = np.concatenate([reference[-1:], levels, [np.inf]])
    low: list[FloatArray] = []
    high: list[FloatArray] = []
    for bottom, top in pairwise(edges):
        above = front[front[:, -1] >= top][:, :-1]
        if len(above):
            above = above[non_dominated(above)]
        inner_low, inner_high = _boxes(above, reference[:-1])
        low += [np.append(corner, bottom) for corner in inner_low]
        high += [np.append(corner, top) for corner in inner_high]
    return low, high


def hypervolume(utility: FloatArray, reference: FloatArray) -> float:
    """Return the volume between utilities (n, k) and a reference point (k,)."""
    utility = utility[(utility > reference).all(axis=1)]
    if len(utility) == 0:
        return 0.0
    if utility.shape[1] == 1:
        return float(utility.max() - reference[0])
    order = np.argsort(-utility[:, -1])
    levels = np.append(utility[order, -1], reference[-1])
    total = 0.0
    for i in range(len(order)):
        depth = levels[i] - levels[i + 1]
        if depth > 0:
            total += depth * hypervolume(utility[order[: i + 1], :-1], reference[:-1])
    return float(total)


def log_expected_gain(
    mean: FloatArray, sd: FloatArray, front: FloatArray, reference: FloatArray
) -> FloatArray:
    """Return the log of the expected gain in hypervolume at points.

    Utilities are independent normals with means and deviations (m, k). A box [l, u]
    gains the product over objectives of E[(min(y, u) - l)+] = h(l) - h(u) with h the
    expected improvement (Yang et al., J. Global Optim. 75 (2019) 3).
    """
    low, high = boxes(front, reference)
    # Many boxes have few edges: one improvement for each of them.
    log_h: list[dict[float, FloatArray]] = [
        {
            edge: log_expected_improvement(mean[:, k], sd[:, k], edge)
            for edge in np.unique(np.append(low[:, k], high[:, k])).tolist()
            if np.isfinite(edge)
        }
        for k in range(mean.shape[1])
    ]
    h = [{edge: np.exp(value) for edge, value in one.items()} for one in log_h]
    for one_h in h:
        one_h[np.inf] = np.zeros(len(mean))
    total, hope = np.zeros(len(mean)), np.full(len(mean), -np.inf)
    for bottom, top in zip(low.tolist(), high.tolist(), strict=True):
        gain, promise = np.ones(len(mean)), np.zeros(len(mean))
        for k, (start, end) in enumerate(zip(bottom, top, strict=True)):
            gain = gain * np.maximum(h[k][start] - h[k][end], 0.0)
            promise += log_h[k][start]
        total += gain
        hope = np.maximum(hope, promise)
    # Where the gain is below every number, the nearest box decides.
    hope = np.minimum(hope, np.log(_LEAST_GAIN))
    return np.where(total > _LEAST_GAIN, np.log(total + 1e-300), hope)
