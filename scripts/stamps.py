"""Stamps: what a step of the set-up was last done from, so as not to do it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(files: Iterable[Path], *texts: str) -> str:
    """Return a digest of the files' names and contents and of the texts."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    for file in sorted(files):
        digest.update(str(file).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


class Stamps:
    """The stamps of one environment, a file each, kept inside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def matches(self, step: str, key: str) -> bool:
        """Return whether the step was last done from this very input."""
        stamp = self._folder / step
        return stamp.exists() and stamp.read_text(encoding="utf-8") == key

    def set(self, step: str, key: str) -> None:
        """Note that the step is done."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / step).write_text(key, encoding="utf-8")
