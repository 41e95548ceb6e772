"""The same problems on other libraries, in an environment of their own.

``--peers`` makes a virtual environment .venv-peers beside the project, runs a worker
script in it and adds its figures to the case's. The module of a case registers what it
compares::

    @planner_peers.comparison("pareto")
    def _against_botorch(result):
        peers = planner_peers.run("planner_pareto_worker.py", "20")
        return peers, [at_least("...", ratio, 0.95)]
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-peers"
# Installed one group after another: torch first and alone, so that what is built on
# it takes the build that is there. gpax 0.1.9 fails to import with a newer numpyro.
PACKAGES = (
    ("torch==2.13.0",),
    ("botorch", "dynesty", "gpax==0.1.9", "numpyro==0.18.0", "jax<0.6.3"),
)
_TIMEOUT_S = 4 * 3600

Json = dict[str, Any]
# From a case's result to its peers' figures and the bars that come of them.
Comparison = Callable[[Json], tuple[Json, list[Json]]]
COMPARISONS: dict[str, Comparison] = {}


def comparison(case: str) -> Callable[[Comparison], Comparison]:
    """Register what compares a case with its peers; use as a decorator."""

    def register(function: Comparison) -> Comparison:
        COMPARISONS[case] = function
        return function

    return register


def compare(case: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return a case's result with the figures and bars of its peers."""
    if case not in COMPARISONS:
        return {**result, "peers": f"no peer has the case {case}"}
    peers, bars = COMPARISONS[case](result)
    return {**result, "peers": peers, "bars": [*result["bars"], *bars]}


def python() -> Path:
    """Return the interpreter of the peers' environment, making it where needed.

    Raises:
        CalledProcessError: The environment cannot be made; pip says why.
    """
    interpreter = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / "packages.json"
    wanted = json.dumps(PACKAGES)
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        for group in PACKAGES:
            pip = [str(interpreter), "-m", "pip", "install", "-q", *group]
            subprocess.run(pip, check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return interpreter


def run(worker: str, *arguments: str, given: Json | None = None) -> Json:
    """Run a script of this folder in the peers' environment; return its last line.

    Args:
        worker: File name; its last line on standard output is JSON.
        arguments: What follows the file name.
        given: Goes to the script's standard input as JSON.

    Raises:
        CalledProcessError: The script failed; its standard error says why.
        TimeoutExpired: It takes longer than four hours.
    """
    script = Path(__file__).with_name(worker)
    ended = subprocess.run(
        [str(python()), str(script), *arguments],
        check=True,
        stdout=subprocess.PIPE,
        input=json.dumps(given),
        text=True,
        timeout=_TIMEOUT_S,
        # Libraries of many threads only get in each other's way on a few cores.
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    return json.loads(ended.stdout.splitlines()[-1])
