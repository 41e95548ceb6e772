"""No module grows beyond what a person reads in one go."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 400
MODULES = sorted((ROOT / "hp_lab").rglob("*.py")) + sorted(
    (ROOT / "scripts").glob("*.py")
)


@pytest.mark.parametrize(
    "module", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES]
)
def test_no_module_is_longer_than_400_lines(module: Path):
    lines = len(module.read_text("utf-8").splitlines())
    assert lines <= MOST_LINES, f"{module.name} has {lines} lines: split it by noun"
