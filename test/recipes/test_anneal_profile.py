import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.errors import InvalidInput
from hp_lab.lab_config import Hotplate
from hp_lab.recipes.anneal_profile import (
    check_profile,
    corners,
    expected_duration_s,
    set_temperature_c,
    single_hold,
)
from hp_lab.recipes.steps import AnnealSegment

PLATE = Hotplate(
    port="x", positions=["hotplate/1"], min_c=25, max_c=300, max_ramp_k_min=15
)

segments = st.builds(
    AnnealSegment,
    temperature_c=st.floats(25, 300),
    hold_s=st.floats(0, 3600),
    ramp_k_min=st.floats(0.1, 15) | st.just(0.0),
)
profiles = st.lists(segments, min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(profiles, st.floats(20, 300))
def test_no_ramp_is_faster_than_it_may_be(profile, start_c):
    points = corners(profile, start_c=start_c, max_ramp_k_min=15)
    for i, segment in enumerate(profile):
        before, reached, left = points[2 * i : 2 * i + 3]
        change_k = abs(reached.temperature_c - before.temperature_c)
        ramp_s = reached.time_s - before.time_s
        allowed = (segment.ramp_k_min or 15) / 60
        assert ramp_s * allowed == pytest.approx(change_k, abs=1e-9)
        assert left.time_s - reached.time_s == pytest.approx(segment.hold_s, abs=1e-6)
        assert left.temperature_c == segment.temperature_c


@settings(deadline=None, max_examples=60)
@given(profiles, st.floats(20, 300))
def test_course_stays_between_its_temperatures_and_ends_at_the_last(profile, start_c):
    end_s = expected_duration_s(profile, start_c=start_c, max_ramp_k_min=15)
    time_s = np.linspace(-10, end_s + 10, 200)
    course_c = set_temperature_c(time_s, profile, start_c=start_c, max_ramp_k_min=15)
    temperatures = [start_c, *(s.temperature_c for s in profile)]
    assert course_c.shape == time_s.shape
    assert course_c.min() >= min(temperatures) - 1e-9
    assert course_c.max() <= max(temperatures) + 1e-9
    assert course_c[0] == pytest.approx(start_c)
    assert course_c[-1] == pytest.approx(profile[-1].temperature_c)


def test_a_hold_at_100_c_from_25_c():
    profile = single_hold(100, 600, ramp_k_min=10)
    assert expected_duration_s(profile, start_c=25, max_ramp_k_min=15) == 450 + 600
    course_c = set_temperature_c(
        np.array([0.0, 225.0, 450.0, 1050.0]), profile, start_c=25, max_ramp_k_min=15
    )
    assert course_c == pytest.approx([25, 62.5, 100, 100])


@given(profiles)
@settings(deadline=None, max_examples=40)
def test_profiles_within_the_limits_pass(profile):
    check_profile(profile, PLATE)


def test_every_number_outside_the_limits_has_its_line():
    profile = [
        AnnealSegment(temperature_c=320, hold_s=-1, ramp_k_min=20),
        AnnealSegment(temperature_c=10, hold_s=60),
        AnnealSegment(temperature_c=float("nan"), hold_s=60),
    ]
    with pytest.raises(InvalidInput) as caught:
        check_profile(profile, PLATE, "hotplate_2")
    assert str(caught.value).splitlines() == [
        "hotplate_2: 320 C is above 300 C; lower temperature_c in segment 1",
        "hotplate_2: hold_s -1 is below 0 s; raise it in segment 1",
        (
            "hotplate_2: 20 K/min is not from 0 to 15 K/min; change ramp_k_min in "
            "segment 1"
        ),
        "hotplate_2: 10 C is below 25 C; raise temperature_c in segment 2",
        "hotplate_2: nan C is no temperature; change segment 3",
    ]


def test_an_empty_profile_is_refused():
    with pytest.raises(InvalidInput, match="has no segments"):
        check_profile([], PLATE)
