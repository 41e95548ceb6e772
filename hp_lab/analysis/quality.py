"""What is wrong with a spectrum, named by its cause."""

import numpy as np

from hp_lab.analysis.bright_line import BrightLine, find_line
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
        "gap_not_in_view",
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


def excitation_line(curve: Curve) -> BrightLine | None:
    """Return the excitation's scattered line, None if it is not seen.

    Args:
        curve: PL with a known excitation wavelength, scattered light not yet cut off.
    """
    if curve.excitation_nm <= 0.0:
        return None
    return find_line(*curve.points(), curve.excitation_nm)


def lamp_shift_nm(wavelength_nm: FloatArray, lamp: FloatArray) -> Measured | None:
    """Return how far a deuterium lamp's line lies from where it should, or None.

    Deuterium-halogen lamps show D alpha at 656.1 nm; a pure halogen lamp shows nothing.

    Args:
        wavelength_nm: Ascending, shape (k,).
        lamp: Counts above dark, shape (k,).
    """
    sigma = estimate_sigma(lamp)
    line = find_line(wavelength_nm, lamp, sigma, _DEUTERIUM_NM, widest_nm=5.0)
    if line is None or line.height < _LEAST_LINE * line.background:
        return None
    return line.shift_nm


def is_shifted(shift: Measured | None) -> bool:
    """Return whether a line is off by more than diodes and axes usually are."""
    if shift is None:
        return False
    return abs(shift.value) > _LARGEST_SHIFT_NM + 2.0 * shift.sigma
