"""A closed loop in a few lines: the planner against the hidden truth, no ROS needed.

Run it with ``python examples/closed_loop.py``. Every film is made by the simulation
from its settings; what the planner sees has an uncertainty, what is printed last is the
hidden truth.
"""

from pathlib import Path

import numpy as np

from hp_lab.orchestration.campaign_file import load_campaign
from hp_lab.planner.goal import Goal, Trial
from hp_lab.planner.propose import propose
from hp_lab.records import Observation
from hp_lab.simulation.truth import true_property

CAMPAIGN = Path(__file__).parents[1] / "config" / "campaigns" / "demo.yaml"
FILMS = 16
SIGMA = 0.03


def main() -> None:
    """Make films until the budget is spent and say which was best."""
    campaign = load_campaign(CAMPAIGN)
    rng = np.random.default_rng(campaign.seed)
    trials: list[Trial] = []
    # What was learned so far: it saves starting from the prior at every film.
    posterior = b""
    while len(trials) < FILMS:
        goal = Goal(
            space=campaign.space,
            objectives=campaign.objectives,
            settings=campaign.planner,
            trials=tuple(trials),
            seed=campaign.seed,
            posterior=posterior,
        )
        answer = propose(goal)
        (candidate,), posterior = answer.candidates, answer.posterior
        truth = true_property(candidate.settings, "phase_purity", campaign.process)
        seen = Observation(
            quantity="phase_purity",
            value=truth + SIGMA * rng.standard_normal(),
            sigma=SIGMA,
            unit="1",
            sample_id=candidate.candidate_id,
            candidate_id=candidate.candidate_id,
        )
        trials.append((candidate, (seen,)))
        print(f"{candidate.candidate_id} {seen.value:6.3f} {dict(candidate.settings)}")
    best, _ = max(trials, key=lambda trial: trial[1][0].value)
    truth = true_property(best.settings, "phase_purity", campaign.process)
    print(f"best {best.candidate_id}: hidden phase purity {truth:.3f}")


if __name__ == "__main__":
    main()
