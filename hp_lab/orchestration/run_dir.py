"""A run's directory: everything that belongs to one campaign or worklist.

::

    runs/demo-001/
        campaign.yaml or worklist.json   what was asked for, as it was given
        lab.yaml, stocks.yaml            the laboratory it was run in
        journal.sqlite                   what happened
        world.jsonl                      the hidden world, of an emulated laboratory
        report.html                      what a person reads
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hp_lab.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class RunDir:
    """Paths inside a run's directory."""

    path: Path

    @property
    def run_id(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def campaign(self) -> Path:
        """The campaign file."""
        return self.path / "campaign.yaml"

    @property
    def worklist(self) -> Path:
        """The worklist file."""
        return self.path / "worklist.json"

    @property
    def lab(self) -> Path:
        """The laboratory's description."""
        return self.path / "lab.yaml"

    @property
    def stocks(self) -> Path:
        """The stock solutions."""
        return self.path / "stocks.yaml"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.sqlite"

    @property
    def world(self) -> Path:
        """The hidden world's log."""
        return self.path / "world.jsonl"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def remove(self) -> None:
        """Remove the directory, and that of all runs if this was the only one."""
        shutil.rmtree(self.path)
        with suppress(OSError):
            self.path.parent.rmdir()


def create_run_dir(root: Path, name: str, files: dict[str, str | Path]) -> RunDir:
    """Make ``root/NAME-NNN`` with these files, complete or not at all.

    Args:
        root: Directory of all runs; made when missing.
        name: What the run is called.
        files: File name to its text, or the path of a file to copy.

    Raises:
        InvalidInput: The name cannot be a directory's, or root cannot be written.
    """
    if not name or any(c in name for c in "/\\\0") or name.startswith("."):
        msg = f"run name {name!r}: must be usable as a directory name, such as demo"
        raise InvalidInput(msg)
    try:
        root.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            target = root / f"{name}-{number:03d}"
            draft = root / f".{target.name}.draft"
            if not target.exists():
                try:
                    draft.mkdir()
                    break
                except FileExistsError:
                    # Somebody is making this very run, or died doing so.
                    pass
            number += 1
        for file, content in files.items():
            if isinstance(content, Path):
                shutil.copyfile(content, draft / file)
            else:
                (draft / file).write_text(content, encoding="utf-8")
        draft.rename(target)
    except OSError as error:
        msg = f"{root}: a run cannot be written there ({error}); choose --runs"
        raise InvalidInput(msg) from error
    return RunDir(target)


def find_run_dir(root: Path, run: str) -> RunDir:
    """Return a run by name or path; an empty name is the newest.

    Raises:
        InvalidInput: There is no such run.
    """
    if run:
        for path in (Path(run), root / run):
            if (path / "journal.sqlite").exists():
                return RunDir(path)
        msg = f"run {run}: no journal in {run} or {root / run}; `ls {root}` shows runs"
        raise InvalidInput(msg)
    found = sorted(root.glob("*/journal.sqlite"), key=lambda p: p.stat().st_mtime)
    if not found:
        msg = f"{root}: holds no run; start one with `hp-lab campaign run FILE`"
        raise InvalidInput(msg)
    return RunDir(found[-1].parent)
