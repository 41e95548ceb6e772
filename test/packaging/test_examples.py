"""The examples run as they are."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


# A closed loop takes half a minute of a processor that others use too.
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("structured_gp.py", "confinement does not need its GP"),
        ("closed_loop.py", "best c0"),
    ],
)
def test_an_example_runs_to_its_end(name, says, tmp_path):
    ended = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert says in ended.stdout
