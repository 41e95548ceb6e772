"""A peak's top is where the points say, whatever lines were fitted."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.analysis.measured import Measured
from hp_lab.analysis.peak_top import with_measured_top
from hp_lab.analysis.peaks import Peak
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import HC_EV_NM

AXIS_NM = np.arange(600.0, 800.0, 0.4)


def curve(top_nm: float, noise: float, seed: int = 2) -> Curve:
    """A line that is steeper on the blue side than on the red."""
    rng = np.random.default_rng(seed)
    width = np.where(top_nm > AXIS_NM, 14.0, 18.0)
    clean = 1000.0 * np.exp(-0.5 * ((AXIS_NM - top_nm) / width) ** 2)
    return Curve(
        kind="pl",
        wavelength_nm=AXIS_NM,
        value=clean + rng.normal(0.0, noise, AXIS_NM.size),
        sigma=np.full(AXIS_NM.size, noise),
        usable=np.ones(AXIS_NM.size, dtype=bool),
        unit="counts/s",
    )


def peak(centre_nm: float) -> Peak:
    centre = Measured(value=centre_nm, sigma=3.0)
    energy = Measured(value=HC_EV_NM / centre_nm, sigma=0.008)
    return Peak(
        center_ev=energy,
        center_nm=centre,
        fwhm_ev=Measured(value=0.09, sigma=0.001),
        fwhm_nm=Measured(value=35.0, sigma=0.5),
        area=Measured(value=1.0, sigma=0.1),
        height=Measured(value=1.0, sigma=0.1),
        shoulder=False,
    )


@pytest.mark.parametrize("guess_nm", [697.0, 700.0, 704.0])
def test_the_top_does_not_depend_on_the_lines_guess(guess_nm):
    found = with_measured_top(peak(guess_nm), curve(700.0, 2.0))
    assert found.center_nm.value == pytest.approx(700.0, abs=1.5)
    assert found.center_nm.sigma < 1.0
    moved_ev = found.center_ev.value - HC_EV_NM / guess_nm
    moved_nm = found.center_nm.value - guess_nm
    assert moved_ev == pytest.approx(-moved_nm * HC_EV_NM / guess_nm**2, rel=0.02)


def test_less_noise_means_less_uncertainty():
    dim = with_measured_top(peak(700.0), curve(700.0, 10.0))
    bright = with_measured_top(peak(700.0), curve(700.0, 2.0))
    assert bright.center_nm.sigma < 0.5 * dim.center_nm.sigma


def test_noise_leaves_the_peak_to_its_lines():
    before = peak(700.0)
    assert with_measured_top(before, curve(700.0, 3_000.0)) == before


def test_a_shoulder_and_a_peak_without_width_stay_as_they_are():
    spectrum = curve(700.0, 2.0)
    for before in (
        replace(peak(703.0), shoulder=True),
        replace(peak(703.0), fwhm_nm=None, fwhm_ev=None),
    ):
        assert with_measured_top(before, spectrum) == before
