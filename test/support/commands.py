"""The command line, run as a person would: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LAB_S = 600


def environment(domain: int) -> dict[str, str]:
    """Return an environment in which nobody else's laboratory is seen."""
    wanted = dict(os.environ)
    # A child of this interpreter has to set its libraries' paths up anew.
    wanted.pop("_ROS_WHEELS_BOOTSTRAP_COMPLETE", None)
    wanted["ROS_DOMAIN_ID"] = str(domain)
    wanted["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    wanted["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), *filter(None, [wanted.get("PYTHONPATH")])]
    )
    return wanted


def command(*arguments: str) -> list[str]:
    """Return the command line of hp-lab in this source tree."""
    return [sys.executable, "-m", "hp_lab.cli", *arguments]


def hp_lab(
    *arguments: str, cwd: Path, domain: int = 0, timeout_s: float = LAB_S
) -> subprocess.CompletedProcess[str]:
    """Run hp-lab to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(domain),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def hp_lab_json(*arguments: str, cwd: Path, domain: int = 0) -> Any:
    """Run hp-lab with --json and return what it printed."""
    done = hp_lab(*arguments, "--json", cwd=cwd, domain=domain)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)
