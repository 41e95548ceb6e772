"""The laboratory as people run it: a process a node, real wires, real time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

import yaml
from commands import ROOT, command, environment, hp_lab
from ros_domain import domain_id

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(600)]

QUICK = {
    "name": "smoke",
    "seed": 3,
    "space": {
        "spacer": {"type": "molecule", "choices": ["PEA", "BA"]},
        "n": {"type": "ordinal", "values": [2, 3]},
    },
    "objectives": [{"quantity": "phase_purity", "goal": "maximize"}],
    "budget": {"films": 2, "parallel": 2},
    "process": {
        "spin": [{"speed_rpm": 4000, "duration_s": 6, "acceleration_rpm_s": 4000}],
        "precursor_offset_s": -2,
        "drop_time_s": 4,
        "mix_repetitions": 0,
        "anneal_c": 40,
        "anneal_s": 3,
        "rest_s": 1,
        "measurements": [
            {"mode": "absorbance", "averages": 1},
            {"mode": "photoluminescence", "averages": 1},
        ],
    },
}
NODES = {
    "pipettor",
    "spin_coater",
    "hotplate",
    "hotplate_2",
    "spectrometer",
    "gantry",
    "planner",
    "campaign",
    "safety",
    "sim_lab",
}
# Run inside another process, as any program of the laboratory's network would.
OUTSIDE = """
import json, sys, time
import rclpy
from rclpy.node import Node
from hp_lab_interfaces.msg import Spectrum

rclpy.init()
node = Node("observer")
seen = []
node.create_subscription(Spectrum, "/spectrometer/spectrum", seen.append, 10)
deadline = time.monotonic() + float(sys.argv[1])
while time.monotonic() < deadline and not seen:
    rclpy.spin_once(node, timeout_sec=0.2)
from rclpy.action import get_action_names_and_types
print(json.dumps({
    "nodes": sorted(node.get_node_names()),
    "topics": {k: v for k, v in node.get_topic_names_and_types()},
    "services": {k: v for k, v in node.get_service_names_and_types()},
    "actions": {k: v for k, v in get_action_names_and_types(node)},
    "points": len(seen[0].counts) if seen else 0,
}))
rclpy.shutdown()
"""


class Laboratory:
    """`hp-lab up --emulated` in a directory of its own."""

    def __init__(self, directory: Path, domain: int, *options: str) -> None:
        self.directory = directory
        self.domain = domain
        self.log = (directory / "up.log").open("w+")
        self.process = subprocess.Popen(
            command("up", "--emulated", "--speed", "4", *options),
            cwd=directory,
            env=environment(domain),
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def text(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def wait_until_up(self, timeout_s: float = 180.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while "is up" not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline_s, self.text()
            pause(0.2)

    def children(self) -> list[int]:
        listed = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(pid) for pid in listed.stdout.split()]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(40)
        self.log.flush()
        return code

    def report(self) -> dict[str, Any]:
        script = (
            "import sys; from hp_lab.nodes.client import LabClient\n"
            "with LabClient('asker') as client:\n"
            "    print(client.trigger('/sim_lab/report')[1])\n"
        )
        done = self.python(script)
        return json.loads(done.stdout[done.stdout.index("{") :])

    def python(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=self.directory,
            env=environment(self.domain),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done


def pause(seconds: float) -> None:
    """Wait in real time: these tests watch other processes."""
    import threading

    threading.Event().wait(seconds)


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    with domain_id() as domain:
        lab = Laboratory(tmp_path, domain)
        try:
            lab.wait_until_up()
            yield lab
        finally:
            lab.stop()
            lab.log.close()


def safe(report: dict[str, Any]) -> bool:
    plates = [report["hotplate"], report["hotplate_2"]]
    standing = abs(report["odrive"]["rpm"]) < 1.0
    return standing and not any(plate["heater_on"] for plate in plates)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_films_are_made_and_an_outsider_sees_the_graph(laboratory) -> None:
    (laboratory.directory / "quick.yaml").write_text(yaml.safe_dump(QUICK))
    campaign = subprocess.Popen(
        command("campaign", "run", "quick.yaml", "--json"),
        cwd=laboratory.directory,
        env=environment(laboratory.domain),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = json.loads(laboratory.python(OUTSIDE, "100").stdout)
    assert NODES.issubset(seen["nodes"])
    assert seen["topics"]["/spectrometer/spectrum"] == [
        "hp_lab_interfaces/msg/Spectrum"
    ]
    assert seen["actions"]["/hotplate/anneal"] == ["hp_lab_interfaces/action/Anneal"]
    assert seen["services"]["/safety/emergency_stop"] == [
        "hp_lab_interfaces/srv/EmergencyStop"
    ]
    assert seen["points"] > 1000
    busy = hp_lab(
        "campaign", "run", "quick.yaml", cwd=laboratory.directory,
        domain=laboratory.domain,
    )  # fmt: skip
    assert busy.returncode == 2
    assert "is running" in busy.stderr
    output, errors = campaign.communicate(timeout=200)
    assert campaign.returncode == 0, errors
    found = json.loads(output)
    assert found["films_done"] == 2
    children = laboratory.children()
    assert len(children) >= 10
    assert laboratory.stop() == 0
    assert not any(alive(pid) for pid in children)


def test_the_emergency_stop_makes_everything_safe_within_five_seconds(
    laboratory,
) -> None:
    hot = {**QUICK, "process": {**QUICK["process"], "anneal_s": 3000, "anneal_c": 120}}
    (laboratory.directory / "hot.yaml").write_text(yaml.safe_dump(hot))
    campaign = subprocess.Popen(
        command("campaign", "run", "hot.yaml"),
        cwd=laboratory.directory,
        env=environment(laboratory.domain),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + 300
        while safe(laboratory.report()):
            assert time.monotonic() < deadline_s, "nothing ever ran"
        laboratory.python(
            "from hp_lab.nodes.client import LabClient\n"
            "with LabClient('hand') as client:\n"
            "    client.emergency_stop('test')\n"
        )
        stopped_s = time.monotonic()
        while not safe(laboratory.report()):
            assert time.monotonic() - stopped_s < 5.0
    finally:
        campaign.send_signal(signal.SIGINT)
        campaign.wait(30)


def test_devices_become_safe_when_the_heartbeat_is_lost(laboratory) -> None:
    script = (
        "from hp_lab.nodes.client import LabClient\n"
        "from hp_lab_interfaces.action import Anneal\n"
        "from hp_lab_interfaces.msg import AnnealSegment\n"
        "from hp_lab.nodes.goals import GoalSender\n"
        "with LabClient('hand') as client:\n"
        "    name = '/hotplate/anneal'\n"
        "    sender = GoalSender(client.node, client.runtime, Anneal, name)\n"
        "    assert client.wait_until(lambda: sender.ready, 10.0)\n"
        "    profile = [AnnealSegment(temperature_c=150.0, hold_s=3000.0)]\n"
        "    goal = Anneal.Goal(position='hotplate/1', profile=profile)\n"
        "    async def run():\n"
        "        sent = await sender.start(goal, 'hand')\n"
        "        return await sent.result(1e6)\n"
        "    result = client.finish(run())\n"
        "    print(result.error_code, result.message)\n"
    )
    waiting = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=laboratory.directory,
        env=environment(laboratory.domain),
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + 120
    while safe(laboratory.report()):
        assert time.monotonic() < deadline_s
    found = subprocess.run(
        ["pgrep", "-f", "-P", str(laboratory.process.pid), "hp_lab.nodes.safety"],
        capture_output=True,
        text=True,
        check=True,
    )
    os.kill(int(found.stdout.split()[0]), signal.SIGSTOP)
    try:
        output, _ = waiting.communicate(timeout=30)
        assert "heartbeat" in output
        assert safe(laboratory.report())
    finally:
        os.kill(int(found.stdout.split()[0]), signal.SIGCONT)


def test_a_busy_port_is_said_to_be_busy(tmp_path: Path) -> None:
    import socket

    with socket.socket() as holder, domain_id() as domain:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        (tmp_path / "stocks.yaml").write_text(
            (ROOT / "config" / "stocks.yaml").read_text()
        )
        done = subprocess.run(
            [
                sys.executable, "-m", "hp_lab.nodes.sim_lab", "--ros-args",
                "-p", f"lab_file:={ROOT / 'config' / 'lab.yaml'}",
                "-p", f"stocks_file:={tmp_path / 'stocks.yaml'}",
                "-p", f"ports_dir:={tmp_path / 'ports'}",
                "-p", f"robot_port:={port}",
            ],
            env=environment(domain), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode != 0
    assert str(port) in done.stderr
    assert "in use" in done.stderr
