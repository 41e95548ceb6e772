"""The spectrometer's node: absorbance, transmittance and photoluminescence."""

from typing import Any

from hp_lab_interfaces.action import AcquireSpectrum
from hp_lab_interfaces.msg import Spectrum as SpectrumMsg

from hp_lab.devices.spectrometer.driver import OceanSpectrometer
from hp_lab.lab_config import LabConfig
from hp_lab.nodes.convert import spectrum_to_msg
from hp_lab.nodes.device_node import DeviceNode
from hp_lab.nodes.job import Job
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime


class SpectrometerNode(DeviceNode):
    """Serves ~/acquire, publishes ~/spectrum."""

    action_type = AcquireSpectrum
    action_name = "acquire"

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, runtime, **node_options)
        self.declare_address("address", "HOST:PORT of the spectrometer")
        self.declare_address("light_port", "Serial port of lamp, LED and shutter")
        self._spectra = self.create_publisher(SpectrumMsg, "~/spectrum", 10)

    def make_driver(self, lab: LabConfig) -> OceanSpectrometer:
        """Return the driver."""
        config = lab.spectrometer
        self._spectrometer = OceanSpectrometer(
            self.address("address", config.address),
            self.address("light_port", config.light_port),
            self.clock,
            config,
        )
        return self._spectrometer

    def work(self, job: Job, result: AcquireSpectrum.Result) -> None:
        """Acquire."""
        goal = job.goal

        def on_phase(phase: str, repeat: int) -> None:
            job.feedback(AcquireSpectrum.Feedback(phase=phase, repeat=repeat))

        spectra = self._spectrometer.acquire(
            goal.mode,
            sample_id=goal.sample_id,
            integration_s=goal.integration_s,
            averages=max(1, goal.averages),
            repeats=max(1, goal.repeats),
            interval_s=goal.interval_s,
            stop=job.stop,
            on_phase=on_phase,
        )
        messages = [spectrum_to_msg(spectrum) for spectrum in spectra]
        for message in messages:
            self._spectra.publish(message)
        result.spectra = messages


def main() -> None:
    """Run the node in this process."""
    run_node(SpectrometerNode, "spectrometer")


if __name__ == "__main__":
    main()
