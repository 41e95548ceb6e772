"""Laws of bounds: what stands for them, and evidences that can be compared."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import multivariate_normal, norm

from hp_lab.planner import bounds
from hp_lab.planner.forecast import left_out_errors
from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import find
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.learning import misfit
from hp_lab.planner.model_space import standard_model
from hp_lab.planner.objectives import Reading
from hp_lab.planner.posterior import COLD, VANILLA, fit
from hp_lab.planner.priors import LogNormal
from hp_lab.planner.ready_made import NAMES
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate

SPACE = Space.parse({"drop_time_s": {"type": "continuous", "low": 4, "high": 30}})
TIMES = np.array([5.0, 8, 10, 12, 14, 15, 17, 18, 20, 22, 25, 28])
# Importing the ready-made ones registers them.
assert "drop_window" in NAMES
WINDOW = find("drop_window")


def window(seed=1):
    noise = 0.02 * np.random.default_rng(seed).standard_normal(len(TIMES))
    return 0.2 + 0.6 * np.exp(-0.5 * ((TIMES - 16) / 3) ** 2) + noise


def films(y, sign):
    codes = SPACE.codes([{"drop_time_s": float(t)} for t in TIMES[: len(y)]])
    return Data(
        X=codes,
        x=SPACE.columns(codes),
        y=np.asarray(y, float),
        variance=np.full(len(y), 4e-4),
        sign=np.asarray(sign),
    )


def surrogate(readings, rows=None, seed=0):
    rows = np.arange(len(TIMES)) if rows is None else rows
    codes = SPACE.codes([{"drop_time_s": float(t)} for t in TIMES[rows]])
    return Surrogate(
        SPACE,
        codes,
        [readings[row] for row in rows],
        [str(row) for row in rows],
        rng=np.random.default_rng(seed),
        hypotheses=(WINDOW,),
    )


@pytest.mark.parametrize("bound", [-3.0, 0.1, 0.4, 2.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_one_bound_has_its_probability_and_its_effect(bound, sign):
    mean, variance, sd = 0.3, 0.25, 0.1
    found = bounds.sites(
        np.array([[mean]]),
        np.array([[[variance]]]),
        np.array([bound]),
        np.array([[sd**2]]),
        np.array([sign]),
    )

    def moment(power):
        def density(f):
            here = norm.pdf(f, mean, np.sqrt(variance))
            return f**power * here * norm.cdf(sign * (f - bound) / sd)

        edges = [mean, bound] if abs(bound - mean) < 5 else [mean]
        return quad(density, mean - 6, mean + 6, points=edges, epsabs=1e-13)[0]

    whole, first, second = moment(0), moment(1), moment(2)
    assert found.log_probability[0] == pytest.approx(np.log(whole), abs=1e-6)
    precision = 1 / variance + 1 / found.variance[0, 0]
    centre = (mean / variance + (found.value / found.variance)[0, 0]) / precision
    assert centre == pytest.approx(first / whole, abs=1e-4)
    spread = second / whole - (first / whole) ** 2
    assert 1 / precision == pytest.approx(spread, rel=1e-3)


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, -1)])
def test_two_bounds_have_their_probability_by_quadrature(signs):
    K = np.array([[1.0, 0.7], [0.7, 1.0]])
    mean, y, sd = np.array([0.2, -0.1]), np.array([0.5, 0.3]), 0.3
    normal = multivariate_normal(mean, K)

    def density(b, a):
        met = norm.cdf(signs[0] * (a - y[0]) / sd) * norm.cdf(
            signs[1] * (b - y[1]) / sd
        )
        return normal.pdf([a, b]) * met

    exact, _ = dblquad(density, -5, 5, -5, 5, epsabs=1e-4, epsrel=1e-3)
    found = bounds.sites(
        mean[None], K[None], y, np.full((1, 2), sd**2), np.array(signs)
    )
    assert found.log_probability[0] == pytest.approx(np.log(exact), abs=0.02)


def test_values_and_bounds_have_their_probability_given_parameters():
    model = standard_model(SPACE, offset=0.4, scale=0.3)
    data = films([0.2, 0.3, 0.5, 0.6, 0.4], [0, 0, 1, 0, -1])
    z = np.array([[0.3, -0.5, 0.2], [-0.4, 0.6, -0.8]])
    prior = model.bind(data).prior(z)
    y = (data.y - model.offset) / model.scale
    side, exact, bounded = np.array([1.0, -1.0]), [0, 1, 3], [2, 4]
    found = bounds.log_likelihood(model, data, z)
    for particle in range(2):
        K = prior.covariance[particle] + np.eye(5) * (
            prior.noise[particle] + data.variance / model.scale**2
        )
        gain = K[np.ix_(bounded, exact)] @ np.linalg.inv(K[np.ix_(exact, exact)])
        # Of +-(reading - bound) being above 0, readings being noisy.
        centre = side * (gain @ y[exact] - y[bounded])
        spread = K[np.ix_(bounded, bounded)] - gain @ K[np.ix_(exact, bounded)]
        spread = spread * np.outer(side, side)
        values = multivariate_normal(np.zeros(3), K[np.ix_(exact, exact)])
        expected = values.logpdf(y[exact]) - 3 * np.log(model.scale)
        expected += multivariate_normal(np.zeros(2), spread).logcdf(centre)
        assert found[particle] == pytest.approx(expected, abs=0.02)


def test_a_bound_that_is_met_says_nothing_and_one_that_is_not_is_approached():
    K, variance = np.array([[1.0, 0.9], [0.9, 1.0]]), 1e-4

    def found(bound):
        rest = K[1, 1] - K[0, 1] ** 2 / (K[0, 0] + variance)
        centre = np.array([[K[0, 1] / (K[0, 0] + variance)]])
        one = bounds.sites(
            centre,
            np.array([[[rest]]]),
            np.array([bound]),
            np.array([[variance]]),
            np.array([1]),
        )
        own = one.variance[0, 0]
        return (centre[0, 0] * own + one.value[0, 0] * rest) / (own + rest)

    assert found(-5.0) == pytest.approx(0.9, abs=1e-3)
    assert found(2.4) == pytest.approx(2.4, abs=0.15)


@pytest.mark.slow
def test_bounds_leave_a_right_hypothesis_its_probability():
    """Exact values above 0.6, those values as bounds, and bounds that say nothing."""
    y = window()
    high = y > 0.6
    exact = [Reading(value=float(v), sigma=0.02) for v in y]

    def bounded(at):
        return [
            replace(one, value=at, kind="lower_bound") if above else one
            for one, above in zip(exact, high, strict=True)
        ]

    assert surrogate(bounded(0.6)).probabilities[1] > 0.98
    vacuous = surrogate(bounded(-5.0))
    without = surrogate(exact, np.flatnonzero(~high))
    assert vacuous.fits[0].model.scale == without.fits[0].model.scale
    odds = [np.log(p[1] / p[0]) for p in (vacuous.probabilities, without.probabilities)]
    assert odds[0] == pytest.approx(odds[1], abs=0.7)
    at = SPACE.codes([{"drop_time_s": t} for t in (6.0, 11.0, 24.0)])
    told, silent = (one.predict(at).moments() for one in (vacuous, without))
    assert told[0] == pytest.approx(silent[0], abs=0.5 * silent[1].max())
    # A film without a value has no error either.
    assert len(left_out_errors(vacuous)) == (~high).sum()
    assert not vacuous.notes


@pytest.mark.slow
def test_a_hypothesis_is_judged_by_the_bounds_themselves():
    y = window()
    sign = np.where(y > 0.6, 1, 0)
    data = films(np.where(y > 0.6, 0.6, y), sign)
    model = standard_model(SPACE, offset=0.4, scale=0.3, hypothesis=WINDOW, name="w")
    rng = np.random.default_rng(0)
    fitted = fit(model, data, effort=VANILLA, rng=rng)
    assert fitted.given is data
    judged = misfit(fitted, rng)
    assert judged.alone.given is data
    assert not judged.unexplained


def test_draws_that_do_not_count_are_noted(monkeypatch):
    lost = np.append(0.0, np.full(255, -50.0))

    def few(model, data, z):
        return model.bind(replace(data, sign=None)).log_likelihood(z) + lost[: len(z)]

    monkeypatch.setattr(bounds, "log_likelihood", few)
    readings = [Reading(value=0.1 * i, sigma=0.02) for i in range(4)]
    readings[3] = replace(readings[3], kind="lower_bound")
    codes = SPACE.codes([{"drop_time_s": t} for t in (5.0, 10.0, 20.0, 28.0)])
    rng = np.random.default_rng(0)
    found = Surrogate(SPACE, codes, readings, ["a", "b", "c", "d"], rng=rng)
    assert any("few of its draws" in note for note in found.notes)


def test_the_evidence_of_known_parameters_is_the_probability_of_what_was_read():
    x = np.linspace(0, 1, 6)
    y = np.array([0.1, 0.4, 0.6, 0.5, 0.2, -0.1])
    narrow = {"median": 0.3, "sd": 1e-6}
    model = StructuredGP(
        name="known",
        kernel=Stationary(((0,),), (LogNormal(**narrow),)),
        variance=LogNormal(median=1.0, sd=1e-6),
        noise=LogNormal(median=0.01, sd=1e-6),
    )
    read = Data(
        X=x[:, None],
        x={"x": x},
        y=y,
        variance=np.full(6, 1e-4),
        sign=np.array([0, 0, 1, 0, -1, 0]),
    )
    found = fit(
        model,
        read,
        effort=COLD,
        rng=np.random.default_rng(0),
    )
    known = bounds.log_likelihood(model, read, np.zeros((1, len(model.priors))))
    assert found.log_evidence == pytest.approx(known[0], abs=0.1)
    # What stands for the bounds has another probability.
    assert abs(found.correction) > 0.2
