"""The environment's Python finds ROS 2 and this tree, whatever was sourced or not."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ros,
    pytest.mark.skipif(
        importlib.util.find_spec("_hp_lab_startup") is None,
        reason="this Python is not in an environment that make set up",
    ),
]

WHAT_IS_FOUND = """
import hp_lab, json, os, rclpy, hp_lab_interfaces.msg
from ament_index_python.packages import get_package_share_directory
hp_lab_interfaces.msg.Spectrum.__class__.__import_type_support__()
print(json.dumps({
    "hp_lab": hp_lab.__file__,
    "share": get_package_share_directory("hp_lab"),
    "prefixes": os.environ["AMENT_PREFIX_PATH"].split(":"),
    "libraries": os.environ["LD_LIBRARY_PATH"].split(":"),
}))
"""
# What a sourced ROS 2 sets; empty where it comes from wheels.
SOURCED = {
    name: os.environ[name]
    for name in ("PYTHONPATH", "ROS_DISTRO")
    if name in os.environ
}


def found_with(folder: Path, **variables: str) -> dict[str, object]:
    """Return what a new Python finds that has no variables but these."""
    outcome = subprocess.run(
        [sys.executable, "-c", WHAT_IS_FOUND],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **SOURCED, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_nothing_has_to_be_sourced(tmp_path: Path):
    found = found_with(tmp_path)
    assert found["share"] == f"{sys.prefix}/share/hp_lab"
    assert f"{sys.prefix}/lib" in found["libraries"]


def test_the_source_tree_is_what_runs(tmp_path: Path):
    assert found_with(tmp_path)["hp_lab"] == str(ROOT / "hp_lab" / "__init__.py")
    share = Path(sys.prefix) / "share" / "hp_lab"
    assert (share / "config" / "lab.yaml").resolve() == ROOT / "config" / "lab.yaml"
    assert (Path(sys.prefix) / "bin" / "hp-lab").resolve() == ROOT / "bin" / "hp-lab"


def test_a_mark_inherited_from_another_environment_is_not_believed(tmp_path: Path):
    found = found_with(
        tmp_path, _ROS_WHEELS_BOOTSTRAP_COMPLETE="1", LD_LIBRARY_PATH="/elsewhere/lib"
    )
    assert found["libraries"][0] == f"{sys.prefix}/lib"


def test_a_workspace_sourced_over_the_environment_comes_first(tmp_path: Path):
    over = f"{tmp_path}:{sys.prefix}"
    assert found_with(tmp_path, AMENT_PREFIX_PATH=over)["prefixes"] == over.split(":")


def test_arguments_survive_the_second_start(tmp_path: Path):
    arguments = ["-W", "ignore", "-c", "import sys; print(sys.argv[1:])", "a b", "$c"]
    outcome = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert outcome.stdout == "['a b', '$c']\n"
