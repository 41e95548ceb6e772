from dataclasses import replace

import numpy as np
import pytest

from hp_lab.analysis.film import ABSORBANCE_QUANTITIES, PL_QUANTITIES, analyze_film
from hp_lab.analysis.library import FilmContext
from hp_lab.records import Observation

KEYS = {"sample_id": "film-1", "candidate_id": "c1", "film_age_s": 60.0}
PEA2 = FilmContext(spacer="PEA", n=2)


def by_quantity(observations: tuple[Observation, ...]) -> dict[str, Observation]:
    return {item.quantity: item for item in observations}


def test_a_film_gives_every_quantity_of_its_modes(make_pl, make_absorbance):
    result = analyze_film([make_absorbance(), make_pl()], context=PEA2, **KEYS)
    found = by_quantity(result.observations)
    assert set(found) == {*PL_QUANTITIES, *ABSORBANCE_QUANTITIES}
    assert not result.rejected
    assert found["pl_peak_ev"].value == pytest.approx(2.36, abs=0.002)
    assert found["pl_fwhm_ev"].value == pytest.approx(0.07, rel=0.05)
    assert found["pl_log_intensity"].value == pytest.approx(
        np.log(20_000 / 0.5), abs=0.05
    )
    assert found["exciton_ev"].value == pytest.approx(2.17, abs=0.005)
    assert found["phase_purity"].value > 0.9
    for item in result.observations:
        assert item.analysis_version
        assert item.film_age_s == 60.0


def test_the_largest_phase_stands_in_for_a_missing_target(make_absorbance):
    spectra = [make_absorbance(((2.03, 0.5),))]
    found = by_quantity(analyze_film(spectra, context=PEA2, **KEYS).observations)
    assert "target_phase_not_seen" in found["exciton_ev"].flags
    assert "phase:n=3" in found["exciton_ev"].flags
    assert found["phase_purity"].value < 0.1


def test_a_mixed_film_is_less_pure_than_a_single_phase(make_absorbance):
    mixed = [make_absorbance(((2.17, 0.3), (2.41, 0.3), (2.03, 0.3)))]
    purity = by_quantity(analyze_film(mixed, context=PEA2, **KEYS).observations)[
        "phase_purity"
    ]
    assert 0.15 < purity.value < 0.55


def test_a_saturated_peak_is_a_lower_bound_of_brightness(make_pl):
    spectrum = make_pl(((2.36, 0.07, 200_000.0),))
    result = analyze_film([spectrum], **KEYS)
    (intensity,) = result.observations
    assert intensity.kind == "lower_bound"
    assert intensity.cause == "detector_saturated"
    assert intensity.value < np.log(200_000 / 0.5)
    assert {item.quantity for item in result.rejected} == {"pl_peak_ev", "pl_fwhm_ev"}


def test_a_shorter_exposure_replaces_saturated_points(make_pl):
    long = make_pl(((2.36, 0.07, 200_000.0),), integration_s=1.0)
    short = make_pl(((2.36, 0.07, 20_000.0),), integration_s=0.1, seed=2)
    found = by_quantity(analyze_film([long, short], **KEYS).observations)
    assert found["pl_log_intensity"].kind == "exact"
    assert found["pl_log_intensity"].value == pytest.approx(np.log(200_000), abs=0.05)
    assert found["pl_peak_ev"].value == pytest.approx(2.36, abs=0.003)


def test_exposures_that_are_all_ceiling_take_nothing_from_the_others(make_pl):
    line = (2.36, 0.07, 20_000.0)
    blind = make_pl((line,), integration_s=5.0, background=300_000.0)
    long = make_pl(((2.36, 0.07, 200_000.0),), integration_s=1.0)
    short = make_pl((line,), integration_s=0.1, seed=2)
    # A pixel that no exposure shows is a defect, not a saturated film.
    spectra = [
        replace(one, counts=one.counts.copy(), dark=one.dark.copy())
        for one in (blind, long, short)
    ]
    for one in spectra:
        one.counts[40] = one.dark[40] = 65_535.0
    found = by_quantity(analyze_film(spectra, **KEYS).observations)
    assert found["pl_log_intensity"].kind == "exact"
    assert found["pl_log_intensity"].value == pytest.approx(np.log(200_000), abs=0.05)
    assert found["pl_peak_ev"].value == pytest.approx(2.36, abs=0.003)


def test_a_top_that_no_exposure_shows_stays_a_bound(make_pl):
    bright = (2.36, 0.07, 300_000.0)
    spectra = [make_pl((bright,), seed=seed) for seed in (1, 2)]
    found = by_quantity(analyze_film(spectra, **KEYS).observations)
    assert found["pl_log_intensity"].kind == "lower_bound"
    assert "pl_peak_ev" not in found


def test_a_dark_film_is_an_upper_bound_of_brightness(make_pl):
    result = analyze_film([make_pl(())], **KEYS)
    (intensity,) = result.observations
    assert intensity.kind == "upper_bound"
    assert intensity.cause == "below_noise"
    assert {item.quantity for item in result.rejected} == {"pl_peak_ev", "pl_fwhm_ev"}


def test_a_bare_substrate_has_no_phases(make_absorbance):
    result = analyze_film([make_absorbance((), scatter=0.0)], **KEYS)
    (density,) = result.observations
    assert density.kind == "upper_bound"
    assert "exciton_ev" in {item.quantity for item in result.rejected}


def test_a_reading_without_reference_is_rejected_with_the_remedy(make_absorbance):
    full = make_absorbance()
    bare = type(full)(
        mode="absorbance",
        sample_id="film-1",
        wavelength_nm=full.wavelength_nm,
        counts=full.counts,
        dark=full.dark,
        integration_s=full.integration_s,
    )
    result = analyze_film([bare], **KEYS)
    assert not result.observations
    assert all("measure the bare substrate" in item.reason for item in result.rejected)


def test_the_integration_time_of_the_reference_does_not_matter(make_absorbance):
    same = analyze_film([make_absorbance()], context=PEA2, **KEYS)
    other = analyze_film(
        [make_absorbance(integration_s=0.1, lamp_counts=20_000.0)],
        context=PEA2,
        **KEYS,
    )
    one = by_quantity(same.observations)["optical_density"]
    two = by_quantity(other.observations)["optical_density"]
    assert one.value == pytest.approx(two.value, abs=0.02)


def test_the_same_readings_give_the_same_observations(make_pl, make_absorbance):
    spectra = [make_pl(), make_absorbance()]
    assert analyze_film(spectra, **KEYS) == analyze_film(spectra, **KEYS)
