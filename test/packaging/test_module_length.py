"""No module grows beyond what a person reads in one go.

About 400 lines is the aim; from 500 on a module has two nouns.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 500
MODULES = sorted((ROOT / "hp_lab").rglob("*.py")) + sorted(
    (ROOT / "scripts").glob("*.py")
)


@pytest.mark.parametrize(
    "module", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES]
)
def test_no_module_is_longer_than_a_person_reads(module: Path):
    lines = len(module.read_text("utf-8").splitlines())
    assert lines <= MOST_LINES, f"{module.name} has {lines} lines: split it by noun"
