"""Laws of the plain Gaussian process that the planner is compared with."""

import numpy as np
import pytest

from hp_lab.planner.baseline import BaselineGP

X = np.linspace(0, 1, 12)[:, None]
WAVE = np.sin(5 * X[:, 0])
BETWEEN = np.array([[0.37], [0.81]])


def test_a_smooth_curve_is_followed_and_left_where_nothing_is_known():
    mean, sd = BaselineGP(X, WAVE, np.full(12, 1e-3)).predict(
        np.vstack([BETWEEN, [[3.0]]])
    )
    assert mean[:2] == pytest.approx(np.sin(5 * BETWEEN[:, 0]), abs=0.05)
    assert sd[2] > 10 * sd[:2].max()


def test_predictions_move_with_shift_and_scale_of_the_values():
    mean, sd = BaselineGP(X, WAVE, np.full(12, 0.05)).predict(BETWEEN)
    moved, wider = BaselineGP(X, 50 + 7 * WAVE, np.full(12, 0.35)).predict(BETWEEN)
    assert moved == pytest.approx(50 + 7 * mean, abs=1e-2)
    assert wider == pytest.approx(7 * sd, rel=1e-2)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_predictions_do_not_depend_on_the_unit_of_the_values(unit):
    mean, sd = BaselineGP(X, WAVE, np.full(12, 1e-3)).predict(BETWEEN)
    other, wider = BaselineGP(X, unit * WAVE, np.full(12, 1e-3 * unit)).predict(BETWEEN)
    assert other == pytest.approx(unit * mean, rel=1e-3)
    assert wider == pytest.approx(unit * sd, rel=1e-3)


@pytest.mark.parametrize(("value", "sigma"), [(0.0, 0.0), (0.0, 0.1), (5.0, 0.0)])
def test_equal_values_are_predicted_as_they_are(value, sigma):
    found = BaselineGP(X, np.full(12, value), np.full(12, sigma))
    mean, sd = found.predict(BETWEEN)
    assert mean == pytest.approx(np.full(2, value), abs=0.1)
    assert np.isfinite(sd).all()


def test_a_vague_value_counts_less():
    def middle(sigma):
        odd, own = WAVE.copy(), np.full(12, 0.02)
        odd[6] += 2.0
        own[6] = sigma
        return BaselineGP(X, odd, own).predict(X[6:7])[0][0] - WAVE[6]

    assert middle(0.02) > 0.5
    assert abs(middle(5.0)) < 0.3


def test_noise_is_no_uncertainty_of_the_curve():
    X = np.repeat(np.linspace(0, 1, 12), 8)[:, None]
    noise = 0.4 * np.random.default_rng(0).standard_normal(len(X))
    model = BaselineGP(X, np.sin(5 * X[:, 0]) + noise, np.full(len(X), 1e-3))
    assert model.noise_sd == pytest.approx(0.4, abs=0.08)
    assert model.predict(BETWEEN)[1].max() < 0.25
