"""The hotplate's node: anneals one film along a profile."""

from array import array
from typing import Any

from hp_lab_interfaces.action import Anneal
from sensor_msgs.msg import Temperature

from hp_lab.devices.hotplate.driver import AnnealReading, IkaHotplate
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig
from hp_lab.nodes.device_node import DeviceNode
from hp_lab.nodes.job import Job
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime, time_msg
from hp_lab.recipes.steps import AnnealSegment


class HotplateNode(DeviceNode):
    """Serves ~/anneal, publishes ~/temperature."""

    action_type = Anneal
    action_name = "anneal"

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, runtime, **node_options)
        self.declare_address("port", "Serial port of the hotplate")
        self._temperature = self.create_publisher(Temperature, "~/temperature", 10)

    def make_driver(self, lab: LabConfig) -> IkaHotplate:
        """Return the driver of this node's plate."""
        name = self.get_name()
        if name not in lab.hotplates:
            msg = (
                f"node {name}: no such hotplate; the lab file has "
                f"{', '.join(lab.hotplates)}"
            )
            raise InvalidInput(msg)
        config = lab.hotplates[name]
        port = self.address("port", config.port)
        self._plate = config
        self._hotplate = IkaHotplate(port, self.clock, config)
        return self._hotplate

    def work(self, job: Job, result: Anneal.Result) -> None:
        """Anneal."""
        goal = job.goal
        if goal.position not in self._plate.positions:
            msg = (
                f"{self.get_name()}: position {goal.position!r} is not on this plate; "
                f"it has {', '.join(self._plate.positions)}"
            )
            raise InvalidInput(msg)
        profile = [
            AnnealSegment(
                temperature_c=segment.temperature_c,
                ramp_k_min=segment.ramp_k_min,
                hold_s=segment.hold_s,
            )
            for segment in goal.profile
        ]

        def on_reading(reading: AnnealReading) -> None:
            message = Temperature(temperature=reading.temperature_c)
            message.header.stamp = time_msg(self.clock.now_s())
            self._temperature.publish(message)
            job.feedback(
                Anneal.Feedback(
                    phase=reading.phase,
                    temperature_c=reading.temperature_c,
                    elapsed_s=reading.elapsed_s,
                )
            )

        done = self._hotplate.anneal(profile, stop=job.stop, on_reading=on_reading)
        result.started = time_msg(done.started_s)
        result.worst_deviation_k = done.worst_deviation_k
        result.trace_s = array("d", done.trace_s)
        result.trace_c = array("d", done.trace_c)


def main() -> None:
    """Run the node in this process."""
    run_node(HotplateNode, "hotplate")


if __name__ == "__main__":
    main()
