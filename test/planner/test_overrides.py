"""A campaign may give a hypothesis other inputs and other priors."""

import numpy as np
import pytest

from hp_lab.planner.beliefs import Beliefs
from hp_lab.planner.goal import Goal, HypothesisChoice, PlannerSettings
from hp_lab.planner.hypotheses import find
from hp_lab.planner.objectives import Objective
from hp_lab.planner.priors import Normal
from hp_lab.planner.ready_made import confinement
from hp_lab.planner.space import Space

ELSEWHERE = Normal(mean=7.0, sd=0.01)
SPACE = Space.parse({"layers": {"type": "continuous", "low": 1, "high": 5}})
LAYERS = np.array([1.0, 2.0, 5.0])


def middle(hypothesis, **columns):
    """Return the hypothesis (m,) at the medians of its priors."""
    zero = np.zeros(1)
    phi = np.array([[p.value(zero)[0] for p in hypothesis.priors.values()]])
    return hypothesis.mean(columns, phi)[0]


def test_an_input_may_have_another_name():
    renamed = find("confinement", inputs={"n": "layers"})
    assert np.ptp(middle(confinement, n=LAYERS)) > 0.1
    # A setting that happens to have the inner name is another one.
    found = middle(renamed, layers=LAYERS, n=np.zeros(3))
    assert found == pytest.approx(middle(confinement, n=LAYERS))


def test_a_prior_may_be_another_and_the_others_stay():
    moved = find("confinement", priors={"gap_inf_ev": ELSEWHERE})
    assert moved.priors["gap_inf_ev"] == ELSEWHERE
    assert list(moved.priors) == list(confinement.priors)
    shift = 7.0 - confinement.priors["gap_inf_ev"].mean
    assert middle(moved, n=LAYERS) == pytest.approx(
        middle(confinement, n=LAYERS) + shift
    )
    assert find("confinement").priors == confinement.priors


def test_what_a_campaign_overrides_reaches_the_planner():
    choices = (
        HypothesisChoice(
            name="confinement",
            quantity="q",
            inputs={"n": "layers"},
            priors={"gap_inf_ev": ELSEWHERE},
        ),
        HypothesisChoice(
            name="bowing", quantity="other", inputs={"br_fraction": "layers"}
        ),
    )
    goal = Goal(
        space=SPACE,
        objectives=tuple(
            Objective(quantity=one, goal="maximize") for one in ("q", "other")
        ),
        settings=PlannerSettings(hypotheses=choices),
    )
    beliefs = Beliefs(goal, np.zeros((0, 1)), np.random.default_rng(0))
    (found,) = beliefs._hypotheses(goal.objectives[0])
    assert found == find(
        "confinement", inputs={"n": "layers"}, priors={"gap_inf_ev": ELSEWHERE}
    )
