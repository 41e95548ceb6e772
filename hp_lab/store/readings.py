"""Raw readings in the journal's database: spectra, and traces of what devices did.

A reading is appended before it is analysed and never changed; events refer to it by its
id, which counts from 1 on as event sequences do.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from hp_lab.errors import JournalError
from hp_lab.records import Spectrum
from hp_lab.store.array_codec import AnyArray, decode, encode
from hp_lab.store.canonical import canonical_json
from hp_lab.store.database import READINGS
from hp_lab.store.journal import Journal, JournalReader

_SPECTRUM: Final = "spectrum"
# A page of readings is a few megabytes at most.
_PAGE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a device measured over time, or a picture it took.

    Attributes:
        kind: What it is, e.g. anneal, spin, image.
        arrays: Name with unit to values, e.g. time_s and temperature_c, shape (k,)
            each; a picture is one array of shape (height, width, channels).
        details: What else is needed to read it, e.g. the station.
        taken_s: Laboratory time of its start.
    """

    kind: str
    sample_id: str
    arrays: Mapping[str, AnyArray]
    taken_s: float
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSpectrum:
    """A spectrum and the id under which events refer to it."""

    reading_id: int
    sha256: str
    spectrum: Spectrum


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrace:
    """A trace and the id under which events refer to it."""

    reading_id: int
    sha256: str
    trace: Trace


class ReadingsReader:
    """The raw readings of a journal that is open for reading or writing."""

    def __init__(self, journal: JournalReader) -> None:
        self._database = journal.database
        self._name = journal.name

    def spectrum(self, reading_id: int) -> Spectrum:
        """Return one spectrum.

        Raises:
            JournalError: There is no spectrum of that id, or its bytes are damaged.
        """
        row = self._row(reading_id)
        if row["kind"] != _SPECTRUM:
            msg = f"{self._name}: reading {reading_id} is a {row['kind']}, no spectrum"
            raise JournalError(msg)
        return self._spectrum(row).spectrum

    def spectra(self, sample_id: str | None = None) -> Iterator[StoredSpectrum]:
        """Return the spectra of one film, or of all, in the order they were taken."""
        for row in self._rows(sample_id):
            if row["kind"] == _SPECTRUM:
                yield self._spectrum(row)

    def trace(self, reading_id: int) -> Trace:
        """Return one trace.

        Raises:
            JournalError: There is no trace of that id, or its bytes are damaged.
        """
        row = self._row(reading_id)
        if row["kind"] == _SPECTRUM:
            msg = f"{self._name}: reading {reading_id} is a spectrum, no trace"
            raise JournalError(msg)
        return self._trace(row).trace

    def traces(
        self, sample_id: str | None = None, *, kind: str | None = None
    ) -> Iterator[StoredTrace]:
        """Return the traces of one film, or of all, in the order they were taken."""
        for row in self._rows(sample_id):
            if row["kind"] != _SPECTRUM and kind in (None, row["kind"]):
                yield self._trace(row)

    def hashes(self) -> Iterator[tuple[int, str, str, str]]:
        """Return id, kind, sample and content hash of every reading, in order."""
        columns = ("id", "kind", "sample_id", "sha256")
        query = sa.select(*(READINGS.c[name] for name in columns))
        for row in self._database.rows(query.order_by(READINGS.c.id)):
            yield row["id"], row["kind"], row["sample_id"], row["sha256"]

    def _rows(self, sample_id: str | None) -> Iterator[sa.RowMapping]:
        return self._database.pages(READINGS, after=0, sample_id=sample_id, size=_PAGE)

    def _row(self, reading_id: int) -> sa.RowMapping:
        query = sa.select(READINGS).where(READINGS.c.id == reading_id)
        rows = self._database.rows(query)
        if not rows:
            msg = f"{self._name}: there is no reading {reading_id}"
            raise JournalError(msg)
        return rows[0]

    def _spectrum(self, row: sa.RowMapping) -> StoredSpectrum:
        arrays, details = self._content(row)
        fields: dict[str, Any] = {**details, **arrays}
        return StoredSpectrum(
            reading_id=row["id"],
            sha256=row["sha256"],
            spectrum=Spectrum(
                sample_id=row["sample_id"],
                taken_s=row["lab_time_s"],
                **fields,
            ),
        )

    def _trace(self, row: sa.RowMapping) -> StoredTrace:
        arrays, details = self._content(row)
        return StoredTrace(
            reading_id=row["id"],
            sha256=row["sha256"],
            trace=Trace(
                kind=row["kind"],
                sample_id=row["sample_id"],
                taken_s=row["lab_time_s"],
                arrays=arrays,
                details=details,
            ),
        )

    def _content(self, row: sa.RowMapping) -> tuple[dict[str, AnyArray], Any]:
        what = f"{self._name}: reading {row['id']}"
        header, body = row["header"], bytes(row["body"])
        if _sha256(header, body) != row["sha256"]:
            msg = f"{what} does not have the content hash it was stored with; "
            raise JournalError(msg + "the file is damaged, restore a copy")
        try:
            parsed = json.loads(header)
            return decode(parsed["arrays"], body), parsed["details"]
        except (ValueError, KeyError) as error:
            msg = f"{what} cannot be decoded ({error}); restore a copy"
            raise JournalError(msg) from error


class Readings(ReadingsReader):
    """The raw readings of a journal that is open for writing."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)

    def append_spectrum(self, spectrum: Spectrum) -> int:
        """Append a raw spectrum and return its reading id.

        Raises:
            JournalError: It cannot be stored; nothing was.
        """
        details: dict[str, object] = {
            "mode": spectrum.mode,
            "integration_s": spectrum.integration_s,
            "reference_integration_s": spectrum.reference_integration_s,
            "averages": spectrum.averages,
            "excitation_nm": spectrum.excitation_nm,
        }
        arrays: dict[str, AnyArray] = {
            "wavelength_nm": spectrum.wavelength_nm,
            "counts": spectrum.counts,
            "dark": spectrum.dark,
            "reference": spectrum.reference,
            "saturated": spectrum.saturated,
        }
        return self._append(
            _SPECTRUM, spectrum.sample_id, spectrum.taken_s, arrays, details
        )

    def append_trace(self, trace: Trace) -> int:
        """Append a trace and return its reading id.

        Raises:
            JournalError: It cannot be stored; nothing was.
        """
        if not trace.kind or trace.kind == _SPECTRUM:
            msg = f"trace kind {trace.kind!r}: must be a name such as anneal"
            raise JournalError(msg)
        return self._append(
            trace.kind, trace.sample_id, trace.taken_s, trace.arrays, trace.details
        )

    def _append(
        self,
        kind: str,
        sample_id: str,
        taken_s: float,
        arrays: Mapping[str, AnyArray],
        details: Mapping[str, object],
    ) -> int:
        what = f"{kind} of {sample_id or 'no film'}"
        if not np.isfinite(taken_s):
            msg = f"{what}: taken_s is {taken_s}; it must be a finite number"
            raise JournalError(msg)
        described, body = encode(arrays, what)
        header = canonical_json({"arrays": described, "details": details}, what)
        return self._database.append(
            READINGS,
            {
                "kind": kind,
                "sample_id": sample_id,
                "lab_time_s": float(taken_s),
                "header": header,
                "body": body,
                "sha256": _sha256(header, body),
            },
        )


def _sha256(header: str, body: bytes) -> str:
    return hashlib.sha256(header.encode("utf-8") + b"\n" + body).hexdigest()
