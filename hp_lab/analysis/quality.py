"""What is wrong with a spectrum, named by its cause."""

# Words that describe a good spectrum further, and cast no doubt on it.
DESCRIPTIONS = frozenset({"kind_guessed", "shouldered", "no_dark", "multi_peak"})

_REASONS = {
    "saturated": "the detector or reader was at its ceiling; measure again with less "
    "light or a shorter integration",
    "spiked": "cosmic spikes were cut out",
    "cut": "the spectrum ends before the feature does",
    "no_signal": "nothing above the noise",
    "weak_signal": "the signal is barely above the noise",
    "fwhm_not_in_view": "the half maxima are not both in view",
    "opaque": "part of the film lets no light through",
    "poor_fit": "the phases of the library do not describe the spectrum",
    "reference_saturated": "the reference was at the detector's ceiling",
    "wrong_reference": "film and reference do not belong together",
    "wavelength_shift": "the excitation line is not where it should be",
}


def status_of(flags: tuple[str, ...]) -> tuple[str, str]:
    """Return ok or flagged, and the reasons for the latter.

    Flags of the form ``name:detail`` are descriptions.
    """
    doubts = [flag for flag in flags if flag not in DESCRIPTIONS and ":" not in flag]
    if not doubts:
        return "ok", ""
    return "flagged", "; ".join(_REASONS.get(flag, flag) for flag in doubts)
