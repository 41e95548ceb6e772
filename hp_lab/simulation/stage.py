"""The measuring stage: what its lamp, diode and film send to the detector's pixels."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import expit

from hp_lab.simulation import constants as c
from hp_lab.simulation.absorption import absorber_of
from hp_lab.simulation.emission import emitted_per_ev
from hp_lab.simulation.formation import Film
from hp_lab.simulation.optics import (
    film_transmission,
    scattering_depth,
    substrate_transmission,
)
from hp_lab.simulation.variation import normal_of
from hp_lab.units import BOLTZMANN_EV_K, HC_EV_NM, FloatArray

_STEP_NM = 0.5
GRID_NM = np.arange(300.0, 1120.0, _STEP_NM)
GRID_EV = HC_EV_NM / GRID_NM
_FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lights:
    """Levels of lamp, diode and shutter, 0 to 1.

    The shutter is in front of the detector: the film sees lamp and diode whether it is
    open or closed.

    Attributes:
        lamp_since_s: When the lamp was switched on last.
    """

    lamp: float = 0.0
    led: float = 0.0
    shutter: float = 0.0
    lamp_since_s: float = 0.0


class FilmLight:
    """What a film does to light; worked out once, used for many readings.

    Args:
        film: The film, or None for a bare substrate.
        led_nm: Wavelength of the excitation diode.
    """

    def __init__(self, film: Film | None, led_nm: float = c.LED_NM) -> None:
        self._film = film
        self._led_nm = led_nm
        self._absorber = None if film is None else absorber_of(film, GRID_EV)

    @cached_property
    def transmission(self) -> FloatArray:
        """Transmission on :data:`GRID_NM`."""
        if self._film is None or self._absorber is None:
            return substrate_transmission(GRID_NM)
        return film_transmission(self._film, self._absorber, GRID_NM)

    @cached_property
    def emitted_per_nm(self) -> FloatArray:
        """Photons for each excitation photon and nanometre, on :data:`GRID_NM`."""
        if self._film is None or self._absorber is None:
            return np.zeros(GRID_NM.shape)
        per_ev = emitted_per_ev(self._film, self._absorber, led_nm=self._led_nm)
        return per_ev * HC_EV_NM / GRID_NM**2

    @cached_property
    def scatters(self) -> float:
        """How much more excitation light the film throws towards the detector."""
        if self._film is None:
            return 1.0
        depth = float(scattering_depth(self._film, np.array([self._led_nm]))[0])
        return 1.0 + 4.0 * depth


class Stage:
    """Optics and detector of one laboratory; its small errors belong to its seed.

    Args:
        seed: The laboratory's seed.
        led_nm: Wavelength of the excitation diode.
    """

    def __init__(self, seed: int | None, led_nm: float = c.LED_NM) -> None:
        def error(purpose: str) -> float:
            return 0.0 if seed is None else normal_of(seed, "stage", purpose)

        self._offset_nm = c.WAVELENGTH_OFFSET_NM * error("offset")
        self._stretch_nm = c.WAVELENGTH_STRETCH_NM * error("stretch")
        self._etalon_phase = math.pi * error("etalon")
        self._drift_phase = math.pi * error("drift")
        self._led_nm = led_nm

    def true_nm(self, nominal_nm: FloatArray) -> FloatArray:
        """Return what light really falls on a pixel said to be at a wavelength."""
        place = (nominal_nm - 650.0) / 350.0
        return nominal_nm + self._offset_nm + self._stretch_nm * place**2

    def photoelectrons_s(
        self,
        wavelength_nm: FloatArray,
        lights: Lights,
        light: FilmLight | None,
        now_s: float,
        *,
        lamp_coupling: float = 1.0,
        led_coupling: float = 1.0,
    ) -> FloatArray:
        """Return photoelectrons a second and pixel, shape (k,).

        Args:
            wavelength_nm: Pixels, by the spectrometer's own calibration.
            lights: Levels of lamp, diode and shutter.
            light: What lies on the stage; None for nothing.
            now_s: Laboratory time, for the lamp's drift.
            lamp_coupling: Of the lamp's light, this time the film was placed.
            led_coupling: Of the emission.
        """
        if lights.shutter <= 0:
            return np.zeros(wavelength_nm.shape)
        rate = np.zeros(GRID_NM.shape)
        if lights.lamp > 0:
            through = 1.0 if light is None else light.transmission * lamp_coupling
            rate += lights.lamp * self._lamp(lights, now_s) * through
        if lights.led > 0:
            rate += lights.led * self._under_led(light, led_coupling)
        sigma = c.BANDPASS_FWHM_NM / _FWHM_PER_SIGMA / _STEP_NM
        rate = gaussian_filter1d(rate, sigma, mode="nearest")
        rate = rate + c.STRAY_LIGHT * float(rate.mean())
        seen = np.interp(self.true_nm(wavelength_nm), GRID_NM, rate)
        return np.asarray(lights.shutter * seen)

    def _lamp(self, lights: Lights, now_s: float) -> FloatArray:
        burning_s = max(now_s - lights.lamp_since_s, 0.0)
        warm = 1.0 - c.LAMP_WARM_UP * math.exp(-burning_s / c.LAMP_WARM_UP_S)
        swing = 1.0 + c.LAMP_DRIFT * math.sin(
            2.0 * math.pi * burning_s / c.LAMP_DRIFT_S + self._drift_phase
        )
        return c.LAMP_PEAK_E_S * warm * swing * _LAMP * self._etalon

    def _under_led(self, light: FilmLight | None, coupling: float) -> FloatArray:
        scatters = 1.0 if light is None else light.scatters
        sent = scatters * self._leak_per_nm
        if light is not None:
            sent = sent + coupling * light.emitted_per_nm
        return c.EMISSION_E_S * c.PIXEL_NM * _RESPONSE * self._etalon * sent

    @cached_property
    def _etalon(self) -> FloatArray:
        return 1.0 + c.ETALON * np.sin(
            2.0 * math.pi * GRID_NM / c.ETALON_NM + self._etalon_phase
        )

    @cached_property
    def _leak_per_nm(self) -> FloatArray:
        leak = c.LEAK * _line(self._led_nm, c.LED_FWHM_NM)
        leak += (
            c.LEAK
            * c.LEAK_SECOND_ORDER
            * _line(2.0 * self._led_nm, 2.0 * c.LED_FWHM_NM)
        )
        yellow_nm = c.LED_AFTERGLOW_WIDTH_NM * _FWHM_PER_SIGMA
        return leak + c.LED_AFTERGLOW * _line(c.LED_AFTERGLOW_NM, yellow_nm)


def _line(centre_nm: float, fwhm_nm: float) -> FloatArray:
    """Return a Gaussian of unit area on the grid, per nanometre."""
    sigma = fwhm_nm / _FWHM_PER_SIGMA
    height = 1.0 / (sigma * math.sqrt(2.0 * math.pi))
    return np.asarray(height * np.exp(-0.5 * ((GRID_NM - centre_nm) / sigma) ** 2))


def _response() -> FloatArray:
    rise, rise_width = c.RESPONSE_RISE_NM
    fall, fall_width = c.RESPONSE_FALL_NM
    response = expit((GRID_NM - rise) / rise_width) * expit(
        (fall - GRID_NM) / fall_width
    )
    return np.asarray(response / response.max())


def _lamp_spectrum(response: FloatArray) -> FloatArray:
    """Return a black body's photons as the detector sees them, highest value 1."""
    photons = GRID_NM**-4 / np.expm1(HC_EV_NM / GRID_NM / (BOLTZMANN_EV_K * c.LAMP_K))
    seen = photons * response
    return np.asarray(seen / seen.max())


_RESPONSE = _response()
_LAMP = _lamp_spectrum(_RESPONSE)
