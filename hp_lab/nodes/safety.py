"""The safety node: a latched emergency stop, and the heartbeat that devices watch.

It has no say in what the laboratory does and depends on no other node. The stop is
latched until it is reset on purpose; a device that stops hearing the heartbeat goes to
its safe state by itself.
"""

from typing import Any

from hp_lab_interfaces.msg import SafetyState
from hp_lab_interfaces.srv import EmergencyStop
from rclpy.node import Node
from std_srvs.srv import Trigger

from hp_lab.nodes.device_node import LATCHED
from hp_lab.nodes.parameters import duration
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime, time_msg


class SafetyNode(Node):
    """Latches the emergency stop and beats.

    Args:
        name: Node name.
        runtime: What the nodes of this process share.
        node_options: Passed on to rclpy's node.
    """

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, **node_options)
        self._runtime = runtime
        self._cause = ""
        self._beat = 0
        self._publisher = self.create_publisher(SafetyState, "~/state", LATCHED)
        self.create_service(EmergencyStop, "~/emergency_stop", self._stop)
        self.create_service(Trigger, "~/reset", self._reset)
        self.declare_parameter(
            "heartbeat_period_s", 0.0, duration("Between heartbeats; 0: none.")
        )
        period_s = float(self.get_parameter("heartbeat_period_s").value or 0.0)
        if period_s > 0:
            self.create_timer(period_s, self._publish)
        self._publish()

    def _stop(
        self, request: EmergencyStop.Request, response: EmergencyStop.Response
    ) -> EmergencyStop.Response:
        if not self._cause:
            self._cause = f"emergency stop: {request.reason or 'no reason given'}"
            self.get_logger().error(self._cause)
        self._publish()
        response.success = True
        response.message = self._cause
        return response

    def _reset(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        del request
        response.success = True
        response.message = f"reset; it was: {self._cause}" if self._cause else "no stop"
        self._cause = ""
        self._publish()
        return response

    def _publish(self) -> None:
        self._beat += 1
        state = SafetyState(
            stopped=bool(self._cause), cause=self._cause, beat=self._beat
        )
        state.header.stamp = time_msg(self._runtime.clock.now_s())
        self._publisher.publish(state)


def main() -> None:
    """Run the node in this process."""
    run_node(SafetyNode, "safety")


if __name__ == "__main__":
    main()
