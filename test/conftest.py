"""What all tests share: one thread a process, and a ROS graph that is theirs alone."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from ros_domain import domain_id

HAS_ROS = importlib.util.find_spec("rclpy") is not None
NODE_TESTS = Path(__file__).parent / "nodes"

# Read when numpy and rclpy are first imported, which is after this.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

# A slow machine is no failure, and what CI finds must be found again.
hypothesis.settings.register_profile(
    "hp_lab", deadline=None, derandomize="CI" in os.environ
)
hypothesis.settings.load_profile("hp_lab")

# What tests share is imported by them; doctests are looked for in hp_lab.
collect_ignore = ["support"] if HAS_ROS else ["support", "nodes"]


def pytest_report_header() -> str:
    if HAS_ROS:
        return "ROS 2: found; every test file has a domain of its own"
    return "ROS 2: none here; test/nodes is left out, tests marked ros are skipped"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if NODE_TESTS in item.path.parents:
            item.add_marker(pytest.mark.ros)
        if not HAS_ROS and item.get_closest_marker("ros"):
            item.add_marker(pytest.mark.skip(reason="rclpy cannot be imported here"))


@pytest.fixture(scope="module", autouse=True)
def ros_domain_id(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the tests of a file a ROS domain that no other process on this machine has.

    A laboratory that runs on the developer's own domain never hears of the tests.
    """
    with pytest.MonkeyPatch.context() as environment, domain_id() as domain:
        environment.setenv("ROS_DOMAIN_ID", str(domain))
        environment.setenv("ROS_LOG_DIR", str(tmp_path_factory.getbasetemp()))
        yield domain
