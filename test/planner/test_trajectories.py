"""Annealing profiles stay within the limits, whatever the latent space says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.planner.space import Space

SECTION = {
    "anneal": {
        "type": "trajectory",
        "segments": 3,
        "high_c": 160,
        "max_hold_s": 900,
        "max_total_s": 3000,
    }
}
SPACE = Space.parse(SECTION)
DIMENSION = SPACE.dimensions["anneal"]


@given(seed=st.integers(0, 2**31), far=st.floats(0, 20))
@settings(max_examples=15, deadline=None)
def test_whatever_is_decoded_is_within_the_limits(seed, far):
    rng = np.random.default_rng(seed)
    scaled = DIMENSION.decode(far * rng.standard_normal((30, DIMENSION.latent)))
    codes = DIMENSION.snap(np.hstack([scaled, np.zeros((30, DIMENSION.latent))]))
    for one in SPACE.settings(codes):
        SPACE.check(one)
    for one in SPACE.settings(SPACE.move(codes, rng, 0.5)):
        SPACE.check(one)


def test_a_profile_ramps_then_holds_then_cools():
    # 75 K at 15 K/min take 300 s, 50 K at 5 K/min 600 s.
    one = np.array([[100, 200, 15, 150, 60, 5, 150, 40, 1]], dtype=float)
    assert DIMENSION.total_s(one)[0] == pytest.approx(300 + 200 + 600 + 60 + 40)
    times = np.array([0, 150, 300, 499, 800, 1100, 1199, 1201])
    found = DIMENSION.temperature_c(one, times)[0]
    assert found == pytest.approx([25, 62.5, 100, 100, 125, 150, 150, 25], abs=0.1)


def test_a_neighbour_of_a_profile_is_another_one_near_to_it():
    rng = np.random.default_rng(0)
    codes = SPACE.sample_codes(rng, 200)
    segments = slice(0, 9)

    def step(scale):
        moved = SPACE.move(codes, rng, scale)
        return np.abs(moved - codes)[:, segments].mean()

    assert 0 < step(0.02) < 0.6 * step(0.3)


def test_profiles_go_there_and_back():
    codes = SPACE.sample_codes(np.random.default_rng(0), 50)
    assert np.abs(SPACE.codes(SPACE.settings(codes)) - codes).max() < 1e-9


def test_a_profile_that_takes_the_fastest_ramp_is_known_again():
    # Ramps are set to a hundredth, and the fastest one is none.
    own = {"max_ramp_k_min": 8.7232, "max_total_s": 2650}
    space = Space.parse({"anneal": {**SECTION["anneal"], **own}})
    codes = space.sample_codes(np.random.default_rng(0), 50)
    assert np.abs(space.codes(space.settings(codes)) - codes).max() < 1e-9


def test_samples_fill_the_temperatures():
    columns = SPACE.columns(SPACE.sample_codes(np.random.default_rng(0), 500))
    assert columns["anneal.1.c"].min() < 60
    assert columns["anneal.1.c"].max() > 140


def test_the_same_course_has_the_same_place_however_it_is_cut():
    # One hold of 600 s at 100 C, or two that follow each other.
    values = np.array(
        [
            [100, 300, 10, 100, 300, 10, 100, 10, 10],
            [100, 100, 10, 100, 500, 10, 100, 10, 10],
            [150, 300, 10, 60, 300, 10, 60, 10, 10],
        ],
        dtype=float,
    )
    place = DIMENSION.encode(values)
    assert np.linalg.norm(place[0] - place[1]) < 1e-6
    assert np.linalg.norm(place[0] - place[2]) > 0.1


def test_a_profile_that_takes_too_long_is_refused():
    one = SPACE.settings(SPACE.sample_codes(np.random.default_rng(0), 1))[0]
    slow = {**one, **{f"anneal.{k}.s": 900.0 for k in (1, 2, 3)}}
    slow |= {f"anneal.{k}.ramp_k_min": 1.0 for k in (1, 2, 3)}
    with pytest.raises(InvalidInput, match="max_total_s"):
        SPACE.check(slow)
    with pytest.raises(InvalidInput, match=r"anneal\.2\.c"):
        SPACE.check({**one, "anneal.2.c": 400.0})


def test_limits_that_nothing_meets_are_refused():
    wrong = {"anneal": {**SECTION["anneal"], "max_total_s": 60}}
    with pytest.raises(InvalidConfig, match="max_total_s 60"):
        Space.parse(wrong)


@pytest.mark.parametrize(
    ("field", "value"),
    [("anneal.3.ramp_k_min", 15.1), ("anneal.1.s", 901.0), ("anneal.1.c", 39.0)],
)
def test_every_segment_is_held_to_ramp_hold_and_temperature(field, value):
    one = SPACE.settings(SPACE.sample_codes(np.random.default_rng(0), 1))[0]
    SPACE.check(one)
    with pytest.raises(InvalidInput, match=field.replace(".", r"\.")):
        SPACE.check({**one, field: value})


def test_the_longest_profile_may_take_its_limit_and_no_second_more():
    # 75 K at 15 K/min are 300 s; three holds of 900 s make 3000 s.
    one = {f"anneal.{k}.c": 100.0 for k in (1, 2, 3)}
    one |= {f"anneal.{k}.s": 900.0 for k in (1, 2, 3)}
    one |= {f"anneal.{k}.ramp_k_min": 15.0 for k in (1, 2, 3)}
    SPACE.check(one)
    with pytest.raises(InvalidInput, match="max_total_s"):
        SPACE.check({**one, "anneal.1.c": 100.2})
