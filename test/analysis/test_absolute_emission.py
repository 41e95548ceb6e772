"""Absolute PL: what LuQY files print follows from their own data."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import trapezoid

import hp_lab.analysis
from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum, analyzed_files
from hp_lab.analysis.file_report import as_dictionary
from hp_lab.analysis.quantum_yield import FLUX_UNIT, absolute_emission
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import BOLTZMANN_EV_K, HC_EV_NM

LUQY = Path(hp_lab.analysis.__file__).parent / "data" / "luqy"
FILES = ("AA142-2s10_10ms.pli.txt", "film_a.abspl.txt")


@pytest.fixture(scope="module")
def files() -> dict[str, AnalyzedSpectrum]:
    found = analyzed_files([LUQY / name for name in FILES])
    return {one.spectrum.file: one for one in found}


@pytest.mark.parametrize("name", FILES)
def test_the_gap_is_the_printed_one_to_its_last_digit(
    files: dict[str, AnalyzedSpectrum], name: str
) -> None:
    found = as_dictionary(files[name])
    assert f"{found['gap_ev']:.3f}" == found["header"]["Bandgap (eV)"]


@pytest.mark.parametrize("name", FILES)
def test_yield_and_splitting_are_the_printed_ones(
    files: dict[str, AnalyzedSpectrum], name: str
) -> None:
    found = as_dictionary(files[name])
    absolute, header = found["absolute"], found["header"]
    assert 100.0 * absolute["quantum_yield"] == pytest.approx(float(header["LuQY (%)"]))
    off = absolute["splitting_ev"] - float(header["iVoc (V)"])
    assert abs(off) < absolute["splitting_ev_sigma"]
    assert absolute["printed_jsc_ma_cm2"] == float(header["Jsc (mA/cm2)"])


def test_a_clear_spectrum_is_fine_and_a_cut_one_is_flagged(
    files: dict[str, AnalyzedSpectrum],
) -> None:
    clear, cut = (as_dictionary(files[name]) for name in FILES)
    assert clear["status"] == "ok"
    assert abs(clear["peaks"][0]["center_ev"] - clear["gap_ev"]) < 0.01
    assert cut["status"] == "flagged"
    assert "cut" in cut["flags"]


def flux(peak_ev: float, thermal_ev: float, splitting_ev: float) -> Curve:
    """A step absorber's emission at a splitting: Planck's law generalised."""
    wavelength_nm = np.linspace(500.0, 1000.0, 4001)
    energy = HC_EV_NM / wavelength_nm
    absorbs = 1.0 / (1.0 + np.exp(-(energy - peak_ev) / 0.004))
    exponent = (energy - splitting_ev) / thermal_ev
    per_ev = 9.883e22 * energy**2 * np.exp(-exponent) * absorbs
    return Curve(
        kind="pl",
        wavelength_nm=wavelength_nm,
        value=per_ev * energy**2 / HC_EV_NM,
        sigma=np.full(energy.size, 1e-6 * float(per_ev.max())),
        usable=np.ones(energy.size, dtype=bool),
        unit=FLUX_UNIT,
    )


def test_the_splitting_of_a_step_absorber_is_found() -> None:
    # By detailed balance its yield is emitted over absorbed, J / q.
    thermal_ev = BOLTZMANN_EV_K * 298.15
    curve = flux(1.60, thermal_ev, 1.15)
    photocurrent_ma = 22.0
    emitted = float(trapezoid(curve.value, curve.wavelength_nm))
    share = emitted * 1.602176634e-19 / (1e-3 * photocurrent_ma)
    header = {
        "LuQY (%)": str(100.0 * share),
        "Jsc (mA/cm2)": str(photocurrent_ma),
        "EQE @ laser wavelength": "1.0",
        "Laser intensity (suns)": "1.00",
    }
    found = absolute_emission(curve, header)
    assert found is not None
    assert found.flux.value == pytest.approx(emitted)
    assert found.splitting_ev is not None
    assert found.splitting_ev.value == pytest.approx(1.15, abs=0.01)
    assert found.loss_ev is not None
    assert found.loss_ev.value == pytest.approx(-thermal_ev * np.log(share))


def test_ten_times_the_yield_is_60_mev() -> None:
    thermal_ev = BOLTZMANN_EV_K * 298.15
    curve = flux(1.60, thermal_ev, 1.15)
    splittings = []
    for percent in ("0.1", "1.0"):
        header = {
            "LuQY (%)": percent,
            "Jsc (mA/cm2)": "22.0",
            "EQE @ laser wavelength": "0.9",
        }
        found = absolute_emission(curve, header)
        assert found is not None
        assert found.splitting_ev is not None
        splittings.append(found.splitting_ev.value)
    assert splittings[1] - splittings[0] == pytest.approx(thermal_ev * np.log(10.0))


def test_a_file_that_prints_no_yield_gets_none() -> None:
    found = absolute_emission(flux(1.6, 0.0257, 1.1), {"Subcell": "--"})
    assert found is not None
    assert found.quantum_yield is None
    assert found.splitting_ev is None


def test_counts_are_no_absolute_emission(in_counts: Curve) -> None:
    assert absolute_emission(in_counts, {"LuQY (%)": "1"}) is None


@pytest.fixture
def in_counts() -> Curve:
    return Curve(
        kind="pl",
        wavelength_nm=np.arange(500.0, 600.0),
        value=np.ones(100),
        sigma=np.ones(100),
        usable=np.ones(100, dtype=bool),
        unit="counts",
    )
