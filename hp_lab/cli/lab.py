"""hp-lab up and hp-lab doctor: the laboratory's processes, and what is wrong."""

import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path
from typing import Annotated

import typer

from hp_lab.cli.domain_lock import only_laboratory
from hp_lab.cli.files import config_file
from hp_lab.cli.output import AsJson, console, print_json, print_table
from hp_lab.clock import WallClock
from hp_lab.errors import HpLabError, InvalidInput
from hp_lab.lab_config import load_lab_config

_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "rdkit",
    "ortools",
    "pybaselines",
    "pylabrobot",
    "seabreeze",
    "httpx",
    "pyserial",
    "pydantic",
    "SQLAlchemy",
    "typer",
    "rich",
    "matplotlib",
)


def up(
    lab: Annotated[Path | None, typer.Option(help="Laboratory (YAML).")] = None,
    stocks: Annotated[Path | None, typer.Option(help="Stocks (YAML).")] = None,
    emulated: Annotated[
        bool, typer.Option("--emulated", help="Emulated instruments instead of ports.")
    ] = False,
    run_dir: Annotated[
        Path, typer.Option(help="Where emulators keep their ports and the world.")
    ] = Path("runs/emulated-lab"),
    seed: Annotated[int, typer.Option(help="Seed of the hidden world.")] = 1,
    speed: Annotated[
        float,
        typer.Option(
            help="Laboratory seconds per second, above 0; for emulated laboratories."
        ),
    ] = 1.0,
    keep_world: Annotated[
        bool, typer.Option("--keep-world", help="Go on with the run dir's old world.")
    ] = False,
    autostart: Annotated[
        bool, typer.Option(help="Configure and activate the devices.")
    ] = True,
) -> None:
    """Bring up every node in a process of its own; Ctrl-C stops them safely."""
    if not 0 < speed < float("inf"):
        msg = f"speed {speed} must be above 0 and finite; 1 is real time"
        raise InvalidInput(msg)
    if speed != 1.0 and not emulated:
        msg = f"speed {speed} is for emulated laboratories; real ones run at 1"
        raise HpLabError(msg)
    from hp_lab.nodes.bringup import LabOptions
    from hp_lab.nodes.supervisor import free_tcp_ports, supervise

    lab_path = config_file(lab, "lab.yaml")
    load_lab_config(lab_path)
    options = LabOptions(
        lab_file=lab_path.resolve(),
        emulated=emulated,
        stocks_file=config_file(stocks, "stocks.yaml").resolve(),
        run_dir=run_dir.resolve(),
        seed=seed,
        speed=speed,
        # Where laboratory and real time agree; ROS stamps have 32 bits of seconds.
        origin_s=WallClock().now_s(),
        tcp_ports=free_tcp_ports() if emulated else (0, 0),
    )
    with only_laboratory():
        if emulated:
            run_dir.mkdir(parents=True, exist_ok=True)
            if not keep_world:
                (run_dir / "world.jsonl").unlink(missing_ok=True)
        code = supervise(options, autostart=autostart, say=console.print)
    raise typer.Exit(code)


def doctor(
    lab: Annotated[Path | None, typer.Option(help="Laboratory (YAML).")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is installed, what is connected and what is wrong.

    Exit code 1 where software or the laboratory's file is wrong; instruments may be
    unplugged.
    """
    rows = [
        ("Python", platform.python_version(), "ok"),
        ("ROS", os.environ.get("ROS_DISTRO", "wheels"), _ros_state()),
    ]
    for name in _LIBRARIES:
        try:
            rows.append((name, importlib.metadata.version(name), "ok"))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "", "missing: pip install it"))
    try:
        path = config_file(lab, "lab.yaml")
        config = load_lab_config(path)
    except HpLabError as error:
        rows.append(("laboratory", "", str(error)))
        config = None
    else:
        rows.append(("laboratory", str(path), "ok"))
    sound = all(state == "ok" for _, _, state in rows)
    if config is not None:
        ports = {
            "pipettor": config.pipettor.address,
            "spectrometer": config.spectrometer.address,
            "spin coater motor": config.spin_coater.motor_port,
            "spin coater relay": config.spin_coater.relay_port,
            "gantry": config.gantry.motion_port,
            "gripper": config.gantry.gripper_port,
            "lights": config.spectrometer.light_port,
            **{name: plate.port for name, plate in config.hotplates.items()},
        }
        rows += [(name, port, _port_state(port)) for name, port in ports.items()]
    rows.append(_security_row())
    if as_json:
        print_json([{"what": w, "value": v, "state": s} for w, v, s in rows])
    else:
        print_table("hp-lab doctor", ("what", "value", "state"), rows)
    if not sound:
        raise typer.Exit(1)


def _ros_state() -> str:
    if importlib.util.find_spec("rclpy") is None:
        return "missing: source a ROS 2 or run `make test` once"
    if importlib.util.find_spec("hp_lab_interfaces") is None:
        return "hp_lab_interfaces missing: colcon build"
    return "ok"


def _port_state(port: str) -> str:
    path = Path(port)
    if not port.startswith("/"):
        return "not a device file; not checked"
    if not path.exists():
        return "not there: is it plugged in?"
    if not os.access(path, os.R_OK | os.W_OK):
        return "no permission: add yourself to the group dialout"
    return "ok"


def _security_row() -> tuple[str, str, str]:
    wanted = os.environ.get("ROS_SECURITY_ENABLE", "false").lower() == "true"
    enforced = os.environ.get("ROS_SECURITY_STRATEGY", "") == "Enforce"
    if wanted and not enforced:
        return (
            "security",
            "asked for, not enforced",
            "set ROS_SECURITY_STRATEGY=Enforce; without it nodes start unprotected",
        )
    return ("security", "enforced" if enforced else "off", "ok")
