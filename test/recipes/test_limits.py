import math

import pytest

from hp_lab.errors import InvalidInput
from hp_lab.recipes.limits import check_recipe
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Drop,
    Image,
    Measure,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    SpinStep,
    Transfer,
)

INK = Drop(source="stocks/A1", volume_ul=60, offset_s=-5)
TOLUENE = Drop(source="solvents/A2", volume_ul=150, offset_s=15)


def recipe(*steps, slot="tray/A1"):
    return Recipe(
        sample_id="s", candidate_id="", substrate="glass", slot=slot, steps=steps
    )


def spin(*, rpm=4000.0, acceleration=1500.0, seconds=45.0, drops=(INK, TOLUENE)):
    step = SpinStep(speed_rpm=rpm, acceleration_rpm_s=acceleration, duration_s=seconds)
    return SpinCoat(steps=(step,), drops=drops)


def anneal(celsius=100.0, hotplate=""):
    return Anneal(
        profile=(AnnealSegment(temperature_c=celsius, hold_s=600),), hotplate=hotplate
    )


def mix(**changes):
    arguments = {"source": "stocks/A1", "target": "mix/A1", "volume_ul": 100.0}
    return Mix(transfers=(Transfer(**{**arguments, **changes}),))


def test_an_ordinary_recipe_passes(lab):
    check_recipe(
        recipe(
            mix(),
            spin(),
            anneal(hotplate="hotplate_2"),
            Rest(duration_s=60),
            Measure(mode="absorbance"),
            Image(lighting="darkfield", exposure_s=0.05),
        ),
        lab,
    )


def test_the_error_says_value_limit_and_remedy(lab):
    with pytest.raises(InvalidInput) as caught:
        check_recipe(recipe(Rest(duration_s=1), spin(rpm=9500)), lab)
    assert str(caught.value) == (
        "spin_coater: 9500 rpm is above 9000 rpm; lower speed_rpm in step 2"
    )


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (spin(rpm=100), "100 rpm is below 200 rpm; raise speed_rpm"),
        (spin(rpm=math.nan), "nan rpm is above 9000 rpm"),
        (spin(acceleration=6000), "6000 rpm/s is above 5000 rpm/s"),
        (
            spin(acceleration=50),
            "0 to 4000 rpm takes 80 s at 50 rpm/s, above the 45 s of the step; raise",
        ),
        (spin(seconds=-1, drops=()), "duration_s -1 must be above 0 s"),
        (SpinCoat(steps=(), drops=()), "no speeds to run"),
        (
            spin(drops=(INK, TOLUENE, INK)),
            "3 drops need a pipette each, but there are 2",
        ),
        (
            spin(drops=(Drop(source="stocks/A1", volume_ul=60, offset_s=50),)),
            "a drop at 50 s is after the end of the spin at 45 s; lower offset_s",
        ),
        (
            spin(drops=(Drop(source="stocks/A1", volume_ul=5, offset_s=0),)),
            "pipettor: 5 uL is below 20 uL; raise volume_ul in step 1",
        ),
        (
            spin(drops=(Drop(source="stocks/A1", volume_ul=400, offset_s=0),)),
            "pipettor: 400 uL is above 300 uL; lower volume_ul in step 1",
        ),
        (
            spin(drops=(Drop(source="shelf/A1", volume_ul=60, offset_s=0),)),
            "the deck has no wells called 'shelf'; use stocks, solvents, mix in step 1",
        ),
        (mix(source="stocks/H1"), "well stocks/H1: stocks has A1 to D6"),
        (mix(source="mix/A1"), "source and target are both mix/A1"),
        (
            mix(volume_ul=-5),
            "-5 uL is below 20 uL; raise volume_ul in step 1, transfer",
        ),
        (mix(rate_ul_s=-1), "rate_ul_s -1 is below 0"),
        (
            mix(mix_repetitions=3, mix_volume_ul=200),
            "mix_volume_ul 200 uL is above the 100 uL in mix/A1",
        ),
        (mix(mix_repetitions=-1), "mix_repetitions -1 is below 0"),
        (Mix(transfers=()), "a mix without transfers"),
        (
            anneal(320),
            "320 C is above 300 C; lower temperature_c in segment 1 of step 1",
        ),
        (
            anneal(hotplate="oven"),
            "hotplate 'oven' does not exist; use hotplate, hotpl",
        ),
        (Anneal(profile=()), "the profile has no segments"),
        (Rest(duration_s=-3), "rest: duration_s -3 is below 0"),
        (Measure(mode="absorbance", averages=0), "averages 0 is below 1"),
        (Measure(mode="absorbance", integration_s=-1), "integration_s -1 is below 0"),
        (
            Measure(
                mode="photoluminescence",
                integration_s=2,
                averages=3,
                repeats=2,
                interval_s=5,
            ),
            "interval_s 5 is below the 6 s that a reading takes",
        ),
        (Image(lighting="darkfield", exposure_s=0), "exposure_s 0 must be above 0 s"),
    ],
)
def test_what_the_laboratory_cannot_do_is_refused(lab, step, text):
    with pytest.raises(InvalidInput) as caught:
        check_recipe(recipe(step), lab)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("tray/Z1", "tray has slots A1 to H8"),
        ("Tray1/A1", "the gantry has no tray 'Tray1'; use tray"),
    ],
)
def test_the_slot_must_exist(lab, slot, text):
    with pytest.raises(InvalidInput, match=text):
        check_recipe(recipe(slot=slot), lab)


def test_every_fault_has_its_line(lab):
    with pytest.raises(InvalidInput) as caught:
        check_recipe(recipe(spin(rpm=9500, acceleration=6000), anneal(10)), lab)
    assert len(str(caught.value).splitlines()) == 3


def test_a_plate_that_can_do_it_is_enough(lab):
    weak = lab.hotplates["hotplate"].model_copy(update={"max_c": 80.0})
    weak_lab = lab.model_copy(update={"hotplates": {**lab.hotplates, "hotplate": weak}})
    check_recipe(recipe(anneal(200)), weak_lab)
    with pytest.raises(InvalidInput, match="hotplate: 200 C is above 80 C"):
        check_recipe(recipe(anneal(200, hotplate="hotplate")), weak_lab)


def test_a_well_neither_overflows_nor_gives_more_than_it_got(lab):
    transfers = tuple(
        Transfer(source="stocks/A1", target="mix/A1", volume_ul=300) for _ in range(4)
    )
    with pytest.raises(
        InvalidInput, match="1200 uL in mix/A1 are above the well's 1000"
    ):
        check_recipe(recipe(Mix(transfers=transfers)), lab)
    drop = Drop(source="mix/A1", volume_ul=120, offset_s=-5)
    with pytest.raises(InvalidInput, match="above the 100 uL mixed there"):
        check_recipe(recipe(mix(), spin(drops=(drop,))), lab)
