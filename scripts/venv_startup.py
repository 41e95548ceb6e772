"""Let every Python of the environment find ROS 2 and this project, nothing sourced.

Set-up copies this file into the environment and has a .pth file import it, so it runs
before anything else does. A process reads LD_LIBRARY_PATH only when it starts:
where a folder is missing from it, the interpreter is started again with the same
arguments. Its own re-start has the wheels' bootstrapper stand back, which orders the
folders by chance and believes a mark that a child of another environment inherits.
"""

import os
import sys
from pathlib import Path

SITE_PACKAGES = Path(__file__).parent
RESTARTED = "_HP_LAB_RESTARTED_PID"
WHEELS_MARK = "_ROS_WHEELS_BOOTSTRAP_COMPLETE"


def library_folders() -> list[str]:
    """Return where this environment's shared libraries are."""
    bundled = sorted(str(path) for path in SITE_PACKAGES.glob("ros_*.libs"))
    return [str(Path(sys.prefix) / "lib"), *bundled]


def completed(variable: str, folders: list[str]) -> str:
    """Return the variable's value with the missing ones of these folders in front.

    Those that are there keep their place: a workspace sourced over this environment
    comes before it.
    """
    present = [part for part in os.environ.get(variable, "").split(":") if part]
    return ":".join([folder for folder in folders if folder not in present] + present)


def find_everything() -> None:
    """Complete the environment variables; start again if libraries were missing."""
    os.environ["AMENT_PREFIX_PATH"] = completed("AMENT_PREFIX_PATH", [sys.prefix])
    libraries = completed("LD_LIBRARY_PATH", library_folders())
    if libraries == os.environ.get("LD_LIBRARY_PATH"):
        return
    # exec keeps the process id: this process never starts again twice.
    if os.environ.get(RESTARTED) == str(os.getpid()):
        return
    os.environ["LD_LIBRARY_PATH"] = libraries
    os.environ[RESTARTED] = str(os.getpid())
    os.environ[WHEELS_MARK] = "1"
    os.execv(  # noqa: S606 - the same interpreter with the same arguments
        sys.executable, [sys.executable, *sys.orig_argv[1:]]
    )


find_everything()
