"""The position of a line of known wavelength tells whether the axis is right."""

import numpy as np
import pytest

from hp_lab.analysis.bright_line import BrightLine, find_line

AXIS_NM = np.linspace(345.0, 1000.0, 2000)
NOMINAL_NM = 405.0


def seen(
    shift_nm: float, fwhm_nm: float, height: float, *, seed: int = 3, slope: float = 0.2
) -> BrightLine | None:
    rng = np.random.default_rng(seed)
    width = fwhm_nm / 2.3548
    line = height * np.exp(-0.5 * ((AXIS_NM - NOMINAL_NM - shift_nm) / width) ** 2)
    noise = np.full(AXIS_NM.size, 3.0)
    signal = line + 20.0 + slope * (AXIS_NM - NOMINAL_NM)
    return find_line(AXIS_NM, signal + rng.normal(0.0, noise), noise, NOMINAL_NM)


@pytest.mark.parametrize("fwhm_nm", [1.5, 4.0, 14.0, 22.0])
@pytest.mark.parametrize("shift_nm", [-8.0, -2.5, 0.0, 2.5, 8.0])
def test_a_line_is_found_where_it_lies(shift_nm, fwhm_nm):
    line = seen(shift_nm, fwhm_nm, 300.0)
    assert line is not None
    assert line.shift_nm.value == pytest.approx(shift_nm, abs=4.0 * line.shift_nm.sigma)
    assert line.shift_nm.sigma < 0.2


@pytest.mark.slow
def test_errors_of_the_position_are_as_large_as_stated():
    scores = []
    for seed in range(60):
        line = seen(1.0, 14.0, 60.0, seed=seed)
        assert line is not None
        scores.append((line.shift_nm.value - 1.0) / line.shift_nm.sigma)
    assert 0.7 < float(np.std(scores)) < 1.4


@pytest.mark.parametrize("seed", range(10))
def test_noise_and_a_slope_are_no_line(seed):
    assert seen(0.0, 14.0, 0.0, seed=seed, slope=2.0) is None


def test_a_line_beyond_the_axis_is_not_seen():
    rng = np.random.default_rng(1)
    axis = np.linspace(430.0, 900.0, 1200)
    signal = rng.normal(0.0, 3.0, axis.size)
    assert find_line(axis, signal, np.full(axis.size, 3.0), NOMINAL_NM) is None
