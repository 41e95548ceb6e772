"""What is imported is asked for."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Import names that differ from the names of their packages.
PACKAGE_OF = {
    "cv2": "opencv-python-headless",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
    "sqlalchemy": "SQLAlchemy",
}
# What a ROS 2 brings, named in package.xml.
ROS_PACKAGE = re.compile(r"rclpy|launch\w*|\w+_msgs|\w+_interfaces|std_srvs|ament_\w+")


def imported_by(folder: str) -> set[str]:
    """Return the top-level names that the modules of a folder import."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return {name.partition(".")[0] for name in names}


def asked_for(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    return {re.split(r"[\[<>=\s#]", line)[0] for line in lines} - {""}


def third_party(folder: str) -> set[str]:
    names = imported_by(folder) - sys.stdlib_module_names - {"hp_lab"}
    return {PACKAGE_OF.get(name, name) for name in names}


def test_every_library_that_hp_lab_imports_is_in_core_in():
    libraries = {
        name for name in third_party("hp_lab") if not ROS_PACKAGE.fullmatch(name)
    }
    assert libraries - asked_for("core.in") == set()


def test_every_ros_package_that_hp_lab_imports_is_in_package_xml():
    packages = {name for name in third_party("hp_lab") if ROS_PACKAGE.fullmatch(name)}
    packages |= third_party("launch")
    manifest = (ROOT / "package.xml").read_text("utf-8")
    declared = set(re.findall(r"<(?:exec_)?depend>(\w+)</", manifest))
    assert packages - declared == set()
