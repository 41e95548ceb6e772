import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.devices.spectrometer.exposure import AutoExposure, peak_counts

CEILING = 65535.0
AUTO = AutoExposure(ceiling_counts=CEILING, shortest_s=0.006, longest_s=5.0)
FLOOR = 1200.0


def settle(rate_counts_s, start_s=0.05):
    """Return the chosen time and its peak for a light of so many counts a second."""
    time_s = start_s
    for _ in range(10):
        peak = min(FLOOR + rate_counts_s * time_s, CEILING)
        better_s = AUTO.next_s(time_s, peak, FLOOR)
        if better_s is None:
            return time_s, peak
        time_s = better_s
    pytest.fail("it never settles")


@settings(max_examples=50)
@given(log_rate=st.floats(0.0, 9.0))
def test_it_settles_at_60_to_80_percent_or_at_a_limit(log_rate):
    time_s, peak = settle(10.0**log_rate)
    fill = peak / CEILING
    if time_s == AUTO.shortest_s:
        assert fill >= 0.6
    elif time_s == AUTO.longest_s:
        assert fill <= 0.8
    else:
        assert 0.6 <= fill <= 0.8


def test_a_light_that_saturates_at_the_shortest_time_ends_there():
    assert settle(1e9) == (AUTO.shortest_s, CEILING)


def test_darkness_ends_at_the_longest_time():
    assert settle(0.0)[0] == AUTO.longest_s


def test_a_hot_pixel_is_no_peak():
    counts = np.full(100, 1000.0)
    counts[40] = CEILING
    assert peak_counts(counts, np.ones(100, dtype=bool)) == 1000.0


def test_only_the_pixels_asked_for_are_looked_at():
    counts = np.full(100, 1000.0)
    counts[:20] = CEILING
    where = np.arange(100) >= 25
    assert peak_counts(counts, where) == 1000.0
