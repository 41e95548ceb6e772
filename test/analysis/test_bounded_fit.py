"""The search finds the least squares between its bounds."""

import numpy as np
import pytest

from hp_lab.analysis.bounded_fit import solve

X = np.linspace(0.0, 4.0, 40)


class Decay:
    """Amplitude and rate of an exponential."""

    def __init__(self, amplitude: float, rate: float) -> None:
        self.y = amplitude * np.exp(-rate * X)

    def residual(self, x):
        return x[0] * np.exp(-x[1] * X) - self.y

    def cost(self, x):
        return float(np.sum(self.residual(x) ** 2))

    def linearised(self, x):
        line = np.exp(-x[1] * X)
        jacobian = np.stack([line, -x[0] * X * line])
        return self.cost(x), jacobian @ jacobian.T, jacobian @ self.residual(x)


@pytest.mark.parametrize("start", [(1.0, 0.1), (5.0, 3.0)])
def test_the_minimum_is_found_from_either_side(start):
    unbound = np.full(2, np.inf)
    found = solve(
        Decay(3.0, 1.2),
        np.array(start),
        -unbound,
        unbound,
        most_steps=200,
        tolerance=1e-12,
    )
    assert found.x == pytest.approx([3.0, 1.2], abs=1e-3)
    assert found.converged


def test_a_bound_holds_and_the_rest_makes_the_best_of_it():
    low, high = np.array([0.0, 0.0]), np.array([2.0, 10.0])
    found = solve(
        Decay(3.0, 1.2),
        np.array([1.0, 1.0]),
        low,
        high,
        most_steps=200,
        tolerance=1e-12,
    )
    assert found.x[0] == 2.0
    rates = np.linspace(0.2, 2.0, 1801)
    costs = [float(np.sum(Decay(3.0, 1.2).residual((2.0, r)) ** 2)) for r in rates]
    assert found.x[1] == pytest.approx(rates[int(np.argmin(costs))], abs=2e-3)


def test_steps_that_run_out_are_no_convergence():
    unbound = np.full(2, np.inf)
    found = solve(
        Decay(3.0, 1.2), np.array([0.1, 4.0]), -unbound, unbound, most_steps=1
    )
    assert not found.converged
