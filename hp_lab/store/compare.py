"""Whether two runs are the same: everything but the wall-clock stamps is compared."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from hp_lab.store.journal import JournalReader, StoredEvent
from hp_lab.store.readings import ReadingsReader

_MOST = 50


def differences(a: JournalReader, b: JournalReader) -> list[str]:
    """Return what differs between two journals, one sentence a difference.

    Events are compared in every field but ``wall_time``, readings by their content
    hash. An empty list means that the runs are identical.

    Returns:
        At most 50 sentences, and then one that says that there are more.
    """
    found = itertools.chain(
        _event_differences(a, b), _reading_differences(ReadingsReader(a), b)
    )
    listed = list(itertools.islice(found, _MOST + 1))
    if len(listed) > _MOST:
        listed[_MOST:] = ["and more"]
    return listed


def _event_differences(a: JournalReader, b: JournalReader) -> Iterator[str]:
    for one, other in itertools.zip_longest(a.events(), b.events()):
        if one is None or other is None:
            yield _only_one(one, other)
            continue
        what = f"event {one.sequence} ({one.kind})"
        for name in ("sequence", "kind", "sample_id", "lab_time_s"):
            mine, theirs = getattr(one, name), getattr(other, name)
            if mine != theirs:
                yield f"{what}: {name} is {mine!r} and {theirs!r}"
        yield from _data_differences(one.data, other.data, f"{what}: data")


def _only_one(one: StoredEvent | None, other: StoredEvent | None) -> str:
    event, which = (one, "first") if one is not None else (other, "second")
    assert event is not None  # noqa: S101 - zip_longest ends with the longer one
    return f"event {event.sequence} ({event.kind}) is in the {which} journal only"


def _data_differences(one: Any, other: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted(one.keys() | other.keys()):
            if key in one and key in other:
                yield from _data_differences(one[key], other[key], f"{path}.{key}")
            else:
                which = "first" if key in one else "second"
                yield f"{path}.{key} is in the {which} journal only"
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from _data_differences(mine, theirs, f"{path}[{index}]")
    elif one != other or type(one) is not type(other):
        yield f"{path} is {one!r} and {other!r}"


def _reading_differences(a: ReadingsReader, b: JournalReader) -> Iterator[str]:
    for one, other in itertools.zip_longest(a.hashes(), ReadingsReader(b).hashes()):
        if one != other:
            known = one or other
            number = known[0] if known else 0
            which = "" if one and other else " (in one journal only)"
            yield f"reading {number}{which}: {_named(one)} and {_named(other)}"


def _named(reading: tuple[int, str, str, str] | None) -> str:
    if reading is None:
        return "nothing"
    _, kind, sample_id, sha256 = reading
    return f"{kind} of {sample_id or 'no film'} {sha256[:12]}"
