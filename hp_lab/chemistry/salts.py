"""Halide salts by formula: PbI2, FAI, CsBr, PEAI, BDAI2, and the ions they give."""

import re

from hp_lab.chemistry.ions import X_SITE, charge, is_ion
from hp_lab.errors import InvalidInput

_HALIDE = re.compile(rf"(?P<cation>.+?)(?P<halide>{'|'.join(X_SITE)})(?P<count>\d*)")


def salt_ions(salt: str) -> dict[str, float]:
    """Return how many of each ion a formula unit of a halide salt gives.

    Any cation of the composition module, spacers included, with any halide.

    Raises:
        InvalidInput: The cation is unknown, or the number of halides does not balance
            its charge.
    """
    match = _HALIDE.fullmatch(salt)
    if match is None or not is_ion(match["cation"]):
        msg = (
            f"salt {salt!r} is unknown; write a cation and a halide, such as PbI2, "
            "FAI, PEABr or BDAI2, or list it under molecules if it is inert"
        )
        raise InvalidInput(msg)
    cation, halide = match["cation"], match["halide"]
    count, needed = int(match["count"] or 1), charge(cation)
    if count != needed:
        right = f"{cation}{halide}{needed if needed > 1 else ''}"
        msg = f"salt {salt!r}: {cation} carries {needed} charges; write {right}"
        raise InvalidInput(msg)
    return {cation: 1.0, halide: float(count)}
