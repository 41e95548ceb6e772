"""Arrays as bytes and back: lossless, compressed, equal arrays giving equal bytes."""

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hp_lab.errors import JournalError

AnyArray = npt.NDArray[Any]

# zlib's own default, named because another level gives other bytes.
_LEVEL = 6
_KINDS = "fiub"


def encode(
    arrays: Mapping[str, AnyArray], what: str
) -> tuple[list[dict[str, object]], bytes]:
    """Return a description of the arrays and their bytes.

    Values are little-endian, sorted by array name. Byte planes are stored one after
    the other (all first bytes, all second bytes, ...): the high bytes of neighbouring
    readings are alike, so they compress to about two thirds of what plain order gives.

    Raises:
        JournalError: An array is not numeric; the message names it.
    """
    described: list[dict[str, object]] = []
    parts: list[bytes] = []
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        if array.dtype.kind not in _KINDS:
            msg = f"{what}: array {name} has dtype {array.dtype}; give numbers or bool"
            raise JournalError(msg)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        planes = np.frombuffer(little.tobytes(), dtype=np.uint8)
        planes = planes.reshape(-1, little.dtype.itemsize)
        parts.append(planes.T.tobytes())
        described.append(
            {
                "name": name,
                "dtype": little.dtype.str,
                # ascontiguousarray makes a scalar an array of one value.
                "shape": list(np.shape(arrays[name])),
            }
        )
    return described, zlib.compress(b"".join(parts), _LEVEL)


def decode(described: list[dict[str, Any]], body: bytes) -> dict[str, AnyArray]:
    """Return the arrays that :func:`encode` described, in native byte order.

    Raises:
        ValueError: The bytes are not what the description says.
    """
    try:
        data = zlib.decompress(body)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    arrays: dict[str, AnyArray] = {}
    offset = 0
    for entry in described:
        dtype = np.dtype(entry["dtype"])
        shape = tuple(entry["shape"])
        size = math.prod(shape) * dtype.itemsize
        planes = np.frombuffer(data[offset : offset + size], dtype=np.uint8)
        values = planes.reshape(dtype.itemsize, -1).T.tobytes()
        native = np.frombuffer(values, dtype=dtype).astype(dtype.newbyteorder("="))
        arrays[entry["name"]] = native.reshape(shape)
        offset += size
    if offset != len(data):
        msg = f"{len(data)} bytes of data, but the header describes {offset}"
        raise ValueError(msg)
    return arrays
