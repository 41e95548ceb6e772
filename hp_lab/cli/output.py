"""What commands print: tables for people, JSON for programs."""

import json
import math
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

# Brackets and colons are what they are: C[n+]1ccccc1, gap [ev], and no style or emoji.
console = Console(markup=False, emoji=False)
err_console = Console(stderr=True, markup=False, emoji=False)


def print_json(value: object) -> None:
    """Print a value as JSON; NaN becomes null, which every program can read."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Print rows as a table."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    names = [column.replace("_", " ") for column in columns]
    texts = [[_text(value) for value in row] for row in rows]
    # Two blanks beside each column and one at the edge.
    widths = _widths([names, *texts], console.width - 2 * len(names) - 1)
    for name, width in zip(names, widths, strict=True):
        # Words of a name wrap; a value that is cut off would be no value.
        table.add_column(name, overflow="fold", width=width)
    for row in texts:
        table.add_row(*row)
    # A title of the table's own would wrap where a narrow table ends.
    console.print(title)
    console.print(table)


def _widths(rows: Sequence[Sequence[str]], available: int) -> list[int | None]:
    """Return column widths that break texts between words, where that is possible."""
    columns = list(zip(*rows, strict=True))
    least = [
        max((len(word) for text in column for word in text.split()), default=0)
        for column in columns
    ]
    if sum(least) > available:
        return [None] * len(columns)
    widths = [max(map(len, column)) for column in columns]
    while sum(widths) > available:
        slack = [width - low for width, low in zip(widths, least, strict=True)]
        widths[slack.index(max(slack))] -= 1
    return [*widths]


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
