"""Forecasts of readings: laws of their distribution, and honest coverage."""

import numpy as np
import pytest
from scipy.stats import norm

from hp_lab.planner.forecast import Forecast, Tails, learn_tails, left_out_errors
from hp_lab.planner.objectives import Reading
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate

SPACE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})


@pytest.fixture(scope="module")
def forecast():
    rng = np.random.default_rng(0)
    x = rng.random((14, 1))
    y = np.sin(5 * x[:, 0]) + 0.1 * rng.standard_normal(14)
    readings = [Reading(value=float(v), sigma=0.1) for v in y]
    labels = [str(i) for i in range(14)]
    surrogate = Surrogate(SPACE, x, readings, labels, rng=rng)
    return Forecast(surrogate, np.array([[0.3], [0.9]]), np.array([0.1, 0.5]))


def test_a_density_is_the_slope_of_its_distribution(forecast):
    y, step = forecast.mean() + 0.07, 1e-4
    slope = (forecast.cumulative(y + step) - forecast.cumulative(y - step)) / (2 * step)
    assert np.exp(forecast.log_density(y)) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_an_interval_holds_its_share(forecast, level):
    low, high = forecast.interval(level)
    held = forecast.cumulative(high) - forecast.cumulative(low)
    assert held == pytest.approx(level, abs=1e-9)


def test_a_less_certain_reading_has_a_wider_interval(forecast):
    low, high = forecast.interval(0.8)
    assert high[1] - low[1] > high[0] - low[0]


@pytest.mark.parametrize("width", [0.7, 1.0, 1.4])
def test_tails_of_normal_errors_are_normal_with_their_width(width):
    z = width * norm.ppf((np.arange(400) + 0.5) / 400)
    tails = learn_tails(z)
    for share in (0.1, 0.25, 0.9, 0.975):
        at = np.array(width * norm.ppf(share))
        assert tails.cumulative(at) == pytest.approx(share, abs=0.01)


def test_heavy_tails_are_learned():
    z = np.random.default_rng(0).standard_t(3, 400)
    tails = learn_tails(z)
    far = np.array(-5.0)
    assert tails.cumulative(far) > 20 * norm.cdf(-5.0)
    assert tails.log_density(z).sum() > norm.logpdf(z, scale=z.std()).sum()


def test_a_forecast_learns_its_tails_from_the_films():
    x = np.linspace(0, 1, 14)[:, None]
    y = np.sin(5 * x[:, 0])
    readings = [Reading(value=float(v), sigma=0.5) for v in y]
    labels = [str(i) for i in range(14)]
    surrogate = Surrogate(SPACE, x, readings, labels, rng=np.random.default_rng(0))
    found = Forecast(surrogate, x[:1], np.array([0.1])).tails
    expected = learn_tails(left_out_errors(surrogate))
    z = np.linspace(-3, 3, 7)
    assert found.log_density(z) == pytest.approx(expected.log_density(z))
    # Films a tenth as far off as their sigma says: errors are narrower than told.
    assert found.width @ found.weight < 0.8


def test_errors_left_out_are_normal_scores_of_the_mixture():
    """Particles that disagree in sign make a small error, not two large ones."""
    x = np.linspace(0, 1, 12)[:, None]
    y = np.sin(5 * x[:, 0])
    readings = [Reading(value=float(v), sigma=0.3) for v in y]
    labels = [str(i) for i in range(12)]
    surrogate = Surrogate(SPACE, x, readings, labels, rng=np.random.default_rng(0))
    (process,) = surrogate.processes
    residual, sd = process.leave_one_out()
    z = residual / sd
    weight = surrogate.weights[:, None] * np.exp(0.5 * z**2) * sd
    below = (weight / weight.sum(axis=0) * norm.cdf(z)).sum(axis=0)
    assert (np.sign(z).min(axis=0) < np.sign(z).max(axis=0)).any()
    assert left_out_errors(surrogate) == pytest.approx(norm.ppf(below), abs=1e-6)


def test_normal_errors_leave_the_forecast_as_the_surrogate_has_it(forecast):
    """Tails of a standard normal change nothing, whatever the particles say."""
    plain = Tails(np.array([1e9]), np.array([1.0]), np.array([1.0]))
    forecast.tails, learned = plain, forecast.tails
    y = np.array([0.4, -0.2])
    found = forecast.cumulative(y), forecast.log_density(y)
    forecast.tails = learned
    parts = norm(forecast._mean, forecast._sd)
    weight = forecast._weight
    assert found[0] == pytest.approx(weight @ parts.cdf(y))
    assert found[1] == pytest.approx(np.log(weight @ parts.pdf(y)))


def test_an_outlier_of_little_weight_is_still_an_error_of_the_forecast():
    x = np.linspace(0, 1, 20)[:, None]
    y = np.sin(5 * x[:, 0])
    y[10] += 4.0
    readings = [Reading(value=float(v), sigma=0.05) for v in y]
    labels = [str(i) for i in range(20)]
    surrogate = Surrogate(SPACE, x, readings, labels, rng=np.random.default_rng(0))
    assert any("outlier" in note for note in surrogate.notes)
    assert abs(left_out_errors(surrogate)[10]) > 8
