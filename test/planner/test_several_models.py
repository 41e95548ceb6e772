"""What several models say together."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from hp_lab.errors import InvalidInput
from hp_lab.planner.evidence import _iterate, bridge, redrawn
from hp_lab.planner.gp import StructuredGP
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.learning import EXPLORE, Learner, Rewards
from hp_lab.planner.memory import from_bytes, to_bytes
from hp_lab.planner.model_space import scaling
from hp_lab.planner.objectives import Reading
from hp_lab.planner.posterior import (
    fingerprint,
    fit,
    probabilities,
    remember,
)
from hp_lab.planner.priors import LogNormal
from hp_lab.planner.smc import Effort, Population
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Predictions, Surrogate
from hp_lab.planner.theory import from_function

MODEL = StructuredGP(
    name="gp", kernel=Stationary(((0,),), (LogNormal(median=0.3, sd=0.1),))
)
SPACE = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})
QUICK = Effort(particles=32, moves=2, last_moves=2, keep=0.5)


@dataclass
class Fitted:
    """A fit of which only the evidence is known."""

    log_evidence: float


def test_models_are_weighed_by_their_evidences():
    found = probabilities([Fitted(-1000.0), Fitted(-1000.0 + np.log(3))])
    assert found == pytest.approx([0.25, 0.75])


def test_draws_carry_the_weight_of_their_model_and_a_hopeless_one_none():
    readings = [Reading(value=v, sigma=0.1) for v in (0.0, 1.0, 0.5)]
    codes, rng = np.array([[0.1], [0.5], [0.9]]), np.random.default_rng(0)
    one = Surrogate(SPACE, codes, readings, ["a", "b", "c"], rng=rng)
    one.fits, one.probabilities = one.fits * 3, np.array([0.75, 0.24, 0.01])
    processes, weight = one._processes()
    ends = np.cumsum([len(one.z) for one in processes])
    assert len(processes) == 2
    assert weight[: ends[0]].sum() == pytest.approx(0.75 / 0.99)
    assert weight[ends[0] :].sum() == pytest.approx(0.24 / 0.99)


def test_an_improvement_is_averaged_over_the_draws():
    draws = Predictions(np.zeros((2, 1)), np.ones((2, 1)), np.array([0.75, 0.25]))
    value = draws.average_log(np.log([[1.0], [5.0]]))
    assert value[0] == pytest.approx(np.log(2.0))


# y = A z + e with e ~ N(0, 0.5^2); the posterior of z is drawn from exactly.
MIX = np.array([[1, 0.9, 0], [0, 1, 0.9], [0, 0, 1]])
SEEN = np.array([1.0, -0.5, 2.0])
SPREAD = np.linalg.inv(np.eye(3) + MIX.T @ MIX / 0.25)
EXACT = multivariate_normal(np.zeros(3), MIX @ MIX.T + 0.25 * np.eye(3)).logpdf(SEEN)


def mixed(z):
    return norm(0, 0.5).logpdf(z @ MIX.T - SEEN).sum(axis=1)


def bridged(chains, states, rng):
    middle = SPREAD @ MIX.T @ SEEN / 0.25
    visited = rng.multivariate_normal(middle, SPREAD, chains * states)
    all_of_them = Population.of(visited, mixed(visited), 0.0)
    ends = replace(
        all_of_them,
        z=visited[-chains:],
        log_likelihood=all_of_them.log_likelihood[-chains:],
    )
    return bridge(ends, mixed, rng)


def test_a_bridged_evidence_is_its_closed_form():
    found = bridged(256, 10, np.random.default_rng(0))
    assert found.log_evidence == pytest.approx(EXACT, abs=0.03)


def test_no_draw_is_weighed_by_what_was_fitted_to_itself():
    # Few draws fit themselves too well: weighed by that, evidences are 0.08 too low.
    found = [bridged(16, 1, np.random.default_rng(s)).log_evidence for s in range(30)]
    assert np.mean(found) == pytest.approx(EXACT, abs=0.04)


def test_a_bridge_holds_where_draws_of_the_proposal_alone_would_not():
    # exp(3) times a standard normal, and a proposal that misses its tails.
    narrow = norm(0, 0.35)

    def ratio(z):
        return 3 + norm.logpdf(z).sum(axis=1) - narrow.logpdf(z).sum(axis=1)

    rng = np.random.default_rng(0)
    here = ratio(0.35 * rng.standard_normal((4000, 3)))
    there = ratio(rng.standard_normal((1000, 3)))
    value, overlap = _iterate(there, here)
    assert value == pytest.approx(3, abs=0.1)
    assert overlap < 0.2


def test_a_bridge_of_what_lies_far_apart_says_so():
    here = np.append(np.full(99, -np.inf), 0.0)
    value, overlap = _iterate(np.full(100, 5000.0), here)
    assert np.isfinite(value)
    assert overlap == pytest.approx(0.01)
    value, overlap = _iterate(np.zeros(100), np.full(100, -np.inf))
    assert (value, overlap) == (-np.inf, 0.0)


# Two places 20 widths apart explain the data, one of them three times as well.
PLACES, WIDTH, SHARES = np.array([-1.0, 1.0]), 0.1, np.array([0.25, 0.75])
EVIDENCE = 20.0


def two_places(z):
    explained = norm(PLACES, WIDTH).logpdf(z[:, :1]) - norm.logpdf(z[:, :1])
    return logsumexp(explained, axis=1, b=SHARES) + EVIDENCE


def population_of_two_places(counts, rng):
    place = np.repeat(PLACES, counts)
    z = rng.standard_normal((len(place), 2))
    z[:, 0] = place + WIDTH * z[:, 0]
    z = rng.permutation(z)
    return Population.of(z, two_places(z), 0.0)


@pytest.mark.parametrize("counts", [(250, 6), (64, 192), (6, 250)])
def test_chains_drawn_anew_are_in_all_places_by_their_weight(counts):
    rng = np.random.default_rng(0)
    population = population_of_two_places(counts, rng)
    for _ in range(3):
        population = redrawn(population, two_places, EVIDENCE, rng)
    first = population.z[:, 0]
    assert np.mean(first > 0) == pytest.approx(SHARES[1], abs=0.1)
    for place in PLACES:
        near = first[np.sign(first) == np.sign(place)]
        assert near.mean() == pytest.approx(place, abs=0.05)
        assert near.std() == pytest.approx(WIDTH, rel=0.25)
    assert population.z[:, 1].std() == pytest.approx(1.0, abs=0.15)
    np.testing.assert_array_equal(population.log_likelihood, two_places(population.z))


def test_chains_are_not_drawn_anew_from_where_the_likelihood_is_zero():
    rng = np.random.default_rng(1)
    population = population_of_two_places((0, 256), rng)

    def right(z):
        return np.where(z[:, 0] > 0.9, two_places(z), -np.inf)

    inside = population.chains(np.flatnonzero(population.z[:, 0] > 0.9))
    found = redrawn(inside, right, EVIDENCE + np.log(0.63), rng)
    assert found.z[:, 0].min() > 0.9
    assert len(found.z) == len(inside.z)


def learner(policy, measured):
    x = np.linspace(0, 1, 12)
    one = Learner(
        models=[MODEL],
        X=x[:, None],
        x={"x": x},
        policy=policy,
        rng=np.random.default_rng(0),
        variance=1e-4,
    )
    for index in measured:
        one.observe(index, float(np.sin(5 * x[index])))
    return one


@pytest.mark.parametrize("policy", ["evidence", "published"])
def test_the_largest_uncertainty_is_measured(policy):
    assert learner(policy, [0, 1, 2, 3, 4, 5, 6]).next() == 11


@pytest.mark.parametrize("policy", ["evidence", "published"])
def test_that_all_candidates_are_measured_is_told(policy):
    with pytest.raises(InvalidInput, match="none of the 12 candidates is left"):
        learner(policy, range(12)).next()


def test_the_published_policy_takes_the_best_rewarded_or_any():
    account = Rewards(mean=(0.1, 0.9, -1.0), count=(3, 3, 3))
    rng = np.random.default_rng(0)
    chosen = np.array([account.choose(rng) for _ in range(600)])
    share = np.bincount(chosen, minlength=3) / 600
    any_one = EXPLORE / 3
    assert share == pytest.approx([any_one, 1 - 2 * any_one, any_one], abs=0.05)
    one = learner("published", [])
    one.rewards = account
    assert one.winner() == 1


def test_a_posterior_of_other_films_or_priors_is_not_carried_on():
    rng = np.random.default_rng(0)
    films = learner("evidence", range(6)).data()
    films = replace(films, labels=tuple("abcdef"))
    first = fit(MODEL, films, effort=QUICK, rng=rng, with_evidence=False)
    memory = remember(first)

    def warm(model, data):
        return fit(
            model, data, effort=QUICK, rng=rng, memory=memory, with_evidence=False
        ).warm

    more = replace(learner("evidence", range(7)).data(), labels=tuple("abcdefg"))
    assert warm(MODEL, more)
    assert not warm(MODEL, replace(more, labels=tuple("abcdexg")))
    wider = replace(MODEL, noise=LogNormal(median=0.5))
    assert fingerprint(wider) != fingerprint(MODEL)
    assert not warm(wider, more)


def test_draws_of_a_hypothesis_that_was_edited_are_not_carried_on():
    films = replace(learner("evidence", range(6)).data(), labels=tuple("abcdef"))
    rng = np.random.default_rng(0)

    def model(slope):
        line = from_function("line", lambda x: slope * x["x"], centre=0.0, spread=1.0)
        return replace(MODEL, hypothesis=line)

    first = fit(model(1.0), films, effort=QUICK, rng=rng, with_evidence=False)
    memory = remember(first)
    (kept,) = from_bytes(to_bytes({"line": memory}, {}))[0].values()
    for slope in (1.0, -1.0):
        found = fit(
            model(slope),
            films,
            effort=QUICK,
            rng=rng,
            memory=kept,
            with_evidence=False,
        )
        assert found.warm is (slope == 1.0)


def test_noise_is_what_is_told_and_what_is_learned():
    codes = np.repeat(np.linspace(0, 1, 8), 3)[:, None]
    off = 0.5 * np.tile([-1.0, 0.0, 1.0], 8)
    labels = [str(i) for i in range(24)]

    def noise(told, scatter):
        readings = [
            Reading(value=float(v), sigma=told)
            for v in np.sin(5 * codes[:, 0]) + scatter * off
        ]
        rng = np.random.default_rng(0)
        one = Surrogate(SPACE, codes, readings, labels, rng=rng)
        _, sd = one.predict(codes[:1]).moments()
        total = one.reading_variance(codes[:1])
        assert total == pytest.approx(sd**2 + one.noise_sd**2)
        return one.noise_sd

    assert noise(0.02, 1.0) == pytest.approx(0.42, abs=0.12)
    assert noise(0.4, 1.0) == pytest.approx(0.42, abs=0.12)
    assert noise(0.02, 0.0) < 0.1


def test_scaled_values_are_about_0_and_1_and_a_scale_is_kept_while_it_fits():
    y = 1e3 + 20 * np.sin(np.arange(12.0))
    offset, scale = scaling(y, np.full(12, 1e-4))
    scaled = (y - offset) / scale
    assert abs(scaled.mean()) < 0.7
    assert 0.4 < scaled.std() < 2.5
    before = (offset + 0.1 * scale, 1.1 * scale)
    assert scaling(y, np.full(12, 1e-4), before) == before
    for other in ((offset + 5 * scale, scale), (offset, 5 * scale)):
        assert scaling(y, np.full(12, 1e-4), other) != other
