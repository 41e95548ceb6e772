"""Data sets as pools of experiments to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hp_lab.errors import InvalidConfig, InvalidInput, listed
from hp_lab.planner import molecules
from hp_lab.planner.space import Space
from hp_lab.planner.table import cell, number_in, read_table
from hp_lab.records import Observation
from hp_lab.units import FloatArray

QUANTITY = "value"
_TOP = 0.05
# Values that differ by less than this share of their range, or of themselves, are
# equal: the mean of replicates depends in its last digits on their order.
_EQUAL = 1e-9
_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Distinct experiments of a data set; replicates are averaged.

    Attributes:
        codes: Codes (N, width) in the space.
        X: Numbers (N, d) for the simple methods, standardised.
        value: Mean result (N,), larger is better.
        sigma: Standard error (N,) of each.
        inputs: Column of the data set to kind of dimension.
    """

    space: Space
    codes: FloatArray
    X: FloatArray
    value: FloatArray
    sigma: FloatArray
    inputs: Mapping[str, str] = field(default_factory=dict)

    def observation(self, index: int) -> Observation:
        """Return what was observed in an experiment."""
        return Observation(
            quantity=QUANTITY,
            value=float(self.value[index]),
            sigma=float(self.sigma[index]),
            unit="",
            sample_id=f"p{index}",
        )

    @property
    def top(self) -> np.ndarray:
        """Indices, best first, of the best twentieth and all that tie with its last."""
        order = np.argsort(-self.value, kind="stable")
        last = self.value[order[self.twentieth - 1]]
        equal = _EQUAL * np.ptp(self.value) + _ROUNDING * np.abs(self.value).max()
        return np.asarray(order[self.value[order] >= last - equal])

    @property
    def twentieth(self) -> int:
        """How many experiments a twentieth of the pool is, at least one."""
        return max(1, round(_TOP * len(self.value)))


def load_pool(
    file: Path, *, target: str, goal: str, ignore: Sequence[str] = ()
) -> Pool:
    """Read a data set; equal rows of inputs are replicates, however SMILES are written.

    All columns but the target and those to ``ignore`` are inputs. Numeric columns
    become continuous dimensions, text columns molecules where all of them are SMILES
    and one has a bond or the column's name tells so (I, Br and Cl are labels),
    categories otherwise; a column that never varies is left out.

    Raises:
        InvalidInput: The file cannot be read, lacks the target or a column to ignore,
            or has no inputs; an input has no name, mixes numbers and text, holds
            another name in every row, or is called SMILES and holds none.
    """
    rows = read_table(file)
    inputs = _inputs(rows, file, target, ignore)
    table = [_column(rows, name, file) for name in inputs]
    grouped: dict[tuple[float | str, ...], list[float]] = {}
    for number, key in enumerate(zip(*table, strict=True)):
        value = cell(rows[number], target, f"{file}, row {number + 1}")
        grouped.setdefault(key, []).append(value)
    keys = list(grouped)
    sign = 1.0 if goal == "max" else -1.0
    mean = np.array([np.mean(values) for values in grouped.values()])
    inner = [np.var(v, ddof=1) for v in grouped.values() if len(v) > 1]
    # Without replicates nothing is known; the planner learns the noise.
    noise = float(np.mean(inner)) if inner else (1e-3 * float(mean.std() or 1)) ** 2
    # Replicates that agree in all their digits are not known without end.
    least = 1e-6 * float(mean.std()) + _ROUNDING * float(np.abs(mean).max())
    count = np.array([len(values) for values in grouped.values()])
    columns = {name: [key[i] for key in keys] for i, name in enumerate(inputs)}
    space, settings, kinds = _space(columns, file)
    codes = space.codes(settings)
    X = space.features(codes)
    return Pool(
        space=space,
        codes=codes,
        X=(X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1),
        value=sign * mean,
        sigma=np.sqrt(max(noise, least**2) / count),
        inputs=kinds,
    )


def _inputs(
    rows: Sequence[Mapping[str, str]], file: Path, target: str, ignore: Sequence[str]
) -> list[str]:
    """Return the columns that are inputs."""
    for name in (target, *ignore):
        if name not in rows[0]:
            msg = f"{file}: no column {name!r}; it has {listed(list(rows[0]))}"
            raise InvalidInput(msg)
    if target in ignore:
        msg = f"{file}: {target!r} is the target and cannot be ignored; drop one option"
        raise InvalidInput(msg)
    inputs = [name for name in rows[0] if name != target and name not in ignore]
    if not inputs:
        rest = " that is not ignored" if ignore else ""
        msg = f"{file}: has no column besides {target!r}{rest}"
        raise InvalidInput(msg)
    for number, name in enumerate(rows[0], start=1):
        # The second is what pandas calls the first when it reads it.
        if name in inputs and (not name or name.startswith("Unnamed: ")):
            msg = (
                f"{file}: column {number} has no name, as the index that pandas "
                "writes; name it if it is an input, or leave it out with "
                f'--ignore "{name}"'
            )
            raise InvalidInput(msg)
    return inputs


def _column(
    rows: Sequence[Mapping[str, str]], name: str, file: Path
) -> list[float] | list[str]:
    """Return the cells of an input, numbers where the first one is a number."""
    cells = [row[name] for row in rows]
    numeric = [number_in(one) is not None for one in cells]
    for number, one in enumerate(cells, start=1):
        origin = f"{file}, row {number}"
        if not one:
            msg = f"{origin}: {name} is empty; leave out the row or the column"
            raise InvalidInput(msg)
        if any(numeric) and not numeric[number - 1]:
            msg = (
                f"{origin}: {name} {one!r} is not a number, as other cells of the "
                "column are; a column holds either numbers or text"
            )
            raise InvalidInput(msg)
        if _holds_smiles(name):
            try:
                molecules.parse(one)
            except InvalidConfig as error:
                msg = f"{origin}: {name}: {error}"
                raise InvalidInput(msg) from error
    if all(numeric):
        return [
            cell(row, name, f"{file}, row {number}")
            for number, row in enumerate(rows, start=1)
        ]
    return _as_first_written(cells)


def _as_first_written(cells: list[str]) -> list[str]:
    """Return texts; if all are SMILES, each as its molecule is written first."""
    try:
        names = [molecules.canonical(one) for one in cells]
    except InvalidConfig:
        return cells
    first: dict[str, str] = {}
    return [first.setdefault(name, one) for name, one in zip(names, cells, strict=True)]


def _space(
    columns: Mapping[str, Sequence[float | str]], file: Path
) -> tuple[Space, list[dict[str, Any]], dict[str, str]]:
    """Return the space, the settings of each experiment, and the columns' kinds."""
    section: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    values: dict[str, Sequence[float | str]] = {}
    for i, (name, cells) in enumerate(columns.items()):
        if len(set(cells)) == 1:
            continue
        # Column names of data sets are free text; dimensions need identifiers.
        key = f"x{i}_" + "".join(c if c.isalnum() else "_" for c in name)
        key = key.encode("ascii", "replace").decode().replace("?", "_")
        section[key], values[key] = _dimension(name, cells), cells
        kinds[name] = section[key]["type"]
        if kinds[name] == "categorical" and len(set(cells)) == len(cells):
            msg = (
                f"{file}: {name!r} has another text in each of the {len(cells)} "
                f"experiments, such as {cells[0]!r}, and these count as names, which "
                f'tell nothing of each other; leave them out with --ignore "{name}"'
            )
            raise InvalidInput(msg)
    if not section:
        msg = f"{file}: no input column varies; a pool needs different experiments"
        raise InvalidInput(msg)
    rows = len(next(iter(values.values())))
    settings = [{key: own[row] for key, own in values.items()} for row in range(rows)]
    return Space.parse(section), settings, kinds


def _dimension(name: str, cells: Sequence[float | str]) -> dict[str, Any]:
    labels = sorted({one for one in cells if isinstance(one, str)})
    if not labels:
        numbers = [float(one) for one in cells]
        return {"type": "continuous", "low": min(numbers), "high": max(numbers)}
    try:
        bonds = [molecules.parse(label).GetNumBonds() for label in labels]
    except InvalidConfig:
        bonds = []
    if any(bonds) or (bonds and _holds_smiles(name)):
        return {"type": "molecule", "choices": {s: s for s in labels}}
    return {"type": "categorical", "choices": labels}


def _holds_smiles(name: str) -> bool:
    return "smiles" in name.lower()
