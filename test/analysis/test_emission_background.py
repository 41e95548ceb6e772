"""What lies under the emission is neither below the dark nor a peak of its own."""

import numpy as np
import pytest

from hp_lab.analysis.emission import analyze_emission
from hp_lab.analysis.line_shapes import pseudo_voigt
from hp_lab.analysis.spectrum import Curve

AXIS_NM = np.arange(345.0, 1000.0, 0.5)


def curve(clean: np.ndarray, excitation_nm: float = 0.0) -> Curve:
    rng = np.random.default_rng(8)
    sigma = np.sqrt(4.0 + np.maximum(clean, 0.0) / 10.0)
    return Curve(
        kind="pl",
        wavelength_nm=AXIS_NM,
        value=clean + sigma * rng.normal(size=AXIS_NM.size),
        sigma=sigma,
        usable=np.ones(AXIS_NM.size, dtype=bool),
        unit="counts/s",
        excitation_nm=excitation_nm,
    )


def line(height: float, centre_nm: float, fwhm_nm: float) -> np.ndarray:
    return height * pseudo_voigt(AXIS_NM, centre_nm, fwhm_nm, 0.0)


def test_the_background_does_not_go_below_the_dark_to_mend_broad_lines():
    band = line(9e3, 775.0, 46.0) + line(1.5e3, 690.0, 60.0) + line(4e2, 640.0, 50.0)
    found = analyze_emission(curve(band))
    assert found.background.at(AXIS_NM[600:1200]).min() > -2.0


@pytest.mark.parametrize("shift_nm", [-0.3, 0.0, 0.3])
def test_the_excitations_second_order_is_no_peak(shift_nm):
    scattered = line(2e5, 405.0 + shift_nm, 14.0)
    image = line(1e4, 810.0 + shift_nm, 28.0)
    found = analyze_emission(curve(scattered + image + line(6e3, 520.0, 14.0), 405.0))
    assert found.peaks[0].center_nm.value == pytest.approx(520.0, abs=0.2)
    assert all(abs(peak.center_nm.value - 810.0) > 30.0 for peak in found.peaks)
    assert found.background.at(np.array([810.0 + shift_nm]))[0] == pytest.approx(
        1e4, rel=0.05
    )


def test_emission_where_the_second_order_would_be_is_a_peak():
    scattered = line(2e4, 405.0, 14.0)
    found = analyze_emission(curve(scattered + line(9e3, 790.0, 46.0), 405.0))
    assert found.peaks[0].center_nm.value == pytest.approx(790.0, abs=0.3)
    assert found.peaks[0].fwhm_nm.value == pytest.approx(46.0, rel=0.02)
    assert found.background.second_order == 0.0
