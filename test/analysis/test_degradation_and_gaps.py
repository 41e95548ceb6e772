"""Products of decomposition, and gaps without a phase model."""

import numpy as np
import pytest

from hp_lab.analysis.absorption import Absorption, analyze_absorbance
from hp_lab.analysis.degradation import lead_iodide, lost_share
from hp_lab.analysis.elliott import elliott_3d
from hp_lab.analysis.gaps import inflection_gap, tauc_gap
from hp_lab.analysis.library import FilmContext, phase_library
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import HC_EV_NM

AXIS_NM = np.linspace(380.0, 950.0, 1200)
ENERGY = HC_EV_NM / AXIS_NM


def step(energy: np.ndarray, edge_ev: float, width_ev: float) -> np.ndarray:
    above = width_ev * np.logaddexp(0.0, (energy - edge_ev) / width_ev)
    opened = 1.0 / (1.0 + np.exp(-(energy - edge_ev) / width_ev))
    return opened * (1.0 + (above / 0.6) ** 1.5)


def absorbance(perovskite: float, lead_iodide_od: float, seed: int = 1) -> Absorption:
    """Analyse n = 4 with its continuum, beside lead iodide, on a rough film."""
    line = np.exp(-4.0 * np.log(2.0) * ((ENERGY - 1.91) / 0.08) ** 2)
    value = perovskite * (line + 0.45 * step(ENERGY, 2.06, 0.025))
    value += lead_iodide_od * step(ENERGY, 2.41, 0.03)
    value += 0.06 * (ENERGY / 2.0) ** 3
    noise = np.random.default_rng(seed).normal(0.0, 0.001, ENERGY.size)
    found = analyze_absorbance(
        Curve(
            kind="absorbance",
            wavelength_nm=AXIS_NM,
            value=value + noise,
            sigma=np.full(ENERGY.size, 0.001),
            usable=np.ones(ENERGY.size, dtype=bool),
            unit="OD",
        ),
        phase_library(FilmContext(spacer="PEA", n=4)),
        nominal_n=4,
    )
    assert isinstance(found, Absorption)
    return found


@pytest.mark.slow
def test_lead_iodide_grows_with_what_there_is_of_it() -> None:
    found = [
        lead_iodide(absorbance(perovskite, other))
        for perovskite, other in ((0.5, 0.0), (0.4, 0.1), (0.3, 0.2), (0.2, 0.4))
    ]
    shares = [one.share.value for one in found if one is not None]
    assert [one.seen for one in found if one is not None] == [False, True, True, True]
    assert shares == sorted(shares)
    assert shares[-1] > 0.4
    clean, *_, decayed = found
    assert clean is not None
    assert clean.edge_ev is None
    assert decayed is not None
    assert decayed.edge_ev is not None
    assert decayed.edge_ev.value == pytest.approx(2.4, abs=0.05)


@pytest.mark.slow
def test_what_is_lost_is_the_share_of_the_perovskite_that_is_gone() -> None:
    fresh = absorbance(0.6, 0.0)
    for kept in (0.9, 0.5):
        lost = lost_share(fresh, absorbance(0.6 * kept, 0.0, seed=2))
        assert lost.value == pytest.approx(1.0 - kept, abs=max(3 * lost.sigma, 0.02))
    assert abs(lost_share(fresh, fresh).value) < 1e-9


def test_the_tauc_line_meets_the_gap_where_bands_are_without_excitons() -> None:
    # Direct gap: alpha E = sqrt(E - Eg).
    energy = np.linspace(1.2, 2.4, 800)
    value = np.sqrt(np.maximum(energy - 1.60, 0.0)) / energy
    found = tauc_gap(energy, value, np.full(energy.size, 1e-4))
    assert found is not None
    assert found.gap_ev.value == pytest.approx(1.60, abs=0.02)
    assert found.flags == ()


def test_tauc_warns_where_an_exciton_makes_it_wrong() -> None:
    energy = np.linspace(1.9, 3.0, 800)
    line = np.exp(-4.0 * np.log(2.0) * ((energy - 2.40) / 0.07) ** 2)
    value = line + 0.5 / (1.0 + np.exp(-(energy - 2.80) / 0.02))
    found = tauc_gap(energy, value, np.full(energy.size, 1e-3))
    assert found is not None
    assert found.flags == ("tauc_excitonic",)
    assert found.gap_ev.value < 2.80 - 0.3


@pytest.mark.parametrize("gap_ev", [1.55, 1.61, 2.30])
def test_the_inflection_follows_the_edge(gap_ev: float) -> None:
    energy = np.linspace(gap_ev - 0.5, gap_ev + 0.6, 700)
    value = elliott_3d(energy, gap_ev=gap_ev, rydberg_ev=0.016, fwhm_ev=0.05)
    noise = np.random.default_rng(1).normal(0.0, 1e-3, energy.size)
    found = inflection_gap(energy, value + noise, np.full(energy.size, 1e-3))
    assert found is not None
    assert gap_ev - 0.06 < found.value < gap_ev + 0.01


def test_a_flat_spectrum_has_neither() -> None:
    energy = np.linspace(1.5, 2.5, 500)
    noise = np.random.default_rng(2).normal(0.2, 1e-3, energy.size)
    sigma = np.full(energy.size, 1e-3)
    assert inflection_gap(energy, noise, sigma) is None
    assert tauc_gap(energy, noise, sigma) is None
