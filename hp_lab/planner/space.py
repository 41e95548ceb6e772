"""The search space: dimensions and constraints, and points in it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator, model_validator
from scipy.stats import qmc

from hp_lab.errors import InvalidInput
from hp_lab.lab_config import check_model
from hp_lab.planner import molecules
from hp_lab.planner.dimensions import (
    Categorical,
    Columns,
    Continuous,
    Model,
    Molecule,
    Ordinal,
    Range,
    Settings,
)
from hp_lab.planner.expressions import Expression
from hp_lab.planner.simplex import Simplex
from hp_lab.planner.trajectories import Trajectory
from hp_lab.records import Setting
from hp_lab.units import FloatArray

Dimension = Annotated[
    Continuous | Ordinal | Molecule | Categorical | Simplex | Trajectory,
    Field(discriminator="type"),
]
# So many draws a wanted point before a space counts as empty.
_MAX_DRAWS = 2_000_000
_MOLECULE_COMPONENTS = 4


class Space(Model):
    """The ``space:`` section of a campaign file.

    Attributes:
        dimensions: Name to dimension, in the order of the file.
        constraints: Expressions over settings that every candidate must satisfy.
    """

    dimensions: dict[str, Dimension]
    constraints: tuple[str, ...] = Field(default=())

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, data: object) -> object:
        # A campaign file lists the dimensions directly, constraints among them.
        if not isinstance(data, Mapping) or "dimensions" in data:
            return data
        rest = {name: value for name, value in data.items() if name != "constraints"}
        return {"dimensions": rest, "constraints": data.get("constraints", ())}

    @field_validator("dimensions")
    @classmethod
    def _named(cls, dimensions: dict[str, Dimension]) -> dict[str, Dimension]:
        if not dimensions:
            msg = "a space needs at least one dimension"
            raise ValueError(msg)
        for name in dimensions:
            if not name.isidentifier():
                msg = f"dimension {name!r} must be a name such as drop_time_s"
                raise ValueError(msg)
        return dimensions

    @field_validator("constraints", mode="before")
    @classmethod
    def _listed(cls, constraints: object) -> object:
        if not isinstance(constraints, list | tuple):
            msg = "constraints must be a list of expressions, such as ['n <= 3']"
            raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueErrors
        return constraints

    @model_validator(mode="after")
    def _constraints_make_sense(self) -> "Space":
        for expression in self._expressions:
            expression.check(self.labels, constraint=True)
        return self

    @classmethod
    def parse(
        cls, section: Mapping[str, object], constraints: Sequence[str] = ()
    ) -> "Space":
        """Read a ``space:`` section and a ``constraints:`` section.

        Raises:
            InvalidConfig: A line for each wrong field, with its value and the limit.
        """
        return check_model(cls, constrained(section, constraints), "space")

    @property
    def names(self) -> list[str]:
        """The settings of a candidate."""
        return [
            field
            for name, dimension in self.dimensions.items()
            for field in dimension.names(name)
        ]

    @property
    def ranges(self) -> dict[str, Range]:
        """Ranges of the settings that are numbers, whatever the constraints."""
        found: dict[str, Range] = {}
        for name, dimension in self.dimensions.items():
            found.update(dimension.ranges(name))
        return found

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The settings of a candidate, each with its labels; a number has none."""
        return {
            field: dimension.labels if isinstance(dimension, Categorical) else ()
            for name, dimension in self.dimensions.items()
            for field in dimension.names(name)
        }

    @property
    def width(self) -> int:
        """Columns of the codes."""
        return sum(dimension.width for dimension in self.dimensions.values())

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Columns of the codes that belong to each dimension."""
        ends = np.cumsum([0, *(d.width for d in self.dimensions.values())]).tolist()
        return {
            name: slice(start, end)
            for name, (start, end) in zip(self.dimensions, pairwise(ends), strict=True)
        }

    def check(self, settings: Settings) -> None:
        """Check that settings lie in the space.

        Raises:
            InvalidInput: Names the setting, its value and the limit.
        """
        extra = sorted(set(settings) - set(self.names))
        if extra:
            msg = (
                f"setting {extra[0]}: not in the search space, which has "
                f"{', '.join(self.names)}"
            )
            raise InvalidInput(msg)
        for name, dimension in self.dimensions.items():
            dimension.check(name, settings)
        columns = {
            name: np.array(
                [settings[name]], dtype=object if isinstance(v, str) else float
            )
            for name, v in settings.items()
        }
        for expression in self._expressions:
            if not expression.holds(columns, 1)[0]:
                values = ", ".join(
                    f"{name} = {settings[name]}" for name in sorted(expression.names)
                )
                msg = f"constraint {expression.text!r} does not hold for {values}"
                raise InvalidInput(msg)

    def codes(self, settings: Sequence[Settings]) -> FloatArray:
        """Return codes (m, width) of settings; constraints are not checked."""
        if not settings:
            return np.zeros((0, self.width))
        return np.hstack([d.codes(n, settings) for n, d in self.dimensions.items()])

    def columns(self, codes: FloatArray) -> Columns:
        """Return the settings of codes (m, width), a column each."""
        result: Columns = {}
        for name, dimension in self.dimensions.items():
            result.update(dimension.columns(name, codes[:, self.slices[name]]))
        return result

    def settings(self, codes: FloatArray) -> list[dict[str, Setting]]:
        """Return settings of codes (m, width)."""
        columns = self.columns(codes)
        return [
            {
                name: value[row] if value.dtype == object else float(value[row])
                for name, value in columns.items()
            }
            for row in range(len(codes))
        ]

    def satisfied(self, codes: FloatArray) -> np.ndarray:
        """Return whether each of codes (m, width) satisfies every constraint."""
        if not self.constraints:
            return np.ones(len(codes), dtype=bool)
        columns = self.columns(codes)
        result = np.ones(len(codes), dtype=bool)
        for expression in self._expressions:
            result &= expression.holds(columns, len(codes))
        return result

    def sample_codes(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return space-filling codes (count, width) that satisfy the constraints.

        Raises:
            InvalidInput: No point of millions satisfies the constraints.
        """
        draws = sum(dimension.draws for dimension in self.dimensions.values())
        sobol = qmc.Sobol(draws, rng=rng) if _NEW_QMC else qmc.Sobol(draws, seed=rng)
        kept: list[FloatArray] = []
        found, tried = 0, 0
        batch = max(64, count)
        while found < count:
            if tried > _MAX_DRAWS:
                msg = (
                    f"only {found} of {tried} points of the space satisfy the "
                    f"constraints {'; '.join(self.constraints)}; loosen them"
                )
                raise InvalidInput(msg)
            uniform = sobol.random(2 ** int(np.ceil(np.log2(batch))))
            codes = self._from_uniform(uniform)
            codes = codes[self.satisfied(codes)]
            kept.append(codes)
            found, tried = found + len(codes), tried + len(uniform)
            batch = min(4 * batch, 65536)
        return np.vstack(kept)[:count]

    def sample(self, rng: np.random.Generator, count: int) -> list[dict[str, Setting]]:
        """Return space-filling settings that satisfy the constraints.

        Raises:
            InvalidInput: No point of millions satisfies the constraints.
        """
        return self.settings(self.sample_codes(rng, count))

    def move(
        self, codes: FloatArray, rng: np.random.Generator, scale: float
    ) -> FloatArray:
        """Return codes near the given ones; those that break a constraint are left."""
        moved = np.empty_like(codes)
        # One or a few dimensions at a time: most of a good film is kept.
        share = max(0.3, 1.5 / len(self.dimensions))
        for name, dimension in self.dimensions.items():
            part = self.slices[name]
            stay = rng.random((len(codes), 1)) > share
            changed = dimension.move(codes[:, part], rng, scale)
            moved[:, part] = np.where(stay, codes[:, part], changed)
        return np.where(self.satisfied(moved)[:, None], moved, codes)

    def encode(self, settings: Sequence[Settings]) -> FloatArray:
        """Return numbers (m, d) whose distances mean something.

        Categories are one-hot, molecules are principal components of their descriptors.
        """
        return self.features(self.codes(settings))

    def features(self, codes: FloatArray) -> FloatArray:
        """Return :meth:`encode` of codes (m, width)."""
        blocks: list[FloatArray] = []
        for name, dimension in self.dimensions.items():
            part = codes[:, self.slices[name]]
            if isinstance(dimension, Categorical):
                blocks.append(self.tables[name][part[:, 0].astype(int)])
            else:
                blocks.append(part[:, sorted({c for g in dimension.groups for c in g})])
        return np.hstack(blocks)

    @cached_property
    def label_features(self) -> np.ndarray:
        """Which columns (d,) of :meth:`features` tell categories and molecules."""
        return np.concatenate(
            [
                np.full(
                    self.tables[name].shape[1]
                    if name in self.tables
                    else sum(len(group) for group in d.groups),
                    name in self.tables,
                )
                for name, d in self.dimensions.items()
            ]
        )

    @cached_property
    def tables(self) -> dict[str, FloatArray]:
        """Features (labels, d) of every categorical and molecule dimension."""
        result: dict[str, FloatArray] = {}
        for name, dimension in self.dimensions.items():
            if isinstance(dimension, Molecule):
                table = molecules.descriptor_matrix(dimension.choices)
                scores = molecules.principal_components(table, _MOLECULE_COMPONENTS)
                # Two molecules of equal descriptors must still be told apart.
                result[name] = np.hstack([scores / 2, 0.2 * np.eye(len(scores))])
            elif isinstance(dimension, Categorical):
                result[name] = np.eye(len(dimension.labels)) * np.sqrt(0.5)
        return result

    @cached_property
    def _expressions(self) -> tuple[Expression, ...]:
        return tuple(Expression(text, "constraint") for text in self.constraints)

    def _from_uniform(self, uniform: FloatArray) -> FloatArray:
        blocks, start = [], 0
        for dimension in self.dimensions.values():
            end = start + dimension.draws
            blocks.append(dimension.from_uniform(uniform[:, start:end]))
            start = end
        return np.hstack(blocks)


def constrained(
    section: Mapping[str, object], constraints: object
) -> dict[str, object]:
    """Return a ``space:`` section whose constraints are its own and further ones.

    What is no list is left for the space to refuse.
    """
    merged: list[object] = []
    for one in (section.get("constraints", ()), constraints):
        if not isinstance(one, list | tuple):
            return {**section, "constraints": one}
        merged += one
    return {**section, "constraints": merged}


# scipy 1.15 renamed the argument; both are supported.
_NEW_QMC = "rng" in qmc.Sobol.__init__.__code__.co_varnames
