"""Baselines under peaks, and a spectrometer's response in the light of its lamp."""

import numpy as np
import pytest

from hp_lab.analysis.baselines import baseline, without_baseline
from hp_lab.analysis.responsivity import lamp_responsivity, planck_photons
from hp_lab.analysis.spectrum import Curve
from hp_lab.errors import InvalidInput

AXIS_NM = np.arange(450.0, 851.0)
PEAK = 1000.0 * np.exp(-0.5 * ((AXIS_NM - 600.0) / 12.0) ** 2)


def curve(value: np.ndarray, usable: np.ndarray | None = None) -> Curve:
    return Curve(
        kind="pl",
        wavelength_nm=AXIS_NM,
        value=value,
        sigma=np.ones(AXIS_NM.size),
        usable=np.ones(AXIS_NM.size, dtype=bool) if usable is None else usable,
        unit="counts",
    )


@pytest.mark.parametrize("method", ["linear_edge", "asls", "arpls"])
def test_a_sloping_background_is_taken_off_and_the_peak_stays(method: str) -> None:
    rng = np.random.default_rng(1)
    under = 200.0 - 0.3 * (AXIS_NM - 450.0)
    above = without_baseline(curve(PEAK + under + rng.normal(0.0, 2.0, AXIS_NM.size)),
                             method)  # fmt: skip
    assert above.value.max() == pytest.approx(1000.0, rel=0.03)
    away = np.abs(AXIS_NM - 600.0) > 80.0
    assert abs(float(np.median(above.value[away]))) < 10.0


@pytest.mark.parametrize("method", ["asls", "arpls"])
def test_a_bowed_background_is_followed_where_a_line_is_not_enough(method: str) -> None:
    rng = np.random.default_rng(2)
    under = 300.0 * np.exp(-((AXIS_NM - 450.0) / 200.0))
    spectrum = curve(PEAK + under + rng.normal(0.0, 2.0, AXIS_NM.size))
    near = np.abs(AXIS_NM - 600.0) < 60.0
    bowed = np.abs(baseline(spectrum, method) - under)[near].max()
    straight = np.abs(baseline(spectrum) - under)[near].max()
    assert bowed < 0.5 * straight


def test_what_lies_under_unusable_points_is_interpolated() -> None:
    usable = np.ones(AXIS_NM.size, dtype=bool)
    usable[100:110] = False
    value = PEAK + 50.0
    value[100:110] = 1e9
    assert baseline(curve(value, usable), "asls").max() < 200.0


def test_a_method_that_is_not_known_is_named() -> None:
    with pytest.raises(InvalidInput, match="use linear_edge, asls or arpls"):
        baseline(curve(PEAK), "rubber_band")  # type: ignore[arg-type]


def response(axis_nm: np.ndarray) -> np.ndarray:
    rise = 1.0 / (1.0 + np.exp(-(axis_nm - 430.0) / 30.0))
    return rise / (1.0 + np.exp((axis_nm - 760.0) / 80.0))


def test_a_lamp_shows_the_response_up_to_a_factor() -> None:
    axis_nm = np.linspace(400.0, 950.0, 1500)
    rng = np.random.default_rng(3)
    lamp = planck_photons(axis_nm, 2950.0) * response(axis_nm)
    lamp = 4e4 * lamp / lamp.max()
    found = lamp_responsivity(axis_nm, lamp + rng.normal(0.0, 20.0, axis_nm.size))
    assert found is not None
    true = response(axis_nm) / response(axis_nm).max()
    seen = np.isfinite(found)
    assert seen.mean() > 0.8
    assert np.max(np.abs(found[seen] - true[seen])) < 0.03


def test_a_peak_that_the_response_displaced_is_brought_back() -> None:
    axis_nm = np.linspace(400.0, 950.0, 1500)
    lamp = 4e4 * planck_photons(axis_nm, 2950.0) * response(axis_nm)
    found = lamp_responsivity(axis_nm, lamp)
    assert found is not None
    true = np.exp(-0.5 * ((axis_nm - 780.0) / 22.0) ** 2)
    seen = true * response(axis_nm)
    assert 780.0 - axis_nm[seen.argmax()] > 2.0
    assert axis_nm[np.nanargmax(seen / found)] == pytest.approx(780.0, abs=0.8)


def test_a_lamp_that_is_no_black_body_gives_no_response() -> None:
    axis_nm = np.linspace(400.0, 950.0, 1500)
    diode = 4e4 * np.exp(-0.5 * ((axis_nm - 450.0) / 8.0) ** 2)
    phosphor = 1e4 * np.exp(-0.5 * ((axis_nm - 560.0) / 50.0) ** 2)
    assert lamp_responsivity(axis_nm, diode + phosphor) is None
    assert lamp_responsivity(axis_nm, np.zeros(axis_nm.size)) is None


def test_planck_photons_follow_wien() -> None:
    # The photon flux per wavelength is highest at 3670 um K over T.
    axis_nm = np.linspace(500.0, 3000.0, 50_001)
    for temperature_k in (2500.0, 3200.0):
        top_nm = axis_nm[planck_photons(axis_nm, temperature_k).argmax()]
        assert top_nm * temperature_k == pytest.approx(3.6697e6, rel=1e-3)
