"""Draws of a posterior in which the mode of little noise has its weight."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.planner.gp import BoundGP, Data, StructuredGP
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.low_noise import with_low_noise
from hp_lab.planner.posterior import fit
from hp_lab.planner.priors import LogNormal
from hp_lab.planner.smc import Effort, Population, from_prior, sample
from hp_lab.units import FloatArray

EFFORT = Effort(particles=96, moves=4, last_moves=6, keep=0.6)
# Noise of variance 0.1 in its prior, log-normal with median 1.
EDGE = np.log(0.1)


def bound_gp(noise_sd: float) -> BoundGP:
    """Return a wave with noise under a GP of which all but the noise is known."""
    x = np.linspace(0, 1, 24)
    wave = np.sin(9 * x) + noise_sd * np.random.default_rng(2).standard_normal(24)
    model = StructuredGP(
        name="gp",
        kernel=Stationary(((0,),), (LogNormal(median=0.2, sd=1e-6),)),
        variance=LogNormal(median=1.0, sd=1e-6),
    )
    data = Data(X=x[:, None], x={"x": x}, y=wave, variance=np.zeros(24))
    return model.bind(data)


def share_by_quadrature(bound: BoundGP) -> float:
    """Return the posterior probability of little noise."""
    z = np.zeros((4001, 3))
    z[:, 1] = np.linspace(-8, 8, 4001)
    log = bound.log_likelihood(z) - 0.5 * z[:, 1] ** 2
    weight = np.exp(log - log.max())
    return float(weight[z[:, 1] <= EDGE].sum() / weight.sum())


@pytest.mark.parametrize("noise_sd", [0.2, 0.3, 0.35])
def test_the_mode_has_its_weight_though_the_climb_missed_it(noise_sd: float) -> None:
    bound = bound_gp(noise_sd)
    rng = np.random.default_rng(0)
    start = from_prior(3, EFFORT, rng)
    start.z[:, 1] = EDGE + rng.exponential(1.0, len(start.z))

    def much(z: FloatArray) -> FloatArray:
        return np.where(z[:, 1] > EDGE, bound.log_likelihood(z), -np.inf)

    missed = sample(start, None, much, EFFORT, rng)
    shares = [
        float((with_low_noise(missed, bound, EFFORT, rng).z[:, 1] <= EDGE).mean())
        for _ in range(2)
    ]
    assert np.mean(shares) == pytest.approx(share_by_quadrature(bound), abs=0.12)


def test_every_cold_fit_gives_the_mode_its_weight() -> None:
    bound = bound_gp(0.3)
    shares = [
        float((found.population.z[:, 1] <= EDGE).mean())
        for found in (
            fit(
                bound.model,
                bound.data,
                effort=EFFORT,
                rng=np.random.default_rng(seed),
                with_evidence=False,
            )
            for seed in range(6)
        )
    ]
    assert shares == pytest.approx([share_by_quadrature(bound)] * 6, abs=0.07)


def test_a_climb_that_found_little_noise_is_left_alone() -> None:
    bound = bound_gp(0.1)
    rng = np.random.default_rng(0)
    z = rng.standard_normal((96, 3))
    z[:, 1] = EDGE - rng.exponential(1.0, 96)
    found = Population.of(z, bound.log_likelihood(z), 0.0)
    assert with_low_noise(found, bound, EFFORT, rng) is found


def test_where_the_prior_expects_little_noise_nothing_is_added() -> None:
    loud = bound_gp(0.5)
    quiet = LogNormal(median=0.01, sd=1.5)
    bound = replace(loud.model, noise=quiet).bind(loud.data)
    rng = np.random.default_rng(0)
    z = rng.standard_normal((96, 3))
    z[:, 1] = quiet.place(0.1) + rng.exponential(1.0, 96)
    found = Population.of(z, bound.log_likelihood(z), 0.0)
    assert with_low_noise(found, bound, EFFORT, rng) is found


def test_chains_keep_their_states_when_some_are_taken_and_others_joined() -> None:
    def labelled(first: int, count: int) -> Population:
        z = np.arange(first, first + count, dtype=float)[:, None]
        visited = np.vstack([z, z + 100, z + 200])
        return Population(z, z[:, 0], 0.0, visited, visited[:, 0])

    some = labelled(0, 4).chains(np.array([2, 0])).joined(labelled(10, 3))
    assert some.z[:, 0].tolist() == [2, 0, 10, 11, 12]
    by_chain = some.visited[:, 0].reshape(3, 5)
    assert (by_chain == some.z[:, 0] + np.array([[0], [100], [200]])).all()
    assert (some.visited_log_likelihood == some.visited[:, 0]).all()
    assert (some.log_likelihood == some.z[:, 0]).all()
