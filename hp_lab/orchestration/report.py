"""A run's report, from its journal."""

from pathlib import Path

from hp_lab.orchestration.run_dir import RunDir


def report_run(run_dir: RunDir) -> Path:
    """Write the report of a run and return its path."""
    return run_dir.report
