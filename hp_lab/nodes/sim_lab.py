"""The emulated laboratory's node: every instrument's wire, and the hidden world behind.

Emulators are offered on streams inside this process (virtual time) or on pseudo
terminals and TCP ports (real time). Device nodes learn an address and nothing else.
"""

import json
import threading
from pathlib import Path
from typing import Any

from hp_lab_interfaces.srv import InjectFault
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from std_srvs.srv import Trigger

from hp_lab.chemistry.stocks import load_stocks
from hp_lab.errors import HpLabError, InvalidInput
from hp_lab.lab_config import load_lab_config
from hp_lab.nodes.parameters import fixed, whole_number
from hp_lab.nodes.process import run_node, until_gone
from hp_lab.nodes.runtime import LabRuntime
from hp_lab.simulation.emulated_lab import EmulatedLab
from hp_lab.simulation.hosting import InProcessHost, PtyHost, TcpHost

_LARGEST_SEED = 2**63 - 1
_LAST_PORT = 65535
_PARAMETERS: dict[str, tuple[Any, ParameterDescriptor]] = {
    "lab_file": ("", fixed("Path of the laboratory's description (YAML).")),
    "stocks_file": ("", fixed("Path of the stock solutions (YAML).")),
    "seed": (1, whole_number("Seed of the hidden world.", _LARGEST_SEED)),
    "inproc": (False, fixed("Offer the instruments inside this process.")),
    "ports_dir": ("", fixed("Directory of the links to the pseudo terminals.")),
    "world_log": ("", fixed("File that keeps the hidden world over restarts.")),
    "robot_port": (
        31950,
        whole_number("TCP port of the pipetting robot; 0: any.", _LAST_PORT),
    ),
    "spectrometer_port": (
        57357,
        whole_number("TCP port of the spectrometer; 0: any.", _LAST_PORT),
    ),
}
# Longer than a device node takes to end.
_DEVICES_LEAVE_S = 10.0


class SimLabNode(Node):
    """Hosts the emulators; serves ~/inject_fault and ~/report (their states as JSON).

    Args:
        name: Node name.
        runtime: What the nodes of this process share.
        node_options: Passed on to rclpy's node.
    """

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, **node_options)
        self._runtime = runtime
        for parameter, (default, descriptor) in _PARAMETERS.items():
            self.declare_parameter(parameter, default, descriptor)
        log = str(self._value("world_log"))
        if log:
            Path(log).parent.mkdir(parents=True, exist_ok=True)
        self._config = load_lab_config(Path(str(self._value("lab_file"))))
        self.lab = EmulatedLab(
            self._config,
            load_stocks(Path(str(self._value("stocks_file")))),
            seed=int(self._value("seed")),
            log=Path(log) if log else None,
            now_s=runtime.clock.now_s(),
        )
        self._hosts: list[Any] = []
        # One thread works on the hidden world at a time.
        self._lock = threading.Lock()
        if self._value("inproc"):
            self._offer_inside()
        else:
            self._offer_outside()
        self.create_service(InjectFault, "~/inject_fault", self._inject)
        self.create_service(Trigger, "~/report", self._report)

    async def wind_down(self) -> None:
        """Stay until every device node has left: it makes its instrument safe first."""
        devices = {
            "pipettor",
            "spin_coater",
            "spectrometer",
            "gantry",
            *self._config.hotplates,
        }
        await until_gone(self, self._runtime, devices, _DEVICES_LEAVE_S)

    def finish(self) -> None:
        """Withdraw every instrument and close the world's log."""
        for host in self._hosts:
            host.close()
        self._hosts.clear()
        self.lab.close()

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _offer_inside(self) -> None:
        host = InProcessHost(self._runtime.clock)
        self._hosts.append(host)
        for wire, session in self.lab.sessions().items():
            host.offer(wire, session)

    def _offer_outside(self) -> None:
        directory = Path(str(self._value("ports_dir")))
        directory.mkdir(parents=True, exist_ok=True)
        tcp = {
            "opentrons": int(self._value("robot_port")),
            "ocean": int(self._value("spectrometer_port")),
        }
        try:
            for wire, session in self.lab.sessions().items():
                clock = self._runtime.clock
                if wire in tcp:
                    self._hosts.append(TcpHost(session, clock, self._lock, tcp[wire]))
                else:
                    link = str(directory / wire)
                    self._hosts.append(PtyHost(session, clock, self._lock, link))
        except HpLabError:
            self.finish()
            raise

    def _inject(
        self, request: InjectFault.Request, response: InjectFault.Response
    ) -> InjectFault.Response:
        try:
            parameters = json.loads(request.parameters_json or "{}")
            with self._lock:
                self.lab.inject(request.device, request.fault, parameters)
        except (InvalidInput, ValueError) as error:
            response.message = str(error)
        else:
            response.accepted = True
        return response

    def _report(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        del request
        now_s = self._runtime.clock.now_s()
        with self._lock:
            states = self.lab.states(now_s)
        response.message = json.dumps(states, default=str)
        response.success = True
        return response


def main() -> None:
    """Run the node in this process."""
    run_node(SimLabNode, "sim_lab", wind_down_s=2 * _DEVICES_LEAVE_S)


if __name__ == "__main__":
    main()
