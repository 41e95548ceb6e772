"""How a GP follows its hypothesis, against the formulas written out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from hp_lab.errors import InvalidInput
from hp_lab.planner.dimensions import Range
from hp_lab.planner.discrepancy import Discrepancy
from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.learning import misfit
from hp_lab.planner.model_space import standard_model
from hp_lab.planner.posterior import COLD, COLD_PREDICTION, fit
from hp_lab.planner.priors import LogNormal, Normal, Uniform
from hp_lab.planner.space import Space

RNG = np.random.default_rng(3)
RANGES = {"t": Range(-1.0, 3.0), "s": Range(10.0, 1000.0, log=True)}
WAVE = Hypothesis(
    name="wave",
    function=lambda x, a, b: np.sin(a * x["t"]) + b * np.log(x["s"]),
    priors={"a": Normal(mean=2, sd=0.3), "b": Normal(mean=1, sd=0.3)},
)
FOLLOWS = Discrepancy(ranges=RANGES)
MODEL = StructuredGP(
    name="wave",
    kernel=Stationary(((0,), (1,)), (LogNormal(), LogNormal()), "rbf"),
    hypothesis=WAVE,
    discrepancy=FOLLOWS,
    constant=0.5,
    offset=2.0,
    scale=3.0,
)
# Films at both limits of both settings, and between.
T = np.array([-1.0, 3.0, 0.4, 1.9, -0.9, 2.2])
S = np.array([10.0, 1000.0, 10.5, 120.0, 990.0, 40.0])
Z = RNG.standard_normal((3, len(MODEL.priors)))
NEW = {"t": np.array([0.1, 2.95]), "s": np.array([11.0, 300.0])}


def codes(x):
    return np.column_stack([(x["t"] + 1) / 4, np.log10(x["s"]) / 2 - 0.5])


FILMS = {"t": T, "s": S}
DATA = Data(
    X=codes(FILMS),
    x=FILMS,
    y=RNG.standard_normal(6) + 5,
    variance=RNG.uniform(0.05, 0.5, 6),
)


def written_out(z, x):
    """Mean and covariance in units of y of points x, and the noise's variance."""
    values = MODEL.parameters(z[None])[0]
    p = {name: v for (name, _), v in zip(MODEL.priors, values, strict=True)}

    def m(t, s):
        return np.sin(p["a"] * t) + p["b"] * np.log(s)

    t, s = x["t"], x["s"]
    warmer, colder = np.minimum(t + 0.2, 3.0), np.maximum(t - 0.2, -1.0)
    step = 10 ** (2 * 0.05)
    longer, shorter = np.minimum(s * step, 1000.0), np.maximum(s / step, 10.0)
    g = [(m(warmer, s) - m(colder, s)) / 2, (m(t, longer) - m(t, shorter)) / 2]
    g = p["displacement"] * np.array(g) / 3
    X = codes(x) / [p["length_0"], p["length_1"]]
    apart = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    values = m(t, s) / 3 / p["value_length"]
    alike = 1 / (1 + (values[:, None] - values[None]) ** 2)
    K = np.exp(-0.5 * apart) * alike * (p["variance"] + g.T @ g) + 0.5
    return m(t, s), 9 * K, 9 * p["noise"]


def test_the_covariance_is_the_formula():
    found = MODEL.bind(DATA).prior(Z)
    for p, z in enumerate(Z):
        mean, K, _ = written_out(z, FILMS)
        assert found.mean[p] == pytest.approx((mean - 2) / 3)
        assert found.covariance[p] == pytest.approx(K / 9, rel=1e-5, abs=1e-5)
        assert np.linalg.eigvalsh(found.covariance[p]).min() > 0


def test_many_films_and_particles_have_the_likelihood_of_the_formula():
    x = {"t": RNG.uniform(-1, 3, 37), "s": 10 ** RNG.uniform(1, 3, 37)}
    y, variance = RNG.standard_normal(37) + 5, RNG.uniform(0.05, 0.5, 37)
    bound = MODEL.bind(Data(X=codes(x), x=x, y=y, variance=variance))
    draws = RNG.standard_normal((400, len(MODEL.priors)))
    found = bound.log_likelihood(draws)
    for value, z in zip(found, draws, strict=True):
        mean, K, noise = written_out(z, x)
        normal = multivariate_normal(mean, K + np.diag(noise + variance))
        assert value == pytest.approx(normal.logpdf(y), rel=1e-3, abs=1e-3)


def test_predictions_are_those_of_a_conditioned_normal():
    mean, sd = MODEL.bind(DATA).condition(Z).predict(codes(NEW), NEW)
    both = {name: np.concatenate([FILMS[name], NEW[name]]) for name in FILMS}
    for p, z in enumerate(Z):
        m, K, noise = written_out(z, both)
        seen = K[:6, :6] + np.diag(noise + DATA.variance)
        gain = K[6:, :6] @ np.linalg.inv(seen)
        assert mean[p] == pytest.approx(m[6:] + gain @ (DATA.y - m[:6]), abs=1e-3)
        left = np.diag(K[6:, 6:] - gain @ K[:6, 6:])
        assert sd[p] == pytest.approx(np.sqrt(left), rel=1e-3)


def features(hypothesis, x, particles=2):
    phi = np.ones((particles, len(hypothesis.priors)))
    return FOLLOWS.features(hypothesis, x, phi, np.ones((particles, 2)), lambda y: y)


def test_settings_that_are_not_read_are_not_moved():
    only = replace(WAVE, function=lambda x, a, b: a * x["t"] + b)
    assert len(features(only, FILMS).slopes) == 1
    asked = replace(WAVE, function=lambda x, a, b: a * x.get("t") + x.get("u", b))
    assert len(features(asked, FILMS).slopes) == 1
    renamed = replace(WAVE, function=lambda x, a, b: a * x["u"] + b, inputs={"u": "s"})
    (slope,) = features(renamed, FILMS).slopes.values()
    assert slope[0, 3] == pytest.approx(120 * np.sinh(0.05 * np.log(100)))


def test_a_label_is_not_moved_and_one_that_looks_nothing_up_is():
    labels = {**FILMS, "spacer": np.array(list("abcabc"), dtype=object)}
    by_label = replace(
        WAVE, function=lambda x, a, b: a * (x["spacer"] == "a") + b * x["t"]
    )
    assert len(features(by_label, labels).slopes) == 1
    unnamed = replace(WAVE, function=lambda x, a, b: a * sum(x.values()) + b)
    assert len(features(unnamed, FILMS).slopes) == 2


def test_a_function_of_single_numbers_has_the_same_features():
    single = replace(WAVE, vectorised=False)
    one, other = features(WAVE, FILMS), features(single, FILMS)
    for name, slope in one.slopes.items():
        assert other.slopes[name] == pytest.approx(slope)
    assert other.level == pytest.approx(one.level)


def test_a_function_may_look_other_settings_up_at_other_points():
    branched = replace(
        WAVE,
        function=lambda x, a, b: a * x["s"] if x["t"] > 2.9 else a * x["t"] + b,
        vectorised=False,
    )
    model = replace(MODEL, hypothesis=branched)
    low = DATA.rows(np.flatnonzero(T < 2.9))
    mean, sd = model.bind(low).condition(Z).predict(codes(NEW), NEW)
    assert np.isfinite(mean).all()
    assert (sd > 0).all()


def test_where_a_hypothesis_is_undefined_nothing_follows_it():
    # Undefined below 0, so the film at 0.1 has nothing a step lower.
    root = replace(WAVE, function=lambda x, a, b: np.sqrt(x["t"]) + 0 * (a + b))
    x = {"t": np.array([-0.5, 0.1, 1.0]), "s": np.ones(3) * 20}
    found = features(root, x)
    assert np.isnan(found.mean[:, 0]).all()
    assert found.level[:, 0] == pytest.approx(0)
    assert found.slopes["t"][:, :2] == pytest.approx(0)
    assert (found.slopes["t"][:, 2] > 0).all()


def test_absurd_values_leave_the_covariance_finite():
    steep = replace(WAVE, function=lambda x, a, b: np.exp(900 * a * x["t"]) + b)
    found = features(steep, FILMS)
    one, other = found.at(np.s_[:, None]), found.at(np.s_[None, :])
    assert np.isfinite(one.covariance(other, np.ones((2, 1, 1)))).all()
    assert np.isfinite(found.variance(np.ones((2, 1)))).all()


def test_a_hypothesis_that_fails_is_named():
    wrong = replace(WAVE, function=lambda x, a, b: a * x["p"] + b)
    with pytest.raises(InvalidInput, match=r"hypothesis wave: .*reads p.*of t, s"):
        features(wrong, FILMS)


def test_only_the_model_of_a_hypothesis_follows_one():
    space = Space.parse({"t": {"type": "continuous", "low": -1, "high": 3}})
    vanilla = standard_model(space, offset=0.0, scale=1.0)
    followed = standard_model(space, offset=0.0, scale=1.0, hypothesis=WAVE)
    assert vanilla.discrepancy is None
    assert followed.discrepancy.ranges == space.ranges


def test_a_film_outside_the_ranges_is_asked_for_at_their_limits():
    straight = replace(WAVE, function=lambda x, a, b: a * x["t"] + b * x["s"])
    outside = {"t": np.array([9.0, -9.0]), "s": np.array([1e5, 0.0])}
    by_t, by_s = sorted(features(straight, outside).slopes.values(), key=np.max)
    assert by_t == pytest.approx(0.5 * 0.2)
    last, first = 1000 * (1 - 10**-0.1), 10 * (10**0.1 - 1)
    assert by_s == pytest.approx(0.5 * np.array([[last, first]] * 2))


EDGE_SPACE = Space.parse({"t": {"type": "continuous", "low": 0, "high": 1}})
EDGE = standard_model(
    EDGE_SPACE,
    offset=0.5,
    scale=0.5,
    hypothesis=Hypothesis(
        name="edge",
        function=lambda x, at: np.where(x["t"] < at, 0.0, 1.0),
        priors={"at": Uniform(low=0.5, high=0.52)},
    ),
)
EDGE_T = np.array([0.05, 0.2, 0.35, 0.44, 0.47, 0.49, 0.6, 0.8, 0.95])
# The edge is at 0.46.
EDGE_FILMS = Data(
    X=EDGE_T[:, None],
    x={"t": EDGE_T},
    y=1.0 * (EDGE_T > 0.46),
    variance=np.full(9, 1e-4),
)


@pytest.mark.slow
def test_films_beside_an_edge_that_is_misplaced_tell_little_of_either_side():
    grid = np.setdiff1d(np.linspace(0, 1, 101), EDGE_T)
    errors = []
    for one in (EDGE, replace(EDGE, discrepancy=None)):
        found = fit(
            one,
            EDGE_FILMS,
            effort=COLD_PREDICTION,
            rng=np.random.default_rng(0),
            with_evidence=False,
        )
        mean, _ = found.condition(256).predict(grid[:, None], {"t": grid})
        errors.append(np.sqrt(np.mean((mean.mean(axis=0) - (grid > 0.46)) ** 2)))
    followed, even = errors
    assert followed < 0.8 * even


@pytest.mark.slow
def test_a_misplaced_edge_is_not_explained_by_the_hypothesis_alone():
    rng = np.random.default_rng(0)
    assert misfit(fit(EDGE, EDGE_FILMS, effort=COLD, rng=rng), rng).unexplained
