"""Text of a data file: its characters, its delimiter and its numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hp_lab.errors import InvalidInput

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Files above this are no spectra; a plate with 66 reads is about 20 MB.
_MOST_BYTES = 200_000_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")
_NO_VALUE = {"", "nan", "-", "--", "na", "n/a", "null", "inf", "-inf", "#n/a"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The lines of a file and where they came from."""

    path: Path
    lines: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of the file without its folder."""
        return self.path.name

    def broken(self, line: int, expected: str) -> InvalidInput:
        """Return the error for a line (counted from 0) that is not as expected."""
        if line >= len(self.lines):
            where = f"the file ends after line {len(self.lines)}"
        else:
            shown = self.lines[line][:60]
            where = f"line {line + 1} is {shown!r}"
        return InvalidInput(f"{self.file}: {where}; expected {expected}")


def read_text(path: Path) -> Text:
    """Return the lines of a text file in UTF-8, UTF-16 or Windows-1252.

    Raises:
        InvalidInput: The file is missing, empty, too large or not text.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _MOST_BYTES else b""
    except OSError as error:
        reason = error.strerror or type(error).__name__
        msg = f"{path}: cannot be read ({reason}); name an existing spectrum file"
        raise InvalidInput(msg) from error
    if size > _MOST_BYTES:
        msg = f"{path.name}: {size} bytes are more than {_MOST_BYTES}; no spectrum file"
        raise InvalidInput(msg)
    if not content.strip():
        msg = f"{path.name}: the file is empty; expected a text export of a spectrum"
        raise InvalidInput(msg)
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), None)
    if encoding is None and b"\x00" in content[:4096]:
        msg = (
            f"{path.name}: a binary file (starts with {content[:4]!r}); expected text: "
            "export the spectrum as text or CSV"
        )
        raise InvalidInput(msg)
    try:
        decoded = content.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        decoded = content.decode("cp1252", errors="replace")
    return Text(path=path, lines=tuple(decoded.splitlines()))


def number(cell: str, *, decimal_comma: bool = False) -> float | None:
    """Return the number in a cell, or None where the cell holds something else.

    Python's own parser would take ``1_000`` and ``infinity`` for numbers.
    """
    text = cell.strip().strip('"').strip()
    if decimal_comma:
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return None
    return float(text.replace("d", "e").replace("D", "e"))


def is_empty(cell: str) -> bool:
    """Return whether a cell states that there is no value."""
    return cell.strip().strip('"').strip().lower() in _NO_VALUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a table separates its cells and writes its decimals."""

    delimiter: str
    decimal_comma: bool

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line."""
        if self.delimiter == " ":
            return line.split()
        cells = [cell.strip().strip('"') for cell in line.split(self.delimiter)]
        # A trailing delimiter opens no further column.
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
        return cells

    def numbers(self, line: str) -> list[float | None]:
        """Return the numbers of a line, None for cells that are none."""
        return [
            number(cell, decimal_comma=self.decimal_comma) for cell in self.cells(line)
        ]


def is_row(line: str, dialect: Dialect) -> bool:
    """Return whether a line is a number followed by numbers and empty cells.

    ``400,5 0,12`` is a row with blanks and decimal commas; read with commas as
    delimiters it is none, because ``5 0`` is no number.
    """
    cells = dialect.cells(line)
    values = dialect.numbers(line)
    return (
        len(values) >= 2
        and values[0] is not None
        and any(value is not None for value in values[1:])
        and all(
            value is not None or is_empty(cell)
            for cell, value in zip(cells, values, strict=True)
        )
    )


_DIALECTS = (
    Dialect(delimiter="\t", decimal_comma=False),
    Dialect(delimiter="\t", decimal_comma=True),
    Dialect(delimiter=";", decimal_comma=False),
    Dialect(delimiter=";", decimal_comma=True),
    Dialect(delimiter=",", decimal_comma=False),
    Dialect(delimiter=" ", decimal_comma=False),
    Dialect(delimiter=" ", decimal_comma=True),
)


def find_dialect(lines: Sequence[str]) -> Dialect | None:
    """Return the dialect in which most lines are rows of at least two numbers.

    ``1,5;2,7`` is a row of two decimal-comma numbers, ``1.5,2.7`` one of two
    decimal-point numbers; ties go to the earlier of tab, semicolon, comma and blank.
    """
    sample = [line for line in lines if line.strip()]
    if len(sample) > 400:
        sample = sample[len(sample) // 2 - 200 : len(sample) // 2 + 200]
    best: Dialect | None = None
    most = 0
    for dialect in _DIALECTS:
        rows = 0
        for line in sample:
            rows += is_row(line, dialect)
        if rows > most:
            best, most = dialect, rows
    return best
