import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.simulation.emulators.ocean_detector import (
    CEILING,
    PIXELS,
    Detector,
    DetectorModel,
)

NOW_S = 0.0


def detector(seed=3, **figures):
    return Detector(np.random.default_rng(seed), DetectorModel(**figures))


def exposures(of, rate_e_s, integration_s, count, first=0, **more):
    light = np.full(PIXELS, float(rate_e_s))
    return np.array(
        [
            of.expose(light, integration_s, number=first + i, now_s=NOW_S, **more)
            for i in range(count)
        ],
        dtype=np.float64,
    )


def test_the_same_exposure_repeats_itself_and_the_next_one_differs():
    first = exposures(detector(), 1e6, 0.05, 2)
    again = exposures(detector(), 1e6, 0.05, 2)
    assert (first == again).all()
    assert (first[0] != first[1]).any()


def test_noise_of_an_exposure_does_not_depend_on_those_before_it():
    skipped = exposures(detector(), 1e6, 0.05, 1, first=5)
    assert (skipped[0] == exposures(detector(), 1e6, 0.05, 6)[5]).all()


def test_another_seed_is_another_detector():
    assert (
        exposures(detector(3), 0.0, 0.01, 1) != exposures(detector(4), 0.0, 0.01, 1)
    ).any()


def test_variance_against_mean_gives_the_gain():
    """Photon transfer: var = (mean - offset) / gain + read noise squared."""
    linear = detector(nonlinearity=(1.0,), hot_pixels=0)
    gain_e = linear.model.gain_e
    stack = exposures(linear, 1.0e6, 0.05, 60)
    mean = stack.mean(axis=0) - linear.model.offset_counts
    variance = stack.var(axis=0, ddof=1) - linear.model.read_noise_counts**2
    assert (mean / variance).mean() == pytest.approx(gain_e, rel=0.06)
    assert mean.mean() == pytest.approx(1.0e6 * 0.05 / gain_e, rel=0.005)


def test_dark_noise_is_the_read_noise():
    dark = exposures(detector(), 0.0, 0.006, 40)
    quantum = 1.0 / 12.0
    expected = np.sqrt(DetectorModel().read_noise_counts ** 2 + quantum)
    assert np.median(dark.std(axis=0, ddof=1)) == pytest.approx(expected, rel=0.05)


def test_dark_counts_grow_with_time_and_temperature():
    cold = detector(swing_k=0.0, offset_counts_k=0.0)
    short = exposures(cold, 0.0, 0.006, 4).mean()
    long = exposures(cold, 0.0, 5.0, 4).mean()
    gained = (long - short) * cold.model.gain_e / (5.0 - 0.006)
    # The spread of dark currents is lognormal, and hot pixels add to the mean.
    assert gained > cold.model.dark_e_s
    warm = detector(swing_k=7.0, offset_counts_k=0.0)
    times_s = np.linspace(0.0, warm.model.swing_s, 181)
    hottest_s = max(times_s, key=warm.temperature_c)
    assert warm.temperature_c(hottest_s) == pytest.approx(32.0, abs=0.05)
    none = np.zeros(PIXELS)
    hot = warm.expose(none, 5.0, number=1, now_s=hottest_s).astype(float)
    mild = cold.expose(none, 5.0, number=1, now_s=hottest_s).astype(float)
    offset = warm.model.offset_counts
    assert np.median(hot - offset) == pytest.approx(
        2.0 * np.median(mild - offset), rel=0.05
    )


def test_few_pixels_are_hot_and_always_the_same():
    dark = exposures(detector(), 0.0, 2.0, 3)
    hot = dark > np.median(dark) + 1000
    assert 3 <= hot[0].sum() <= 9
    assert (hot[0] == hot[1]).all()


def test_nothing_is_read_above_the_ceiling():
    bright = exposures(detector(), 1e9, 1.0, 1)[0]
    assert (bright == CEILING).all()


@settings(max_examples=25)
@given(fill=st.floats(0.02, 0.95))
def test_its_own_coefficients_undo_the_nonlinearity(fill):
    bent = detector(
        read_noise_counts=0.0,
        dark_e_s=0.0,
        hot_pixels=0,
        sensitivity_spread=0.0,
        swing_k=0.0,
    )
    wanted = fill * 60_000.0
    read = exposures(bent, wanted * bent.model.gain_e / 0.1, 0.1, 1)[0]
    above = read - bent.model.offset_counts
    straight = above / np.polynomial.polynomial.polyval(above, bent.model.nonlinearity)
    assert straight.mean() == pytest.approx(wanted, rel=1e-3, abs=2.0)


def test_the_nonlinearity_is_about_one_percent():
    response = np.polynomial.polynomial.polyval(
        float(CEILING), DetectorModel().nonlinearity
    )
    assert 0.98 < response < 0.99
