"""What lies under the emission: a straight line and the grating's second order.

A grating sends light of wavelength l also to where light of 2 l belongs, so a spectrum
in which the excitation's scattered line is in view may show its image there: a weaker
line of twice the width (Palmer, Diffraction Grating Handbook, chapter 2). For a violet
diode it lies where thick perovskites emit.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from hp_lab.analysis.bright_line import BrightLine
from hp_lab.analysis.line_fit import LinearBackground
from hp_lab.analysis.line_shapes import SIGMA_PER_FWHM, pseudo_voigt
from hp_lab.units import HC_EV_NM, FloatArray

# Believed spread of a level at an end of the window, as a share of the signal, and how
# far below the data it may lie: beyond it is no background but the lines' own tails.
_LEVEL_SPREAD, _DEEPEST = 0.01, 0.05
# Dark is subtracted within this many sigmas of the window's mean.
_DARK_SIGMAS = 2.0
# Height of second order over first, a wide belief: the fit hardly depends on it.
# Its centre is off by the axis's error or by twice the diode's, which are not told
# apart.
_SECOND_ORDER_SPREAD, _IMAGE_SHIFT_NM = 0.25, 0.5
# Surroundings of an image, in its widths.
_APART = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionBackground:
    """A background on the wavelength axis.

    Attributes:
        window_nm: Ends of the window that was fitted.
        levels: Levels of the straight line there, the curve's unit.
        second_order: Height of the excitation's image, the curve's unit.
        image_nm: Its centre.
        image_fwhm_nm: Its full width at half maximum.
        image_shift: Its shift times its height, the curve's unit times nm.
    """

    window_nm: tuple[float, float]
    levels: tuple[float, float]
    second_order: float
    image_nm: float
    image_fwhm_nm: float
    image_shift: float

    def at(self, wavelength_nm: FloatArray) -> FloatArray:
        """Return the background, the curve's unit, shape of ``wavelength_nm``."""
        low, high = self.window_nm
        place = (wavelength_nm - low) / (high - low)
        straight = self.levels[0] + place * (self.levels[1] - self.levels[0])
        image = _image(wavelength_nm, self.image_nm, self.image_fwhm_nm)
        return np.asarray(straight + image.T @ (self.second_order, self.image_shift))


def _image(wavelength_nm: FloatArray, centre_nm: float, fwhm_nm: float) -> FloatArray:
    """Return a Gaussian and its derivative by its centre, shape (2, k)."""
    by_centre = (wavelength_nm - centre_nm) / (fwhm_nm * SIGMA_PER_FWHM) ** 2
    line = pseudo_voigt(wavelength_nm, centre_nm, fwhm_nm, 0.0)
    return np.stack([line, line * by_centre])


class BackgroundColumns:
    """What a background is fitted with, beside lines on an energy axis.

    Args:
        energy_ev: Energies of the window, ascending, shape (k,).
        value: Signal per nm there, shape (k,).
        noise: Typical noise of a point there.
        scale: Signal per eV that the fit calls 1.
        excitation_nm: Nominal wavelength of the excitation.
        scattered: Its scattered line, None where it is not in view.

    Attributes:
        base: Level that is taken off before the fit, the curve's unit.
        fitted: Columns, believed spreads and limits, in the fit's unit.
    """

    def __init__(
        self,
        energy_ev: FloatArray,
        value: FloatArray,
        noise: float,
        scale: float,
        excitation_nm: float,
        scattered: BrightLine | None,
    ) -> None:
        axis_nm = HC_EV_NM / energy_ev
        nm_per_ev = HC_EV_NM / energy_ev**2
        middle = float(np.median(nm_per_ev))
        self._unit = middle / scale
        self._window = float(axis_nm[-1]), float(axis_nm[0])
        self.base = float(np.percentile(value, 5.0))
        place = (axis_nm - axis_nm[-1]) / (axis_nm[0] - axis_nm[-1])
        rows = [1.0 - place, place]
        spread = [_LEVEL_SPREAD, _LEVEL_SPREAD]
        dark = _DARK_SIGMAS * noise / float(np.sqrt(value.size))
        deepest = (max(self.base, 0.0) + dark) * self._unit
        least = [-min(deepest, _DEEPEST)] * 2
        start = [0.0, 0.0]
        self._image_nm, self._image_fwhm_nm = 2.0 * excitation_nm, 1.0
        if scattered is not None:
            self._image_nm += 1.5 * scattered.shift_nm.value
            self._image_fwhm_nm = 2.0 * scattered.fwhm_nm
            image = self._image_height(axis_nm, value)
            if image > 0.0:
                rows.extend(_image(axis_nm, self._image_nm, self._image_fwhm_nm))
                height = _SECOND_ORDER_SPREAD * scattered.height * self._unit
                spread.extend([height, height * _IMAGE_SHIFT_NM])
                least.extend([0.0, -np.inf])
                start.extend([image * self._unit, 0.0])
        self.fitted = LinearBackground(
            columns=np.stack(rows) * nm_per_ev / middle,
            spread=np.array(spread),
            least=np.array(least),
            start=np.array(start),
        )

    def _image_height(self, axis_nm: FloatArray, value: FloatArray) -> float:
        """Return how far an image stands out of its surroundings, 0 if it does not.

        A band of emission is wider, and does not fall to half within such a distance.
        """
        away = np.abs(axis_nm - self._image_nm) / self._image_fwhm_nm
        smooth = uniform_filter1d(value - self.base, 5)
        around, inside = (away > 1.0) & (away < _APART), away < 0.5
        if not (around.any() and inside.any()):
            return 0.0
        level, top = float(smooth[around].max()), float(smooth[inside].max())
        return top - level if level < 0.5 * top else 0.0

    def straight(self, coefficients: FloatArray) -> FloatArray:
        """Return the straight part of what was fitted, in the fit's unit, shape (k,).

        Args:
            coefficients: Of all columns, shape (b,).
        """
        return np.asarray(coefficients[:2] @ self.fitted.columns[:2])

    def background(self, coefficients: FloatArray) -> EmissionBackground:
        """Return the background that fitted coefficients, shape (b,), stand for."""
        heights = coefficients / self._unit
        return EmissionBackground(
            window_nm=self._window,
            levels=(self.base + float(heights[0]), self.base + float(heights[1])),
            second_order=float(heights[2]) if heights.size > 2 else 0.0,
            image_nm=self._image_nm,
            image_fwhm_nm=self._image_fwhm_nm,
            image_shift=float(heights[3]) if heights.size > 2 else 0.0,
        )
