"""Cosmic spikes: one or a few pixels that no optical feature could make."""

import functools

import numpy as np

from hp_lab.analysis.spectrum import BoolArray
from hp_lab.units import FloatArray

# A point is predicted from a cubic through its neighbours, leaving out the points that
# its own spike may reach; all of it spans less than the narrowest optical feature.
_HOLE_NM = 0.8
_MOST_HOLE = 3
_ARM = 3
_ROUNDS = 4
# Spikes must exceed the prediction by this many sigmas, and by this share of the local
# signal: a bright line that is merely narrow bends that much between pixels.
_SIGMAS = 8.0
_SHARE = 0.15
# Spikes lower than this share of the spectrum's range change nothing once they are cut.
_WORTH_A_FLAG = 0.01


@functools.cache
def _predictor(hole: int) -> FloatArray:
    """Return weights, shape (2 * (hole + _ARM) + 1,), that predict the middle."""
    offsets = np.arange(-hole - _ARM, hole + _ARM + 1)
    arms = np.abs(offsets) > hole
    powers = np.vander(offsets[arms].astype(np.float64), 4, increasing=True)
    weights = np.zeros(offsets.size)
    weights[arms] = np.linalg.pinv(powers)[0]
    return weights


def find_spikes(
    wavelength_nm: FloatArray, value: FloatArray, sigma: FloatArray
) -> BoolArray:
    """Return a mask, shape (k,), of the points that a cosmic ray has lifted.

    Args:
        wavelength_nm: Wavelengths, ascending, shape (k,).
        value: Signal, shape (k,), finite.
        sigma: Noise of each point, shape (k,).
    """
    spikes = np.zeros(value.size, dtype=bool)
    if value.size < 24:
        return spikes
    step_nm = float(np.median(np.diff(wavelength_nm)))
    hole = int(np.clip(np.ceil(_HOLE_NM / step_nm), 1, _MOST_HOLE))
    weights = _predictor(hole)
    reach = hole + _ARM
    clean = value.copy()
    for _ in range(_ROUNDS):
        padded = np.pad(clean, reach, mode="reflect", reflect_type="odd")
        predicted = np.convolve(padded, weights[::-1], mode="valid")
        excess = value - predicted
        limit = _SIGMAS * sigma * np.sqrt(1.0 + np.sum(weights**2))
        limit = limit + _SHARE * np.abs(predicted)
        # A spike spoils the prediction of all points within reach; the highest goes
        # first, and what is left of the others shows in the next round.
        open_excess = np.where(spikes, -np.inf, excess)
        fresh = (excess > limit) & _is_crest(open_excess, reach) & ~spikes
        if not fresh.any():
            break
        grown = _grow(fresh, excess, limit, hole)
        spikes |= grown
        clean[grown] = predicted[grown]
    return spikes


def spikes_matter(value: FloatArray, spikes: BoolArray) -> bool:
    """Return whether cut spikes were high enough to doubt what is left.

    Args:
        value: Signal with the spikes in it, shape (k,).
        spikes: Points that were cut, shape (k,).
    """
    if not spikes.any() or spikes.all():
        return bool(spikes.any())
    left = value[~spikes]
    index = np.arange(value.size)
    without = np.interp(index, index[~spikes], left)
    excess = float(np.max(value - without))
    return excess > _WORTH_A_FLAG * float(np.ptp(left))


def _is_crest(excess: FloatArray, reach: int) -> BoolArray:
    """Return where the excess is the highest within a reach on both sides."""
    padded = np.pad(excess, reach, mode="constant", constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(excess >= windows.max(axis=1))


def _grow(
    crest: BoolArray, excess: FloatArray, limit: FloatArray, hole: int
) -> BoolArray:
    """Add the neighbours of each crest that are lifted too."""
    grown = crest.copy()
    lifted = excess > 0.5 * limit
    for shift in range(1, hole + 1):
        grown[shift:] |= crest[:-shift] & lifted[shift:]
        grown[:-shift] |= crest[shift:] & lifted[:-shift]
    return grown
