"""Brings a laboratory up as separate processes, watches over them, and stops them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from hp_lab.errors import DeviceLost, HpLabError
from hp_lab.lab_config import load_lab_config
from hp_lab.nodes.bringup import LabOptions, NodeSpec, node_table
from hp_lab.nodes.client import LabClient
from hp_lab.nodes.process import StopFlag

Say = Callable[[str], None]
_DISCOVERY_S = 30.0
# In this order: the campaign writes down what it interrupts while devices still answer;
# devices make themselves safe while their emulators still answer.
_STOP_ORDER = (("campaign", "planner"), None, ("safety", "sim_lab"))
# Longer than emulators wait for the nodes of their devices.
_GRACE_S = 12.0
_MAX_RESTARTS = 3


@dataclass(slots=True)
class _Child:
    spec: NodeSpec
    process: subprocess.Popen[bytes]
    restarts: int = 0


def node_command(spec: NodeSpec) -> list[str]:
    """Return the command that runs a node in a process of its own."""
    command = [sys.executable, "-m", f"hp_lab.nodes.{spec.executable}"]
    command += [*spec.arguments, "--ros-args", "-r", f"__node:={spec.name}"]
    for name, value in spec.parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if isinstance(value, str):
            # YAML would read 1e3 or no as something else than text.
            text = f'"{value}"'
        command += ["-p", f"{name}:={text}"]
    return command


def free_tcp_ports() -> tuple[int, int]:
    """Return two TCP ports of the loopback interface that nobody uses now."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def supervise(options: LabOptions, *, autostart: bool, say: Say) -> int:
    """Run the laboratory until SIGINT or SIGTERM; return an exit code.

    A node that dies is started again (a managed one is configured and activated again),
    at most three times.
    """
    lab = load_lab_config(options.lab_file)
    table = node_table(lab, options)
    stop = StopFlag()
    children = {spec.name: _Child(spec, _start(spec)) for spec in table}
    managed = [spec.name for spec in table if spec.managed]
    code = 0
    try:
        with LabClient("hp_lab_supervisor") as client:
            if autostart:
                client.bring_up(managed, _DISCOVERY_S, lambda: stop.raised)
            if not stop.raised:
                say(f"laboratory {lab.name} is up: {', '.join(children)}")
            while not stop.raised:
                client.wait_until(lambda: stop.raised, 0.5)
                code = _revive(children, client, autostart, stop, say)
                if code:
                    break
    except HpLabError as error:
        say(f"error: {error}")
        code = 2
    finally:
        _stop_all(children, say)
    return code


def _start(spec: NodeSpec) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    # A session of its own: Ctrl-C reaches the supervisor, which stops them in order.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and modules
        node_command(spec), env=environment, start_new_session=True
    )


def _revive(
    children: dict[str, _Child],
    client: LabClient,
    autostart: bool,
    stop: StopFlag,
    say: Say,
) -> int:
    for name, child in children.items():
        if child.process.poll() is None:
            continue
        if child.restarts >= _MAX_RESTARTS:
            say(f"error: {name} ended {child.restarts + 1} times; giving up")
            return 1
        say(f"{name} ended with code {child.process.returncode}; starting it again")
        child.restarts += 1
        child.process = _start(child.spec)
        if child.spec.managed and autostart:
            try:
                client.bring_up([name], _DISCOVERY_S, lambda: stop.raised)
            except DeviceLost as error:
                say(f"error: {error}")
    return 0


def _stop_all(children: dict[str, _Child], say: Say) -> None:
    named = {name for group in _STOP_ORDER if group is not None for name in group}
    for group in _STOP_ORDER:
        names = [n for n in children if n not in named] if group is None else group
        _stop_group([children[n] for n in names if n in children], say)


def _stop_group(group: list[_Child], say: Say) -> None:
    for child in group:
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGINT)
    deadline_s = time.monotonic() + _GRACE_S
    for child in group:
        try:
            child.process.wait(max(0.1, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{child.spec.name} does not end; killing it")
            child.process.kill()
            child.process.wait()
