"""Climbs from the prior end at the posterior, whichever way they go."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.planner.climb import climb
from hp_lab.planner.gp import BoundGP, Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.kernels import Independent
from hp_lab.planner.priors import LogNormal, Normal
from hp_lab.planner.smc import Effort, Population, from_prior
from hp_lab.units import FloatArray

EFFORT = Effort(particles=512, moves=4, last_moves=10, keep=0.6, blocks=10)
ANNEALED = replace(EFFORT, annealed=True)
# Without a kernel's correlation a slope and the noise are all that is unknown.
MODEL = StructuredGP(
    name="slope",
    kernel=Independent(),
    hypothesis=Hypothesis(
        name="slope",
        function=lambda x, slope: slope * x["x"],
        priors={"slope": Normal(mean=0, sd=10)},
    ),
    variance=LogNormal(median=1e-9, sd=1e-3),
)


def slope_films(noise_sd: float, scale: float = 1.0) -> BoundGP:
    """Return 12 films on a line that its hypothesis explains."""
    x = np.linspace(0, 1, 12)
    y = 3 * x + noise_sd * np.random.default_rng(1).standard_normal(12)
    data = Data(X=x[:, None], x={"x": x}, y=scale * y, variance=np.full(12, 1e-6))
    return replace(MODEL, scale=scale).bind(data)


def by_quadrature(bound: BoundGP) -> tuple[float, FloatArray]:
    """Return the log-evidence, and mean and deviation of the noise's z."""
    # The slope is known to far less than its prior, and lies about 3.
    slope = 0.3 + np.linspace(-0.2, 0.2, 801)[:, None]
    noise = np.linspace(-8, 2, 401)[None, :]
    z = np.zeros((801 * 401, 3))
    z[:, 0], z[:, 2] = (side.ravel() for side in np.broadcast_arrays(slope, noise))
    log = bound.log_likelihood(z) - 0.5 * (z[:, [0, 2]] ** 2).sum(axis=1)
    weight = np.exp(log - log.max())
    cell = (slope[1, 0] - slope[0, 0]) * (noise[0, 1] - noise[0, 0]) / (2 * np.pi)
    mean = float(weight @ z[:, 2] / weight.sum())
    sd = float(np.sqrt(weight @ (z[:, 2] - mean) ** 2 / weight.sum()))
    return float(log.max() + np.log(weight.sum() * cell)), np.array([mean, sd])


def climbed(bound: BoundGP, effort: Effort, seed: int) -> Population:
    rng = np.random.default_rng(seed)
    start = from_prior(len(bound.model.priors), effort, rng)
    return climb(start, bound, effort, rng)


@pytest.mark.parametrize(
    ("noise_sd", "effort"), [(0.03, ANNEALED), (0.5, ANNEALED), (0.5, EFFORT)]
)
def test_draws_and_evidence_are_those_by_quadrature(
    noise_sd: float, effort: Effort
) -> None:
    bound = slope_films(noise_sd)
    evidence, moments = by_quadrature(bound)
    found = [climbed(bound, effort, seed) for seed in range(4)]
    noise = np.array([(one.z[:, 2].mean(), one.z[:, 2].std()) for one in found])
    assert noise.mean(axis=0) == pytest.approx(moments, abs=0.1)
    # A ladder alone is a little low; bridges are what evidences are taken from.
    average = np.mean([one.log_evidence for one in found])
    assert average == pytest.approx(evidence, abs=0.6)


def test_draws_have_the_likelihoods_of_the_films_as_they_are() -> None:
    bound = slope_films(0.1)
    found = climbed(bound, ANNEALED, 0)
    assert found.log_likelihood.tolist() == bound.log_likelihood(found.z).tolist()
    assert (
        found.visited_log_likelihood.tolist()
        == bound.log_likelihood(found.visited).tolist()
    )


def test_an_annealed_climb_does_not_depend_on_the_unit_of_the_films() -> None:
    one, thousand = slope_films(0.1), slope_films(0.1, scale=1000.0)
    thousand = replace(
        thousand.model,
        hypothesis=replace(
            thousand.model.hypothesis, priors={"slope": Normal(mean=0, sd=1e4)}
        ),
    ).bind(replace(thousand.data, variance=thousand.data.variance * 1e6))
    a, b = (climbed(bound, ANNEALED, 0) for bound in (one, thousand))
    assert a.z == pytest.approx(b.z, abs=1e-6)


def test_films_that_are_all_alike_have_a_posterior_too() -> None:
    bound = slope_films(0.1)
    alike = bound.model.bind(replace(bound.data, y=np.zeros(12)))
    found = climbed(alike, ANNEALED, 0)
    assert np.isfinite(found.log_likelihood).all()
    assert abs(found.z[:, 0].mean()) < 0.1


def test_a_blurred_likelihood_is_that_of_films_with_more_variance() -> None:
    bound = slope_films(0.1)
    z = np.random.default_rng(0).standard_normal((20, 3))
    known = replace(bound.data, variance=np.full(12, 1e-6 + 0.7))
    expected = bound.model.bind(known).log_likelihood(z)
    assert bound.blurred(0.7).log_likelihood(z).tolist() == expected.tolist()


def test_annealed_chains_are_at_rest_where_powers_leave_them_on_their_way() -> None:
    """Exponents on both sides of an edge, films with little noise."""
    x = np.linspace(0.2, 3, 15)
    truth = np.where(x < 1.7, x**4.5, x**2.5)
    y = truth + 0.1 * np.random.default_rng(3).standard_normal(15)
    one = LogNormal()
    powers = Hypothesis(
        name="powers",
        function=lambda x, edge, a, b: x["x"] ** np.where(x["x"] < edge, a, b),
        priors={"edge": Normal(mean=1.5, sd=0.5), "a": one, "b": one},
    )
    model = StructuredGP(name="powers", kernel=Independent(), hypothesis=powers)
    bound = model.bind(Data(X=x[:, None], x={"x": x}, y=y, variance=np.full(15, 1e-6)))
    short = replace(EFFORT, moves=5, last_moves=2, blocks=1)
    long = climbed(bound, replace(ANNEALED, moves=20, last_moves=100), 0)
    level = long.log_likelihood.mean()

    def below(effort: Effort) -> float:
        ends = [climbed(bound, effort, seed) for seed in range(4)]
        return float(np.mean([level - one.log_likelihood.mean() for one in ends]))

    assert below(replace(short, annealed=True)) < 0.4 * below(short)
