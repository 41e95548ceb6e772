"""What is kept of a posterior for the next fit, and its bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, NonNegativeInt, ValidationError

from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.units import FloatArray

_VERSION = 3
_DRAWS = "<f4"
_READINGS = "<f8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is kept of a fit for the next one.

    Attributes:
        model: Fingerprint of the model and its priors.
        offset: Of the model.
        scale: Of the model.
        z: Draws (P, D).
        log_evidence: The evidence so far.
        films: Names (n,) of the films that were in the fit, see :func:`films`.
        y: Their values (n,) in it.
        variance: Known variance (n,) of each value.
        log_likelihood: Mean of the draws, given these.
    """

    model: str
    offset: float
    scale: float
    z: FloatArray
    log_evidence: float
    films: tuple[str, ...]
    y: FloatArray
    variance: FloatArray
    log_likelihood: float


class _Fit(BaseModel):
    """What the header tells of a memory; the arrays follow."""

    model: str
    offset: float
    scale: float
    shape: tuple[NonNegativeInt, NonNegativeInt]
    log_evidence: float
    films: tuple[str, ...]
    log_likelihood: float


class _Header(BaseModel):
    extra: dict[str, Any]
    memories: dict[str, _Fit]


def fingerprint(model: StructuredGP) -> str:
    """Return a short text that changes with the model, its priors and its scale."""
    parts = [f"{name}={prior!r}" for name, prior in model.priors]
    text = f"{model.name};{model.offset!r};{model.scale!r};{parts};{model.constant!r}"
    return _hash(text.encode(), 16)


def films(data: Data) -> list[str]:
    """Return a name of every film: its label, if it has one, and its settings.

    One without a label is known by its value besides; twins are numbered.
    """
    seen: dict[str, int] = {}
    result = []
    for row in range(len(data)):
        label = data.labels[row] if data.labels else repr(float(data.y[row]))
        text = f"{label}.{_hash(data.X[row].astype('<f8').tobytes(), 8)}"
        seen[text] = seen.get(text, 0) + 1
        result.append(f"{text}.{seen[text]}")
    return result


def remembered(memory: Memory, model: StructuredGP, data: Data) -> Data | None:
    """Return the films of a memory as they were; None where it cannot be carried on.

    A film may have been read again since: its value was another then.
    """
    if memory.model != fingerprint(model):
        return None
    rows = {film: row for row, film in enumerate(films(data))}
    if not all(film in rows for film in memory.films):
        return None
    # After a doubling the old draws have little to say.
    if len(data) > 2 * len(memory.films) + 2:
        return None
    known = data.rows(np.array([rows[film] for film in memory.films], dtype=int))
    return replace(known, y=memory.y, variance=memory.variance)


def to_bytes(memories: Mapping[str, Memory], extra: Mapping[str, object]) -> bytes:
    """Return memories as bytes: a line of JSON, then draws and readings of each."""
    header = {
        "version": _VERSION,
        "extra": dict(extra),
        "memories": {
            name: {
                "model": m.model,
                "offset": m.offset,
                "scale": m.scale,
                "shape": list(m.z.shape),
                "log_evidence": m.log_evidence,
                "films": list(m.films),
                "log_likelihood": m.log_likelihood,
            }
            for name, m in memories.items()
        },
    }
    body = b"".join(
        array.astype(kind).tobytes()
        for m in memories.values()
        for array, kind in ((m.z, _DRAWS), (m.y, _READINGS), (m.variance, _READINGS))
    )
    return json.dumps(header).encode() + b"\n" + body


def from_bytes(data: bytes) -> tuple[dict[str, Memory], dict[str, object]]:
    """Return memories and extra of :func:`to_bytes`.

    Raises:
        ValueError: These are no such bytes, or those of another version.
    """
    line, _, body = data.partition(b"\n")
    header = json.loads(line)
    if not isinstance(header, dict) or header.get("version") != _VERSION:
        msg = "posterior: not of this version of the planner"
        raise ValueError(msg)
    try:
        known = _Header.model_validate(header)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        msg = f"posterior: {place}: {first['msg']}"
        raise ValueError(msg) from error
    memories, start = {}, 0

    def take(count: int, kind: str) -> FloatArray:
        nonlocal start
        end = start + count * np.dtype(kind).itemsize
        if end > len(body):
            msg = "posterior: cut short"
            raise ValueError(msg)
        part = np.frombuffer(body[start:end], kind).astype(float)
        start = end
        return part

    for name, fit in known.memories.items():
        rows, columns = fit.shape
        memories[name] = Memory(
            **fit.model_dump(exclude={"shape"}),
            z=take(rows * columns, _DRAWS).reshape(rows, columns),
            y=take(len(fit.films), _READINGS),
            variance=take(len(fit.films), _READINGS),
        )
    return memories, known.extra


def _hash(data: bytes, digits: int) -> str:
    return hashlib.sha256(data).hexdigest()[:digits]
