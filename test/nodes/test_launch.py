"""The launch file brings up what the table of nodes says."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")
pytest.importorskip("launch_ros", reason="launch_ros is not installed here")
pytest.importorskip("launch_testing", reason="launch_testing is not installed here")

from commands import ROOT

from hp_lab.lab_config import load_lab_config
from hp_lab.nodes.bringup import LabOptions, node_table
from launch import LaunchContext

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def test_the_launch_file_builds_from_the_table(tmp_path: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("lab", ROOT / "launch/lab.launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    context = LaunchContext(argv=[])
    description = module.generate_launch_description()
    context.launch_configurations.update(
        {
            "lab_file": str(ROOT / "config/lab.yaml"),
            "stocks_file": str(ROOT / "config/stocks.yaml"),
            "emulated": "true",
            "run_dir": str(tmp_path),
            "seed": "1",
            "autostart": "true",
            "rviz": "false",
        }
    )
    entities = module._laboratory(context)
    names = [e.node_name for e in entities if hasattr(e, "node_name")]
    lab = load_lab_config(ROOT / "config/lab.yaml")
    options = LabOptions(lab_file=ROOT / "config/lab.yaml", emulated=True)
    wanted = [spec.name for spec in node_table(lab, options)]
    assert [name.lstrip("/") for name in names] == wanted
    assert description.entities
