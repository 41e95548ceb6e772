"""The same problems on other libraries, in an environment of their own.

``--peers`` makes a virtual environment .venv-peers beside the project (gpax 0.1.9 with
the numpyro and jax that it imports, and dynesty), runs planner_peers_worker.py in it,
and adds its figures to the case's.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from planner_bars import at_most

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-peers"
PACKAGES = ("dynesty", "gpax==0.1.9", "numpyro==0.18.0", "jax<0.6.3", "jaxlib<0.6.3")
_TIMEOUT_S = 7200


def python() -> Path:
    """Return the interpreter of the peers' environment, making it where needed.

    Raises:
        CalledProcessError: The environment cannot be made; pip says why.
    """
    interpreter = ENVIRONMENT / "bin" / "python"
    if not interpreter.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        pip = [str(interpreter), "-m", "pip", "install", "-q", *PACKAGES]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    return interpreter


def compare(case: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return a case's figures with those of the peers that know the case."""
    if case not in ("toy-a", "evidence"):
        return {**result, "peers": f"no peer has the case {case}"}
    worker = Path(__file__).with_name("planner_peers_worker.py")
    run = subprocess.run(
        [str(python()), str(worker), case],
        check=True,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    peers = json.loads(run.stdout.splitlines()[-1])
    bars = list(result["bars"])
    if case == "toy-a":
        for name, factor in (("power|power", 20), ("linear|linear", 100)):
            own = sorted(result["models"][name]["cpu_s"])
            ours = own[len(own) // 2]
            theirs = peers[name]["seconds"]
            bars.append(
                at_most(
                    f"time against gpax in this run, {name}", ours / theirs, 1 / factor
                )
            )
    return {**result, "peers": peers, "bars": bars}
