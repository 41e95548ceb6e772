"""Canonical JSON: equal data gives equal bytes; what JSON cannot hold is refused."""

import json
import math
from collections.abc import Mapping

import numpy as np

from hp_lab.errors import JournalError

Plain = dict[str, "Plain"] | list["Plain"] | str | int | float | bool | None


def canonical_json(data: Mapping[str, object], what: str) -> str:
    """Return data as JSON with sorted keys, no spaces and no NaN.

    Tuples become lists and NumPy scalars plain numbers; floats are written so that they
    read back unchanged.

    Args:
        data: What is to be written; arrays do not belong here but in readings.
        what: What the data is, for messages.

    Raises:
        JournalError: A value cannot be written; the message names the field.
    """
    return json.dumps(
        _plain_mapping(data, what, ""),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def plain(value: object, what: str, path: str = "") -> Plain:
    """Return value made of dict, list, str, int, float, bool and None only.

    Raises:
        JournalError: As :func:`canonical_json`.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(float(value), what, path)
    if isinstance(value, str):
        return _text(str(value), what, path)
    if isinstance(value, Mapping):
        return _plain_mapping(value, what, path)
    if isinstance(value, list | tuple):
        return [
            plain(item, what, f"{path}[{index}]") for index, item in enumerate(value)
        ]
    remedy = (
        "store it as a reading and refer to it by its id"
        if isinstance(value, np.ndarray)
        else "use numbers, strings, lists and mappings"
    )
    msg = f"{what}: {_named(path)} is of type {type(value).__name__}; {remedy}"
    raise JournalError(msg)


def _plain_mapping(
    value: Mapping[object, object] | Mapping[str, object], what: str, path: str
) -> dict[str, Plain]:
    result: dict[str, Plain] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            msg = f"{what}: {_named(path)} has the key {key!r}; keys must be strings"
            raise JournalError(msg)
        name = str(_text(str(key), what, path))
        result[name] = plain(item, what, f"{path}.{name}" if path else name)
    return result


def _number(value: float, what: str, path: str) -> float:
    if not math.isfinite(value):
        msg = (
            f"{what}: {_named(path)} is {value}, but the journal holds finite numbers "
            "only; leave the field out, or say in words why there is no value"
        )
        raise JournalError(msg)
    return value


def _text(value: str, what: str, path: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        msg = f"{what}: {_named(path)} holds {value!r}, which is not Unicode text"
        raise JournalError(msg) from error
    return value


def _named(path: str) -> str:
    return f"field {path}" if path else "the data"
