"""Drives the lifecycle of the managed nodes over their ROS services."""

from collections.abc import Iterable
from contextlib import suppress

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node

from hp_lab.errors import DeviceLost
from hp_lab.nodes.runtime import LabRuntime

_TIMEOUT_S = 30.0
# A node that was killed stays in the graph for minutes and takes requests that
# nobody answers; its successor answers a later one.
_ASK_S = 3.0
_ASK_TIMES = 10


class LifecycleManager:
    """Configures and activates managed nodes.

    Args:
        node: The node that calls.
        runtime: Its process's runtime.
        names: The managed nodes.
    """

    def __init__(self, node: Node, runtime: LabRuntime, names: Iterable[str]) -> None:
        self._runtime = runtime
        self._change = {
            name: node.create_client(ChangeState, f"/{name}/change_state")
            for name in names
        }
        self._get = {
            name: node.create_client(GetState, f"/{name}/get_state") for name in names
        }

    def missing(self) -> list[str]:
        """Return the nodes whose services cannot be reached yet."""
        return [
            name
            for name, client in self._change.items()
            if not (client.service_is_ready() and self._get[name].service_is_ready())
        ]

    async def state(self, name: str) -> str:
        """Return the lifecycle state's label, for example active.

        Raises:
            DeviceLost: The node does not answer.
        """
        for _ in range(_ASK_TIMES):
            with suppress(TimeoutError):
                answer = await self._runtime.call(
                    self._get[name], GetState.Request(), _ASK_S
                )
                return str(answer.current_state.label)
        msg = f"{name}: does not answer in {_ASK_TIMES * _ASK_S:g} s; see its log"
        raise DeviceLost(msg)

    async def bring_up(self, name: str) -> None:
        """Configure and activate a node, from whatever state it is in.

        Raises:
            DeviceLost: A transition failed, the node's log says why; or no answer.
        """
        if await self.state(name) == "unconfigured":
            await self._transition(name, Transition.TRANSITION_CONFIGURE)
        if await self.state(name) == "inactive":
            await self._transition(name, Transition.TRANSITION_ACTIVATE)
        state = await self.state(name)
        if state != "active":
            msg = f"{name}: is {state}, not active; see the node's log"
            raise DeviceLost(msg)

    async def _transition(self, name: str, transition: int) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        what = "configure (connect)" if transition == 1 else "activate"
        try:
            answer = await self._runtime.call(self._change[name], request, _TIMEOUT_S)
        except TimeoutError as error:
            msg = f"{name}: does not {what} in {_TIMEOUT_S:g} s; see the node's log"
            raise DeviceLost(msg) from error
        if not answer.success:
            msg = f"{name}: could not {what}; see the node's log for the reason"
            raise DeviceLost(msg)
