"""Laws of outliers: which films are given little weight, and which never are."""

import numpy as np
import pytest

from hp_lab.planner.gp import Data
from hp_lab.planner.hypotheses import find
from hp_lab.planner.model_space import standard_model
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.outliers import suspicious
from hp_lab.planner.posterior import COLD, VANILLA, fit, fit_to_fewer
from hp_lab.planner.priors import LogNormal, Normal
from hp_lab.planner.ready_made import NAMES
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate

# Importing the ready-made ones registers them.
assert "drop_window" in NAMES
LINE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})
DROPS = Space.parse({"drop_time_s": {"type": "continuous", "low": 4, "high": 30}})


def surrogate(codes, y, *, space=LINE, hypotheses=(), seed=0, objective=None):
    return Surrogate(
        space,
        codes,
        [Reading(value=float(v), sigma=0.01) for v in y],
        [f"c{i:02d}" for i in range(len(y))],
        rng=np.random.default_rng(seed),
        hypotheses=hypotheses,
        objective=objective,
    )


@pytest.mark.parametrize(
    ("count", "odd"),
    [
        (8, {4: -3.0}),
        (8, {4: -1000.0}),
        (12, {6: -3.0}),
        (14, {4: -3.0, 9: -3.0}),
        (14, {2: -1000.0, 10: -3.0}),
        (20, {10: -1000.0}),
    ],
)
def test_gross_outliers_are_named_and_their_neighbours_predicted_well(count, odd):
    x = np.linspace(0, 1, count)
    y = np.sin(3 * x)
    y[list(odd)] = list(odd.values())
    found = surrogate(x[:, None], y)
    assert set(found.outliers) == set(odd)
    (note,) = found.notes
    assert all(f"c{row:02d}" in note for row in odd)
    # The scale is that of the other films.
    assert found.fits[0].model.scale < 1
    mean, sd = found.predict(x[list(odd), None]).moments()
    assert mean == pytest.approx(np.sin(3 * x[list(odd)]), abs=0.1)
    assert sd.max() < 0.15


@pytest.mark.parametrize("count", [8, 14, 22])
@pytest.mark.parametrize(
    "law",
    [
        lambda x, rng: rng.standard_normal(len(x)),
        lambda x, rng: np.sin(5 * x) + 0.1 * rng.standard_normal(len(x)),
        lambda x, rng: (x > 0.45) + 0.01 * rng.standard_normal(len(x)),
        lambda x, rng: (
            np.exp(-50 * (x - 0.4) ** 2) + 0.01 * rng.standard_normal(len(x))
        ),
    ],
    ids=["noise", "wave", "step", "hump"],
)
def test_ordinary_films_are_no_outliers(law, count):
    for seed in range(3):
        rng = np.random.default_rng([seed, count])
        x = (np.arange(count) + rng.random(count)) / count
        assert not len(surrogate(x[:, None], law(x, rng), seed=seed).outliers)


def test_two_films_side_by_side_are_a_region():
    y = 0.2 + 0.01 * np.random.default_rng(0).standard_normal(16)
    y[7:9] = 0.9
    assert not len(surrogate(np.linspace(0, 1, 16)[:, None], y).outliers)
    y[8], y[11] = 0.2, 0.9
    found = surrogate(np.linspace(0, 1, 16)[:, None], y)
    assert list(found.outliers) == [7, 11]


@pytest.mark.slow
def test_a_film_that_a_right_hypothesis_explains_is_no_outlier():
    rng = np.random.default_rng(1)
    t = np.linspace(4, 30, 20)
    y = 0.2 + 0.7 * np.exp(-0.5 * ((t - 16.5) / 0.5) ** 2)
    y = y + 0.01 * rng.standard_normal(20)
    codes = DROPS.codes([{"drop_time_s": float(v)} for v in t])
    narrow = find("drop_window", priors={"width_s": LogNormal(median=1, sd=0.7)})
    found = surrogate(codes, y, space=DROPS, hypotheses=(narrow,))
    assert not len(found.outliers)
    assert found.probabilities[1] > 0.99
    assert len(surrogate(codes, y, space=DROPS).outliers) == 1


@pytest.mark.slow
def test_evidences_of_all_models_are_of_the_same_films():
    t = np.linspace(4, 30, 14)
    y = 0.2 + 0.6 * np.exp(-0.5 * ((t - 16) / 5) ** 2)
    y[3] = -40.0
    codes = DROPS.codes([{"drop_time_s": float(v)} for v in t])
    # Priors relative to all films would let a window explain even this one.
    about_1 = {"height": Normal(mean=1, sd=1), "floor": Normal(mean=0, sd=1)}
    window = find("drop_window", priors=about_1)
    found = surrogate(codes, y, space=DROPS, hypotheses=(window,))
    assert list(found.outliers) == [3]
    gp, window = (one.given for one in found.fits)
    assert np.array_equal(gp.y, window.y)
    assert np.array_equal(gp.variance, window.variance)
    assert len(gp) == 13
    assert found.probabilities[1] > 0.9


@pytest.mark.parametrize("seed", [2, 15])
def test_the_first_film_beyond_an_edge_is_backed_by_the_next_one(seed):
    """Its nearest films lie on the other side of the edge, the next one beyond."""
    rng = np.random.default_rng([seed, 22, 7])
    x = rng.random(22)
    y = (x > rng.uniform(0.15, 0.85)) + 0.01 * rng.standard_normal(22)
    assert not len(surrogate(x[:, None], y, seed=seed).outliers)


def many(count, seed):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.random(count))
    y = np.sin(6 * x) + 0.05 * rng.standard_normal(count)
    return Data(X=x[:, None], x={"x": x}, y=y, variance=np.full(count, 1e-4))


GP = standard_model(LINE, offset=0.0, scale=1.0)


@pytest.mark.slow
def test_a_fit_to_many_films_serves_fewer_by_weights_where_none_was_gross():
    rng = np.random.default_rng(2)
    films = many(64, 2)
    rows = np.setdiff1d(np.arange(64), [20, 40])
    all_of_them, some = (
        fit(GP, one, effort=COLD, rng=rng) for one in (films, films.rows(rows))
    )
    carried = fit_to_fewer(all_of_them, GP, films.rows(rows), rng)
    assert carried.log_evidence == pytest.approx(some.log_evidence, abs=0.15)
    told = [np.log(one.model.parameters(one.population.z)) for one in (carried, some)]
    for mine, theirs in zip(*(one.T for one in told), strict=True):
        assert mine.mean() == pytest.approx(theirs.mean(), abs=0.3 * theirs.std())
        assert mine.std() == pytest.approx(theirs.std(), rel=0.3)
    assert fit_to_fewer(all_of_them, GP, films.rows(rows[:50]), rng) is None
    other = standard_model(LINE, offset=0.1, scale=1.0)
    assert fit_to_fewer(all_of_them, other, films.rows(rows), rng) is None
    films.y[20] += 3.0
    gross = fit(GP, films, effort=VANILLA, rng=rng)
    assert fit_to_fewer(gross, GP, films.rows(rows), rng) is None


def test_a_false_suspicion_of_many_films_costs_no_second_fit(monkeypatch):
    films, fitted, suspected = many(64, 2), [], iter([[20], []])

    def suspicious_once(fits):
        return np.isin(np.arange(len(fits[0].given)), next(suspected))

    def counted(*args, **kwargs):
        fitted.append(kwargs)
        return fit(*args, **kwargs)

    monkeypatch.setattr("hp_lab.planner.outliers.suspicious", suspicious_once)
    monkeypatch.setattr("hp_lab.planner.surrogate.fit", counted)
    found = surrogate(films.X, films.y)
    assert next(suspected, None) is None
    assert not len(found.outliers)
    assert len(fitted) == 1


def test_the_largest_of_many_ordinary_errors_is_seldom_suspicious():
    suspected = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        found = fit(GP, many(100, seed), effort=VANILLA, rng=rng, with_evidence=False)
        suspected.append(suspicious([found]).any())
    assert sum(suspected) <= 1


def test_the_best_film_far_from_all_others_is_a_find():
    """Beside others, or absurd, or where nobody hopes for it, it is an outlier."""
    rng = np.random.default_rng(7)
    X = rng.random((25, 4))
    y = 0.1 * np.sin(3 * X.sum(axis=1))
    space = Space.parse(
        {name: {"type": "continuous", "low": 0, "high": 1} for name in "abcd"}
    )

    def found(codes, values, goal):
        wanted = None if goal is None else Objective(quantity="q", goal=goal)
        return list(surrogate(codes, values, space=space, objective=wanted).outliers)

    X[24], y[24] = 0.95, 1.2
    assert found(X, y, "maximize") == []
    assert found(X, y, "minimize") == found(X, y, None) == [24]
    y[24] = 1000.0
    assert found(X, y, "maximize") == [24]
    X[24], y[24] = X[:24].mean(axis=0), 1.2
    near = X[24] + 0.03 * rng.standard_normal((4, 4))
    low = 0.1 * np.sin(3 * near.sum(axis=1))
    assert found(np.vstack([X, near]), np.append(y, low), "maximize") == [24]


@pytest.mark.parametrize("values", [0, 2])
def test_where_nearly_all_films_are_bounds_none_stands_out(values):
    x = np.linspace(0, 1, 9)
    kinds = ["exact"] * values + ["lower_bound", "upper_bound"] * 5
    readings = [
        Reading(value=float(np.sin(9 * one)), sigma=0.01, kind=kind)
        for one, kind in zip(x, kinds, strict=False)
    ]
    if values:
        readings[0] = Reading(value=100.0, sigma=0.01)
    found = Surrogate(
        LINE, x[:, None], readings, list("abcdefghi"), rng=np.random.default_rng(0)
    )
    assert not len(found.outliers)
