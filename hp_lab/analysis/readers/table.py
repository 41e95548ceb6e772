"""Generic tables: a column of wavelengths and one or more columns of signal."""

import itertools
import re
from dataclasses import dataclass, replace

import numpy as np

from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.readers.text import (
    Dialect,
    Text,
    find_dialect,
    is_empty,
    is_row,
    number,
)
from hp_lab.analysis.spectrum import Kind
from hp_lab.errors import InvalidInput
from hp_lab.units import HC_EV_NM, FloatArray

EXPECTED = (
    "rows of a wavelength (nm, eV or 1/cm) and one or more values, separated by "
    "comma, semicolon, tab or blanks"
)
LEAST_POINTS = 16
_KIND_WORDS: tuple[tuple[str, Kind], ...] = (
    (
        r"absorb|absorp|extinction|optical density|\babs\b|\bod\b",
        "absorbance",
    ),
    (r"transm|%\s*t\b|\bt\s*[\[(]?%|\btrm\b", "transmission"),
    (r"emission|lumin|fluor|\bpl\b|intens|counts|\brfu\b|photons|\bcps\b", "pl"),
)
# Units of what a file calls by no other name.
UNITS = {"absorbance": "OD", "transmission": "1", "pl": "counts"}
# Two columns that agree to this are one spectrum on two scales.
_SAME_SHAPE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Numbers of a table; NaN where a cell is empty.

    Attributes:
        titles: Column titles, as many as columns, empty where there are none.
        values: Shape (rows, columns).
        first_line: Line of the first row, counted from 0.
        preamble: Lines above the titles.
    """

    titles: tuple[str, ...]
    values: FloatArray
    first_line: int
    preamble: tuple[str, ...]


def read_table(text: Text) -> list[NamedSpectrum]:
    """Return the spectra of a generic table.

    Raises:
        InvalidInput: No such table is in the file, or it breaks off.
    """
    table = parse_table(text)
    scale = _axis_scale(text, table)
    return spectra_of_table(text, table, scale)


def parse_table(text: Text, start: int = 0, stop: int | None = None) -> Table:
    """Return the table between two lines (counted from 0).

    Raises:
        InvalidInput: There is no table, a row breaks off, or there are too few rows.
    """
    lines = text.lines[start:stop]
    dialect = find_dialect(lines)
    if dialect is None:
        msg = (
            f"{text.file}: no line holds two numbers (the first line is "
            f"{text.lines[0][:60]!r}); expected {EXPECTED}"
        )
        raise InvalidInput(msg)
    first, last = _extent(lines, dialect)
    width = len(dialect.cells(lines[first]))
    rows = [
        _row(text, start + index, lines[index], dialect, width)
        for index in range(first, last + 1)
        if lines[index].strip()
    ]
    _check_end(text, start + last, lines[last:], dialect, width)
    if len(rows) < LEAST_POINTS:
        msg = (
            f"{text.file}: {len(rows)} rows of numbers from line {start + first + 1} "
            f"on; expected at least {LEAST_POINTS} of {EXPECTED}"
        )
        raise InvalidInput(msg)
    titles = _titles(lines[:first], dialect, width)
    return Table(
        titles=titles,
        values=np.array(rows),
        first_line=start + first,
        preamble=tuple(lines[:first]),
    )


def _extent(lines: tuple[str, ...], dialect: Dialect) -> tuple[int, int]:
    """Return the first line of the longest stretch of rows, and the last row of all."""
    rows = [index for index, line in enumerate(lines) if is_row(line, dialect)]
    first = rows[0]
    # A number pair in the preamble (a date, a range) is followed by words again.
    for before, after in itertools.pairwise(rows):
        between = [line for line in lines[before + 1 : after] if line.strip()]
        if between and before - first < 3 and after < len(lines) // 2:
            first = after
    return first, rows[-1]


def _row(
    text: Text, line: int, content: str, dialect: Dialect, width: int
) -> list[float]:
    cells = dialect.cells(content)
    values = []
    for cell in cells[:width]:
        value = number(cell, decimal_comma=dialect.decimal_comma)
        if value is None and not is_empty(cell):
            raise text.broken(line, f"{width} numbers, as in the rows before")
        values.append(np.nan if value is None else value)
    if len(values) < 2 or np.isnan(values[0]):
        raise text.broken(line, f"{width} numbers, as in the rows before")
    if dialect.delimiter == " " and len(cells) != width:
        raise text.broken(line, f"{width} numbers, as in the rows before")
    return values + [np.nan] * (width - len(values))


def _check_end(
    text: Text, last: int, tail: tuple[str, ...], dialect: Dialect, width: int
) -> None:
    """Refuse a table that breaks off in its last line.

    Raises:
        InvalidInput: The last row has fewer cells than the others, or the line after
            it starts like a row.
    """
    if dialect.delimiter == " ":
        short = len(dialect.cells(tail[0])) < width
    else:
        short = tail[0].count(dialect.delimiter) < width - 1
    if short:
        raise text.broken(last, f"{width} numbers; the file is cut off here")
    for offset, line in enumerate(tail[1:], start=1):
        if not line.strip():
            continue
        started = dialect.numbers(line)[0] is not None
        if started:
            raise text.broken(last + offset, f"{width} numbers, as in the rows before")
        return


def _titles(above: tuple[str, ...], dialect: Dialect, width: int) -> tuple[str, ...]:
    """Return the cells of the nearest line above that has as many as the table."""
    for line in reversed(above):
        if not line.strip():
            continue
        cells = dialect.cells(line)
        if len(cells) == width:
            return tuple(cells)
        break
    return ("",) * width


def _axis_scale(text: Text, table: Table) -> str:
    """Return nm, eV or 1/cm, from the axis' title or else from its numbers."""
    title = table.titles[0].lower()
    axis = table.values[:, 0]
    if "ev" in re.split(r"[^a-z]+", title) or "energy" in title:
        scale = "eV"
    elif "cm" in title and ("1" in title or "wavenumber" in title):
        scale = "1/cm"
    elif float(axis.min()) >= 0.3 and float(axis.max()) <= 8.0:
        scale = "eV"
    else:
        scale = "nm"
    limits = {"nm": (100.0, 20_000.0), "eV": (0.05, 12.0), "1/cm": (500.0, 100_000.0)}
    low, high = limits[scale]
    if float(axis.min()) < low or float(axis.max()) > high:
        worst = int(np.argmax((axis < low) | (axis > high)))
        msg = (
            f"{text.file}: the first column runs from {axis.min():g} to "
            f"{axis.max():g} (row {worst + 1} is {axis[worst]:g}); expected "
            f"wavelengths between {low:g} and {high:g} {scale}"
        )
        raise InvalidInput(msg)
    return scale


def guess_kind(*words: str) -> Kind | None:
    """Return the kind that titles and preamble speak of."""
    spoken = " ".join(words).lower().replace("_", " ")
    for pattern, kind in _KIND_WORDS:
        if re.search(pattern, spoken):
            return kind
    return None


def spectra_of_table(
    text: Text, table: Table, scale: str = "nm"
) -> list[NamedSpectrum]:
    """Return one spectrum for each column of signal.

    Columns that repeat another one on a different scale (normalised copies) are left
    out. Wavelengths are sorted; rows that share one are averaged.
    """
    axis = table.values[:, 0]
    kept: list[FloatArray] = []
    spectra = []
    count = table.values.shape[1] - 1
    for column in range(1, count + 1):
        value = table.values[:, column]
        if not np.isfinite(value).any() or any(_is_copy(value, one) for one in kept):
            continue
        kept.append(value)
        title = table.titles[column]
        kind = guess_kind(title) or guess_kind(text.path.stem, *table.preamble[-12:])
        spectra.append(_spectrum(text, scale, axis, value, title, kind))
    if not spectra:
        msg = f"{text.file}: every column of signal is empty; expected {EXPECTED}"
        raise InvalidInput(msg)
    if len(spectra) == 1:
        return [replace(spectra[0], name=text.path.stem)]
    names = [
        spectrum.name or f"column {index + 2}" for index, spectrum in enumerate(spectra)
    ]
    return [
        replace(spectrum, name=name)
        for spectrum, name in zip(spectra, names, strict=True)
    ]


def _is_copy(value: FloatArray, other: FloatArray) -> bool:
    both = np.isfinite(value) & np.isfinite(other)
    if int(both.sum()) < LEAST_POINTS:
        return False
    one, two = value[both], other[both]
    spread = float(np.std(one) * np.std(two))
    if spread == 0.0:
        return False
    correlation = float(np.mean((one - one.mean()) * (two - two.mean()))) / spread
    return correlation > 1.0 - _SAME_SHAPE


def _spectrum(
    text: Text,
    scale: str,
    axis: FloatArray,
    value: FloatArray,
    title: str,
    kind: Kind | None,
) -> NamedSpectrum:
    wavelength_nm = axis
    if scale == "eV":
        wavelength_nm = HC_EV_NM / axis
        if kind in (None, "pl"):
            # A density per eV becomes one per nm.
            value = value * axis**2 / HC_EV_NM
    elif scale == "1/cm":
        wavelength_nm = 1e7 / axis
        if kind in (None, "pl"):
            value = value * axis**2 / 1e7
    wavelength_nm, value = ascending(wavelength_nm, value)
    if kind == "transmission":
        finite = value[np.isfinite(value)]
        if "%" in title or float(np.percentile(finite, 95.0)) > 2.0:
            value = value / 100.0
    return NamedSpectrum(
        file=text.file,
        name=title,
        kind=kind,
        wavelength_nm=wavelength_nm,
        value=value,
        unit=UNITS.get(kind or "", ""),
    )


def ascending(
    wavelength_nm: FloatArray, value: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a spectrum sorted by wavelength, rows that share one averaged."""
    order = np.argsort(wavelength_nm, kind="stable")
    sorted_nm, sorted_value = wavelength_nm[order], value[order]
    distinct, inverse, counts = np.unique(
        sorted_nm, return_inverse=True, return_counts=True
    )
    if distinct.size == sorted_nm.size:
        return sorted_nm, sorted_value
    sums = np.bincount(inverse, weights=np.nan_to_num(sorted_value))
    return distinct, sums / counts
