"""Make lab_tasks, the tests' own laboratory, importable from the tests beside it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
