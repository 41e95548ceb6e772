"""From what happened to a substrate to its film."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.recipes.process import ProcessDefaults
from hp_lab.simulation.absorption import absorbed_shares
from hp_lab.simulation.coating import coats_of, window_of
from hp_lab.simulation.degradation import film_temperatures
from hp_lab.simulation.films import Deposit, FilmHistory, Heating, Ramp
from hp_lab.simulation.formation import Film, film_at
from hp_lab.simulation.handling import Handling, history_from_settings
from hp_lab.simulation.inks import ink_of
from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.phases import INVERSE_LAYERS
from hp_lab.simulation.plates import Plate
from hp_lab.simulation.spacers import hidden_spacer
from hp_lab.simulation.truth import film_from_settings, true_property
from hp_lab.simulation.variation import IDEAL, Variation

GOOD = {"spacer": "PEA", "n": 2, "drop_time_s": 16.5, "anneal_c": 105, "anneal_s": 300}


def film_of(history: FilmHistory, variation: Variation = IDEAL) -> Film:
    film = film_at(history, history.made_s(math.inf), variation)
    assert film is not None
    return film


def shifted(history: FilmHistory, by_s: float) -> FilmHistory:
    def plate(old: Plate) -> Plate:
        return Plate(tuple(replace(s, at_s=s.at_s + by_s) for s in old.steps))

    def stay(old: Heating) -> Heating:
        leave_s = None if old.leave_s is None else old.leave_s + by_s
        return Heating(
            arrive_s=old.arrive_s + by_s, leave_s=leave_s, plate=plate(old.plate)
        )

    return replace(
        history,
        deposits=tuple(replace(d, at_s=d.at_s + by_s) for d in history.deposits),
        ramps=tuple(replace(r, at_s=r.at_s + by_s) for r in history.ramps),
        heatings=tuple(stay(h) for h in history.heatings),
    )


def quality(drop_time_s: float, **settings: float) -> float:
    return film_from_settings({**GOOD, "drop_time_s": drop_time_s, **settings}).quality


@pytest.mark.parametrize("by_s", [86_400.0, 1_767_225_600.0])
def test_a_film_does_not_depend_on_the_date(by_s: float) -> None:
    history = history_from_settings(GOOD)
    one = film_of(history, Variation(seed=1, film_id="x", batch_id="x"))
    other = film_of(
        shifted(history, by_s), Variation(seed=1, film_id="x", batch_id="x")
    )
    assert other.layered == pytest.approx(one.layered, abs=1e-6)
    assert other.thickness_nm == pytest.approx(one.thickness_nm, rel=1e-6)
    assert other.quality == pytest.approx(one.quality, abs=1e-6)


@settings(max_examples=15)
@given(
    st.sampled_from(["PEA", "BA", "BDA", "tBA", "GA"]),
    st.integers(1, 6),
    st.floats(20.0, 200.0),
    st.floats(0.0, 3600.0),
)
def test_lead_is_conserved_and_spacers_only_get_fewer(
    spacer: str, n: int, anneal_c: float, anneal_s: float
) -> None:
    film = film_from_settings(
        {
            "spacer": spacer,
            "n": n,
            "anneal_c": max(anneal_c, 25.0),
            "anneal_s": anneal_s,
        }
    )
    assert film.layered.min() >= 0
    assert film.by_products.min() >= 0
    assert film.layered.sum() + film.by_products.sum() == pytest.approx(1.0)
    chains, solvate = film.by_products[2], film.by_products[3]
    held = float(film.layered @ INVERSE_LAYERS) + chains
    assert held <= 1.0 / n + solvate + 1e-6


def test_lead_is_conserved_in_the_yellow_phase_too() -> None:
    film = film_from_settings(
        {**GOOD, "n": 5, "fa_fraction": 1.0, "anneal_c": 70, "anneal_s": 60}
    )
    assert film.by_products[1] > 0.02
    assert film.layered.sum() + film.by_products.sum() == pytest.approx(1.0)


def test_the_film_follows_what_was_really_pipetted() -> None:
    history = history_from_settings(GOOD)
    ink = history.deposits[0].liquid
    more = dict(ink.species)
    more["MA"] *= 2.0
    more["Pb"] *= 1.5
    richer = replace(history.deposits[0], liquid=replace(ink, species=more))
    film = film_of(replace(history, deposits=(richer, *history.deposits[1:])))
    assert film.nominal_n == pytest.approx(3.0)
    assert film_of(history).nominal_n == pytest.approx(2.0)


@settings(max_examples=20)
@given(st.floats(0.1, 1.5), st.floats(1000.0, 8000.0))
def test_thickness_grows_with_concentration_and_falls_with_root_of_speed(
    concentration_m: float, spin_rpm: float
) -> None:
    def thickness(molar: float, rpm: float) -> float:
        # With the drop at the window of each speed, so that only speed changes.
        settings = {"spacer": "PEA", "n": 1, "concentration_m": molar, "spin_rpm": rpm}
        history = history_from_settings({**settings, "anneal_s": 0.0})
        return coats_of(history, 1000.0, IDEAL)[0].thickness_nm

    assert thickness(1.2 * concentration_m, spin_rpm) > thickness(
        concentration_m, spin_rpm
    )
    ratio = thickness(concentration_m, 4.0 * 500.0) / thickness(concentration_m, 500.0)
    assert ratio == pytest.approx(0.5, rel=0.02)


def test_published_thickness_of_a_3d_ink() -> None:
    film = film_from_settings({"spacer": "none", "concentration_m": 1.25})
    assert 400 <= film.thickness_nm <= 600


def test_the_drop_has_a_window_that_shuts_faster_than_it_opens() -> None:
    times = np.arange(2.0, 34.0, 1.0)
    found = np.array([quality(t) for t in times])
    best = int(np.argmax(found))
    assert found[best] > 0.85
    assert 10.0 <= times[best] <= 25.0
    assert found[0] < 0.3
    assert found[-1] < 0.2
    assert quality(times[best] - 4.0) > quality(times[best] + 4.0)


@pytest.mark.parametrize(
    ("solvents", "low_s", "high_s"),
    [({"DMF": 0.8, "DMSO": 0.2}, 10.0, 25.0), ({"DMF": 1.0}, 3.0, 10.0)],
)
def test_windows_of_common_solvents(
    solvents: dict[str, float], low_s: float, high_s: float
) -> None:
    ink = WellContents.from_molar(50.0, {"MA": 1.2, "Pb": 1.2, "I": 3.6}, solvents)
    found = ink_of(ink)
    assert found is not None
    assert low_s <= window_of(found, ink.solvents) <= high_s


def test_faster_spinning_opens_the_window_earlier() -> None:
    times = np.arange(4.0, 34.0, 2.0)
    slow = times[int(np.argmax([quality(t, spin_rpm=2500) for t in times]))]
    fast = times[int(np.argmax([quality(t, spin_rpm=6000) for t in times]))]
    assert fast < slow - 4.0


def test_a_better_drop_gives_a_smoother_fuller_film() -> None:
    good, bad = film_from_settings(GOOD), film_from_settings({**GOOD, "drop_time_s": 6})
    assert good.quality > bad.quality
    assert good.coverage > bad.coverage
    assert good.haze < bad.haze
    assert good.roughness_nm < bad.roughness_nm


def test_a_drop_of_nothing_or_of_too_little_is_no_drop() -> None:
    none = film_from_settings({**GOOD, "antisolvent": "none"})
    little = film_from_settings({**GOOD, "antisolvent_ul": 5.0})
    enough = film_from_settings({**GOOD, "antisolvent_ul": 200.0})
    assert none.quality < little.quality + 0.1 < enough.quality


def test_the_drop_ends_the_thinning() -> None:
    # The speed rises at 20 s; a film dropped on before is set already.
    process = ProcessDefaults.model_validate(
        {
            "spin": [
                {"speed_rpm": 2500, "duration_s": 20},
                {"speed_rpm": 6000, "duration_s": 30},
            ]
        }
    )
    early, late = (
        film_from_settings({**GOOD, "drop_time_s": t}, process).thickness_nm
        for t in (18.0, 26.0)
    )
    assert early > 1.3 * late


def test_temperatures_go_on_where_they_were() -> None:
    hot = Plate.starting(0.0, 120.0).set(0.0, 120.0)
    warm = Plate.starting(0.0, 60.0).set(0.0, 60.0)
    history = FilmHistory(
        film_id="x",
        heatings=(
            Heating(arrive_s=10.0, leave_s=200.0, plate=hot),
            Heating(arrive_s=210.0, leave_s=400.0, plate=warm),
        ),
    )
    time_s, temperature_c = film_temperatures(history, 0.0, 600.0)
    assert np.all(np.diff(time_s) >= 0)
    rate = np.diff(temperature_c) / np.maximum(np.diff(time_s), 0.1)
    assert np.abs(rate).max() < 25.0
    assert temperature_c.max() == pytest.approx(118.5, abs=0.5)
    assert temperature_c[-1] == pytest.approx(23.0, abs=0.5)


def test_waiting_for_the_anneal_spoils_the_film() -> None:
    soon = film_from_settings(GOOD, handling=Handling(to_plate_s=15.0))
    late = film_from_settings(GOOD, handling=Handling(to_plate_s=300.0))
    assert late.quality < soon.quality - 0.1


@pytest.mark.parametrize(
    ("quantity", "rises"), [("crystallinity", True), ("lead_iodide", True)]
)
def test_more_anneal_crystallises_and_decomposes(quantity: str, rises: bool) -> None:
    for axis, values in (
        ("anneal_c", (70, 90, 120, 150)),
        ("anneal_s", (60, 300, 1800)),
    ):
        found = [
            true_property({**GOOD, "anneal_c": 110, axis: value}, quantity)
            for value in values
        ]
        assert (np.diff(found) >= 0).all() is np.bool_(rises)
        assert found[-1] > found[0]


def test_the_anneal_has_an_optimum_inside() -> None:
    for spacer, drop_time_s, x in (
        ("PEA", 16.5, 0.05),
        ("BA", 15.5, 0.0),
        ("HA", 17.0, 0.22),
    ):
        settings = {
            **GOOD,
            "spacer": spacer,
            "drop_time_s": drop_time_s,
            "br_fraction": x,
        }
        at = [
            true_property({**settings, "anneal_c": anneal_c}, "phase_purity")
            for anneal_c in (70, 110, 150)
        ]
        assert at[1] > at[0] + 0.1
        assert at[1] > at[2] + 0.1


def test_crystallisation_at_100_c_takes_minutes() -> None:
    # MAPbI3: 90 % after three to six minutes on a hot plate.
    base = {"spacer": "none", "drop_time_s": 16.5, "anneal_c": 100}
    hot = Handling(plate_c=100.0, off_plate_s=0.0)
    after = [
        film_from_settings({**base, "anneal_s": s}, handling=hot).crystalline
        for s in (100.0, 360.0)
    ]
    assert after[0] < 0.9 < after[1]


def test_spacers_that_form_no_layers_leave_3d_grains_and_chains() -> None:
    for spacer in ("tBA", "EDA", "TMA4"):
        film = film_from_settings({**GOOD, "spacer": spacer, "n": 3})
        assert film.by_products[2] > 0.25
        assert true_property(film, "phase_purity") < 0.1
        assert true_property(film, "dominant_fraction") > 0.7


def test_formability_agrees_with_what_is_known_and_varies_where_it_is_not() -> None:
    assert all(hidden_spacer(s).forms_layers > 0.9 for s in ("PEA", "BA", "BDA", "OA"))
    assert all(hidden_spacer(s).forms_layers < 0.1 for s in ("tBA", "DMA", "PY", "EDA"))
    unknown = [hidden_spacer(s).forms_layers for s in ("ALA", "AN", "CNEA", "MOEA")]
    assert max(unknown) - min(unknown) > 0.2


def test_fa_needs_heat_to_leave_the_yellow_phase() -> None:
    settings = {**GOOD, "n": 5, "fa_fraction": 1.0, "anneal_s": 300}
    cold = film_from_settings({**settings, "anneal_c": 80})
    hot = film_from_settings({**settings, "anneal_c": 140})
    assert cold.by_products[1] > 3.0 * hot.by_products[1]


def coat(
    at_s: float, species_m: dict[str, float], solvent: str
) -> tuple[Deposit, tuple[Ramp, Ramp]]:
    liquid = WellContents.from_molar(60.0, species_m, {solvent: 1.0})
    up = Ramp(at_s=at_s, from_rpm=0, to_rpm=4000, acceleration_rpm_s=2000)
    down = Ramp(at_s=at_s + 30, from_rpm=4000, to_rpm=0, acceleration_rpm_s=2000)
    return Deposit(at_s=at_s - 2.0, liquid=liquid, rate_ul_s=80.0), (up, down)


def stacked(*coats: tuple[Deposit, tuple[Ramp, Ramp]]) -> FilmHistory:
    history = FilmHistory(film_id="stack")
    for deposit, ramps in coats:
        history = history.wetted(deposit).spun(ramps[0]).spun(ramps[1])
    return history


PEROVSKITE = {"FA": 0.9, "Cs": 0.1, "Pb": 1.0, "I": 3.0}


def test_monolayers_and_fullerenes_are_inert_layers() -> None:
    sam = coat(0.0, {"MeO-2PACz": 0.001, "PAcZ": 0.6}, "IPA")
    ink = coat(200.0, PEROVSKITE, "DMF")
    pcbm = coat(400.0, {"PCBM": 0.03}, "chlorobenzene")
    assert film_at(stacked(sam), 100.0, IDEAL) is None
    bare, full = (
        film_at(stacked(*coats), 600.0, IDEAL) for coats in ((ink,), (sam, ink, pcbm))
    )
    assert bare is not None
    assert full is not None
    assert full.inert_nm > 0
    assert np.array_equal(absorbed_shares(full), absorbed_shares(bare))
    assert full.thickness_nm == bare.thickness_nm


def test_a_second_perovskite_ink_takes_the_place_of_the_first() -> None:
    first = coat(0.0, PEROVSKITE, "DMF")
    second = coat(200.0, {"MA": 1.0, "Pb": 1.0, "Br": 3.0}, "DMF")
    film = film_at(stacked(first, second), 600.0, IDEAL)
    assert film is not None
    assert film.composition.bromide == 1.0


def test_pure_solvents_make_no_film_and_polar_ones_wash_it_off() -> None:
    ink = coat(0.0, PEROVSKITE, "DMF")
    assert film_at(stacked(coat(0.0, {}, "chlorobenzene")), 99.0, IDEAL) is None
    assert film_at(stacked(ink, coat(200.0, {}, "DMF")), 400.0, IDEAL) is None
    assert film_at(stacked(ink, coat(200.0, {}, "toluene")), 400.0, IDEAL) is not None


def test_an_unspun_drop_dries_to_a_thick_poor_film() -> None:
    deposit, _ = coat(0.0, PEROVSKITE, "DMF")
    cast = film_at(FilmHistory(film_id="x", deposits=(deposit,)), 600.0, IDEAL)
    spun = film_at(stacked(coat(0.0, PEROVSKITE, "DMF")), 600.0, IDEAL)
    assert cast is not None
    assert spun is not None
    assert cast.thickness_nm > 2.0 * spun.thickness_nm
    assert cast.quality < spun.quality


def test_a_program_of_two_speeds_dries_by_the_speed_of_each_moment() -> None:
    # As on a real line: 1000 rpm for 5 s, then 5000 rpm, antisolvent at 28 s.
    program = ProcessDefaults.model_validate(
        {
            "spin": [
                {"speed_rpm": 1000, "acceleration_rpm_s": 200, "duration_s": 5},
                {"speed_rpm": 5000, "acceleration_rpm_s": 2000, "duration_s": 50},
            ],
            "concentration_m": 1.2,
        }
    )
    settings = {"spacer": "none", "fa_fraction": 1.0}

    def best_s(process: ProcessDefaults) -> float:
        times = np.arange(6.0, 40.0, 1.0)
        found = [
            film_from_settings({**settings, "drop_time_s": t}, process).quality
            for t in times
        ]
        return float(times[int(np.argmax(found))])

    fast = ProcessDefaults.model_validate(
        {"spin": [{"speed_rpm": 5000, "duration_s": 55}], "concentration_m": 1.2}
    )
    assert best_s(fast) + 2.0 < best_s(program) < 30.0
    film = film_from_settings({**settings, "drop_time_s": 18}, program)
    assert 300 < film.thickness_nm < 700


def test_a_film_that_never_spun_long_enough_is_poor() -> None:
    short = film_from_settings({**GOOD, "spin_s": 6.0, "antisolvent": "none"})
    assert short.quality < 0.1


def test_an_ink_without_organics_is_lead_iodide() -> None:
    film = film_at(stacked(coat(0.0, {"Pb": 1.0, "I": 2.0}, "DMF")), 99.0, IDEAL)
    assert film is not None
    assert film.by_products[0] == pytest.approx(1.0)


def test_little_chloride_enters_an_iodide() -> None:
    ink = ink_of(
        WellContents.from_molar(
            50.0, {"MA": 1.5, "Pb": 1.0, "I": 3.0, "Cl": 0.5}, {"DMF": 1.0}
        )
    )
    assert ink is not None
    assert 0 < ink.composition.chloride < 0.05


def test_dmf_with_a_fifth_of_dmso_is_best() -> None:
    def best_of(dmso: float) -> float:
        mix = {"solvent.DMF": 1.0 - dmso, "solvent.DMSO": dmso}
        times = np.arange(4.0, 40.0, 1.5)
        return max(
            film_from_settings({**GOOD, **mix, "drop_time_s": t}).quality for t in times
        )

    assert best_of(0.2) > best_of(0.0) + 0.15
    assert best_of(0.2) > best_of(0.5) + 0.15
