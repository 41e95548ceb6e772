"""Laws of priors relative to the films and the space, and of hypotheses that miss."""

import numpy as np
import pytest

from hp_lab.errors import InvalidConfig
from hp_lab.planner.dimensions import Range
from hp_lab.planner.goal import Goal, HypothesisChoice, PlannerSettings
from hp_lab.planner.gp import Data
from hp_lab.planner.hypotheses import find, hypothesis
from hp_lab.planner.model_space import standard_model
from hp_lab.planner.objectives import Objective
from hp_lab.planner.posterior import fingerprint
from hp_lab.planner.priors import (
    Difference,
    Level,
    LogNormal,
    LogUniform,
    Normal,
    Place,
    Scales,
    Uniform,
    Width,
)
from hp_lab.planner.propose import propose
from hp_lab.planner.space import Space
from hp_lab.records import Candidate, Observation

SCALES = Scales(
    offset=14.0,
    scale=0.5,
    ranges={"t": Range(60.0, 180.0), "s": Range(10.0, 1000.0, log=True)},
)


@hypothesis("root", level=Level(), slope=Difference(sd=1))
def root(x, level, slope):
    """Undefined beyond 20."""
    return level + slope * np.sqrt(20 - x["t"])


def space(low=4.0, high=30.0, name="t"):
    return Space.parse({name: {"type": "continuous", "low": low, "high": high}})


def goal(where, x, y, *, posterior=b"", failed=(), **settings):
    (name,) = where.names
    trials = []
    for i, (at, value) in enumerate(zip(x, y, strict=True)):
        seen = Observation(
            quantity="q", value=float(value), sigma=0.02, unit="", sample_id=f"c{i}"
        )
        made = Candidate(candidate_id=f"c{i}", settings={name: float(at)})
        trials.append((made, () if f"c{i}" in failed else (seen,)))
    return Goal(
        space=where,
        objectives=(Objective(quantity="q", goal="maximize"),),
        settings=PlannerSettings(initial=2, **settings),
        trials=tuple(trials),
        failed=frozenset(failed),
        posterior=posterior,
    )


@pytest.mark.parametrize(
    ("relative", "wanted"),
    [
        (Level(sd=2), Normal(mean=14, sd=1)),
        (Difference(sd=2), Normal(mean=0, sd=1)),
        (Place(setting="t"), Uniform(low=60, high=180)),
        (Place(setting="s"), LogUniform(low=10, high=1000)),
        (Width(setting="t", median=0.05, sd=0.7), LogNormal(median=6, sd=0.7)),
        # Around 100 the scale runs by 100 ln(1000 / 10) in all.
        (Width(setting="s", median=0.05, sd=0.7), LogNormal(median=23.025851, sd=0.7)),
    ],
)
def test_a_relative_prior_is_in_real_units_once_films_and_space_are_known(
    relative, wanted
):
    z = np.array([-1.0, 0.0, 2.0])
    assert relative.resolved(SCALES).value(z) == pytest.approx(wanted.value(z))


def test_a_logarithm_is_spread_evenly_between_its_ends():
    prior = LogUniform(low=10, high=1000)
    assert prior.value(np.array([-9.0, 0.0, 9.0])) == pytest.approx([10, 100, 1000])
    with pytest.raises(ValueError, match="must be above low"):
        LogUniform(low=10, high=10)


def test_ranges_are_those_of_numbers_that_can_change():
    mixed = Space.parse(
        {
            "n": {"type": "ordinal", "values": [1, 2, 5]},
            "one": {"type": "ordinal", "values": [3]},
            "s": {"type": "categorical", "choices": ["A", "B"]},
            "a": {
                "type": "simplex",
                "components": ["x", "y", "z"],
                "lower": {"y": 0.2},
                "upper": {"z": 0.3},
            },
            "p": {"type": "trajectory", "segments": 1, "high_c": 150, "max_hold_s": 60},
        }
    )
    assert mixed.ranges == {
        "n": Range(1, 5),
        "a.x": Range(0, 0.8),
        "a.y": Range(0.2, 1),
        "a.z": Range(0, 0.3),
        "p.1.c": Range(40, 150),
        "p.1.s": Range(10, 60),
        "p.1.ramp_k_min": Range(1, 15),
    }


def likelihood(name, inputs, x, y, low, high):
    where = space(low, high)
    model = standard_model(
        where,
        offset=float(y.mean()),
        scale=float(y.std()),
        hypothesis=find(name, inputs=inputs),
        name=name,
    )
    codes = where.codes([{"t": float(one)} for one in x])
    data = Data(X=codes, x={"t": x}, y=y, variance=np.zeros(len(y)))
    z = np.random.default_rng(0).standard_normal((20, len(model.priors)))
    return model.bind(data).log_likelihood(z)


@pytest.mark.parametrize(
    ("name", "inputs", "stretch"),
    [("vegard", {"fraction": "t"}, 1), ("step", {"position": "t"}, 40)],
)
def test_units_of_films_and_settings_change_no_evidence(name, inputs, stretch):
    x = np.linspace(0, 1, 9)
    y = np.sin(5 * x)
    plain = likelihood(name, inputs, x, y, 0, 1)
    other = likelihood(name, inputs, stretch * x, 300 - 25 * y, 0, stretch)
    mirrored = likelihood(name, inputs, x, -y, 0, 1)
    # A density in units 25 times as small.
    assert other == pytest.approx(mirrored - 9 * np.log(25), abs=1e-6)
    assert not np.allclose(plain, mirrored)


def test_a_prior_without_its_space_is_refused_with_the_remedy():
    with pytest.raises(InvalidConfig, match="standard_model"):
        Level().value(np.zeros(1))
    step = find("step")
    with pytest.raises(InvalidConfig, match=r"step: parameter edge.*inputs: t$"):
        standard_model(space(), offset=0, scale=1, hypothesis=step)


def test_a_campaign_file_may_give_any_prior_by_its_kind():
    choice = HypothesisChoice.model_validate(
        {
            "name": "root",
            "priors": {
                "level": {"kind": "level", "sd": 2},
                "slope": {"kind": "loguniform", "low": 0.1, "high": 2},
            },
        }
    )
    assert choice.priors == {"level": Level(sd=2), "slope": LogUniform(low=0.1, high=2)}


def test_a_memory_is_of_the_priors_that_it_was_drawn_with():
    step = find("step", inputs={"position": "t"})

    def mark(where, offset):
        return fingerprint(
            standard_model(where, offset=offset, scale=1, hypothesis=step)
        )

    assert mark(space(), 3) == mark(space(), 3)
    assert len({mark(space(), 3), mark(space(high=40), 3), mark(space(), 4)}) == 3


@pytest.mark.slow
def test_a_fit_with_relative_priors_is_carried_on():
    where = space(0, 1, "fraction")
    x = np.linspace(0, 1, 7)
    y = 14 + 0.9 * x
    first = propose(goal(where, x[:6], y[:6], hypotheses=("vegard",)))
    assert "q: fitted cold" in first.notes
    second = goal(where, x, y, hypotheses=("vegard",), posterior=first.posterior)
    assert "q: fitted cold" not in propose(second).notes


@pytest.mark.slow
def test_priors_that_lie_elsewhere_than_the_films_are_named_and_wrong_physics_is_not():
    x = np.linspace(0, 1, 8)
    wave = np.sin(9 * x)

    def said(y, name, inputs=None, **priors):
        choice = HypothesisChoice(name=name, inputs=inputs or {}, priors=priors)
        answer = propose(goal(space(0, 1), x, y, hypotheses=(choice,)))
        return [note for note in answer.notes if "expects other values" in note]

    fraction, position = {"fraction": "t"}, {"position": "t"}
    near = {"value_0": Normal(mean=0, sd=3), "value_1": Normal(mean=0, sd=3)}
    (note,) = said(14.2 + 0.9 * x, "vegard", fraction, **near)
    assert "q: vegard expects other values" in note
    assert "their mean by 0.29" in note
    # An edge where no film is says the same of all of them.
    beyond = {"edge": Uniform(low=70, high=150)}
    assert said(1.0 * (x > 0.5), "step", position, **beyond)
    assert said(14.2 + 0.9 * x, "vegard", fraction) == []
    assert said(wave, "vegard", fraction) == []


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["evidence", "published"])
def test_a_hypothesis_closes_no_part_of_the_space_in_which_it_is_undefined(policy):
    x = np.array([4.0, 7, 10, 13, 16, 19])
    y = 0.02 * x + 0.005 * np.sin(9 * x)
    answer = propose(goal(space(), x, y, hypotheses=("root",), policy=policy))
    (candidate,) = answer.candidates
    assert candidate.settings == {"t": 30.0}
    assert np.isfinite([candidate.predicted_mean, candidate.predicted_sigma]).all()
    (note,) = [one for one in answer.notes if "left out" in one]
    assert "q: root is left out: it is undefined at" in note
    assert "such as t = " in note
    assert answer.model_names == (() if policy == "published" else ("gp",))
    near = propose(goal(space(high=20), x, y, hypotheses=("root",), policy=policy))
    assert not any("left out" in one for one in near.notes)


@pytest.mark.slow
def test_a_hypothesis_must_be_defined_at_failed_films_too():
    # The settings of the list end where the function does; a failed film lies beyond.
    x = np.array([4.0, 7, 10, 13, 16, 25])
    one = goal(space(), x, 0.02 * x, failed=("c5",), hypotheses=("root",))
    choices = tuple({"t": float(t)} for t in range(4, 20))
    answer = propose(
        Goal(
            space=one.space,
            objectives=one.objectives,
            settings=one.settings,
            trials=one.trials,
            failed=one.failed,
            choices=choices,
        )
    )
    assert any("undefined at 1 of 22 points" in note for note in answer.notes)
    assert np.isfinite(answer.candidates[0].predicted_mean).all()
