"""Acquisition functions against Monte Carlo and against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from hp_lab.planner.acquisition import (
    expected_utility,
    log_expected_improvement,
    log_improvement,
)
from hp_lab.planner.feasibility import Feasibility
from hp_lab.planner.objectives import Objective, reading
from hp_lab.records import Observation

DRAWS = np.random.default_rng(0).standard_normal(200_000)


@pytest.mark.parametrize("mean", [-2.0, 0.3, 1.1])
@pytest.mark.parametrize("sd", [0.2, 1.5])
@pytest.mark.parametrize(
    ("objective", "best"),
    [
        (Objective(quantity="q", goal="maximize"), 0.4),
        (Objective(quantity="q", goal="minimize"), -0.4),
        (Objective(quantity="q", goal="target", value=0.5), -0.6),
        (Objective(quantity="q", goal="target", value=0.5, tolerance=0.3), -0.6),
    ],
)
def test_expected_improvement_is_that_of_monte_carlo(objective, best, mean, sd):
    y = mean + sd * DRAWS
    gain = np.maximum(objective.utility(y) - best, 0)
    value = np.exp(log_improvement(objective, np.array(mean), np.array(sd), best))
    assert value == pytest.approx(
        gain.mean(), abs=5 * gain.std() / np.sqrt(len(y)) + 1e-8
    )
    utility = objective.utility(y)
    assert expected_utility(objective, np.array(mean), np.array(sd)) == pytest.approx(
        utility.mean(), abs=5 * utility.std() / np.sqrt(len(y))
    )


@given(st.floats(-1e5, 1e3), st.floats(1e-3, 10))
@settings(deadline=None)
def test_log_improvement_is_finite_and_rises_with_the_mean(mean, sd):
    low = log_expected_improvement(np.array(mean), np.array(sd), 0.0)
    high = log_expected_improvement(np.array(mean + 0.01 + sd / 10), np.array(sd), 0.0)
    assert np.isfinite(low)
    assert high > low


def test_log_improvement_has_no_jump_where_the_formula_changes():
    z = np.linspace(-6.001, -5.999, 201)
    value = log_expected_improvement(z, np.ones(201), 0.0)
    assert np.ptp(np.diff(value)) < 1e-6


@pytest.mark.parametrize("tolerance", [0.0, 0.05])
@pytest.mark.parametrize(("mean", "sd"), [(1.9, 0.1), (1.92, 0.01), (2.2, 0.1)])
@pytest.mark.parametrize("missed", [1e-2, 1e-5, 1e-9, 1e-12])
def test_next_to_nothing_is_gained_where_a_target_is_all_but_met(
    tolerance, mean, sd, missed
):
    objective = Objective(quantity="q", goal="target", value=1.9, tolerance=tolerance)

    def within(share):
        # By how much the tolerance is widened, and the probability to be within it.
        c, away = tolerance + share * missed, mean - 1.9
        near = 2 * c / sd * np.exp(-0.5 * (away / sd) ** 2) / np.sqrt(2 * np.pi)
        return near if c < 1e-6 * sd else ndtr((c - away) / sd) - ndtr((-c - away) / sd)

    gain = missed * quad(within, 0, 1)[0]
    value = log_improvement(objective, np.array(mean), np.array(sd), -missed)
    assert value == pytest.approx(np.log(gain), abs=0.35)


@pytest.mark.parametrize("tolerance", [0.0, 0.05])
def test_where_a_target_is_met_nothing_that_could_be_gained_elsewhere_counts(tolerance):
    objective = Objective(quantity="q", goal="target", value=1.9, tolerance=tolerance)
    mean, sd = np.array([1.9, 2.5, 100.0]), np.array([0.1, 1.0, 1e-9])
    met = log_improvement(objective, mean, sd, 0.0)
    missed = log_improvement(objective, mean, sd, -0.01)
    assert np.isfinite(met).all()
    assert (met[:2] < missed[:2] - 600).all()


def test_feasibility_without_failures_is_one():
    X = np.random.default_rng(0).random((5, 2))
    assert np.all(Feasibility(X, np.ones(5, bool)).probability(X) == 1)


def test_feasibility_learns_a_boundary():
    rng = np.random.default_rng(0)
    X, test = rng.random((60, 2)), rng.random((200, 2))
    p = Feasibility(X, X[:, 0] < 0.6).probability(test)
    assert np.all((p >= 0) & (p <= 1))
    assert ((p > 0.5) == (test[:, 0] < 0.6)).mean() > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_a_label_that_never_makes_a_film_makes_none_elsewhere_either(seed):
    # Six labels, four films each; one of them fails in all.
    label = np.tile(np.arange(6), 4)
    names = np.eye(6) * np.sqrt(0.5)
    X = np.hstack([names[label], np.random.default_rng(seed).random((24, 6))])
    new = np.hstack([names[:2], np.full((2, 6), 0.9)])
    failing, good = Feasibility(X, label != 0, np.arange(12) < 6).probability(new)
    assert failing < 0.5 < 0.7 < good
    # Without knowing which features are labels it takes longer to see.
    unaware, _ = Feasibility(X, label != 0).probability(new)
    assert failing < unaware - 0.02


def make(value, sigma, kind="exact"):
    return Observation(
        quantity="q", value=value, sigma=sigma, unit="", sample_id="s", kind=kind
    )


def test_repeated_readings_of_a_film_are_averaged_by_their_precision():
    objective = Objective(quantity="q", goal="maximize")
    merged = reading(
        objective, [make(1.0, 0.1), make(2.0, 0.2), make(9, 1, "lower_bound")]
    )
    assert merged.value == pytest.approx(
        (1.0 / 0.01 + 2.0 / 0.04) / (1 / 0.01 + 1 / 0.04)
    )
    assert merged.sigma == pytest.approx((1 / 0.01 + 1 / 0.04) ** -0.5)
    assert merged.kind == "exact"


def test_the_tightest_bound_counts_where_nothing_is_exact():
    objective = Objective(quantity="q", goal="maximize")
    found = reading(
        objective, [make(1.0, 0.1, "lower_bound"), make(2, 1, "lower_bound")]
    )
    assert (found.value, found.kind) == (2, "lower_bound")
    found = reading(
        objective, [make(1.0, 0.1, "upper_bound"), make(2, 1, "upper_bound")]
    )
    assert (found.value, found.kind) == (1, "upper_bound")
    assert reading(objective, []) is None


def test_only_readings_of_the_quantity_count():
    other = Objective(quantity="p", goal="maximize")
    assert reading(other, [make(1.0, 0.1)]) is None
