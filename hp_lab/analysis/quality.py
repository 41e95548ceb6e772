"""What is wrong with a spectrum, named by its cause."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.analysis.line_shapes import SIGMA_PER_FWHM
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.noise import estimate_sigma
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import FloatArray

# Words that describe a good spectrum further, and cast no doubt on it.
DESCRIPTIONS = frozenset(
    {
        "kind_guessed",
        "shouldered",
        "no_dark",
        "weak_signal",
        "opaque",
        "fwhm_not_in_view",
        "target_phase_not_seen",
        "reference_dark_assumed",
    }
)

_REASONS = {
    "empty": "the detector gave the same value everywhere",
    "saturated": "the detector or reader was at its ceiling; measure again with less "
    "light or a shorter integration",
    "spiked": "cosmic spikes were cut out",
    "top_not_in_view": "the signal rises to the end of the spectrum",
    "cut": "the spectrum ends before the feature does",
    "no_signal": "nothing above the noise",
    "poor_fit": "the phases of the library do not describe the spectrum",
    "wrong_reference": "film and reference do not belong together: another substrate, "
    "another lamp or another integration time",
    "wavelength_shift": "the excitation line is not where it should be; calibrate the "
    "wavelengths",
}

# A detector that is alive never repeats one value over this share of its pixels.
_SAME_SHARE = 0.9
# The excitation line is looked for within this distance, and must be this clear.
_LINE_REACH_NM = 12.0
_LINE_SIGMAS = 12.0
# Diodes and axes are off by less than this; more is a shift.
_LARGEST_SHIFT_NM = 1.5
_DEUTERIUM_NM = 656.1
_LEAST_LINE = 0.05


def status_of(flags: tuple[str, ...]) -> tuple[str, str]:
    """Return ok or flagged, and the reasons for the latter.

    Flags of the form ``name:detail`` are descriptions.
    """
    doubts = [flag for flag in flags if is_doubt(flag)]
    if not doubts:
        return "ok", ""
    return "flagged", "; ".join(_REASONS.get(flag, flag) for flag in doubts)


def is_doubt(flag: str) -> bool:
    """Return whether a flag casts doubt on the values it comes with."""
    return flag not in DESCRIPTIONS and ":" not in flag


def because(flag: str) -> str:
    """Return a rejection's reason: the flag and what it means."""
    return f"{flag}: {_REASONS.get(flag, flag)}"


def is_empty(counts: FloatArray) -> bool:
    """Return whether raw counts, shape (k,), hold no measurement at all."""
    finite = counts[np.isfinite(counts)]
    if finite.size < 16:
        return True
    _, repeats = np.unique(finite, return_counts=True)
    return bool(repeats.max() > _SAME_SHARE * finite.size)


def excitation_shift_nm(curve: Curve) -> Measured | None:
    """Return how far the excitation line lies from where it should, None if unseen.

    Args:
        curve: PL with a known excitation wavelength, scattered light not yet cut off.
    """
    if curve.excitation_nm <= 0.0:
        return None
    wavelength_nm, value, sigma = curve.points()
    return line_shift_nm(wavelength_nm, value, sigma, curve.excitation_nm)


def lamp_shift_nm(wavelength_nm: FloatArray, lamp: FloatArray) -> Measured | None:
    """Return how far a deuterium lamp's line lies from where it should, or None.

    Deuterium-halogen lamps show D alpha at 656.1 nm; a pure halogen lamp shows nothing.

    Args:
        wavelength_nm: Ascending, shape (k,).
        lamp: Counts above dark, shape (k,).
    """
    sigma = estimate_sigma(lamp)
    shift = line_shift_nm(wavelength_nm, lamp, sigma, _DEUTERIUM_NM, widest_nm=5.0)
    if shift is None:
        return None
    near = np.abs(wavelength_nm - _DEUTERIUM_NM) < 2.0 * _LINE_REACH_NM
    ripple = float(np.ptp(lamp[near])) / max(float(np.median(lamp[near])), 1e-9)
    return shift if ripple > _LEAST_LINE else None


def line_shift_nm(
    wavelength_nm: FloatArray,
    value: FloatArray,
    sigma: FloatArray,
    nominal_nm: float,
    widest_nm: float = 30.0,
) -> Measured | None:
    """Return how far a bright line lies from its nominal wavelength, None if unseen.

    The line's top is the vertex of a parabola through the logarithm of its upper half,
    which for a Gaussian line is its centre.

    Args:
        wavelength_nm: Ascending, shape (k,).
        value: Signal, shape (k,).
        sigma: Its noise, shape (k,).
        nominal_nm: Where the line should be.
        widest_nm: Full width at half maximum above which it is no line.
    """
    offset = wavelength_nm - nominal_nm
    near = np.abs(offset) < _LINE_REACH_NM
    if int(near.sum()) < 9 or float(offset.min()) > -0.8 * _LINE_REACH_NM:
        return None
    around = (np.abs(offset) > _LINE_REACH_NM) & (np.abs(offset) < 30.0)
    base = float(np.median(value[around])) if around.any() else 0.0
    place, height, noise = (
        offset[near],
        value[near] - base,
        float(np.median(sigma[near])),
    )
    step_nm = float(np.median(np.diff(place)))
    smooth = gaussian_filter1d(height, max(0.8 / step_nm, 0.5), mode="nearest")
    top = int(np.argmax(smooth))
    upper = smooth > 0.5 * smooth[top]
    clear = smooth[top] > _LINE_SIGMAS * noise
    if not clear or int(upper.sum()) < 5 or upper[0] or upper[-1]:
        return None
    square, slope, _ = np.polyfit(place[upper], np.log(smooth[upper]), 2)
    if square >= 0.0:
        return None
    width = float(np.sqrt(-0.5 / square))
    if width > widest_nm * SIGMA_PER_FWHM:
        return None
    points = max(width / step_nm, 1.0)
    spread = width * noise / float(smooth[top]) / np.sqrt(points)
    return Measured(value=float(-0.5 * slope / square), sigma=max(spread, 1e-3))


def is_shifted(shift: Measured | None) -> bool:
    """Return whether a line is off by more than diodes and axes usually are."""
    if shift is None:
        return False
    return abs(shift.value) > _LARGEST_SHIFT_NM + 3.0 * shift.sigma
