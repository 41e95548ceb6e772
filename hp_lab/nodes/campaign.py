"""The campaign's node: runs campaigns and worklists, and shows how they stand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hp_lab_interfaces.action import RunCampaign
from hp_lab_interfaces.msg import CampaignState as CampaignStateMsg
from hp_lab_interfaces.msg import Observation as ObservationMsg
from hp_lab_interfaces.msg import SampleState as SampleStateMsg
from hp_lab_interfaces.srv import AnswerQuestion
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from hp_lab.errors import ErrorCode, HpLabError, InvalidInput, LaboratoryBusy
from hp_lab.lab_config import load_lab_config
from hp_lab.nodes.campaign_run import CampaignRun
from hp_lab.nodes.convert import observation_to_msg
from hp_lab.nodes.device_node import LATCHED
from hp_lab.nodes.parameters import fixed
from hp_lab.nodes.planner_client import PlannerClient
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime, time_msg
from hp_lab.nodes.scene import lab_scene
from hp_lab.nodes.task_runner import TaskRunner
from hp_lab.orchestration.events import Event, FilmAnalysed
from hp_lab.orchestration.observations import observation_from_data
from hp_lab.orchestration.preparation import Preparation
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.orchestration.state import CampaignState
from hp_lab.orchestration.summary import best_observation
from hp_lab.store.journal import Journal

_OUTCOME_S = 0.1


class CampaignNode(Node):
    """Serves ~/run; ~/pause, ~/resume, ~/cancel, ~/answer; publishes how it stands.

    Args:
        name: Node name.
        runtime: What the nodes of this process share.
        node_options: Passed on to rclpy's node.
    """

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, **node_options)
        self._runtime = runtime
        what = "Path of the laboratory's description (YAML)."
        self.declare_parameter("lab_file", "", fixed(what))
        self._lab = load_lab_config(Path(str(self.get_parameter("lab_file").value)))
        self._runner = TaskRunner(self, runtime, list(self._lab.hotplates))
        self._planner = PlannerClient(self, runtime)
        self._run: CampaignRun | None = None
        self._prepared: Preparation | None = None
        self._run_id = ""
        self._state_pub = self.create_publisher(CampaignStateMsg, "~/state", LATCHED)
        self._sample_pub = self.create_publisher(SampleStateMsg, "~/sample_state", 50)
        self._observation_pub = self.create_publisher(
            ObservationMsg, "~/observation", 50
        )
        self._scene_pub = self.create_publisher(MarkerArray, "/lab_scene", LATCHED)
        self.create_service(Trigger, "~/pause", self._on_pause)
        self.create_service(Trigger, "~/resume", self._on_resume)
        self.create_service(Trigger, "~/cancel", self._on_cancel_service)
        self.create_service(AnswerQuestion, "~/answer", self._on_answer)
        self._server = ActionServer(
            self,
            RunCampaign,
            "~/run",
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel_goal,
            result_timeout=60,
        )
        self._show_state(CampaignState(), None)

    @property
    def waits_for(self) -> str:
        """What a person has to decide before anything goes on; empty: nothing."""
        if self._run is None:
            return ""
        state = self._run.state
        if state.question is not None:
            return f"question {state.question.question_id}: {state.question.text}"
        return f"paused: {state.reason}" if state.status == "paused" else ""

    async def wind_down(self) -> None:
        """Interrupt what is under way so that it can be resumed; the graph still is."""
        if self._run is not None:
            await self._run.interrupt("the program was asked to stop")
        while self._run is not None:
            # The outcomes of what was cancelled belong into the journal.
            await self._runtime.sleep(_OUTCOME_S, self.get_name())

    def _on_goal(self, goal: Any) -> GoalResponse:
        del goal
        self._runtime.clock.hold(self.get_name())
        return GoalResponse.ACCEPT

    def _on_cancel_goal(self, handle: ServerGoalHandle) -> CancelResponse:
        del handle
        if self._run is not None:
            self._runtime.spawn(self._run.cancel("its client cancelled it"))
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> RunCampaign.Result:
        await self._runtime.sleep(0.0, self.get_name())
        result = RunCampaign.Result(best_value=float("nan"))
        own = bytes(handle.goal_id.uuid) in self._runtime.own_goals
        try:
            state = await self._run_to_end(handle.request)
        except HpLabError as error:
            result.error_code = int(error.code)
            result.message = str(error)
        except Exception as error:  # noqa: BLE001 - a bug ends the goal, not the node
            result.error_code = int(ErrorCode.INTERNAL)
            result.message = f"campaign: internal error {error!r}"
        else:
            self._fill(result, state)
        if result.error_code:
            self.get_logger().error(result.message)
            handle.abort()
        else:
            handle.succeed()
        if not own:
            self._runtime.clock.release(self.get_name())
        return result

    async def _run_to_end(self, goal: RunCampaign.Goal) -> CampaignState:
        if self._run is not None:
            msg = (
                f"campaign {self._run_id} is running; wait for its end, or cancel it "
                "with `hp-lab campaign cancel`"
            )
            raise LaboratoryBusy(msg)
        missing = self._runner.missing()
        if missing:
            msg = f"no action server of {', '.join(missing)}; bring the laboratory up"
            raise LaboratoryBusy(msg)
        run_dir = RunDir(Path(goal.run_dir))
        preparation = Preparation.load(run_dir)
        with Journal.open(run_dir.journal) as journal:
            self._prepared = preparation
            self._run_id = run_dir.run_id
            self._run = CampaignRun(
                self._runtime,
                preparation,
                journal,
                self._runner,
                self._planner,
                self._show_state,
            )
            begun = self._run.state.status != "idle"
            if begun and not goal.resume:
                self._run = None
                msg = f"{run_dir.path}: has begun already; resume it instead"
                raise InvalidInput(msg)
            self._runner.begin()
            try:
                return await self._run.run()
            finally:
                self._run = None

    def _fill(self, result: RunCampaign.Result, state: CampaignState) -> None:
        result.campaign_id = self._run_id
        result.films_done = state.films_done
        result.films_failed = state.films_failed
        result.message = state.reason
        if state.status != "done":
            codes = {"failed": ErrorCode.INTERNAL}
            result.error_code = int(codes.get(state.status, ErrorCode.CANCELLED))
            result.message = f"campaign {state.status}: {state.reason}"
        best = self._best(state)
        if best is not None:
            result.best_value = best.value
            result.best_sample_id = best.sample_id

    def _best(self, state: CampaignState) -> Any:
        if self._prepared is None or not self._prepared.objectives:
            return None
        return best_observation(state, self._prepared.objectives[0])

    def _show_state(self, state: CampaignState, event: Event | None) -> None:
        stamp = time_msg(self._runtime.clock.now_s())
        message = CampaignStateMsg(
            campaign_id=self._run_id,
            status=state.status,
            budget=state.films,
            films_done=state.films_done,
            films_failed=state.films_failed,
            films_active=sum(s.counts for s in state.active()),
            best_value=float("nan"),
            message=state.reason,
        )
        message.header.stamp = stamp
        if self._prepared is not None and self._prepared.objectives:
            message.objective = self._prepared.objectives[0].quantity
        best = self._best(state)
        if best is not None:
            message.best_value = best.value
            message.best_sigma = best.sigma
            message.best_sample_id = best.sample_id
        if state.question is not None:
            message.question_id = state.question.question_id
            message.question = state.question.text
        self._state_pub.publish(message)
        self._scene_pub.publish(lab_scene(self._lab, state, stamp))
        if event is not None:
            self._show_event(state, event)

    def _show_event(self, state: CampaignState, event: Event) -> None:
        now_s = self._runtime.clock.now_s()
        if isinstance(event, FilmAnalysed):
            for data in event.observations:
                self._observation_pub.publish(
                    observation_to_msg(observation_from_data(data), now_s)
                )
        sample = state.samples.get(getattr(event, "sample_id", ""))
        if sample is None:
            return
        task = state.next_task(sample)
        message = SampleStateMsg(
            sample_id=sample.sample_id,
            candidate_id=sample.candidate_id,
            status=sample.status,
            step=task.data.action if task is not None else "",
            location=sample.location,
            message=sample.reason or sample.failure,
        )
        message.header.stamp = time_msg(now_s)
        self._sample_pub.publish(message)

    def _on_pause(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        del request
        return self._tell(response, lambda run: run.pause("asked for by a person"))

    def _on_resume(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        del request
        return self._tell(response, lambda run: run.resume())

    def _on_cancel_service(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        del request

        def cancel(run: CampaignRun) -> None:
            self._runtime.spawn(run.cancel("asked for by a person"))

        return self._tell(response, cancel)

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """Hold a token, as a person's order brings none; its release wakes the run."""
        self._runtime.clock.hold("person")
        try:
            yield
        finally:
            self._runtime.clock.release("person")

    def _tell(self, response: Trigger.Response, order: Any) -> Trigger.Response:
        if self._run is None:
            response.message = "no campaign is running"
            return response
        with self._busy():
            order(self._run)
        response.success = True
        response.message = f"campaign {self._run_id}: {self._run.state.status}"
        return response

    def _on_answer(
        self, request: AnswerQuestion.Request, response: AnswerQuestion.Response
    ) -> AnswerQuestion.Response:
        allowed = ("retry", "skip", "quarantine", "cancel")
        if self._run is None:
            response.message = "no campaign is running"
        elif request.answer not in allowed:
            response.message = f"answer {request.answer!r}: use {', '.join(allowed)}"
        else:
            with self._busy():
                response.accepted = self._run.answer(
                    request.question_id, request.answer
                )
                if response.accepted and request.answer == "cancel":
                    self._runtime.spawn(self._run.cancel("a person's answer"))
            if not response.accepted:
                response.message = f"question {request.question_id!r} is not open"
        return response


def main() -> None:
    """Run the node in this process."""
    run_node(CampaignNode, "campaign")


if __name__ == "__main__":
    main()
