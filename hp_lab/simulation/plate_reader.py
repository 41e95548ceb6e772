"""A plate reader with monochromators: wide bandpass, integer counts, a ceiling.

Its exports leave cells above the ceiling out, so the highest point of a bright well's
export is not its maximum. Nothing here has a wire; it serves to judge the analysis of
plates and to calibrate what dries in wells.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.simulation import constants as c
from hp_lab.simulation.absorption import absorber_of
from hp_lab.simulation.emission import emitted_per_ev
from hp_lab.simulation.formation import Film
from hp_lab.units import HC_EV_NM, FloatArray

_FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
_MARGIN_NM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateReader:
    """A reader's settings.

    Attributes:
        first_nm: First wavelength of the scan.
        last_nm: Last wavelength; steps are 1 nm.
        gain: Counts for each excitation photon's worth of emission a nanometre.
    """

    first_nm: int = 500
    last_nm: int = 850
    gain: float = c.READER_GAIN

    @property
    def wavelength_nm(self) -> FloatArray:
        """The scan's wavelengths, shape (k,)."""
        return np.arange(self.first_nm, self.last_nm + 1, dtype=np.float64)

    def expected_counts(self, film: Film, *, top: bool = True) -> FloatArray:
        """Return what a reader without noise and ceiling would count, shape (k,)."""
        wide_nm = np.arange(
            self.first_nm - _MARGIN_NM, self.last_nm + _MARGIN_NM + 1, dtype=np.float64
        )
        absorber = absorber_of(film, HC_EV_NM / wide_nm)
        per_nm = emitted_per_ev(film, absorber, top=top) * HC_EV_NM / wide_nm**2
        sigma = c.READER_BANDPASS_NM / _FWHM_PER_SIGMA
        seen = gaussian_filter1d(per_nm, sigma, mode="nearest")
        return np.asarray(self.gain * seen[_MARGIN_NM:-_MARGIN_NM])

    def counts(
        self, film: Film, rng: np.random.Generator, *, top: bool = True
    ) -> FloatArray:
        """Return one scan, shape (k,); NaN where the ceiling was exceeded."""
        expected = self.expected_counts(film, top=top)
        noisy = expected * (1.0 + c.READER_NOISE * rng.standard_normal(expected.shape))
        noisy += rng.poisson(c.READER_BACKGROUND, expected.shape)
        counts = np.rint(noisy)
        return np.where(counts > c.READER_CEILING, np.nan, counts)
