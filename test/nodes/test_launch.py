"""``ros2 launch hp_lab lab.launch.py emulated:=true``, from the start to Ctrl-C.

launch_testing runs this very file in a process of its own: it brings up what
``generate_test_description`` describes, runs ``WhileItIsUp``, ends the laboratory and
runs ``AfterItsEnd``. pytest only starts that, and skips where ROS 2 has no launch.
"""

import json
import subprocess
import sys
import time
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")
pytest.importorskip("launch_ros", reason="launch_ros is not installed here")
pytest.importorskip("launch_testing", reason="launch_testing is not installed here")

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from hp_lab_interfaces.action import Anneal
from hp_lab_interfaces.msg import AnnealSegment
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_testing.actions import ReadyToTest
from launch_testing.asserts import assertExitCodes
from launch_testing.decorator import post_shutdown_test

from hp_lab.lab_config import load_lab_config
from hp_lab.nodes.bringup import LabOptions, NodeSpec, node_table
from hp_lab.nodes.client import LabClient
from hp_lab.nodes.goals import GoalSender
from hp_lab.nodes.lifecycle import LifecycleManager
from launch import LaunchDescription

try:
    get_package_prefix("hp_lab")
except PackageNotFoundError:
    pytest.skip("hp_lab is not built here (colcon build)", allow_module_level=True)

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
RUN_DIR = Path("runs/emulated-lab")  # of lab.launch.py, where launch_testing runs
UP_S = 90.0
HOT_C = 150.0


def generate_test_description() -> LaunchDescription:
    lab = PythonLaunchDescriptionSource(str(ROOT / "launch" / "lab.launch.py"))
    arguments = {"emulated": "true"}.items()
    return LaunchDescription(
        [IncludeLaunchDescription(lab, launch_arguments=arguments), ReadyToTest()]
    )


def table() -> list[NodeSpec]:
    lab_file = ROOT / "config" / "lab.yaml"
    options = LabOptions(lab_file=lab_file, emulated=True)
    return node_table(load_lab_config(lab_file), options)


def setpoints(plate: str) -> Iterator[float | None]:
    """What the hidden world was told of a hotplate; None is off."""
    for line in (RUN_DIR / "world.jsonl").read_text().splitlines():
        call = json.loads(line)
        if call.get("call") == "set_plate" and call["plate"] == plate:
            yield call["setpoint_c"]


class WhileItIsUp(unittest.TestCase):
    __test__ = False

    def test_every_node_comes_up_and_every_device_gets_active(self) -> None:
        wanted = {spec.name for spec in table()}
        managed = [spec.name for spec in table() if spec.managed]
        with LabClient("observer") as client:
            names = client.node.get_node_names
            assert client.wait_until(lambda: wanted <= set(names()), UP_S), names()
            manager = LifecycleManager(client.node, client.runtime, managed)
            assert client.wait_until(lambda: not manager.missing(), UP_S)
            states: dict[str, str] = {}
            deadline_s = time.monotonic() + UP_S
            while set(states.values()) != {"active"}:
                assert time.monotonic() < deadline_s, states

                async def ask() -> None:
                    for name in managed:
                        states[name] = await manager.state(name)

                client.finish(ask())
                client.wait_until(lambda: False, 0.5)

            # A heater is on when the laboratory is told to end.
            sender = GoalSender(client.node, client.runtime, Anneal, "/hotplate/anneal")
            assert client.wait_until(lambda: sender.ready, UP_S)
            profile = [AnnealSegment(temperature_c=HOT_C, hold_s=600.0)]
            goal = Anneal.Goal(position="hotplate/1", profile=profile)
            client.finish(sender.start(goal, "observer"))
            assert client.wait_until(lambda: HOT_C in setpoints("hotplate"), UP_S)


@post_shutdown_test()
class AfterItsEnd(unittest.TestCase):
    __test__ = False

    def test_every_node_ended_by_itself(self, proc_info: Any) -> None:
        assert len(proc_info.process_names()) == len(table())
        assertExitCodes(proc_info)

    def test_every_heater_is_off(self, proc_output: Any) -> None:
        assert list(setpoints("hotplate"))[-1] is None
        said = "".join(line.text.decode() for line in proc_output)
        assert "not safe" not in said, said


def test_the_launch_file_brings_the_laboratory_up_and_down(tmp_path: Path) -> None:
    from commands import environment
    from ros_domain import domain_id

    with domain_id() as domain:
        done = subprocess.run(
            [sys.executable, "-m", "launch_testing.launch_test", __file__],
            cwd=tmp_path,
            env=environment(domain),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
