"""What no single spectrum shows, in the unit of the quantity."""

import pytest

from hp_lab.analysis.calibration import WAVELENGTH_SIGMA_NM, axis_sigma_ev
from hp_lab.units import HC_EV_NM


@pytest.mark.parametrize("wavelength_nm", [420.0, 600.0, 850.0])
def test_an_error_of_the_axis_is_the_same_in_nm_and_in_ev(wavelength_nm):
    off = HC_EV_NM / wavelength_nm - HC_EV_NM / (wavelength_nm + WAVELENGTH_SIGMA_NM)
    assert axis_sigma_ev(HC_EV_NM / wavelength_nm) == pytest.approx(off, rel=1e-3)
