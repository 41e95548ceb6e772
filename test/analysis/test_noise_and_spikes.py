"""Noise is read from the spectrum itself, and a spike is no noise and no line."""

import numpy as np
import pytest

from hp_lab.analysis.noise import correlation_factor, estimate_sigma, quantum
from hp_lab.analysis.spikes import find_spikes, spikes_matter

AXIS_NM = np.linspace(400.0, 900.0, 1500)
LINE = 5_000.0 * np.exp(-0.5 * ((AXIS_NM - 640.0) / 15.0) ** 2)


def noisy(sigma: float, seed: int = 1) -> np.ndarray:
    return LINE + np.random.default_rng(seed).normal(0.0, sigma, AXIS_NM.size)


@pytest.mark.parametrize("sigma", [1.0, 10.0, 100.0])
def test_the_noise_under_a_line_is_found(sigma):
    found = estimate_sigma(noisy(sigma))
    assert float(np.median(found)) == pytest.approx(sigma, rel=0.2)


def test_shot_noise_grows_with_the_signal():
    counts = np.random.default_rng(2).poisson(LINE + 100.0).astype(float)
    found = estimate_sigma(counts)
    assert found[np.argmax(LINE)] == pytest.approx(np.sqrt(5_100.0), rel=0.3)
    assert found[10] == pytest.approx(10.0, rel=0.3)


def test_the_digits_of_a_reading_are_its_quantum():
    assert quantum(np.round(noisy(50.0) / 4.0) * 4.0) == 4.0
    assert quantum(noisy(50.0)) == 0.0


def test_neighbours_that_are_alike_say_less():
    rng = np.random.default_rng(3)
    white = rng.normal(0.0, 1.0, 400)
    smooth = np.convolve(white, np.ones(8), mode="same")
    assert correlation_factor(white) < 1.3
    assert correlation_factor(smooth) > 2.0


@pytest.mark.parametrize("pixels", [1, 2, 3])
@pytest.mark.parametrize("place", [200, 720, 1200])
def test_a_spike_is_cut_and_the_line_is_not(place, pixels):
    value = noisy(10.0)
    value[place : place + pixels] += 3_000.0
    spikes = find_spikes(AXIS_NM, value, np.full(AXIS_NM.size, 10.0))
    assert spikes[place : place + pixels].all()
    # Points next to a spike may go with it, none beyond its reach.
    cut = np.flatnonzero(spikes)
    assert cut.min() > place - 12
    assert cut.max() < place + pixels + 12
    assert spikes_matter(value, spikes)


def test_a_narrow_line_is_no_spike():
    value = noisy(10.0) + 20_000.0 * np.exp(-0.5 * ((AXIS_NM - 500.0) / 3.0) ** 2)
    assert not find_spikes(AXIS_NM, value, np.full(AXIS_NM.size, 10.0)).any()
