"""Tables of films as people keep them: CSV, a film a row."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hp_lab.errors import InvalidInput

# What spreadsheets put between cells where the comma is the decimal sign.
_OTHER_SIGNS = {";": "semicolons", "\t": "tabs"}


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV with a header; rows without any text are left out.

    Raises:
        InvalidInput: It cannot be read, is no UTF-8, has no commas between its cells,
            is empty, names a column twice, or a row has another length.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [[one.strip() for one in line] for line in csv.reader(file)]
    except UnicodeDecodeError as error:
        msg = f"{path}: is no text in UTF-8 ({error}); save it as CSV UTF-8"
        raise InvalidInput(msg) from error
    except (OSError, csv.Error) as error:
        msg = f"{path}: cannot be read as CSV ({error})"
        raise InvalidInput(msg) from error
    header, *rows = [line for line in lines if any(line)] or [[]]
    _check_header(path, header)
    if not rows:
        msg = f"{path}: has no rows below its header; add one for each film"
        raise InvalidInput(msg)
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            msg = (
                f"{path}, row {number}: its number of cells is {len(row)}, that of the "
                f"header {len(header)}; put what holds a comma in quotes"
            )
            raise InvalidInput(msg)
    return [dict(zip(header, row, strict=True)) for row in rows]


def _check_header(path: Path, header: list[str]) -> None:
    for sign, called in _OTHER_SIGNS.items():
        if ",".join(header).count(sign) >= max(1, len(header)):
            msg = (
                f"{path}: has {called} between its columns; save it with commas there "
                "and points as decimal signs"
            )
            raise InvalidInput(msg)
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        msg = f"{path}: column {doubled[0]!r} is there twice; names must differ"
        raise InvalidInput(msg)


def number_in(text: str) -> float | None:
    """Return the number that a text is; 1_2 is a label, though Python reads 12."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def cell(row: Mapping[str, str], column: str, origin: str) -> float:
    """Return the number in a cell.

    Raises:
        InvalidInput: It is no finite number.
    """
    text = row[column]
    if not text:
        msg = f"{origin}: {column} is empty; write a number, or leave out the row"
        raise InvalidInput(msg)
    value = number_in(text)
    if value is None:
        remedy = "write a number alone, such as 1.5, or leave out the row"
        if number_in(text.replace(",", ".")) is not None:
            remedy = "write it without a comma, and its decimals behind a point"
        msg = f"{origin}: {column} {text!r} is not a number; {remedy}"
        raise InvalidInput(msg)
    if not np.isfinite(value):
        msg = (
            f"{origin}: {column} {text!r} must be a finite number; where there is "
            "none, empty the cell or leave out the row"
        )
        raise InvalidInput(msg)
    return value
