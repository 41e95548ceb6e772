"""The planner's node: proposes experiments; keeps nothing between goals."""

import json
from functools import partial
from typing import Any

from hp_lab_interfaces.action import ProposeExperiments
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from hp_lab.errors import ErrorCode, HpLabError
from hp_lab.lab_config import check_model
from hp_lab.nodes.convert import (
    candidate_from_msg,
    candidate_to_msg,
    observation_from_msg,
)
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime
from hp_lab.planner.goal import Answer, Goal, PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import propose
from hp_lab.planner.space import Space


class PlannerNode(Node):
    """Serves ~/propose.

    Args:
        name: Node name.
        runtime: What the nodes of this process share.
        node_options: Passed on to rclpy's node.
    """

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, **node_options)
        self._runtime = runtime
        self._server = ActionServer(
            self,
            ProposeExperiments,
            "~/propose",
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            cancel_callback=lambda _handle: CancelResponse.ACCEPT,
            result_timeout=60,
        )

    def _on_goal(self, goal: Any) -> GoalResponse:
        del goal
        self._runtime.clock.hold(self.get_name())
        return GoalResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ProposeExperiments.Result:
        await self._runtime.sleep(0.0, self.get_name())
        result = ProposeExperiments.Result()
        own = bytes(handle.goal_id.uuid) in self._runtime.own_goals

        def on_progress(fraction: float, phase: str) -> None:
            handle.publish_feedback(
                ProposeExperiments.Feedback(phase=phase, fraction=fraction)
            )

        try:
            goal = goal_from_msg(handle.request)
            work = partial(
                propose,
                goal,
                on_progress=on_progress,
                stop=lambda: handle.is_cancel_requested,
            )
            answer = await self._runtime.in_worker(work)
        except HpLabError as error:
            result.error_code = int(error.code)
            result.message = str(error)
        except Exception as error:  # noqa: BLE001 - a bug ends the goal, not the node
            self.get_logger().error(f"internal error: {error!r}")
            result.error_code = int(ErrorCode.INTERNAL)
            result.message = f"planner: internal error {error!r}"
        else:
            _fill(result, answer)
        if result.error_code == ErrorCode.OK:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        if not own:
            self._runtime.clock.release(self.get_name())
        return result


def goal_from_msg(message: ProposeExperiments.Goal) -> Goal:
    """Return the planner's goal of a message.

    Raises:
        InvalidInput: A field is wrong.
    """
    objectives = [
        check_model(Objective, item, "objectives")
        for item in json.loads(message.objectives_json)
    ]
    settings = json.loads(message.planner_json or "{}")
    observed: dict[str, list[Any]] = {}
    for observation in message.observations:
        observed.setdefault(observation.candidate_id, []).append(
            observation_from_msg(observation)
        )
    tried = [candidate_from_msg(candidate) for candidate in message.tried]
    pending = set(message.pending)
    return Goal(
        space=check_model(Space, json.loads(message.space_json), "space"),
        objectives=tuple(objectives),
        settings=check_model(PlannerSettings, settings, "planner"),
        trials=tuple(
            (candidate, tuple(observed.get(candidate.candidate_id, ())))
            for candidate in tried
            if candidate.candidate_id not in pending
        ),
        failed=frozenset(message.failed),
        unreachable=frozenset(message.unreachable),
        pending=tuple(c for c in tried if c.candidate_id in pending),
        count=message.count,
        seed=message.seed,
        posterior=bytes(message.posterior),
    )


def _fill(result: ProposeExperiments.Result, answer: Answer) -> None:
    result.candidates = [candidate_to_msg(c) for c in answer.candidates]
    result.model_names = list(answer.model_names)
    result.model_probabilities = list(answer.model_probabilities)
    result.posterior = list(answer.posterior)
    result.notes = list(answer.notes)


def main() -> None:
    """Run the node in this process."""
    run_node(PlannerNode, "planner")


if __name__ == "__main__":
    main()
