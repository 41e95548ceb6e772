"""Bars: a figure, its bound, and whether it is met."""

import math
from typing import Any

import numpy as np

from hp_lab.units import FloatArray


def at_most(name: str, value: float, bound: float) -> dict[str, Any]:
    """Return a bar that is met up to a bound."""
    return _bar(name, value, f"<= {bound:g}", value <= bound)


def at_least(name: str, value: float, bound: float) -> dict[str, Any]:
    """Return a bar that is met from a bound on."""
    return _bar(name, value, f">= {bound:g}", value >= bound)


def in_standard_errors(differences: FloatArray) -> float:
    """Return the mean of differences (n,) over its standard error; nan of one alone."""
    if len(differences) < 2:
        return float("nan")
    se = differences.std(ddof=1) / np.sqrt(len(differences))
    return float(differences.mean() / max(se, 1e-9))


def _bar(name: str, value: float, bound: str, met: bool) -> dict[str, Any]:
    number = float(value) if math.isfinite(value) else None
    return {"name": name, "value": number, "bound": bound, "met": bool(met)}
