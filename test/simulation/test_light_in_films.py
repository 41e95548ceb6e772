"""Absorption, emission and what the detector gets of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.simulation import constants as c
from hp_lab.simulation.absorption import absorbed_shares, absorber_of
from hp_lab.simulation.emission import emitted_per_ev, sublayers
from hp_lab.simulation.formation import Film, aged
from hp_lab.simulation.optics import film_transmission, substrate_transmission
from hp_lab.simulation.stage import GRID_NM, FilmLight, Lights, Stage
from hp_lab.simulation.truth import film_from_settings, true_property
from hp_lab.units import HC_EV_NM

ENERGY_EV = np.linspace(1.3, 3.4, 1200)
PIXELS_NM = np.linspace(350.0, 1000.0, 2068)
LED = Lights(led=1.0, shutter=1.0)
LAMP = Lights(lamp=1.0, shutter=1.0)
SETTINGS = {"spacer": "PEA", "drop_time_s": 16.5, "anneal_c": 105, "anneal_s": 300}


def film(n: float = 2, **more: float) -> Film:
    return film_from_settings({**SETTINGS, "n": n, **more})


THIN = film()


@settings(max_examples=5)
@given(st.floats(0.2, 5.0))
def test_absorption_is_additive_in_thickness(factor: float) -> None:
    thin = THIN
    thick = replace(thin, thickness_nm=factor * thin.thickness_nm)
    one = absorber_of(thin, ENERGY_EV).total
    assert absorber_of(thick, ENERGY_EV).total == pytest.approx(factor * one)


def test_absorption_is_the_sum_of_its_phases() -> None:
    absorber = absorber_of(film(3), ENERGY_EV)
    parts = absorber.layered.sum(axis=0) + absorber.by_products.sum(axis=0)
    assert absorber.total == pytest.approx(parts)
    assert absorbed_shares(film(3)).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_exciton_stands_where_its_energy_is(n: int) -> None:
    absorber = absorber_of(film(n), ENERGY_EV)
    expected = true_property(film(n), "exciton_ev")
    near = np.abs(ENERGY_EV - expected) < 0.1
    found = ENERGY_EV[near][int(np.argmax(absorber.total[near]))]
    assert found == pytest.approx(expected, abs=0.006)


def test_known_strengths_of_absorption() -> None:
    def per_cm(this: Film, energy_ev: float) -> float:
        depth = absorber_of(this, np.array([energy_ev])).total[0]
        return depth / this.thickness_nm * 1e7

    first = film(1)
    assert 1e5 <= per_cm(first, true_property(first, "exciton_ev")) <= 2e5
    bulk = film_from_settings({**SETTINGS, "spacer": "none"})
    assert 1.5e4 <= per_cm(bulk, 1.75) <= 5e4
    assert per_cm(bulk, 2.3) > 3e4
    assert 0.7e5 <= per_cm(bulk, 2.9) <= 2e5


def test_a_film_shows_all_phases_in_absorption_and_few_in_emission() -> None:
    mixed = film(3, drop_time_s=8.0)
    shares = absorbed_shares(mixed)
    assert shares[-1] < 0.35
    spectrum = emitted_per_ev(mixed, absorber_of(mixed, ENERGY_EV))
    red = ENERGY_EV < 1.80
    emitted = spectrum[red].sum() / spectrum.sum()
    assert emitted > 0.8


def test_a_pure_first_member_emits_its_own_light() -> None:
    peak_nm = HC_EV_NM / true_property(film(1), "pl_peak_ev")
    assert 518 <= peak_nm <= 532


def test_less_light_leaves_than_was_absorbed() -> None:
    for n in (1, 2, 4):
        this = film(n)
        spectrum = emitted_per_ev(this, absorber_of(this, ENERGY_EV))
        step = ENERGY_EV[1] - ENERGY_EV[0]
        depth = absorber_of(this, np.array([HC_EV_NM / c.LED_NM])).total[0]
        assert 0 < spectrum.sum() * step < 0.3 * -math.expm1(-depth)


def test_the_two_faces_of_a_film_differ() -> None:
    this = film(3, drop_time_s=6.0)
    thick = replace(this, gradient=0.9, thickness_nm=1500.0)
    absorber = absorber_of(thick, ENERGY_EV)
    blue = ENERGY_EV > 1.9
    top = emitted_per_ev(thick, absorber)
    below = emitted_per_ev(thick, absorber, top=False)
    assert below[blue].sum() / below.sum() > 2.0 * top[blue].sum() / top.sum()


@settings(max_examples=20)
@given(st.floats(0.0, 0.95))
def test_sublayers_hold_all_of_every_phase(gradient: float) -> None:
    parts = sublayers(gradient)
    assert parts.sum(axis=1) == pytest.approx(1.0)
    assert parts.min() >= 0


def test_halides_part_under_light_in_3d_films_only() -> None:
    mixed = {"drop_time_s": 16.5, "anneal_s": 300, "br_fraction": 0.5}
    bulk = film_from_settings({**mixed, "spacer": "none"})
    lit = aged(bulk, 0.0, 600.0)
    before, after = (true_property(f, "pl_peak_ev") for f in (bulk, lit))
    assert before > 1.80
    assert after == pytest.approx(1.67, abs=0.04)
    thin = film_from_settings({**mixed, "spacer": "PEA", "n": 1})
    assert true_property(aged(thin, 0.0, 600.0), "pl_peak_ev") == pytest.approx(
        true_property(thin, "pl_peak_ev"), abs=0.002
    )
    little = film_from_settings({**mixed, "spacer": "none", "br_fraction": 0.15})
    assert aged(little, 0.0, 600.0).segregated == 0.0


def test_emission_grows_under_light_then_decays() -> None:
    doses_s = (0.0, 60.0, 600.0, 7200.0, 36000.0)
    found = [
        true_property(aged(film(3), 0.0, dose_s), "pl_log_intensity")
        for dose_s in doses_s
    ]
    assert found[0] < found[1] < found[2]
    assert found[2] > found[3] > found[4]


def test_air_takes_the_emission_and_then_the_lattice() -> None:
    fresh, old = film(2), aged(film(2), 6 * 86_400.0, 0.0)
    loss = true_property(fresh, "pl_log_intensity") - true_property(
        old, "pl_log_intensity"
    )
    assert loss > 0.7
    assert old.by_products[0] > fresh.by_products[0]
    assert old.layered.sum() + old.by_products.sum() == pytest.approx(1.0)


def test_hydrophobic_spacers_last_longer() -> None:
    def left(spacer: str) -> float:
        settings = {**SETTINGS, "spacer": spacer, "n": 2}
        return float(aged(film_from_settings(settings), 1e6, 0.0).layered.sum())

    assert left("OA") > left("BA") > left("HEA")


def test_transmission_stays_between_nothing_and_the_substrate() -> None:
    for n in (1, 3, 5):
        this = film(n)
        absorber = absorber_of(this, HC_EV_NM / GRID_NM)
        seen = film_transmission(this, absorber, GRID_NM)
        assert seen.min() >= 0
        assert np.all(seen <= 1.0)
        # Where nothing absorbs, only reflection and haze are missing.
        assert 0.6 < seen[-1] / substrate_transmission(GRID_NM)[-1] < 1.0


def test_light_passes_through_pinholes() -> None:
    opaque = replace(film(1), thickness_nm=20_000.0, coverage=0.9)
    absorber = absorber_of(opaque, HC_EV_NM / GRID_NM)
    line = int(np.argmin(np.abs(GRID_NM - 518.0)))
    through = film_transmission(opaque, absorber, GRID_NM)[line]
    assert through == pytest.approx(
        0.1 * substrate_transmission(GRID_NM)[line], rel=0.1
    )


def test_thick_smooth_films_show_fringes_and_rough_ones_do_not() -> None:
    def ripple(roughness_nm: float) -> float:
        this = replace(film(1), thickness_nm=900.0, roughness_nm=roughness_nm)
        absorber = absorber_of(this, HC_EV_NM / GRID_NM)
        red = GRID_NM > 650
        return float(np.ptp(film_transmission(this, absorber, GRID_NM)[red]))

    assert ripple(5.0) > 0.1
    assert ripple(80.0) < 0.5 * ripple(5.0)


def seen(lights: Lights, this: FilmLight | None, seed: int | None = None) -> np.ndarray:
    return Stage(seed).photoelectrons_s(PIXELS_NM, lights, this, 0.0)


def test_a_closed_shutter_keeps_everything_out() -> None:
    lights = Lights(lamp=1.0, led=1.0, shutter=0.0)
    assert not seen(lights, FilmLight(film())).any()


def test_magnitudes_suit_a_detector_of_160_000_electrons() -> None:
    reference = seen(LAMP, FilmLight(None))
    assert 0.005 <= 0.7 * 160_000 / reference.max() <= 0.1
    visible = PIXELS_NM > 430
    times = [
        0.7 * 160_000 / seen(LED, FilmLight(film(n, br_fraction=x)))[visible].max()
        for n in (1, 2, 3, 4)
        for x in (0.0, 0.2)
    ]
    assert 0.05 <= np.median(times) <= 2.0
    poor = film(4, drop_time_s=6.0, anneal_c=75, br_fraction=0.3)
    assert 0.7 * 160_000 / seen(LED, FilmLight(poor))[visible].max() > 2.0


def test_levels_scale_light() -> None:
    this = FilmLight(film())
    half = seen(Lights(led=0.5, shutter=1.0), this)
    assert half == pytest.approx(0.5 * seen(LED, this))


def test_absorbance_is_capped_by_stray_light() -> None:
    opaque = replace(film(1), thickness_nm=20_000.0, coverage=1.0)
    ratio = seen(LAMP, FilmLight(opaque)) / seen(LAMP, FilmLight(None))
    absorbance = -np.log10(ratio)
    blue = (PIXELS_NM > 450) & (PIXELS_NM < 510)
    assert 1.5 < absorbance[blue].max() < 3.5


def test_excitation_leaks_at_its_line_and_at_twice_its_wavelength() -> None:
    dark = seen(LED, None)
    assert abs(PIXELS_NM[int(np.argmax(dark))] - c.LED_NM) < 5
    second = (PIXELS_NM > 780) & (PIXELS_NM < 840)
    between = (PIXELS_NM > 720) & (PIXELS_NM < 760)
    assert dark[second].max() > 1.5 * dark[between].max()


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_a_laboratory_misreads_wavelengths_a_little(seed: int) -> None:
    error = Stage(seed).true_nm(PIXELS_NM) - PIXELS_NM
    assert 0 < np.abs(error).max() < 1.5
    assert np.array_equal(Stage(None).true_nm(PIXELS_NM), PIXELS_NM)
