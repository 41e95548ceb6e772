"""Theory as prior: a table of calculated values as a hypothesis.

The prior mean is offset + gain * table(x), so that a calculation with the right trend
and a systematic error still helps; the GP learns what is left. Because the vanilla GP
is always among the models, a wrong table loses its weight as films contradict it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hp_lab.errors import InvalidConfig
from hp_lab.planner.hypotheses import Hypothesis, Inputs, Parameter
from hp_lab.planner.priors import Normal
from hp_lab.records import Setting
from hp_lab.units import FloatArray

_GAIN_SD = 0.3


def from_table(
    name: str, rows: Sequence[Mapping[str, Setting]], value: str
) -> Hypothesis:
    """Return the hypothesis that a table of calculated values holds.

    Args:
        name: Name of the hypothesis.
        rows: Settings and the calculated value; text settings must match exactly,
            between numbers the nearest rows are weighed by inverse squared distance.
        value: The column that holds the value.

    Raises:
        InvalidConfig: The table is empty, ragged, or a value is no finite number.
    """
    columns = _checked(name, rows, value)
    texts = [c for c in columns if isinstance(rows[0][c], str)]
    numeric = [c for c in columns if c not in texts]
    y = np.array([float(row[value]) for row in rows])
    points = np.array([[float(row[c]) for c in numeric] for row in rows]).reshape(
        len(rows), -1
    )
    spread = np.ptp(points, axis=0)
    spread = np.where(spread > 0, spread, 1.0)

    def table(x: Inputs, offset: Parameter, gain: Parameter) -> FloatArray:
        m = len(next(iter(x.values())))
        same = np.ones((m, len(rows)), dtype=bool)
        for c in texts:
            same &= np.asarray(x[c])[:, None] == np.array([row[c] for row in rows])
        here = np.array([np.asarray(x[c], float) for c in numeric]).reshape(-1, m).T
        far = (((here[:, None, :] - points[None]) / spread) ** 2).sum(axis=2)
        weight = np.where(same, 1.0 / (far + 1e-9), 0.0)
        total = weight.sum(axis=1)
        # What the table does not list is worth its average.
        found = np.where(total > 0, weight @ y / np.maximum(total, 1e-300), y.mean())
        return np.asarray(offset + gain * (found - y.mean()) + y.mean())

    width = float(y.std()) or abs(float(y.mean())) or 1.0
    return Hypothesis(
        name=name,
        function=table,
        priors={
            "offset": Normal(mean=0, sd=0.5 * width),
            "gain": Normal(mean=1, sd=_GAIN_SD),
        },
    )


def _checked(name: str, rows: Sequence[Mapping[str, Setting]], value: str) -> list[str]:
    if not rows:
        msg = f"theory {name}: its table has no rows"
        raise InvalidConfig(msg)
    for number, row in enumerate(rows, start=1):
        if set(row) != set(rows[0]) or value not in row:
            msg = f"theory {name}: row {number} must have {value} and the same columns"
            raise InvalidConfig(msg)
        found = row[value]
        if isinstance(found, str) or not np.isfinite(found):
            msg = f"theory {name}: row {number}: {value} {found!r} is no finite number"
            raise InvalidConfig(msg)
    return [column for column in rows[0] if column != value]
