"""What a campaign file may say, and what is answered where it says something else."""

import yaml

from hp_lab.orchestration.campaign_file import load_campaign

CAMPAIGN = {
    "name": "t",
    "space": {
        "spacer": {"type": "molecule", "choices": ["PEA", "BA"]},
        "n": {"type": "ordinal", "values": [1, 2, 3, 4]},
    },
    "objectives": [{"quantity": "gap_ev", "goal": "target", "value": 1.9}],
    "budget": {"films": 10},
}


def load(folder, **changes):
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump({**CAMPAIGN, **changes}))
    return load_campaign(path)


def test_constraints_of_the_space_and_of_the_campaign_all_hold(tmp_path):
    space = {**CAMPAIGN["space"], "constraints": ["n <= 2"]}
    campaign = load(tmp_path, space=space, constraints=["n >= 2"])
    assert campaign.space.constraints == ("n <= 2", "n >= 2")
