"""What a campaign file says reaches the planner through a message."""

import json
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

from hp_lab_interfaces.action import ProposeExperiments

from hp_lab.errors import InvalidInput
from hp_lab.nodes.convert import candidate_to_msg
from hp_lab.nodes.planner import goal_from_msg
from hp_lab.orchestration.campaign_file import load_campaign
from hp_lab.planner.propose import propose
from hp_lab.records import Candidate

pytestmark = pytest.mark.ros
OWN = Path(__file__).parents[2] / "examples" / "own_hypothesis.yaml"


def message(**changes: object) -> ProposeExperiments.Goal:
    """Return the question of a campaign, with other planner settings."""
    campaign = load_campaign(OWN)
    planner = {**json.loads(campaign.planner.model_dump_json()), **changes}
    made = Candidate(candidate_id="c0001", settings={"spacer": "BA", "n": 2.0})
    return ProposeExperiments.Goal(
        space_json=campaign.space.model_dump_json(),
        objectives_json=json.dumps([o.model_dump() for o in campaign.objectives]),
        planner_json=json.dumps(planner),
        tried=[candidate_to_msg(made)],
        pending=["c0001"],
        count=1,
    )


def test_a_module_of_the_campaign_is_found_by_the_planner_s_node():
    goal = goal_from_msg(message())
    assert [one.name for one in goal.settings.hypotheses][:2] == ["well", "line"]
    assert propose(goal).candidates[0].candidate_id == "c0002"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modules": ["gone.py"]}, r"planner\.modules: gone\.py: cannot be read"),
        ({"modules": []}, r"planner\.hypotheses: hypothesis 'well' is not registered"),
        ({"costs": "m"}, r"planner\.costs: 'm'"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_the_planner_s_node(changes, words):
    with pytest.raises(InvalidInput, match=words):
        goal_from_msg(message(**changes))
