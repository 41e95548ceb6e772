"""Photoluminescence: peaks, widths, centroid and brightness with their sigmas."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.analysis.bright_line import BrightLine
from hp_lab.analysis.calibration import WAVELENGTH_SIGMA_NM, axis_sigma_ev
from hp_lab.analysis.emission_background import BackgroundColumns, EmissionBackground
from hp_lab.analysis.line_fit import LineFit, fit_lines
from hp_lab.analysis.line_shapes import SIGMA_PER_FWHM
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peak_top import with_measured_top
from hp_lab.analysis.peak_width import with_measured_width, without_bandpass
from hp_lab.analysis.peaks import Peak, band_peaks
from hp_lab.analysis.quality import (
    because,
    excitation_line,
    is_shifted,
)
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import HC_EV_NM, FloatArray

# A signal must stand this many sigmas above its surroundings to be called one.
DETECTION_SIGMAS = 5.0
# Widths of PL bands that perovskites have at room temperature, instrument included.
_FWHM_LIMITS_EV = (0.015, 0.60)
_DETECTION_FWHM_NM = (6.0, 12.0, 24.0, 48.0)
# Light of the excitation within this distance is scattered, not emitted.
_EXCITATION_MARGIN_NM = 20.0
# Share of the highest point by which sums of pseudo-Voigts miss real line shapes.
_MODEL_FLOOR = 0.003
_MOST_POINTS = 320
# Emission above this share of its maximum at the end of the spectrum is cut off.
_LEVEL_AT_END = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """What a PL spectrum says.

    Attributes:
        peaks: Strongest (highest) first, at least one.
        centroid_ev: First moment of the fitted emission, background-free.
        height: Highest background-free signal on the wavelength axis, the curve's unit.
        flags: Warnings.
        fit: The lines behind it, on an energy axis, in units of ``scale`` per eV.
        scale: Signal per eV that the fit calls 1.
        window_ev: Energies that were fitted.
        background: What was fitted under them.
    """

    peaks: tuple[Peak, ...]
    centroid_ev: Measured
    height: Measured
    flags: tuple[str, ...]
    fit: LineFit
    scale: float
    window_ev: tuple[float, float]
    background: EmissionBackground

    def signal_at(self, wavelength_nm: FloatArray) -> FloatArray:
        """Return the background-free signal on the wavelength axis, curve's unit."""
        energy = HC_EV_NM / wavelength_nm
        return np.asarray(self.fit.at(energy) * self.scale * energy**2 / HC_EV_NM)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEmission:
    """No PL was found.

    Attributes:
        reason: Why, for a person.
        height_limit: Highest peak that could hide in the noise (three sigmas), in the
            curve's unit; None where the spectrum cannot be interpreted at all.
        flags: Warnings.
    """

    reason: str
    height_limit: float | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Where a signal was found: its best matched width and its strength."""

    centre_nm: float
    fwhm_nm: float
    snr: float


def analyze_emission(
    curve: Curve, *, bandpass_nm: float = 0.0
) -> Emission | NoEmission:
    """Interpret a PL spectrum.

    Args:
        curve: Spectrum of kind pl.
        bandpass_nm: Full width at half maximum of the instrument's bandpass, taken out
            of the widths; 0 leaves the widths as observed.
    """
    if "empty" in curve.flags:
        return NoEmission(reason=because("empty"), height_limit=None, flags=curve.flags)
    scattered = excitation_line(curve)
    if scattered is not None and is_shifted(scattered.shift_nm):
        curve = curve.masked(~curve.usable, "wavelength_shift")
    curve = _without_excitation(curve)
    wavelength_nm, value, sigma = curve.points()
    if wavelength_nm.size < 16:
        return NoEmission(
            reason=f"{_why_so_few(curve)}: only {wavelength_nm.size} usable points are "
            f"left of {curve.wavelength_nm.size}; 16 are needed",
            height_limit=None,
            flags=tuple(dict.fromkeys((*curve.flags, _why_so_few(curve)))),
        )
    found, limit = _detect(wavelength_nm, value, sigma)
    if not found:
        return NoEmission(
            reason=because("no_signal"),
            height_limit=limit,
            flags=(*curve.flags, "no_signal"),
        )
    return _fit_window(curve, found, scattered, bandpass_nm)


def _why_so_few(curve: Curve) -> str:
    return "saturated" if curve.saturated.sum() > 0.3 * curve.usable.size else "cut"


def _without_excitation(curve: Curve) -> Curve:
    if curve.excitation_nm <= 0.0:
        return curve
    return curve.masked(
        curve.wavelength_nm < curve.excitation_nm + _EXCITATION_MARGIN_NM
    )


def _detect(
    wavelength_nm: FloatArray, value: FloatArray, sigma: FloatArray
) -> tuple[list[_Found], float]:
    """Find signals with filters that are blind to a sloping background.

    Each filter is the negative second derivative of a Gaussian as wide as the line
    it matches.

    Returns:
        The places, strongest first, and the height hidden by three sigmas of noise at
        the second narrowest width.
    """
    step_nm = float(np.median(np.diff(wavelength_nm)))
    places: list[_Found] = []
    limits = []
    for fwhm_nm in _DETECTION_FWHM_NM:
        pixels = fwhm_nm * SIGMA_PER_FWHM / step_nm
        if pixels < 0.7 or 6.0 * pixels > wavelength_nm.size:
            continue
        response = -gaussian_filter1d(value, pixels, order=2, mode="reflect")
        variance = _filtered_variance(sigma, pixels)
        snr = response / np.sqrt(variance)
        top = int(np.argmax(snr))
        places.append(
            _Found(
                centre_nm=float(wavelength_nm[top]),
                fwhm_nm=fwhm_nm,
                snr=float(snr[top]),
            )
        )
        # Response of a matched line of height 1: second derivative at its middle after
        # smoothing by its own width.
        gain = 1.0 / (2.0 * np.sqrt(2.0) * pixels**2)
        limits.append(3.0 * float(np.median(np.sqrt(variance))) / gain)
    if not places:
        return [], 3.0 * float(np.median(sigma))
    limit = limits[min(1, len(limits) - 1)]
    strong = [place for place in places if place.snr > DETECTION_SIGMAS]
    return sorted(strong, key=lambda place: -place.snr), limit


def _filtered_variance(sigma: FloatArray, pixels: float) -> FloatArray:
    """Return the variance of the second-derivative filter's output, shape (k,)."""
    reach = int(4.0 * pixels + 0.5)
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1.0
    kernel = gaussian_filter1d(impulse, pixels, order=2, mode="constant")
    padded = np.pad(sigma**2, reach, mode="edge")
    variance = np.convolve(padded, kernel**2, mode="valid")
    # Mirrored points count twice near the ends, which at most doubles the variance.
    variance[:reach] *= 2.0
    variance[-reach:] *= 2.0
    return np.asarray(variance)


def _window(
    wavelength_nm: FloatArray, value: FloatArray, sigma: FloatArray
) -> tuple[float, float]:
    """Return the stretch (nm) that holds the signal with some background around it."""
    step_nm = float(np.median(np.diff(wavelength_nm)))
    smooth = gaussian_filter1d(value, max(2.0 / step_nm, 1.0), mode="nearest")
    base = float(np.percentile(smooth, 10.0))
    noise = float(np.median(sigma)) / np.sqrt(max(7.0 / step_nm, 1.0))
    top = float(smooth.max())
    bright = smooth > base + max(0.02 * (top - base), 4.0 * noise)
    bright[int(np.argmax(smooth))] = True
    low = float(wavelength_nm[bright][0])
    high = float(wavelength_nm[bright][-1])
    margin = max(0.6 * (high - low), 30.0)
    return low - margin, high + margin


def binned(
    x: FloatArray, y: FloatArray, sigma: FloatArray, most: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Average neighbouring points until at most ``most`` are left.

    Plain means keep line positions unbiased; sigmas are those of the means.
    """
    share = -(-x.size // most)
    if share <= 1:
        return x, y, sigma
    size = x.size // share * share
    blocks = (size // share, share)
    mean_x = x[:size].reshape(blocks).mean(axis=1)
    mean_y = y[:size].reshape(blocks).mean(axis=1)
    squares = (sigma[:size] ** 2).reshape(blocks).sum(axis=1)
    return mean_x, mean_y, np.sqrt(squares) / share


def _fit_window(
    curve: Curve,
    found: list[_Found],
    scattered: BrightLine | None,
    bandpass_nm: float,
) -> Emission | NoEmission:
    wavelength_nm, value, sigma = curve.points()
    low_nm, high_nm = _window(wavelength_nm, value, sigma)
    inside = curve.masked(
        (curve.wavelength_nm < low_nm) | (curve.wavelength_nm > high_nm)
    )
    energy, density, noise = binned(*inside.energy_points(), _MOST_POINTS)
    scale = float(np.max(density) - np.percentile(density, 10.0))
    if not scale > 0.0 or energy.size < 16:
        return NoEmission(
            reason=because("no_signal"),
            height_limit=3.0 * float(np.median(sigma)),
            flags=(*curve.flags, "no_signal"),
        )
    nm_per_ev = HC_EV_NM / energy**2
    under = BackgroundColumns(
        energy,
        density / nm_per_ev,
        float(np.median(noise / nm_per_ev)),
        scale,
        curve.excitation_nm,
        scattered,
    )
    fit = fit_lines(
        energy,
        (density - under.base * nm_per_ev) / scale,
        np.hypot(noise / scale, _MODEL_FLOOR),
        under.fitted,
        fwhm_limits=_FWHM_LIMITS_EV,
    )
    flags = list(curve.flags)
    peaks, peak_flags = band_peaks(fit, energy, under.straight(fit.background), scale)
    flags.extend(peak_flags)
    if _ends_within(curve, fit, energy):
        flags.append("cut")
    if found[0].snr < 2.0 * DETECTION_SIGMAS:
        flags.append("weak_signal")
    emission = Emission(
        peaks=peaks,
        centroid_ev=_centroid(fit, energy),
        height=peaks[0].height.times(peaks[0].center_ev.value ** 2 / HC_EV_NM),
        flags=tuple(dict.fromkeys(flags)),
        fit=fit,
        scale=scale,
        window_ev=(float(energy[0]), float(energy[-1])),
        background=under.background(fit.background),
    )
    stray = 0.0 if scattered is None else scattered.height / emission.height.value
    peaks = _measured_peaks(emission, inside, stray, bandpass_nm)
    return replace(emission, peaks=peaks)


def _measured_peaks(
    emission: Emission, curve: Curve, scattered: float, bandpass_nm: float
) -> tuple[Peak, ...]:
    """Return the peaks, of the highest one place and width as the points say.

    Args:
        emission: What was fitted.
        curve: The points in its window.
        scattered: Height of the excitation's scattered line over the emission's.
        bandpass_nm: To be taken out of the widths.
    """
    first, *others = emission.peaks
    if "top_not_in_view" not in emission.flags:
        first = with_measured_top(first, curve)
        wavelength_nm, value, _ = curve.points()
        energy, _, noise = curve.energy_points()
        signal = value - emission.background.at(wavelength_nm)
        density = signal[::-1] * HC_EV_NM / energy**2
        first = with_measured_width(
            first, emission.fit, energy, density, noise, scattered
        )
    return tuple(
        _with_axis_sigma(without_bandpass(peak, bandpass_nm))
        for peak in (first, *others)
    )


def _ends_within(curve: Curve, fit: LineFit, energy: FloatArray) -> bool:
    """Return whether the spectrum ends where the emission is still strong.

    The excitation's margin is no end: what is left out there is known.
    """
    wavelength_nm = curve.wavelength_nm[curve.usable]
    ends_ev = HC_EV_NM / np.array([wavelength_nm[-1], wavelength_nm[0]])
    levels = fit.at(np.array([energy[0], energy[-1]])) / fit.at(energy).max()
    reached = np.abs(ends_ev - energy[[0, -1]]) < 3.0 * np.median(np.diff(energy))
    if wavelength_nm[0] < curve.excitation_nm + 2.0 * _EXCITATION_MARGIN_NM:
        reached[1] = False
    return bool(np.any(reached & (levels > _LEVEL_AT_END)))


def _with_axis_sigma(peak: Peak) -> Peak:
    return replace(
        peak,
        center_ev=peak.center_ev.widened(axis_sigma_ev(peak.center_ev.value)),
        center_nm=peak.center_nm.widened(WAVELENGTH_SIGMA_NM),
    )


def _centroid(fit: LineFit, energy: FloatArray) -> Measured:
    """Return the first moment of the lines over the fitted window."""
    steps = np.gradient(energy)
    profile = fit.at(energy) * steps
    total = float(np.sum(profile))
    mean = float(np.sum(profile * energy)) / total
    gradient = fit.gradient_at(energy) @ (steps * (energy - mean)) / total
    variance = float(gradient @ fit.covariance @ gradient)
    sigma = float(np.sqrt(max(variance, 1e-12)))
    return Measured(value=mean, sigma=sigma).widened(axis_sigma_ev(mean))
