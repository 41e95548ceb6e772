"""A client of a laboratory that runs in other processes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import rclpy
from hp_lab_interfaces.action import RunCampaign
from hp_lab_interfaces.msg import CampaignState
from hp_lab_interfaces.srv import AnswerQuestion, EmergencyStop
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from hp_lab.clock import WallClock
from hp_lab.errors import DeviceLost
from hp_lab.nodes import fast_dds
from hp_lab.nodes.device_node import LATCHED
from hp_lab.nodes.goals import GoalSender
from hp_lab.nodes.lifecycle import LifecycleManager
from hp_lab.nodes.runtime import LabRuntime

_SPIN_S = 0.1
_CALL_S = 10.0
OnState = Callable[[CampaignState], None]


class LabClient:
    """Sends campaigns to a running laboratory and asks it things.

    Its node leaves the graph when the process ends.

    Args:
        name: Name of the client's node.
    """

    def __init__(self, name: str = "hp_lab_client") -> None:
        fast_dds.configure()
        self._context = Context()
        rclpy.init(
            context=self._context, signal_handler_options=SignalHandlerOptions.NO
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self.runtime = LabRuntime(WallClock(), self._executor)
        self.node = Node(name, context=self._context)
        self._executor.add_node(self.node)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Handle no more messages."""
        self.runtime.shutdown()
        self._executor.shutdown(timeout_sec=1.0)
        fast_dds.leave_at_end(self._leave)

    def finish(self, work: Any, stop: Callable[[], bool] = lambda: False) -> Any:
        """Run a coroutine to its end and return its result; None when stopped."""
        task = self.runtime.spawn(work)
        while not task.done():
            self._executor.spin_once(timeout_sec=_SPIN_S)
            if stop():
                return None
        return task.result()

    def wait_until(
        self,
        ready: Callable[[], bool],
        timeout_s: float,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Handle messages until ready(), stop() or the timeout; return ready()."""
        deadline_s = time.monotonic() + timeout_s
        while not ready() and not stop() and time.monotonic() < deadline_s:
            self._executor.spin_once(timeout_sec=_SPIN_S)
        return ready()

    def watch(self, on_state: OnState) -> None:
        """Report the campaign's state whenever it changes."""
        self.node.create_subscription(
            CampaignState, "/campaign/state", on_state, LATCHED
        )

    def run_campaign(
        self,
        run_dir: Path,
        *,
        resume: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> RunCampaign.Result | None:
        """Run a prepared campaign; None when stop() asked to leave it alone.

        Raises:
            DeviceLost: No laboratory answers.
        """
        sender = GoalSender(self.node, self.runtime, RunCampaign, "/campaign/run")
        goal = RunCampaign.Goal(run_dir=str(run_dir.resolve()), resume=resume)
        if not self.wait_until(lambda: sender.ready, _CALL_S, stop):
            msg = (
                "no laboratory answers on this ROS domain; start one with `hp-lab up` "
                "(or run with --virtual-time)"
            )
            raise DeviceLost(msg)

        async def run() -> RunCampaign.Result:
            sent = await sender.start(goal, "client")
            return await sent.result(float("inf"))

        result: RunCampaign.Result | None = self.finish(run(), stop)
        return result

    def call(self, service_type: Any, name: str, request: Any) -> Any:
        """Call a service.

        Raises:
            DeviceLost: Nobody offers it, or no answer.
        """
        client = self.node.create_client(service_type, name)
        if not self.wait_until(client.service_is_ready, _CALL_S):
            msg = f"service {name}: nobody offers it; is the laboratory up?"
            raise DeviceLost(msg)
        try:
            return self.finish(self.runtime.call(client, request, _CALL_S))
        except TimeoutError as error:
            raise DeviceLost(str(error)) from error

    def trigger(self, name: str) -> tuple[bool, str]:
        """Call a Trigger service; return success and message."""
        answer = self.call(Trigger, name, Trigger.Request())
        return bool(answer.success), str(answer.message)

    def answer(self, question_id: str, answer: str) -> tuple[bool, str]:
        """Answer a question of the campaign; return acceptance and message."""
        request = AnswerQuestion.Request(question_id=question_id, answer=answer)
        reply = self.call(AnswerQuestion, "/campaign/answer", request)
        return bool(reply.accepted), str(reply.message)

    def emergency_stop(self, reason: str) -> str:
        """Stop every device; return the safety node's message."""
        request = EmergencyStop.Request(reason=reason)
        reply = self.call(EmergencyStop, "/safety/emergency_stop", request)
        return str(reply.message)

    def bring_up(
        self, names: list[str], timeout_s: float, stop: Callable[[], bool]
    ) -> None:
        """Configure and activate managed nodes.

        Raises:
            DeviceLost: A node does not appear or cannot connect to its device.
        """
        manager = LifecycleManager(self.node, self.runtime, names)
        if not self.wait_until(lambda: not manager.missing(), timeout_s, stop):
            if stop():
                return
            msg = f"nodes {', '.join(manager.missing())}: not there in {timeout_s:g} s"
            raise DeviceLost(msg)

        async def all_up() -> None:
            for name in names:
                await manager.bring_up(name)

        self.finish(all_up(), stop)

    def _leave(self) -> None:
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
