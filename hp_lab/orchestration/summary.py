"""How a campaign stands, in figures."""

import numpy as np

from hp_lab.orchestration.events import ObservationData
from hp_lab.orchestration.observations import observation_from_data
from hp_lab.orchestration.state import CampaignState
from hp_lab.planner.objectives import Objective
from hp_lab.records import Observation


def best_observation(state: CampaignState, objective: Objective) -> Observation | None:
    """Return the exact observation that is best by an objective, or None."""
    best: ObservationData | None = None
    best_utility = -np.inf
    for data in state.observations:
        if data.quantity != objective.quantity or data.kind != "exact":
            continue
        utility = float(objective.utility(np.array([data.value]))[0])
        if utility > best_utility:
            best, best_utility = data, utility
    return observation_from_data(best) if best is not None else None
