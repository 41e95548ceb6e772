"""Plate exports of BioTek Gen5 (Cytation, Synergy): spectra of many wells and reads.

A preamble with the procedure, then blocks. A block has a label in its first cell
(``Read 4:EM Spectrum``), a line of titles two lines further (``Wavelength``, then the
wells) and one line a wavelength. Wells that were not read are empty, values above the
range are OVRFLW. A block ``Results`` with figures of the reader's own follows; it is
left out.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hp_lab.analysis.readers.gen5_procedure import (
    ReadStep,
    assigned,
    places,
    procedure_of,
)
from hp_lab.analysis.readers.named_spectrum import NamedSpectrum, PlateRead
from hp_lab.analysis.readers.text import Text, is_empty, number
from hp_lab.analysis.spectrum import Kind

_LABEL = re.compile(r"^(Read\s*\d+\s*:)?.*Spectrum", re.IGNORECASE)
_READ = re.compile(r"Read\s*(\d+)", re.IGNORECASE)
_WELL = re.compile(r"[A-P]\d{1,2}")
_OVERFLOW = {"OVRFLW", "OVERFLOW", "OUT+", ">MAX", "*****"}
# A scan of the excitation at one emission wavelength is no PL spectrum.
_EXCITATION_SCAN = re.compile(r"\bEX Spectrum", re.IGNORECASE)
# The readers' highest fluorescence value.
_CEILING = 99_999.0
# Wavelengths are whole or half nanometres.
_SAME_NM = 0.1


def recognises(text: Text) -> bool:
    """Return whether this is a Gen5 export with at least one block of spectra."""
    return any(True for _ in _title_lines(text))


def _delimiter(line: str) -> str:
    return max("\t,;", key=line.count)


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(delimiter)]


def _title_lines(text: Text) -> Iterator[int]:
    """Yield the lines that hold ``Wavelength`` followed by well names."""
    for index, line in enumerate(text.lines):
        if "wavelength" not in line.lower():
            continue
        cells = [cell for cell in _cells(line, _delimiter(line)) if cell]
        titled = len(cells) >= 2 and cells[0].lower().startswith("wavelength")
        if titled and all(_WELL.fullmatch(cell) for cell in cells[1:]):
            yield index


def read(text: Text) -> list[NamedSpectrum]:
    """Return one spectrum for each well and read that holds values.

    Names are wells; where the file has several reads, ``B7 read 4``.

    Raises:
        InvalidInput: A block breaks off or holds something that is no value.
    """
    titles = list(_title_lines(text))
    labels = [
        _label_above(text, title) or f"Read {order + 1}"
        for order, title in enumerate(titles)
    ]
    blocks = [
        (title, label)
        for title, label in zip(titles, labels, strict=True)
        if not _EXCITATION_SCAN.search(label)
    ]
    kinds = [_kind(label) for _, label in blocks]
    procedure = procedure_of(text.lines[: titles[0]])
    steps = assigned(kinds, procedure)
    spectra: list[NamedSpectrum] = []
    for (title, label), step, (series, cycle) in zip(
        blocks, steps, places(kinds, steps), strict=True
    ):
        place = PlateRead(
            well="", step=series, cycle=cycle, interval_s=procedure.interval_s
        )
        match = _READ.search(label)
        suffix = f" read {match.group(1) if match else titles.index(title) + 1}"
        named = suffix if len(titles) > 1 else ""
        spectra.extend(
            _spectra(text, title, label, step=step, place=place, suffix=named)
        )
    _check_same_rows(text, spectra)
    if not spectra:
        raise text.broken(titles[0] + 1, "emission or absorbance of at least one well")
    return spectra


def _check_same_rows(text: Text, spectra: list[NamedSpectrum]) -> None:
    """Refuse an export whose last block ends before its series' others do.

    Raises:
        InvalidInput: The file was cut off between two rows.
    """
    first: dict[str, NamedSpectrum] = {}
    for spectrum in spectra:
        step = spectrum.plate.step if spectrum.plate else ""
        whole = first.setdefault(step, spectrum)
        size = whole.wavelength_nm.size
        if spectrum.wavelength_nm.size < size:
            block, other = spectrum.header["block"], whole.header["block"]
            expected = f"{size} rows in block {block!r}, as in {other!r}"
            raise text.broken(len(text.lines), f"{expected}; the file is cut off here")


def _spectra(
    text: Text,
    title: int,
    label: str,
    *,
    step: ReadStep,
    place: PlateRead,
    suffix: str,
) -> Iterator[NamedSpectrum]:
    """Yield the spectra of the wells that a block holds values of."""
    emits = step.kind == "pl"
    wavelengths, wells, values, overflow = _block(text, title)
    following_nm = float(wavelengths[-1] + np.diff(wavelengths).max())
    if following_nm < step.stop_nm + _SAME_NM:
        expected = f"rows of block {label!r} up to {step.stop_nm:g} nm, as in the"
        raise text.broken(title + 1 + wavelengths.size, f"{expected} procedure")
    for column, well in enumerate(wells):
        if not (np.isfinite(values[:, column]) | overflow[:, column]).any():
            continue
        yield NamedSpectrum(
            file=text.file,
            name=well + suffix,
            kind=step.kind,
            wavelength_nm=wavelengths,
            value=values[:, column],
            unit="counts" if emits else "OD",
            overflow=overflow[:, column],
            ceiling=_CEILING if emits else 0.0,
            excitation_nm=step.excitation_nm if emits else 0.0,
            bandpass_nm=step.bandpass_nm if emits else 0.0,
            plate=replace(place, well=well),
            header={"block": label, "well": well},
        )


def _label_above(text: Text, place: int) -> str | None:
    for line in reversed(text.lines[max(0, place - 4) : place]):
        first = _cells(line, _delimiter(line))[0]
        if _LABEL.match(first) or _READ.match(first):
            return first
    return None


def _kind(label: str) -> Kind:
    lowered = label.lower()
    if "em spectrum" in lowered or "fluor" in lowered or "lumin" in lowered:
        return "pl"
    return "absorbance"


def _block(
    text: Text, place: int
) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray]:
    """Return wavelengths, wells, values and overflow marks of one block."""
    title = text.lines[place]
    delimiter = _delimiter(title)
    cells = _cells(title, delimiter)
    first = next(i for i, cell in enumerate(cells) if cell.lower().startswith("wave"))
    wells = [cell for cell in cells[first + 1 :] if cell]
    wavelengths: list[float] = []
    rows: list[list[float]] = []
    marks: list[list[bool]] = []
    for index in range(place + 1, len(text.lines)):
        row = _cells(text.lines[index], delimiter)
        axis = row[first] if len(row) > first else ""
        wavelength = number(axis, decimal_comma=delimiter != ",")
        if wavelength is None:
            if axis and not is_empty(axis) and any(cell for cell in row[first + 1 :]):
                raise text.broken(index, "a wavelength and one value a well")
            break
        if len(row) < first + 1 + len(wells) and index == len(text.lines) - 1:
            raise text.broken(index, f"{len(wells)} values; the file is cut off here")
        values, overflow = _values(text, index, row[first + 1 :], len(wells), delimiter)
        wavelengths.append(wavelength)
        rows.append(values)
        marks.append(overflow)
    if len(rows) < 2:
        raise text.broken(place + 1, "rows of a wavelength and one value a well")
    axis_nm = np.array(wavelengths)
    order = np.argsort(axis_nm, kind="stable")
    if np.any(np.diff(axis_nm[order]) <= 0.0):
        raise text.broken(place, "wavelengths that differ from row to row")
    return axis_nm[order], wells, np.array(rows)[order], np.array(marks)[order]


def _values(
    text: Text, line: int, cells: list[str], count: int, delimiter: str
) -> tuple[list[float], list[bool]]:
    values, overflow = [], []
    for cell in (cells + [""] * count)[:count]:
        over = cell.upper() in _OVERFLOW
        value = number(cell, decimal_comma=delimiter != ",")
        if value is None and not over and not is_empty(cell):
            raise text.broken(line, f"a number, OVRFLW or nothing instead of {cell!r}")
        values.append(np.nan if value is None else value)
        overflow.append(over)
    return values, overflow
