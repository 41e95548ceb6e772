"""The set-up script: what it needs, what it redoes, what it says when it cannot."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PYTHON_312 = {"version": "3.12", "makes_venvs": True, "has_headers": True}


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the scripts importable by the names they import one another by."""
    names = [path.stem for path in (ROOT / "scripts").glob("*.py")]
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    for variable in ("PYTHON", "ROS_DISTRO"):
        monkeypatch.delenv(variable, raising=False)
    yield
    for name in names:
        sys.modules.pop(name, None)


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


def a_python(**what_it_has: object) -> object:
    return script("host").Python(command="python3", **PYTHON_312 | what_it_has)


def test_a_step_is_redone_when_what_it_was_done_from_has_changed(tmp_path: Path):
    stamps = script("stamps").Stamps(tmp_path / "stamps")
    source = tmp_path / "a.txt"
    source.write_text("one")
    before = script("stamps").fingerprint([source], "jazzy")
    assert not stamps.matches("step", before)
    stamps.set("step", before)
    assert stamps.matches("step", before)
    source.write_text("two")
    assert not stamps.matches("step", script("stamps").fingerprint([source], "jazzy"))


def test_a_fingerprint_tells_files_that_swapped_their_contents(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("1")
    second.write_text("2")
    before = script("stamps").fingerprint([first, second])
    first.write_text("2")
    second.write_text("1")
    assert script("stamps").fingerprint([second, first]) != before


def test_this_very_interpreter_is_one_to_build_on():
    here = script("host").ask_python(sys.executable)
    assert here.version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert here.version in script("host").SUPPORTED_PYTHONS


def test_an_interpreter_that_is_not_there_is_no_answer():
    assert script("host").ask_python("python2.3") is None


def test_a_python_that_is_too_old_is_named_with_its_version(
    monkeypatch: pytest.MonkeyPatch,
):
    host = script("host")
    monkeypatch.setattr(host, "ask_python", lambda _: a_python(version="3.10"))
    with pytest.raises(host.SetUpError, match=r"3\.11 or 3\.12 \(python3 is 3\.10"):
        host.find_python(None)


def test_a_sourced_ros_needs_the_python_that_imports_it(
    monkeypatch: pytest.MonkeyPatch,
):
    host = script("host")
    answers = {"python3": a_python(), "/usr/bin/python3": a_python(has_rclpy=True)}
    monkeypatch.setattr(host, "ask_python", answers.get)
    assert host.find_python("jazzy") is answers["/usr/bin/python3"]
    answers["/usr/bin/python3"] = a_python()
    with pytest.raises(host.SetUpError, match="imports its rclpy"):
        host.find_python("jazzy")


def test_missing_packages_are_named_as_debian_names_them(
    monkeypatch: pytest.MonkeyPatch,
):
    host = script("host")
    monkeypatch.setattr(host.shutil, "which", lambda _: None)
    monkeypatch.setattr(host.ctypes.util, "find_library", lambda _: None)
    bare = a_python(makes_venvs=False, has_headers=False)
    assert host.missing_packages(bare, compiles=True) == [
        "git",
        "libusb-1.0-0",
        "python3.12-venv",
        "g++",
        "cmake",
        "make",
        "python3.12-dev",
    ]
    assert "g++" not in host.missing_packages(bare, compiles=False)


def test_where_nothing_can_be_installed_one_line_has_the_command(
    monkeypatch: pytest.MonkeyPatch,
):
    host = script("host")
    monkeypatch.setattr(host, "_sudo", lambda: None)
    monkeypatch.setattr(host.shutil, "which", lambda _: "/usr/bin/apt-get")
    with pytest.raises(host.SetUpError, match="sudo apt-get install -y cmake g") as no:
        host.install(["cmake", "g++"])
    assert "\n" not in str(no.value)


def test_another_ros_than_the_sourced_one_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    with pytest.raises(script("host").SetUpError, match="jazzy is sourced"):
        script("plan").make_plan(venv=Path(".venv-kilted"), distro="kilted", lock="")


def test_a_distribution_without_wheels_is_refused():
    with pytest.raises(script("host").SetUpError, match="jazzy and kilted"):
        script("plan").make_plan(venv=Path(".venv-humble"), distro="humble", lock="")


@pytest.mark.parametrize(
    ("distro", "is_sourced", "numpy", "locks"),
    [
        (None, False, None, ["lock.txt"]),
        ("jazzy", False, None, ["lock.txt", "colcon.txt", "ros-jazzy.txt"]),
        (
            "jazzy",
            True,
            "1.26.4",
            ["lock-ubuntu-24.04.txt", "colcon-ubuntu-24.04.txt"],
        ),
        ("jazzy", True, "2.4.6", ["lock.txt", "colcon.txt"]),
    ],
)
def test_the_locks_fit_where_ros_comes_from(
    distro: str | None, is_sourced: bool, numpy: str | None, locks: list[str]
):
    names = script("plan").lock_names(
        a_python(numpy=numpy), lock="", distro=distro, is_sourced=is_sourced
    )
    assert names == locks


def test_the_numpy_of_a_sourced_ros_is_kept(tmp_path: Path):
    lock = tmp_path / "lock.txt"
    lock.write_text("# Pinned\nnumpy==2.4.6\nscipy==1.17.1\n")
    venv = tmp_path / ".venv"
    venv.mkdir()
    plan = script("plan").Plan(
        venv=venv,
        distro="jazzy",
        is_sourced=True,
        python=a_python(numpy="1.26.4"),
        locks=(lock,),
    )
    kept = script("bootstrap").with_numpy_of_ros(plan, lock).read_text()
    assert "numpy==1.26.4" in kept
    assert "2.4.6" not in kept


def test_only_what_decides_the_installation_needs_a_build():
    shape = script("bootstrap").package_shape()
    assert "config/lab.yaml" in shape
    assert "hp_lab/units.py" not in shape
