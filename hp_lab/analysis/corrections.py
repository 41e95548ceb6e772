"""From raw counts to a spectrum that means something.

Order of the corrections: mask saturation, subtract the dark of the same integration
time, undo the detector's non-linearity, divide by time (or by the reference), divide by
responsivity, remove cosmic spikes.
"""

from collections.abc import Sequence

import numpy as np

from hp_lab.analysis.noise import estimate_sigma, quantum
from hp_lab.analysis.quality import is_empty, is_shifted, lamp_shift_nm
from hp_lab.analysis.spectrum import BoolArray, Curve
from hp_lab.analysis.spikes import find_spikes, spikes_matter
from hp_lab.errors import InvalidInput
from hp_lab.records import Spectrum
from hp_lab.units import FloatArray

# Equal highest values in a row that make a flat top, where nobody stated a ceiling.
_FLAT_TOP = 3
# Below this many sigmas a transmitted signal has no logarithm worth having.
_MIN_SNR = 2.0
# A pixel whose dark is this far from the others' is a defect.
_HOT_SIGMAS = 30.0
_LN10 = float(np.log(10.0))


def saturation_mask(counts: FloatArray, ceiling: float | None = None) -> BoolArray:
    """Return where the detector was at its ceiling, with one neighbour on either side.

    Args:
        counts: Raw counts, shape (k,); infinite values count as overflow.
        ceiling: Highest reading of the detector; without it, three or more equal
            highest values in a row are taken for a clipped top.
    """
    overflow = np.asarray(np.isposinf(counts))
    if ceiling is not None:
        overflow |= counts >= ceiling
    else:
        finite = np.where(np.isfinite(counts), counts, -np.inf)
        top = finite >= float(finite.max(initial=-np.inf))
        runs = np.convolve(top, np.ones(_FLAT_TOP), mode="same") >= _FLAT_TOP
        if runs.any() and _stands_out(finite[np.isfinite(counts)]):
            overflow |= top
    return _widened(overflow)


def _stands_out(counts: FloatArray) -> bool:
    """Return whether the highest count lies far above the digits of the noise."""
    spread = float(counts.max() - np.median(counts))
    return spread > 20.0 * quantum(counts) and spread > 0.0


def _widened(mask: BoolArray) -> BoolArray:
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide


def linearised(signal: FloatArray, coefficients: Sequence[float]) -> FloatArray:
    """Undo a detector's non-linearity.

    Args:
        signal: Counts with the dark subtracted, shape (k,).
        coefficients: Polynomial of the response per count, lowest power first, as
            Ocean spectrometers store it: true = signal / polynomial(signal).
    """
    if not coefficients:
        return signal
    response = np.polynomial.polynomial.polyval(signal, np.asarray(coefficients))
    if bool(np.any(response <= 0.0)):
        msg = (
            f"non-linearity polynomial {tuple(coefficients)} is not above 0 for all "
            "counts of this spectrum; check the coefficients and their order"
        )
        raise InvalidInput(msg)
    return np.asarray(signal / response)


def _checked(spectrum: Spectrum) -> None:
    if spectrum.wavelength_nm.size < 16:
        msg = (
            f"spectrum of {spectrum.sample_id}: {spectrum.wavelength_nm.size} points "
            "are too few to interpret; at least 16 are needed"
        )
        raise InvalidInput(msg)
    if not spectrum.integration_s > 0.0:
        msg = (
            f"spectrum of {spectrum.sample_id}: integration_s is "
            f"{spectrum.integration_s}, it must be above 0"
        )
        raise InvalidInput(msg)


def hot_pixels(dark: FloatArray) -> BoolArray:
    """Return the pixels whose dark stands far out: defects, not light, shape (k,).

    At long integration times they reach the ceiling without any film.
    """
    finite = np.where(np.isfinite(dark), dark, 0.0)
    excess = finite - np.median(finite)
    spread = 1.4826 * float(np.median(np.abs(excess)))
    return np.asarray(excess > _HOT_SIGMAS * max(spread, quantum(finite)))


def _hot(spectrum: Spectrum) -> BoolArray:
    if spectrum.dark.shape != spectrum.counts.shape:
        return np.zeros(spectrum.counts.shape, dtype=bool)
    return hot_pixels(spectrum.dark)


def _saturated(spectrum: Spectrum, ceiling: float | None) -> BoolArray:
    mask = saturation_mask(spectrum.counts, ceiling)
    if spectrum.saturated.shape == mask.shape:
        mask |= _widened(spectrum.saturated.astype(bool) & ~_hot(spectrum))
    return mask


def _signal(
    spectrum: Spectrum, saturated: BoolArray, nonlinearity: Sequence[float]
) -> tuple[FloatArray, BoolArray, BoolArray, list[str]]:
    """Return dark-free counts, the usable points, the spikes and the warnings."""
    flags: list[str] = []
    counts = spectrum.counts.astype(np.float64)
    if is_empty(counts):
        flags.append("empty")
    usable = np.isfinite(counts) & ~saturated
    if spectrum.dark.shape == counts.shape:
        dark = spectrum.dark.astype(np.float64)
        usable &= np.isfinite(dark) & ~hot_pixels(dark)
        signal = np.where(usable, counts - dark, 0.0)
    else:
        flags.append("no_dark")
        signal = np.where(usable, counts, 0.0)
    signal = _bridged(signal, usable)
    signal = linearised(signal, nonlinearity)
    spikes = (
        find_spikes(spectrum.wavelength_nm, signal, estimate_sigma(signal)) & usable
    )
    if spikes_matter(signal, spikes):
        flags.append("spiked")
    if saturated.any():
        flags.append("saturated")
    return signal, usable & ~spikes, spikes, flags


def _bridged(value: FloatArray, usable: BoolArray) -> FloatArray:
    """Return the values with unusable points interpolated, for filters to run over."""
    if usable.all() or not usable.any():
        return value
    index = np.arange(value.size)
    return np.asarray(np.interp(index, index[usable], value[usable]))


def corrected_emission(
    spectrum: Spectrum,
    *,
    responsivity: FloatArray | None = None,
    nonlinearity: Sequence[float] = (),
    ceiling: float | None = None,
) -> Curve:
    """Return a PL spectrum in counts/s above dark.

    Args:
        spectrum: Raw reading; without a dark the spectrum is flagged ``no_dark`` and
            its background is left to the fit.
        responsivity: Relative response of the instrument, shape (k,); points where it
            is NaN become unusable.
        nonlinearity: Polynomial of the detector, lowest power first.
        ceiling: Highest reading of the detector, where the driver did not mark it.

    Raises:
        InvalidInput: Fewer than 16 points, or an integration time of 0.
    """
    _checked(spectrum)
    saturated = _saturated(spectrum, ceiling)
    signal, usable, spikes, flags = _signal(spectrum, saturated, nonlinearity)
    value = signal / spectrum.integration_s
    sigma = estimate_sigma(_bridged(value, usable))
    if responsivity is not None:
        known = np.isfinite(responsivity) & (responsivity > 0.0)
        usable &= known
        value = value / np.where(known, responsivity, 1.0)
        sigma = sigma / np.where(known, responsivity, 1.0)
    return Curve(
        kind="pl",
        wavelength_nm=spectrum.wavelength_nm,
        value=value,
        sigma=sigma,
        usable=usable,
        unit="counts/s",
        saturated=saturated,
        spiked=spikes,
        excitation_nm=spectrum.excitation_nm,
        flags=tuple(flags),
    )


def _lamp(
    spectrum: Spectrum, reference: Spectrum | None
) -> tuple[FloatArray, float, list[str]]:
    """Return the reference's counts above dark, its integration time and warnings."""
    if reference is not None:
        if reference.wavelength_nm.shape != spectrum.wavelength_nm.shape:
            msg = (
                f"reference of {spectrum.sample_id} has "
                f"{reference.wavelength_nm.size} points, the spectrum "
                f"{spectrum.wavelength_nm.size}; take both with one spectrometer"
            )
            raise InvalidInput(msg)
        dark = reference.dark if reference.dark.size else np.zeros(1)
        return reference.counts - dark, reference.integration_s, []
    if spectrum.reference.shape != spectrum.counts.shape:
        msg = (
            f"absorbance of {spectrum.sample_id} needs a reference of the same "
            f"{spectrum.counts.size} points; measure the bare substrate first"
        )
        raise InvalidInput(msg)
    flags = []
    lamp = spectrum.reference.astype(np.float64)
    if spectrum.dark.shape == lamp.shape:
        lamp = lamp - spectrum.dark
    seconds = spectrum.reference_integration_s or spectrum.integration_s
    if not np.isclose(seconds, spectrum.integration_s, rtol=1e-6):
        # The dark belongs to the film's integration time; thermal counts of the other
        # time are unknown, the (much larger) electronic offset is the same.
        flags.append("reference_dark_assumed")
    return lamp, seconds, flags


def corrected_transmission(
    spectrum: Spectrum,
    *,
    reference: Spectrum | None = None,
    nonlinearity: Sequence[float] = (),
    ceiling: float | None = None,
) -> Curve:
    """Return the transmission of a film on its substrate, relative to the bare one.

    T = (S - D) / t_S divided by (R - D) / t_R, each with its own integration time.

    Args:
        spectrum: Raw reading with dark, and with the reference unless given apart.
        reference: Reading of the bare substrate with its own dark and time.
        nonlinearity: Polynomial of the detector, lowest power first.
        ceiling: Highest reading of the detector, where the driver did not mark it.

    Raises:
        InvalidInput: No usable reference, too few points or no integration time.
    """
    _checked(spectrum)
    lamp, lamp_s, lamp_flags = _lamp(spectrum, reference)
    saturated = _saturated(spectrum, ceiling)
    lamp_counts = reference.counts if reference is not None else spectrum.reference
    lamp_saturated = saturation_mask(lamp_counts, ceiling)
    if reference is not None and reference.saturated.shape == lamp_saturated.shape:
        lamp_saturated |= _widened(reference.saturated.astype(bool))
    signal, usable, spikes, flags = _signal(spectrum, saturated, nonlinearity)
    finite = np.isfinite(lamp) & ~lamp_saturated
    lamp = linearised(_bridged(np.where(finite, lamp, 0.0), finite), nonlinearity)
    lamp_sigma = estimate_sigma(lamp)
    signal_sigma = estimate_sigma(signal)
    usable &= (
        finite
        & (lamp > 5.0 * lamp_sigma)
        & ~find_spikes(spectrum.wavelength_nm, lamp, lamp_sigma)
    )
    if is_shifted(lamp_shift_nm(spectrum.wavelength_nm, lamp)):
        flags.append("wavelength_shift")
    if is_empty(lamp_counts) or not usable.any():
        flags.append("empty")
    safe_lamp = np.where(usable, lamp, 1.0)
    scale = lamp_s / spectrum.integration_s
    value = np.where(usable, signal / safe_lamp * scale, np.nan)
    sigma = scale * np.hypot(signal_sigma, signal / safe_lamp * lamp_sigma) / safe_lamp
    if lamp_saturated.any():
        flags.append("saturated")
    return Curve(
        kind="transmission",
        wavelength_nm=spectrum.wavelength_nm,
        value=value,
        sigma=np.where(usable, sigma, 1.0),
        usable=usable,
        unit="1",
        saturated=saturated | lamp_saturated,
        spiked=spikes,
        flags=(*flags, *lamp_flags),
    )


def absorbance_from_transmission(transmission: Curve, stray: float = 0.0) -> Curve:
    """Return the decadic absorbance A = -log10(T).

    Args:
        transmission: Transmission with sigma; points within two sigmas of dark have
            no logarithm and become unusable, which is flagged ``opaque``.
        stray: Share of stray light s in the reference, taken out of both beams:
            T = T_measured * (1 + s) - s.
    """
    value = transmission.value * (1.0 + stray) - stray
    bright = transmission.usable & (
        np.nan_to_num(value) > _MIN_SNR * transmission.sigma
    )
    safe = np.where(bright, value, 1.0)
    flags = list(transmission.flags)
    if bool(np.any(transmission.usable & ~bright)):
        flags.append("opaque")
    return Curve(
        kind="absorbance",
        wavelength_nm=transmission.wavelength_nm,
        value=np.where(bright, -np.log10(safe), np.nan),
        sigma=np.where(bright, transmission.sigma / (safe * _LN10), 1.0),
        usable=bright,
        unit="OD",
        saturated=transmission.saturated,
        spiked=transmission.spiked,
        flags=tuple(flags),
    )
