"""The gantry's node: moves substrates between stations."""

from typing import Any

from hp_lab_interfaces.action import MoveSample
from sensor_msgs.msg import JointState

from hp_lab.devices.gantry.driver import GrblGantry
from hp_lab.errors import DeviceError
from hp_lab.lab_config import LabConfig
from hp_lab.nodes.device_node import DeviceNode
from hp_lab.nodes.job import Job
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime, time_msg


class GantryNode(DeviceNode):
    """Serves ~/move_sample, publishes ~/joint_states (position of the head)."""

    action_type = MoveSample
    action_name = "move_sample"

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, runtime, **node_options)
        self.declare_address("motion_port", "Serial port of the motion controller")
        self.declare_address("gripper_port", "Serial port of the gripper")
        self._joints = self.create_publisher(JointState, "~/joint_states", 10)

    def make_driver(self, lab: LabConfig) -> GrblGantry:
        """Return the driver."""
        config = lab.gantry
        self._positions = config.positions()
        self._gantry = GrblGantry(
            self.address("motion_port", config.motion_port),
            self.address("gripper_port", config.gripper_port),
            self.clock,
            config,
        )
        return self._gantry

    def work(self, job: Job, result: MoveSample.Result) -> None:
        """Move."""
        goal = job.goal

        def on_phase(phase: str) -> None:
            job.feedback(MoveSample.Feedback(phase=phase))

        try:
            result.location = self._gantry.move_sample(
                goal.source, goal.target, stop=job.stop, on_phase=on_phase
            )
        except DeviceError:
            # Where a stopped or failed move left the substrate: the next begins there.
            result.location = self._gantry.location
            raise
        joints = JointState(name=["x", "y", "z"])
        joints.header.stamp = time_msg(self.clock.now_s())
        joints.position = [mm / 1000.0 for mm in self._positions[goal.target]]
        self._joints.publish(joints)


def main() -> None:
    """Run the node in this process."""
    run_node(GantryNode, "gantry")


if __name__ == "__main__":
    main()
