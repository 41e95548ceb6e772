"""The append-only journal: what happened, in order, and nothing is ever changed.

Intent is appended before an action is sent, its outcome after it. State is a fold over
these events, so a laboratory that restarts replays them.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hp_lab.errors import JournalError
from hp_lab.store.canonical import canonical_json
from hp_lab.store.database import EVENTS, Database

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event as it is in the journal.

    Attributes:
        sequence: 1 for the first event, then without gaps.
        lab_time_s: Laboratory time, seconds since the Unix epoch; virtual in a demo.
        wall_time: When it was written, ISO 8601 in UTC; the one field in which two runs
            with one seed differ.
        sample_id: The film it is about, or empty.
    """

    sequence: int
    kind: str
    data: Mapping[str, Any]
    lab_time_s: float
    wall_time: str
    sample_id: str = ""


class JournalReader:
    """A journal for reading, also while another process writes it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url_or_path: str | Path) -> Self:
        """Open an existing journal by path (SQLite) or database URL.

        Raises:
            JournalError: There is none, or it cannot be read.
        """
        return cls(Database(url_or_path, writable=False))

    @property
    def name(self) -> str:
        """Path or URL (without password) of this journal."""
        return self.database.name

    def events(
        self, after: int = 0, *, sample_id: str | None = None
    ) -> Iterator[StoredEvent]:
        """Return the events with a sequence above after, in order.

        Args:
            after: Sequence of the last event already known.
            sample_id: Only the events of this film.

        Raises:
            JournalError: The journal cannot be read.
        """
        rows = self.database.pages(EVENTS, after=after, sample_id=sample_id, size=_PAGE)
        for row in rows:
            yield StoredEvent(
                sequence=row["id"],
                kind=row["kind"],
                data=_parsed(row["data"], f"{self.name}: event {row['id']}"),
                lab_time_s=row["lab_time_s"],
                wall_time=row["wall_time"],
                sample_id=row["sample_id"],
            )

    def close(self) -> None:
        """Close the journal; may be called twice."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Journal(JournalReader):
    """A journal for its one writer; safe to call from several threads."""

    @classmethod
    def open(cls, url_or_path: str | Path, *, durable: bool = True) -> Self:
        """Open a journal for appending, and make it where there is none.

        Args:
            url_or_path: Path of the SQLite file, or a PostgreSQL URL.
            durable: An event survives a power cut once append returns. Without it the
                last events may be lost then, but none in a crash of the program.

        Raises:
            LaboratoryBusy: Another process writes it; the message names its pid.
            JournalError: The file is damaged, foreign or of another schema.
        """
        return cls(Database(url_or_path, writable=True, durable=durable))

    def append(
        self,
        kind: str,
        data: Mapping[str, object],
        *,
        lab_time_s: float,
        wall_time: datetime | str,
        sample_id: str = "",
    ) -> int:
        """Append one event in a transaction of its own.

        Args:
            kind: What happened, e.g. film_done.
            data: JSON-able details; the error for what is not names the field.
            lab_time_s: Laboratory time, finite.
            wall_time: Real time with a time zone (or ISO 8601 text of it).
            sample_id: The film it is about, or empty.

        Returns:
            The event's sequence.

        Raises:
            JournalError: A value cannot be stored, or the journal cannot be written;
                nothing was appended.
        """
        what = f"event {kind}"
        if not kind or not kind.isprintable():
            msg = f"event kind {kind!r}: must be a name such as film_done"
            raise JournalError(msg)
        if not math.isfinite(lab_time_s):
            msg = f"{what}: lab_time_s is {lab_time_s}; it must be a finite number"
            raise JournalError(msg)
        return self.database.append(
            EVENTS,
            {
                "kind": kind,
                "sample_id": sample_id,
                "lab_time_s": float(lab_time_s),
                "wall_time": _utc_text(wall_time, what),
                "data": canonical_json(data, what),
            },
        )


def _utc_text(wall_time: datetime | str, what: str) -> str:
    try:
        moment = (
            datetime.fromisoformat(wall_time)
            if isinstance(wall_time, str)
            else wall_time
        )
    except ValueError as error:
        msg = f"{what}: wall_time {wall_time!r} is not ISO 8601"
        raise JournalError(msg) from error
    if moment.tzinfo is None:
        msg = f"{what}: wall_time {wall_time} has no time zone; give it in UTC"
        raise JournalError(msg)
    return moment.astimezone(UTC).isoformat()


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        msg = f"{what}: is not JSON ({error}); the file is damaged, restore a copy"
        raise JournalError(msg) from error
    if not isinstance(data, dict):
        msg = f"{what}: is not a mapping; the file is damaged, restore a copy"
        raise JournalError(msg)
    return data
