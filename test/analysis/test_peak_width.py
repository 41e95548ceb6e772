"""A peak's width is where the points pass half the top, whatever lines were fitted."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.analysis.line_fit import LineFit
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peak_width import with_measured_width, without_bandpass
from hp_lab.analysis.peaks import Peak
from hp_lab.units import HC_EV_NM

ENERGY_EV = np.linspace(1.4, 2.0, 1200)
RED_EV, BLUE_EV = 0.045, 0.055
NM_PER_EV = HC_EV_NM / 1.7**2


def density(noise: float, shoulder: float = 0.0) -> np.ndarray:
    """A line of height 1 at 1.7 eV that is steeper on the red side than on the blue."""
    half = np.where(ENERGY_EV < 1.7, RED_EV, BLUE_EV)
    clean = 2.0 ** -(((ENERGY_EV - 1.7) / half) ** 2)
    clean += shoulder * 2.0 ** -(((ENERGY_EV - 1.82) / 0.06) ** 2)
    return clean + np.random.default_rng(4).normal(0.0, noise, ENERGY_EV.size)


def guess(fwhm_ev: float) -> tuple[Peak, LineFit]:
    """One symmetric line, as a fit might have left it."""
    width = Measured(value=fwhm_ev, sigma=0.002)
    peak = Peak(
        center_ev=Measured(value=1.7, sigma=0.001),
        center_nm=Measured(value=HC_EV_NM / 1.7, sigma=0.3),
        fwhm_ev=width,
        fwhm_nm=width.times(NM_PER_EV),
        area=Measured(value=1.0, sigma=0.1),
        height=Measured(value=1.0, sigma=0.1),
        shoulder=False,
    )
    fit = LineFit(
        parameters=np.array([[1.0, 1.7, fwhm_ev, 0.0]]),
        background=np.zeros(2),
        covariance=np.eye(6) * 1e-6,
        bic=0.0,
        reduced_chi2=1.0,
        residual=np.zeros(ENERGY_EV.size),
    )
    return peak, fit


def measured(
    fwhm_ev: float, noise: float, shoulder: float = 0.0, scattered: float = 0.0
) -> Peak:
    peak, fit = guess(fwhm_ev)
    sigma = np.full(ENERGY_EV.size, noise)
    values = density(noise, shoulder)
    return with_measured_width(peak, fit, ENERGY_EV, values, sigma, scattered)


@pytest.mark.parametrize("fwhm_ev", [0.092, 0.1, 0.108])
def test_the_width_does_not_depend_on_the_lines_guess(fwhm_ev):
    found = measured(fwhm_ev, 0.002).fwhm_ev
    assert found.value == pytest.approx(RED_EV + BLUE_EV, rel=0.004)
    assert abs(found.value - RED_EV - BLUE_EV) < 3.0 * found.sigma


def test_both_axes_tell_the_same_width():
    found = measured(0.1, 0.002)
    assert found.fwhm_nm.value == pytest.approx(found.fwhm_ev.value * NM_PER_EV)
    assert found.fwhm_nm.sigma == pytest.approx(found.fwhm_ev.sigma * NM_PER_EV)


def test_noise_scattered_light_and_a_flat_flank_make_it_uncertain():
    best = measured(0.1, 0.002).fwhm_ev
    assert measured(0.1, 0.05).fwhm_ev.sigma > 3.0 * best.sigma
    assert measured(0.1, 0.002, scattered=2.0).fwhm_ev.sigma > 3.0 * best.sigma
    flat = measured(0.13, 0.002, shoulder=0.48).fwhm_ev
    assert flat.value > 1.1 * best.value
    assert flat.sigma > 2.0 * best.sigma


def test_much_noise_leaves_the_width_to_the_lines():
    peak, _ = guess(0.1)
    assert measured(0.1, 0.4).fwhm_ev == peak.fwhm_ev


def test_a_shoulder_stays_as_it_is():
    peak, fit = guess(0.1)
    before = replace(peak, shoulder=True)
    sigma = np.full(ENERGY_EV.size, 0.002)
    after = with_measured_width(before, fit, ENERGY_EV, density(0.002), sigma, 0.0)
    assert after == before


def test_a_bandpass_is_taken_out_in_quadrature():
    peak, _ = guess(0.1)
    narrowed = without_bandpass(peak, 0.06 * NM_PER_EV)
    assert narrowed.fwhm_ev.value == pytest.approx(0.08)
    assert narrowed.fwhm_nm.value == pytest.approx(0.08 * NM_PER_EV)
    assert without_bandpass(peak, 0.0) == peak


def test_a_line_no_wider_than_the_bandpass_has_an_uncertain_width():
    peak, _ = guess(0.1)
    unresolved = without_bandpass(peak, 0.11 * NM_PER_EV).fwhm_ev
    assert unresolved.sigma > unresolved.value
