"""A spectrum from a file as a corrected curve."""

import numpy as np

from hp_lab.analysis.corrections import absorbance_from_transmission, saturation_mask
from hp_lab.analysis.noise import estimate_sigma
from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.spectrum import BoolArray, Curve, Kind
from hp_lab.analysis.spikes import find_spikes, spikes_matter
from hp_lab.units import FloatArray

# Fluorescence and absorbance readers of plates are exported with rounded digits.
_LEAST_SIGMA_OD = 2e-4


def curve_of(spectrum: NamedSpectrum, kind: Kind) -> Curve:
    """Return the curve of a file's spectrum; transmission becomes absorbance.

    Args:
        spectrum: As read.
        kind: What it is taken for.
    """
    if kind == "transmission":
        return absorbance_from_transmission(_plain(spectrum, "transmission"))
    if kind == "pl" and spectrum.raw.shape == spectrum.value.shape:
        return _calibrated(spectrum)
    return _plain(spectrum, kind)


def _filled(value: FloatArray, usable: BoolArray) -> FloatArray:
    index = np.arange(value.size)
    if not usable.any():
        return np.zeros_like(value)
    return np.asarray(np.interp(index, index[usable], value[usable]))


def _plain(spectrum: NamedSpectrum, kind: Kind) -> Curve:
    """Return a curve whose noise is seen in the values themselves."""
    flags = list(spectrum.flags)
    value = spectrum.value
    size = value.size
    overflow = (
        spectrum.overflow if spectrum.overflow.size else np.zeros(size, dtype=bool)
    )
    saturated = np.zeros(size, dtype=bool)
    if kind == "pl":
        counts = np.where(overflow, np.inf, value)
        saturated = saturation_mask(counts, spectrum.ceiling or None)
    elif overflow.any():
        saturated = overflow
    usable = np.isfinite(value) & ~saturated
    filled = _filled(value, usable)
    sigma = estimate_sigma(filled)
    if kind == "absorbance":
        sigma = np.maximum(sigma, _LEAST_SIGMA_OD)
    spikes = find_spikes(spectrum.wavelength_nm, filled, sigma) & usable
    if saturated.any():
        flags.append("saturated")
    if spikes_matter(filled, spikes):
        flags.append("spiked")
    return Curve(
        kind=kind,
        wavelength_nm=spectrum.wavelength_nm,
        value=filled,
        sigma=sigma,
        usable=usable & ~spikes,
        unit=spectrum.unit or {"pl": "counts", "absorbance": "OD"}.get(kind, "1"),
        saturated=saturated,
        spiked=spikes,
        excitation_nm=spectrum.excitation_nm,
        flags=tuple(flags),
    )


def _calibrated(spectrum: NamedSpectrum) -> Curve:
    """Return a calibrated PL curve, its noise taken from the raw counts.

    The instrument writes 0 where it sees nothing, which is no measurement. The noise
    of the counts is brought to the calibrated scale by the local ratio of the two.
    """
    raw = spectrum.raw
    dark = (
        spectrum.dark
        if spectrum.dark.shape == raw.shape
        else np.full(raw.size, float(np.median(raw)))
    )
    counts = raw - dark
    saturated = saturation_mask(raw, spectrum.ceiling or None)
    seen = np.isfinite(spectrum.value) & (spectrum.value > 0.0) & ~saturated
    flags = list(spectrum.flags)
    if spectrum.dark.shape != raw.shape:
        flags.append("no_dark")
    if saturated.any():
        flags.append("saturated")
    noise = estimate_sigma(counts)
    spikes = find_spikes(spectrum.wavelength_nm, counts, noise) & seen
    if spikes_matter(counts, spikes):
        flags.append("spiked")
    # Far from the noise the ratio of flux to counts is the calibration; elsewhere the
    # median of what is known stands in.
    bright = seen & (counts > 3.0 * noise)
    ratio = np.full(raw.size, 1.0)
    if bright.any():
        ratio = _filled(
            np.where(bright, spectrum.value / np.where(bright, counts, 1.0), 0.0),
            bright,
        )
    return Curve(
        kind="pl",
        wavelength_nm=spectrum.wavelength_nm,
        value=_filled(spectrum.value, seen),
        sigma=np.maximum(noise * ratio, 1e-12),
        usable=seen & ~spikes,
        unit=spectrum.unit,
        saturated=saturated,
        spiked=spikes,
        excitation_nm=spectrum.excitation_nm,
        flags=tuple(flags),
    )
