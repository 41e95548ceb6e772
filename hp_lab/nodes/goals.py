"""Goals sent to the action servers of the laboratory, and waited for."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from hp_lab.errors import DeviceLost, ErrorCode
from hp_lab.nodes.runtime import LabRuntime, Latch

# Real time within which a server is found: one that was there a moment ago may have
# been a former laboratory's, and one that is started again is gone for a moment.
_FOUND_S = 10.0
# Real time within which a server answers that it has heard.
_SEND_S = 20.0
_CANCEL_S = 3.0


class GoalRun:
    """A goal under way. Its coroutine methods belong to one waiting coroutine.

    Attributes:
        goal_id: The goal's identifier.
    """

    def __init__(self, runtime: LabRuntime, key: str) -> None:
        self._runtime = runtime
        self._key = key
        self._latch = Latch(runtime, key)
        self._result: Any = None
        self._error: str = ""
        self._handle: Any = None
        self.armed_phase = False
        self.goal_id = uuid.uuid4().bytes

    async def armed(self, timeout_s: float) -> bool:
        """Wait until the device says armed; False when the goal ended before that.

        Raises:
            DeviceLost: Neither within timeout_s of laboratory time.
        """
        await self._wait_for(lambda: self.armed_phase or self._ended, timeout_s)
        return not self._ended

    async def result(self, timeout_s: float) -> Any:
        """Wait for the end and return the action's result message.

        Raises:
            DeviceLost: No result within timeout_s of laboratory time, or it was lost.
        """
        await self._wait_for(lambda: self._ended, timeout_s)
        if self._error:
            raise DeviceLost(self._error)
        return self._result

    async def cancel(self) -> None:
        """Ask the server to cancel; the result still comes."""
        if self._handle is not None and not self._ended:
            cancelled = self._handle.cancel_goal_async()
            with suppress(TimeoutError):
                # A server that is gone cannot hold up the cancelling of others.
                await self._runtime.answered(cancelled, self._key, _CANCEL_S)

    @property
    def _ended(self) -> bool:
        return self._result is not None or bool(self._error)

    async def _wait_for(self, ready: Callable[[], bool], timeout_s: float) -> None:
        if not await self._latch.wait_for(ready, timeout_s):
            msg = f"{self._key}: no answer from the device within {timeout_s:g} s"
            raise DeviceLost(msg)

    def _notify(self) -> None:
        """Wake who waits; the notifying message's token ends here."""
        self._latch.notify()
        self._runtime.clock.release(self._key)

    def _on_feedback(self, message: Any) -> None:
        if getattr(message.feedback, "phase", "") == "armed":
            self.armed_phase = True
            self._notify()

    def _on_result(self, future: Future) -> None:
        self._runtime.own_goals.discard(self.goal_id)
        if future.exception() is not None:
            self._error = f"{self._key}: result lost ({future.exception()})"
        else:
            answer = future.result()
            self._result = answer.result
            failed = answer.status != GoalStatus.STATUS_SUCCEEDED
            if failed and self._result.error_code == ErrorCode.OK:
                # The server's code failed outside of what it reports.
                self._result.error_code = int(ErrorCode.INTERNAL)
                self._result.message = f"{self._key}: ended without a reason"
        self._notify()


class GoalSender:
    """Sends goals to one action server.

    Args:
        node: The node that sends.
        runtime: Its process's runtime.
        action_type: The action.
        name: The action's name, for example /hotplate/anneal.
    """

    def __init__(
        self,
        node: Node,
        runtime: LabRuntime,
        action_type: Any,
        name: str,
    ) -> None:
        self._runtime = runtime
        self._name = name
        self._client = ActionClient(node, action_type, name)

    @property
    def ready(self) -> bool:
        """Whether the server can be reached now."""
        return bool(self._client.server_is_ready())

    def _found(self) -> bool:
        """Wait for the server; return whether it came."""
        return bool(self._client.wait_for_server(timeout_sec=_FOUND_S))

    async def start(self, goal: Any, key: str) -> GoalRun:
        """Send a goal; return once it is accepted.

        Raises:
            DeviceLost: No such server, or it refused the goal.
        """
        if not self.ready and not await self._runtime.in_worker(self._found):
            msg = f"{self._name}: no such action server; is its node running?"
            raise DeviceLost(msg)
        run = GoalRun(self._runtime, key)
        self._runtime.own_goals.add(run.goal_id)
        sent = self._client.send_goal_async(
            goal,
            feedback_callback=run._on_feedback,  # noqa: SLF001 - one mechanism, two classes
            goal_uuid=UUID(uuid=list(run.goal_id)),
        )
        try:
            handle = await self._runtime.answered(sent, self._name, _SEND_S)
        except TimeoutError as error:
            raise DeviceLost(str(error)) from error
        if not handle.accepted:
            self._runtime.own_goals.discard(run.goal_id)
            msg = f"{self._name}: goal refused; see the node's log"
            raise DeviceLost(msg)
        run._handle = handle  # noqa: SLF001
        handle.get_result_async().add_done_callback(run._on_result)  # noqa: SLF001
        return run
