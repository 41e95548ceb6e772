"""Asks the planner's node for candidates."""

from array import array

import numpy as np
from hp_lab_interfaces.action import ProposeExperiments
from rclpy.node import Node

from hp_lab.errors import HpLabError
from hp_lab.nodes.convert import (
    candidate_from_msg,
    candidate_to_msg,
    observation_to_msg,
)
from hp_lab.nodes.goals import GoalSender
from hp_lab.nodes.runtime import LabRuntime
from hp_lab.orchestration.events import CandidatesProposed
from hp_lab.orchestration.observations import (
    candidate_data,
    candidate_from_data,
    observation_from_data,
)
from hp_lab.orchestration.preparation import Preparation
from hp_lab.orchestration.state import CampaignState
from hp_lab.store.readings import Readings, Trace

_TIMEOUT_S = 1800.0


class PlannerClient:
    """Sends what is known to the planner and returns what it proposes.

    Args:
        node: The node that sends.
        runtime: Its process's runtime.
    """

    def __init__(self, node: Node, runtime: LabRuntime) -> None:
        self._runtime = runtime
        self._sender = GoalSender(node, runtime, ProposeExperiments, "/planner/propose")

    async def propose(
        self,
        state: CampaignState,
        preparation: Preparation,
        readings: Readings,
        count: int,
        seed: int,
    ) -> CandidatesProposed:
        """Ask for candidates.

        Raises:
            HpLabError: The planner is gone, or its error.
        """
        goal = self._goal(state, preparation, count, seed)
        if state.posterior_reading:
            stored = readings.trace(state.posterior_reading)
            goal.posterior = array("B", stored.arrays["posterior"].tobytes())
        run = await self._sender.start(goal, "planner")
        result = await run.result(_TIMEOUT_S)
        if result.error_code:
            raise HpLabError(result.message)
        posterior = 0
        if len(result.posterior):
            opaque = np.frombuffer(bytes(result.posterior), dtype=np.uint8)
            posterior = readings.append_trace(
                Trace(
                    kind="posterior",
                    sample_id="",
                    arrays={"posterior": opaque},
                    taken_s=self._runtime.clock.now_s(),
                )
            )
        candidates = [candidate_from_msg(message) for message in result.candidates]
        return CandidatesProposed(
            candidates=[candidate_data(candidate) for candidate in candidates],
            model_probabilities=dict(
                zip(result.model_names, result.model_probabilities, strict=True)
            ),
            notes=list(result.notes),
            posterior_reading=posterior,
        )

    def _goal(
        self, state: CampaignState, preparation: Preparation, count: int, seed: int
    ) -> ProposeExperiments.Goal:
        made: dict[str, str] = {}
        for sample in state.samples.values():
            if sample.candidate_id and not sample.remake:
                made[sample.candidate_id] = sample.status
        failed = [c for c, s in made.items() if s in {"failed", "quarantined"}]
        pending = [
            c
            for c in state.candidates
            if c not in state.unreachable and made.get(c, "active") == "active"
        ]
        now_s = self._runtime.clock.now_s()
        return ProposeExperiments.Goal(
            space_json=preparation.space_json,
            objectives_json=preparation.objectives_json,
            planner_json=preparation.planner_json,
            tried=[
                candidate_to_msg(candidate_from_data(data))
                for data in state.candidates.values()
            ],
            observations=[
                observation_to_msg(observation_from_data(data), now_s)
                for data in state.observations
                if data.candidate_id in state.candidates
            ],
            failed=failed,
            unreachable=list(state.unreachable),
            pending=pending,
            count=count,
            seed=seed,
        )
