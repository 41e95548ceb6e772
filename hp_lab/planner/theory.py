"""Theory as prior: calculated values, a table or a function, as a hypothesis.

The prior mean is offset + gain * theory(x), so that a calculation with the right trend
and a systematic error still helps; the GP learns what is left. Because the vanilla GP
is always among the models, a wrong theory loses its weight as films contradict it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from hp_lab.errors import InvalidConfig
from hp_lab.planner.hypotheses import Hypothesis, Inputs, Parameter
from hp_lab.planner.interpolation import interpolation
from hp_lab.planner.model_space import differ
from hp_lab.planner.priors import Normal
from hp_lab.records import Setting
from hp_lab.units import FloatArray

_GAIN_SD = 0.3
# The interpolation solves for all rows at once.
_MOST_ROWS = 3000
# A text that no row has.
_UNKNOWN = -1

Calculation = Callable[[Inputs], FloatArray]


def from_function(
    name: str, function: Calculation, *, centre: float, spread: float
) -> Hypothesis:
    """Return the hypothesis of a function that calculates the quantity.

    Args:
        name: Name of the hypothesis.
        function: Columns of settings to calculated values (m,).
        centre: A typical value, which the gain leaves as it is.
        spread: How much values differ over the space; half of it is the standard
            deviation of the offset.
    """

    def calculated(x: Inputs, offset: Parameter, gain: Parameter) -> FloatArray:
        return np.asarray(offset + gain * (function(x) - centre) + centre)

    return Hypothesis(
        name=name,
        function=calculated,
        priors={
            "offset": Normal(mean=0, sd=0.5 * spread),
            "gain": Normal(mean=1, sd=_GAIN_SD),
        },
    )


def from_table(
    name: str, rows: Sequence[Mapping[str, Setting]], value: str
) -> Hypothesis:
    """Return the hypothesis that a table of calculated values holds.

    Args:
        name: Name of the hypothesis.
        rows: Settings and the calculated value; text settings must match exactly,
            between numbers a Gaussian process interpolates, which smooths where the
            table scatters. What no row is near to is worth the table's average.
        value: The column that holds the value.

    Raises:
        InvalidConfig: The table is empty, ragged, too long, mixes numbers and texts in
            a column, or a value is no finite number.
    """
    columns = _checked(name, rows, value)
    texts = tuple(c for c in columns if isinstance(rows[0][c], str))
    numbers = tuple(c for c in columns if c not in texts)
    y = tuple(float(row[value]) for row in rows)
    table = _table(
        texts,
        numbers,
        tuple(tuple(str(row[c]) for c in texts) for row in rows),
        tuple(tuple(float(row[c]) for c in numbers) for row in rows),
        y,
    )
    # Equal values have a deviation too, by rounding.
    width = float(np.std(y)) if differ(np.array(y)) else abs(float(np.mean(y))) or 1.0
    return from_function(name, table, centre=float(np.mean(y)), spread=width)


class _Table:
    """Rows of texts and numbers, and what lies between them."""

    def __init__(
        self,
        texts: tuple[str, ...],
        numbers: tuple[str, ...],
        labels: tuple[tuple[str, ...], ...],
        points: tuple[tuple[float, ...], ...],
        values: tuple[float, ...],
    ) -> None:
        self._texts, self._numbers = texts, numbers
        self._codes = {one: i for i, one in enumerate(dict.fromkeys(labels))}
        raw = np.array(points).reshape(len(values), -1)
        self._low = raw.min(axis=0)
        spread = np.ptp(raw, axis=0)
        self._spread = np.where(spread > 0, spread, 1.0)
        codes = np.array([self._codes[one] for one in labels], dtype=int)
        scaled = (raw - self._low) / self._spread
        self._between = interpolation(scaled, codes, np.array(values))

    def __call__(self, x: Inputs) -> FloatArray:
        """Return values (m,) at columns of settings."""
        m = len(next(iter(x.values())))
        points = np.array([np.asarray(x[c], float) for c in self._numbers])
        scaled = (points.reshape(-1, m).T - self._low) / self._spread
        codes = np.zeros(m, dtype=int)
        if self._texts:
            told = zip(*(np.asarray(x[c]).tolist() for c in self._texts), strict=True)
            codes = np.array([self._codes.get(one, _UNKNOWN) for one in told], int)
        return self._between(scaled, codes)


# A campaign asks for the same table at every proposal.
_table = lru_cache(maxsize=16)(_Table)


def _checked(name: str, rows: Sequence[Mapping[str, Setting]], value: str) -> list[str]:
    if not rows:
        msg = f"theory {name}: its table has no rows"
        raise InvalidConfig(msg)
    if len(rows) > _MOST_ROWS:
        msg = (
            f"theory {name}: its table has {len(rows)} rows, at most {_MOST_ROWS} are "
            "used; thin it out"
        )
        raise InvalidConfig(msg)
    for number, row in enumerate(rows, start=1):
        if set(row) != set(rows[0]) or value not in row:
            msg = f"theory {name}: row {number} must have {value} and the same columns"
            raise InvalidConfig(msg)
        for column, first in rows[0].items():
            if isinstance(row[column], str) != isinstance(first, str):
                kind = "a text" if isinstance(first, str) else "a number"
                msg = (
                    f"theory {name}: row {number}: {column} {row[column]!r} must be "
                    f"{kind}, as in row 1"
                )
                raise InvalidConfig(msg)
        found = row[value]
        if isinstance(found, str) or not np.isfinite(found):
            msg = f"theory {name}: row {number}: {value} {found!r} is no finite number"
            raise InvalidConfig(msg)
    return [column for column in rows[0] if column != value]
