"""A run for other programs: its tables as CSV and JSON, its events as JSON lines."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from hp_lab.records import Spectrum
from hp_lab.store.journal import JournalReader, StoredEvent
from hp_lab.store.readings import ReadingsReader
from hp_lab.store.tables import Row, tables_of
from hp_lab.store.whole_file import write_whole


def export_run(
    journal: str | Path, target: Path, *, spectra: bool = False
) -> list[Path]:
    """Write what a journal holds into a directory and return the files' paths.

    ``events.jsonl`` has one event a line; candidates, films, observations and tasks
    come as one CSV each and together in ``run.json``. Times are laboratory time in
    seconds since the Unix epoch. A run that is being written can be exported.

    Args:
        journal: Path or URL of the journal.
        target: Directory; made where it is missing. Files of an earlier export are
            replaced.
        spectra: Also write every raw spectrum as ``spectra/ID_SAMPLE_MODE.csv``.

    Raises:
        JournalError: The journal cannot be read or the files cannot be written.
    """
    with JournalReader.open(journal) as reader:
        events = list(reader.events())
        tables = tables_of(events).named()
        files: dict[str, str] = {
            "events.jsonl": "".join(f"{_event_line(event)}\n" for event in events),
            "run.json": json.dumps(tables, indent=1, allow_nan=False) + "\n",
            **{f"{name}.csv": _csv(rows) for name, rows in tables.items()},
        }
        written = [write_whole(target / name, text) for name, text in files.items()]
        if spectra:
            for stored in ReadingsReader(reader).spectra():
                spectrum = stored.spectrum
                name = f"{stored.reading_id:05d}_{spectrum.sample_id}_{spectrum.mode}"
                path = target / "spectra" / f"{_file_name(name)}.csv"
                written.append(write_whole(path, _spectrum_csv(spectrum)))
    return written


def _event_line(event: StoredEvent) -> str:
    fields = {
        "sequence": event.sequence,
        "kind": event.kind,
        "sample_id": event.sample_id,
        "lab_time_s": event.lab_time_s,
        "wall_time": event.wall_time,
        "data": event.data,
    }
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def _csv(rows: Sequence[Row]) -> str:
    # The union: films of one run may have different settings.
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _spectrum_csv(spectrum: Spectrum) -> str:
    size = spectrum.wavelength_nm.size
    columns: dict[str, Iterable[object]] = {
        "wavelength_nm": spectrum.wavelength_nm.tolist(),
        "counts": spectrum.counts.tolist(),
    }
    for name, values in (("dark", spectrum.dark), ("reference", spectrum.reference)):
        if values.size == size:
            columns[name] = values.tolist()
    if spectrum.saturated.size == size:
        columns["saturated"] = spectrum.saturated.astype(np.int64).tolist()
    text = io.StringIO()
    # What is needed to correct the counts; readers skip it as comments.
    text.write(
        f"# integration_s {spectrum.integration_s!r}, reference_integration_s "
        f"{spectrum.reference_integration_s!r}, averages {spectrum.averages}, "
        f"excitation_nm {spectrum.excitation_nm!r}, taken_s {spectrum.taken_s!r}\n"
    )
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
