"""The one table of the laboratory's nodes.

``hp-lab up``, the launch file and the composed laboratory all build from it.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hp_lab.lab_config import LabConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """One node.

    Attributes:
        name: Node name in the graph.
        executable: Module under hp_lab.nodes, and name for ``ros2 run hp_lab``.
        class_name: The node's class in that module.
        parameters: ROS parameters.
        arguments: Command-line arguments before the ROS ones.
        managed: Whether it has a lifecycle.
    """

    name: str
    executable: str
    class_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    managed: bool = False

    def node_class(self) -> type:
        """Import and return the node's class."""
        module = importlib.import_module(f"hp_lab.nodes.{self.executable}")
        return vars(module)[self.class_name]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """How a laboratory is brought up.

    Attributes:
        lab_file: Its description.
        emulated: Start sim_lab and wire the devices to its emulators.
        stocks_file: What the emulated laboratory's wells hold.
        run_dir: Where emulators keep the hidden world's log and their ports.
        seed: Seed of the hidden world.
        inproc: Emulators in this process instead of on terminals and sockets.
        speed: Laboratory seconds per real second.
        origin_s: Unix time at which the two agree, for a speed other than 1.
        tcp_ports: TCP ports of the emulated robot and spectrometer.
    """

    lab_file: Path
    emulated: bool = False
    stocks_file: Path | None = None
    run_dir: Path | None = None
    seed: int = 1
    inproc: bool = False
    speed: float = 1.0
    origin_s: float = 0.0
    tcp_ports: tuple[int, int] = (31950, 57357)


def node_table(lab: LabConfig, options: LabOptions) -> list[NodeSpec]:
    """Return the nodes of a laboratory, in the order in which they start."""
    common: dict[str, Any] = {"lab_file": str(options.lab_file)}
    clock = (f"--speed={options.speed}", f"--origin-s={options.origin_s}")
    beat: dict[str, Any] = {}
    watched: dict[str, Any] = {}
    if not options.inproc:
        # Nodes that share a process cannot lose each other.
        beat = {"heartbeat_period_s": lab.heartbeat_timeout_s / 5}
        watched = {
            "heartbeat_timeout_s": lab.heartbeat_timeout_s,
            "diagnostics_period_s": 1.0,
            # Emulators start with everybody else, on a machine that is busy then.
            "connect_patience_s": 25.0 if options.emulated else 8.0,
        }
    addresses = emulated_addresses(lab, options) if options.emulated else {}

    def device(name: str, executable: str, class_name: str) -> NodeSpec:
        return NodeSpec(
            name=name,
            executable=executable,
            class_name=class_name,
            parameters={**common, **watched, **addresses.get(name, {})},
            arguments=clock,
            managed=True,
        )

    table = [
        NodeSpec(
            name="safety",
            executable="safety",
            class_name="SafetyNode",
            parameters=beat,
            arguments=clock,
        )
    ]
    if options.emulated:
        table.append(
            NodeSpec(
                name="sim_lab",
                executable="sim_lab",
                class_name="SimLabNode",
                parameters={**common, **_simulation(options)},
                arguments=clock,
            )
        )
    table += [
        device("pipettor", "pipettor", "PipettorNode"),
        device("spin_coater", "spin_coater", "SpinCoaterNode"),
        *(device(name, "hotplate", "HotplateNode") for name in lab.hotplates),
        device("spectrometer", "spectrometer", "SpectrometerNode"),
        device("gantry", "gantry", "GantryNode"),
        NodeSpec(
            name="planner",
            executable="planner",
            class_name="PlannerNode",
            arguments=clock,
        ),
        NodeSpec(
            name="campaign",
            executable="campaign",
            class_name="CampaignNode",
            parameters=common,
            arguments=clock,
        ),
    ]
    return table


def emulated_addresses(
    lab: LabConfig, options: LabOptions
) -> dict[str, dict[str, str]]:
    """Return the addresses under which sim_lab offers each device: name -> parameter.

    In this process they are ``inproc://NAME``; otherwise links to pseudo terminals in
    the run directory, and TCP ports.
    """
    robot, spectrometer = options.tcp_ports
    serial = {
        "spin_coater": {"motor_port": "odrive", "relay_port": "relay"},
        "spectrometer": {"light_port": "light"},
        "gantry": {"motion_port": "grbl", "gripper_port": "gripper"},
        **{name: {"port": name} for name in lab.hotplates},
    }
    network = {
        "pipettor": {"address": ("opentrons", robot)},
        "spectrometer": {"address": ("ocean", spectrometer)},
    }
    found: dict[str, dict[str, str]] = {}
    for device, ports in serial.items():
        for parameter, wire in ports.items():
            url = f"inproc://{wire}" if options.inproc else _pty_url(options, wire)
            found.setdefault(device, {})[parameter] = url
    for device, sockets in network.items():
        for parameter, (wire, port) in sockets.items():
            url = f"inproc://{wire}" if options.inproc else f"127.0.0.1:{port}"
            found.setdefault(device, {})[parameter] = url
    return found


def ports_dir(options: LabOptions) -> Path:
    """Return the directory of the emulators' terminals."""
    return (options.run_dir or Path("runs")) / "ports"


def _pty_url(options: LabOptions, wire: str) -> str:
    return f"pty://{ports_dir(options) / wire}"


def _simulation(options: LabOptions) -> dict[str, Any]:
    run_dir = options.run_dir
    return {
        "stocks_file": str(options.stocks_file or ""),
        "seed": options.seed,
        "inproc": options.inproc,
        "ports_dir": str(ports_dir(options)),
        "world_log": str(run_dir / "world.jsonl") if run_dir else "",
        "robot_port": options.tcp_ports[0],
        "spectrometer_port": options.tcp_ports[1],
    }
