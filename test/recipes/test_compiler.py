import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hp_lab.chemistry.composition import composition_from_settings
from hp_lab.errors import (
    InvalidConfig,
    InvalidInput,
    InventoryError,
    UnreachableComposition,
)
from hp_lab.lab_config import check_model
from hp_lab.recipes.compiler import SETTINGS, ProcessDefaults, compile_recipe
from hp_lab.recipes.limits import check_recipe
from hp_lab.recipes.recipe_worklist import well_contents
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Measure,
    Mix,
    Rest,
    SpinCoat,
    SpinStep,
)
from hp_lab.records import Candidate

WISH = {"spacer": "PEA", "n": 3.0, "fa_fraction": 0.5}


@pytest.fixture(scope="session")
def make(lab, stocks):
    def compiled(wish, process=None, **changes):
        arguments = {
            "sample_id": "s001",
            "slot": "tray/B2",
            "mix_well": "mix/C3",
            "lab": lab,
            "stocks": stocks,
            "process": ProcessDefaults() if process is None else process,
            **changes,
        }
        candidate = Candidate(candidate_id="c7", settings=wish)
        return compile_recipe(candidate, **arguments)

    return compiled


wishes = st.fixed_dictionaries(
    {
        "spacer": st.sampled_from(["PEA", "BA", "ThMA", "PA", "BDA", "3AMP", "EDA"]),
        "n": st.integers(1, 5).map(float),
        "fa_fraction": st.floats(0, 1),
        "br_fraction": st.floats(0, 0.3),
        "drop_time_s": st.floats(0, 40),
        "anneal_c": st.floats(60, 200),
        "anneal_s": st.floats(0, 3600),
        "spin_rpm": st.floats(1000, 6000),
        "antisolvent": st.sampled_from(["chlorobenzene", "toluene", "none"]),
    }
)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(wishes)
def test_a_compiled_recipe_is_within_limits_and_mixes_what_was_asked(
    make, lab, stocks, wish
):
    try:
        recipe = make(wish)
    except UnreachableComposition:
        assume(False)
    check_recipe(recipe, lab)
    held = well_contents(recipe, stocks)["mix/C3"]
    wanted = composition_from_settings(wish).ions_per_metal
    for ion in {*wanted, *held.species_m}:
        reached = held.species_m.get(ion, 0) / held.metal_m
        assert reached == pytest.approx(wanted.get(ion, 0), abs=0.02)
    assert held.metal_m == pytest.approx(0.5, rel=0.02)
    coat = recipe.steps[1]
    antisolvent = [d for d in coat.drops if d.source.startswith("solvents/")]
    assert [d.offset_s for d in antisolvent] == [wish["drop_time_s"]][
        : wish["antisolvent"] != "none"
    ]
    assert recipe.steps[2].profile[0].temperature_c == wish["anneal_c"]


def test_the_steps_are_mix_spin_anneal_rest_and_measurements(make):
    recipe = make({**WISH, "drop_time_s": 12.5, "anneal_c": 90.0, "anneal_s": 300.0})
    assert (recipe.sample_id, recipe.candidate_id) == ("s001", "c7")
    assert (recipe.substrate, recipe.slot) == ("glass", "tray/B2")
    mix, coat, anneal, rest, absorbance, pl = recipe.steps
    assert isinstance(mix, Mix)
    assert {t.target for t in mix.transfers} == {"mix/C3"}
    assert isinstance(coat, SpinCoat)
    assert coat.steps == (
        SpinStep(speed_rpm=4000, acceleration_rpm_s=1500, duration_s=45),
    )
    assert [(d.source, d.volume_ul, d.offset_s) for d in coat.drops] == [
        ("mix/C3", 60, -5),
        ("solvents/A1", 150, 12.5),
    ]
    assert anneal == Anneal(profile=(AnnealSegment(temperature_c=90, hold_s=300),))
    assert rest == Rest(duration_s=180)
    assert absorbance == Measure(mode="absorbance", averages=4)
    assert pl == Measure(mode="photoluminescence", averages=4)


def test_only_the_last_transfer_mixes_and_no_used_tip_goes_back_to_a_stock(make):
    # 800 uL of one composition take several strokes.
    process = ProcessDefaults(mix_volume_ul=800)
    (mix, *_) = make({"fa_fraction": 0.5}, process).steps
    volumes = [t.volume_ul for t in mix.transfers]
    assert volumes == pytest.approx([200, 200, 200, 200])
    assert [t.mix_repetitions for t in mix.transfers] == [0, 0, 0, 5]
    assert [t.new_tip for t in mix.transfers] == [True, False, True, True]


def test_a_pure_stock_is_not_mixed(make):
    (mix, *_) = make({"spacer": "PEA", "n": 1.0}).steps
    assert [(t.source, t.mix_repetitions) for t in mix.transfers] == [("stocks/A1", 0)]


def test_an_anneal_in_segments_keeps_their_order(make):
    wish = {
        **WISH,
        "anneal.2.s": 300.0,
        "anneal.1.c": 60.0,
        "anneal.1.s": 120.0,
        "anneal.2.c": 110.0,
        "anneal.2.ramp_k_min": 5.0,
    }
    anneal = make(wish).steps[2]
    assert anneal.profile == (
        AnnealSegment(temperature_c=60, hold_s=120),
        AnnealSegment(temperature_c=110, hold_s=300, ramp_k_min=5),
    )


def test_settings_win_over_the_process(make):
    process = ProcessDefaults(
        antisolvent="toluene",
        spin=(
            {"speed_rpm": 1000, "duration_s": 10},
            {"speed_rpm": 5000, "duration_s": 30},
        ),
        measurements=({"mode": "photoluminescence", "repeats": 5, "interval_s": 60},),
    )
    recipe = make({**WISH, "spin_rpm": 3000.0, "concentration_m": 0.3}, process)
    coat = recipe.steps[1]
    assert [s.speed_rpm for s in coat.steps] == [1000, 3000]
    assert coat.drops[1].source == "solvents/A2"
    assert recipe.steps[4:] == (
        Measure(mode="photoluminescence", averages=4, repeats=5, interval_s=60),
    )
    assert any(t.source == "solvents/B1" for t in recipe.steps[0].transfers)


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ({"colour": "red"}, "setting 'colour' is unknown; use spacer, n, "),
        ({"anneal.1.c": 90.0}, "setting anneal.1.s is missing"),
        (
            {"anneal_c": 100.0, "anneal.1.c": 90.0, "anneal.1.s": 1.0},
            "both as anneal_c and as anneal.1.c",
        ),
        ({"anneal.2.c": 90.0, "anneal.2.s": 1.0}, "setting anneal.1.c is missing"),
        ({"antisolvent": "chlorbenzene"}, "it has chlorobenzene"),
        ({"anneal_c": "hot"}, "setting anneal_c: 'hot' must be a number"),
        ({"anneal_c": 350.0}, "hotplate: 350 C is above 300 C"),
        ({"spin_rpm": 9500.0}, "9500 rpm is above 9000 rpm; lower speed_rpm in step 2"),
        ({"drop_time_s": 60.0}, "a drop at 60 s is after the end of the spin at 45 s"),
        ({"antisolvent_ul": -10.0}, "antisolvent_ul: Input should be greater than 0"),
        ({"spacer": "PAE", "n": 2.0}, "did you mean"),
        ({"a_site.MA": 0.5}, "add to 0.5, but must add to 1"),
    ],
)
def test_a_wrong_setting_is_refused(make, wish, text):
    with pytest.raises(InvalidInput) as caught:
        make(wish)
    assert text in str(caught.value)
    assert not isinstance(caught.value, UnreachableComposition)


def test_what_the_stocks_cannot_give_passes_through(make, stocks):
    with pytest.raises(UnreachableComposition, match="OA is in none of the stocks"):
        make({"spacer": "OA", "n": 2.0})
    left = {**stocks.volumes_ul(), "stocks/A1": 110.0}
    with pytest.raises(InventoryError, match="refill the well"):
        make(WISH, available_ul=left)


def test_the_slot_must_hold_the_substrate(make):
    with pytest.raises(InvalidInput, match="tray/B2: holds glass, but FTO is wanted"):
        make(WISH, ProcessDefaults(substrate="FTO"))


@pytest.mark.slow
def test_every_setting_in_the_table_is_understood(make):
    pairs = {
        "a_site.ION": "a_site.MA",
        "b_site.ION": "b_site.Pb",
        "x_site.ION": "x_site.I",
        "solvent.NAME": "solvent.DMF",
    }
    for name in SETTINGS:
        setting = pairs.get(name, name.replace("K", "1"))
        try:
            make({setting: 0.5})
        except InvalidInput as error:
            assert "is unknown" not in str(error), setting  # noqa: PT017 - any other


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({"mix_volume_ul": 40}, "mix_volume_ul 40 is below precursor_ul 60"),
        ({"mix_volume_ul": 950}, "mix_max_volume_ul 900 is below mix_volume_ul 950"),
        ({"precursor_offset_s": 3}, "precursor_offset_s: .* less than or equal to 0"),
        ({"spin": []}, "spin: .* at least 1 item"),
        ({"measurements": [{"mode": "xrd"}]}, "measurements.0.mode: Input should be"),
        ({"rpm": 1}, "rpm: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_process_section_names_its_field(section, text):
    with pytest.raises(InvalidConfig, match=text):
        check_model(ProcessDefaults, section, "campaign.yaml: process")
