"""Spectra made from textbook formulas, as raw readings with noise."""

from collections.abc import Callable

import numpy as np
import pytest

from hp_lab.records import Spectrum
from hp_lab.units import HC_EV_NM

PIXELS_NM = np.linspace(350.0, 950.0, 1200)
OFFSET = 1500.0
SpectrumMaker = Callable[..., Spectrum]


def gaussian_ev(
    wavelength_nm: np.ndarray, centre_ev: float, fwhm_ev: float
) -> np.ndarray:
    """A Gaussian per eV of height 1, as a density per nm scaled to 1 at its centre."""
    energy = HC_EV_NM / wavelength_nm
    line = np.exp(-4.0 * np.log(2.0) * ((energy - centre_ev) / fwhm_ev) ** 2)
    return line * (energy / centre_ev) ** 2


def layered_ev(energy: np.ndarray, exciton_ev: float, height: float) -> np.ndarray:
    """A 1s exciton with a step 0.25 eV above it, both plainly Gaussian."""
    line = np.exp(-4.0 * np.log(2.0) * ((energy - exciton_ev) / 0.075) ** 2)
    step = 1.0 / (1.0 + np.exp(-(energy - exciton_ev - 0.25) / 0.025))
    return height * (line + 0.45 * step)


@pytest.fixture
def make_pl() -> SpectrumMaker:
    def make(
        lines: tuple[tuple[float, float, float], ...] = ((2.36, 0.07, 20_000.0),),
        *,
        seed: int = 1,
        integration_s: float = 0.5,
        background: float = 30.0,
        ceiling: float = 65_535.0,
        wavelength_nm: np.ndarray = PIXELS_NM,
        excitation_nm: float = 405.0,
    ) -> Spectrum:
        """Lines are (centre eV, FWHM eV, peak counts)."""
        rng = np.random.default_rng(seed)
        clean = np.full(wavelength_nm.size, background)
        for centre_ev, fwhm_ev, counts in lines:
            clean = clean + counts * gaussian_ev(wavelength_nm, centre_ev, fwhm_ev)
        counts = OFFSET + rng.poisson(clean) + rng.normal(0.0, 5.0, clean.size)
        return Spectrum(
            mode="photoluminescence",
            sample_id="film-1",
            wavelength_nm=wavelength_nm,
            counts=np.minimum(counts, ceiling),
            dark=OFFSET + rng.normal(0.0, 5.0, clean.size),
            saturated=counts >= ceiling,
            integration_s=integration_s,
            excitation_nm=excitation_nm,
        )

    return make


@pytest.fixture
def make_absorbance() -> SpectrumMaker:
    def make(
        phases: tuple[tuple[float, float], ...] = ((2.17, 0.5),),
        *,
        seed: int = 1,
        lamp_counts: float = 40_000.0,
        integration_s: float = 0.05,
        reference_integration_s: float = 0.05,
        scatter: float = 0.02,
        wavelength_nm: np.ndarray = PIXELS_NM,
    ) -> Spectrum:
        """Phases are (exciton eV, exciton height OD)."""
        rng = np.random.default_rng(seed)
        energy = HC_EV_NM / wavelength_nm
        absorbance = scatter * (energy / 2.0) ** 4
        for exciton_ev, height in phases:
            absorbance = absorbance + layered_ev(energy, exciton_ev, height)
        lamp = lamp_counts * np.exp(-(((wavelength_nm - 620.0) / 220.0) ** 2))
        film = lamp * 10.0**-absorbance * integration_s / reference_integration_s
        size = wavelength_nm.size
        return Spectrum(
            mode="absorbance",
            sample_id="film-1",
            wavelength_nm=wavelength_nm,
            counts=OFFSET + rng.poisson(film) + rng.normal(0.0, 5.0, size),
            dark=OFFSET + rng.normal(0.0, 1.0, size),
            reference=OFFSET + rng.poisson(lamp) + rng.normal(0.0, 5.0, size),
            saturated=np.zeros(size, dtype=bool),
            integration_s=integration_s,
            reference_integration_s=reference_integration_s,
        )

    return make
