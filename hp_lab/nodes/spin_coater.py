"""The spin coater's node: runs spin programs, armed and fired where drops are timed."""

from array import array
from math import pi
from typing import Any

from hp_lab_interfaces.action import SpinCoat
from sensor_msgs.msg import JointState

from hp_lab.devices.spin_coater.driver import OdriveSpinCoater, SpinReading
from hp_lab.lab_config import LabConfig
from hp_lab.nodes.device_node import DeviceNode
from hp_lab.nodes.job import Job
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime, time_msg
from hp_lab.recipes.steps import SpinStep
from hp_lab.units import turns_per_s_from_rpm


class SpinCoaterNode(DeviceNode):
    """Serves ~/spin_coat, publishes ~/joint_states (the chuck's speed)."""

    action_type = SpinCoat
    action_name = "spin_coat"
    arms = True

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, runtime, **node_options)
        self.declare_address("motor_port", "Serial port of the motor controller")
        self.declare_address("relay_port", "Serial port of the vacuum and lid board")
        self._joints = self.create_publisher(JointState, "~/joint_states", 10)

    def make_driver(self, lab: LabConfig) -> OdriveSpinCoater:
        """Return the driver."""
        config = lab.spin_coater
        self._coater = OdriveSpinCoater(
            self.address("motor_port", config.motor_port),
            self.address("relay_port", config.relay_port),
            self.clock,
            config,
        )
        return self._coater

    def work(self, job: Job, result: SpinCoat.Result) -> None:
        """Spin."""
        goal = job.goal
        steps = [
            SpinStep(
                speed_rpm=step.speed_rpm,
                acceleration_rpm_s=step.acceleration_rpm_s,
                duration_s=step.duration_s,
            )
            for step in goal.steps
        ]

        def on_reading(reading: SpinReading) -> None:
            joints = JointState(name=["spin_chuck"])
            joints.header.stamp = time_msg(self.clock.now_s())
            joints.velocity = [2 * pi * turns_per_s_from_rpm(reading.speed_rpm)]
            self._joints.publish(joints)

        done = self._coater.spin(
            steps,
            gate=job.gate if goal.arm else None,
            stop=job.stop,
            on_reading=on_reading,
            on_armed=job.armed,
            arm_timeout_s=goal.arm_timeout_s,
        )
        result.started = time_msg(done.started_s)
        result.trace_s = array("d", done.trace_s)
        result.trace_rpm = array("d", done.trace_rpm)


def main() -> None:
    """Run the node in this process."""
    run_node(SpinCoaterNode, "spin_coater")


if __name__ == "__main__":
    main()
