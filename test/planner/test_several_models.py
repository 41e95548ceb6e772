"""What several models say together."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from hp_lab.errors import InvalidInput
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
from hp_lab.planner.smc import Effort
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
