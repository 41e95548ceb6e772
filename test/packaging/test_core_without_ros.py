"""Everything but the nodes is imported, and used, without ROS."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import hp_lab

ROOT = Path(__file__).parents[2]

# Run with ROS made unfindable, where there is one.
IMPORT_ALL = """
import importlib, sys
ROS = {"rclpy", "hp_lab_interfaces", "ament_index_python", "rosidl_runtime_py"}

class NoRos:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ROS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoRos())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@pytest.mark.slow
def test_the_core_and_the_command_line_import_without_ros():
    modules = [
        module.name
        for module in pkgutil.walk_packages(hp_lab.__path__, "hp_lab.")
        if not module.name.startswith("hp_lab.nodes")
        and not module.name.endswith("__main__")
    ]
    outcome = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
