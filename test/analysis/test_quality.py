"""A reading that is wrong says so, and says why."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.analysis.film import FilmResult, analyze_film
from hp_lab.analysis.library import FilmContext
from hp_lab.analysis.quality import DESCRIPTIONS, because, is_doubt, is_empty, status_of
from hp_lab.records import Spectrum

OFFSET = 1500.0
PEA2 = FilmContext(spacer="PEA", n=2)


def read(spectrum: Spectrum) -> FilmResult:
    return analyze_film(
        [spectrum],
        sample_id="film-1",
        candidate_id="c1",
        film_age_s=60.0,
        context=PEA2,
    )


def causes(result: FilmResult) -> set[str]:
    flags = {flag for item in result.observations for flag in item.flags}
    return flags | {item.reason.split(":")[0] for item in result.rejected}


def accepted(result: FilmResult) -> set[str]:
    return {
        item.quantity
        for item in result.observations
        if item.kind == "exact" and not any(map(is_doubt, item.flags))
    }


def with_excitation(spectrum: Spectrum, height: float = 400.0) -> Spectrum:
    line = np.exp(-0.5 * ((spectrum.wavelength_nm - 405.0) / 6.0) ** 2)
    return replace(spectrum, counts=spectrum.counts + height * line)


def reflecting(spectrum: Spectrum) -> Spectrum:
    """A film takes a little light below its gap too, by reflection."""
    counts = OFFSET + (spectrum.counts - OFFSET) * 10.0**-0.04
    return replace(spectrum, counts=counts)


def no_light(spectrum: Spectrum) -> Spectrum:
    rng = np.random.default_rng(8)
    size = spectrum.counts.size
    return replace(
        spectrum,
        counts=OFFSET + rng.normal(0.0, 5.0, size),
        dark=OFFSET + rng.normal(0.0, 5.0, size),
    )


def up_to(spectrum: Spectrum, end_nm: float, start_nm: float = 0.0) -> Spectrum:
    keep = (spectrum.wavelength_nm < end_nm) & (spectrum.wavelength_nm > start_nm)
    arrays = ("wavelength_nm", "counts", "dark", "saturated", "reference")
    parts = {name: getattr(spectrum, name) for name in arrays}
    return replace(
        spectrum, **{name: part[keep] for name, part in parts.items() if part.size}
    )


def spiked(spectrum: Spectrum) -> Spectrum:
    counts = spectrum.counts.copy()
    counts[[300, 301, 700]] += 0.4 * np.ptp(counts)
    return replace(spectrum, counts=counts)


@pytest.mark.slow
def test_good_readings_are_not_doubted(make_pl, make_absorbance):
    assert "pl_peak_ev" in accepted(read(with_excitation(make_pl())))
    assert "exciton_ev" in accepted(read(reflecting(make_absorbance())))


@pytest.mark.parametrize("height", [80_000.0, 400_000.0])
@pytest.mark.parametrize("marked", [True, False])
def test_a_clipped_peak_is_saturated(make_pl, height, marked):
    spectrum = make_pl(((2.36, 0.07, height),))
    if not marked:
        spectrum = replace(spectrum, saturated=np.empty(0, dtype=bool))
    result = read(spectrum)
    assert "saturated" in causes(result)
    assert not accepted(result)


@pytest.mark.parametrize("level", [0.0, OFFSET, 65_535.0])
@pytest.mark.parametrize("kind", ["pl", "absorbance"])
def test_one_value_everywhere_is_empty(make_pl, make_absorbance, kind, level):
    spectrum = make_pl() if kind == "pl" else make_absorbance()
    result = read(replace(spectrum, counts=np.full(spectrum.counts.size, level)))
    assert "empty" in causes(result)
    assert not accepted(result)


@pytest.mark.parametrize("kind", ["pl", "absorbance"])
def test_dark_counts_are_no_signal(make_pl, make_absorbance, kind):
    result = read(no_light(make_pl() if kind == "pl" else make_absorbance()))
    assert "no_signal" in causes(result)
    assert not accepted(result)


@pytest.mark.parametrize("kind", ["pl", "absorbance"])
def test_cosmic_rays_are_spikes(make_pl, make_absorbance, kind):
    result = read(spiked(make_pl() if kind == "pl" else make_absorbance()))
    assert "spiked" in causes(result)
    assert not accepted(result)


def test_a_spectrum_that_ends_in_its_peak_is_cut(make_pl):
    result = read(up_to(make_pl(((1.70, 0.10, 20_000.0),)), 735.0))
    assert "cut" in causes(result)
    assert not accepted(result)


def test_a_spectrum_that_ends_before_the_excitons_is_cut(make_absorbance):
    result = read(up_to(make_absorbance(), 960.0, start_nm=560.0))
    assert "cut" in causes(result)
    assert not accepted(result)


@pytest.mark.parametrize("factor", [0.4, 0.7, 1.5, 2.5])
@pytest.mark.slow
def test_another_integration_time_is_a_wrong_reference(make_absorbance, factor):
    spectrum = reflecting(make_absorbance())
    seconds = spectrum.reference_integration_s * factor
    result = read(replace(spectrum, reference_integration_s=seconds))
    assert "wrong_reference" in causes(result)
    assert not accepted(result)


@pytest.mark.slow
def test_a_substrate_that_absorbs_in_the_violet_is_a_wrong_reference(make_absorbance):
    axis = np.linspace(345.0, 950.0, 1400)
    spectrum = reflecting(make_absorbance(wavelength_nm=axis, lamp_counts=60_000.0))
    passing = 0.85 / (1.0 + np.exp((375.0 - axis) / 8.0))
    reference = OFFSET + (spectrum.reference - OFFSET) * passing
    result = read(replace(spectrum, reference=reference))
    assert "wrong_reference" in causes(result)
    assert not accepted(result)


@pytest.mark.parametrize("by_nm", [-6.0, -2.6, 2.6, 6.0])
def test_an_excitation_line_out_of_place_is_a_shift(make_pl, by_nm):
    axis = np.linspace(350.0, 950.0, 1400)
    spectrum = with_excitation(make_pl(wavelength_nm=axis))
    result = read(replace(spectrum, wavelength_nm=axis + by_nm))
    assert "wavelength_shift" in causes(result)
    assert not accepted(result)


def test_descriptions_are_no_doubts():
    assert not any(is_doubt(flag) for flag in DESCRIPTIONS)
    assert status_of(("opaque", "phase:n=2")) == ("ok", "")
    assert status_of(("cut",)) == ("flagged", because("cut").removeprefix("cut: "))


def test_a_living_detector_is_not_empty():
    rng = np.random.default_rng(5)
    assert not is_empty(OFFSET + rng.normal(0.0, 5.0, 500))
    assert is_empty(np.full(500, 3.0))
    assert is_empty(np.array([1.0, 2.0]))
