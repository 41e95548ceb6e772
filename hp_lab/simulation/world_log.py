"""The hidden world's own log: every call that changed it, one JSON object a line.

Replaying the calls gives the identical world, so an emulated laboratory can be stopped
and gone on with. A line that a crash cut short is dropped.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from hp_lab.errors import InvalidInput

Value = float | str | bool | list[float] | None
Call = tuple[str, float, dict[str, Value]]

_VERSION = 1


class WorldLog:
    """An append-only file of calls.

    Args:
        path: The file; it is made with its first line when it does not exist.
        world: What the world was made with; it must be the same when it goes on.

    Raises:
        InvalidInput: The file is of another world, or is no such log.
    """

    def __init__(self, path: Path, world: Mapping[str, str | int]) -> None:
        self._path = path
        header = {"hidden_world": _VERSION, **world}
        lines = self._whole_lines()
        if lines:
            self._check(lines[0], header)
            self._calls = [self._call(n, line) for n, line in enumerate(lines[1:], 2)]
        else:
            self._calls = []
            path.write_text(json.dumps(header) + "\n", encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")

    def calls(self) -> Iterator[Call]:
        """Return the calls that were logged before this log was opened, in order."""
        return iter(self._calls)

    def append(self, name: str, now_s: float, arguments: Mapping[str, Value]) -> None:
        """Write a call; it survives the end of the process, not a power failure."""
        line = json.dumps({"call": name, "now_s": now_s, **arguments})
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _whole_lines(self) -> list[str]:
        if not self._path.exists():
            return []
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            with self._path.open("r+b") as file:
                file.truncate(len(whole))
        return whole.decode("utf-8").splitlines()

    def _check(self, line: str, header: Mapping[str, str | int]) -> None:
        found = self._parsed(1, line)
        for name, value in header.items():
            if found.get(name) != value:
                msg = (
                    f"{self._path}: this log is of a world with {name} "
                    f"{found.get(name)!r}, but it is opened with {value!r}; use the "
                    "same laboratory, stocks and seed, or another file"
                )
                raise InvalidInput(msg)

    def _call(self, number: int, line: str) -> Call:
        found = self._parsed(number, line)
        name, now_s = found.pop("call", None), found.pop("now_s", None)
        if not isinstance(name, str) or not isinstance(now_s, float | int):
            msg = (
                f"{self._path}: line {number} has no call or no time; restore the file"
            )
            raise InvalidInput(msg)
        return name, float(now_s), found

    def _parsed(self, number: int, line: str) -> dict[str, Value]:
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            msg = f"{self._path}: line {number} is not JSON ({error}); restore the file"
            raise InvalidInput(msg) from error
        if not isinstance(found, dict):
            msg = f"{self._path}: line {number} is no JSON object; restore the file"
            raise InvalidInput(msg)
        return found
