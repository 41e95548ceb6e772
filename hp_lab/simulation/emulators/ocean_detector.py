"""The detector of the emulated spectrometer: from photoelectrons to counts.

What every pixel reads: photoelectrons and thermal electrons, both of them random,
divided by the gain, bent by the non-linearity, on an electronic offset, with read
noise, cut off at the converter's ceiling. Offset and thermal electrons follow the
temperature, which swings slowly. Every exposure's noise follows from the seed and the
exposure's number alone, so a run repeats itself whoever else draws random numbers.
"""

import math
from dataclasses import dataclass

import numpy as np

from hp_lab.simulation import constants as c
from hp_lab.units import FloatArray

PIXELS = 2068
CEILING = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorModel:
    """Figures of the detector; ``constants`` has their sources.

    Attributes:
        gain_e: Electrons a count; a full well of 160,000 electrons fills the range.
        offset_counts: Electronic offset at 25 degrees C.
        offset_counts_k: Its change with temperature.
        read_noise_counts: Standard deviation.
        dark_e_s: Thermal electrons a second and pixel at 25 degrees C.
        dark_doubling_k: Temperature step that doubles them.
        dark_spread: Relative spread of them from pixel to pixel.
        sensitivity_spread: Relative spread of the response.
        hot_pixels: Number of pixels with far more thermal electrons.
        hot_e_s: Their thermal electrons a second, at most.
        swing_k: Amplitude of the temperature's swing.
        swing_s: Its period: an air-conditioned room's.
        nonlinearity: Response per count above the offset, lowest power first, as the
            instrument stores it: about 1.5 % less at full scale.
    """

    gain_e: float = c.DETECTOR_GAIN_E
    offset_counts: float = c.DETECTOR_OFFSET_COUNTS
    offset_counts_k: float = c.DETECTOR_OFFSET_COUNTS_K
    read_noise_counts: float = c.DETECTOR_READ_NOISE_COUNTS
    dark_e_s: float = c.DETECTOR_DARK_E_S
    dark_doubling_k: float = c.DETECTOR_DARK_DOUBLING_K
    dark_spread: float = c.DETECTOR_DARK_SPREAD
    sensitivity_spread: float = c.DETECTOR_SENSITIVITY_SPREAD
    hot_pixels: int = c.DETECTOR_HOT_PIXELS
    hot_e_s: float = c.DETECTOR_HOT_E_S
    swing_k: float = c.DETECTOR_SWING_K
    swing_s: float = c.DETECTOR_SWING_S
    nonlinearity: tuple[float, ...] = c.DETECTOR_NONLINEARITY


class Detector:
    """One detector: its fixed pattern is its own.

    Args:
        rng: Where its pattern and the seed of its noise come from.
        model: Its figures.
    """

    def __init__(
        self, rng: np.random.Generator, model: DetectorModel | None = None
    ) -> None:
        self.model = model or DetectorModel()
        self._seed = int(rng.integers(2**62))
        pattern = np.random.default_rng([self._seed, 0])
        self._sensitivity = 1.0 + self.model.sensitivity_spread * (
            pattern.standard_normal(PIXELS)
        )
        self._dark_e_s = self.model.dark_e_s * np.exp(
            self.model.dark_spread * pattern.standard_normal(PIXELS)
        )
        hot = pattern.choice(PIXELS, self.model.hot_pixels, replace=False)
        self._dark_e_s[hot] += self.model.hot_e_s * pattern.uniform(
            0.1, 1.0, self.model.hot_pixels
        )
        self._phase = float(pattern.uniform(0.0, 2.0 * math.pi))

    def temperature_c(self, now_s: float) -> float:
        """Return the detector's temperature."""
        turn = 2.0 * math.pi * now_s / self.model.swing_s + self._phase
        return 25.0 + self.model.swing_k * math.sin(turn)

    def expose(
        self,
        photoelectrons_s: FloatArray,
        integration_s: float,
        *,
        number: int,
        now_s: float,
        dark_factor: float = 1.0,
    ) -> np.ndarray:
        """Return the counts of one exposure, shape (2068,), unsigned 16 bit.

        Args:
            photoelectrons_s: Photoelectrons a second and pixel, shape (2068,).
            integration_s: Exposure time.
            number: The exposure's number; the same number has the same noise.
            now_s: Laboratory time, for the temperature.
            dark_factor: How much more thermal electrons than usual there are.
        """
        model = self.model
        rng = np.random.default_rng([self._seed, 1, number])
        warmer_k = self.temperature_c(now_s) - 25.0
        thermal_e_s = self._dark_e_s * 2.0 ** (warmer_k / model.dark_doubling_k)
        expected_e = integration_s * (
            photoelectrons_s * self._sensitivity + thermal_e_s * dark_factor
        )
        # A well overflows far above the converter's ceiling; more is not counted.
        full_e = 4.0 * CEILING * model.gain_e
        electrons = rng.poisson(np.clip(expected_e, 0.0, full_e))
        above = self._bent(electrons / model.gain_e)
        offset = model.offset_counts + model.offset_counts_k * warmer_k
        noise = model.read_noise_counts * rng.standard_normal(PIXELS)
        return np.clip(np.rint(above + offset + noise), 0, CEILING).astype("<u2")

    def _bent(self, linear: FloatArray) -> FloatArray:
        """Return what is read for linear counts: r = linear * polynomial(r)."""
        coefficients = np.asarray(self.model.nonlinearity)
        read = np.minimum(linear, 2.0 * CEILING)
        linear = read
        for _ in range(6):
            read = linear * np.polynomial.polynomial.polyval(read, coefficients)
        return np.asarray(read)
