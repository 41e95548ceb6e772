"""Fractions that sum to one, as a dimension of a search space."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from hp_lab.errors import InvalidInput
from hp_lab.planner.dimensions import Columns, Model, Range, Settings, number
from hp_lab.units import FloatArray

# Fractions are given to a thousandth; finer than any pipetting error.
SIMPLEX_STEP = 1e-3
_TOLERANCE = 1e-6
# Steps are written in decimals: 0.333333 is a third.
_WHOLE = 1e-3


class Simplex(Model):
    """Fractions that sum to one; settings ``NAME.COMPONENT``.

    Attributes:
        components: Names of the fractions.
        lower: Least fraction of a component, 0 where it is not named.
        upper: Largest fraction of a component, 1 where it is not named.
        step: Fractions are whole multiples of it; it divides 1.
    """

    type: Literal["simplex"]
    components: Annotated[tuple[str, ...], Field(min_length=2)]
    lower: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    upper: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    step: Annotated[float, Field(gt=0, le=0.5)] = SIMPLEX_STEP

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for field in ("lower", "upper"):
            for component in getattr(self, field):
                if component not in self.components:
                    msg = f"{field}: {component!r} is not one of {self.components}"
                    raise ValueError(msg)
        if abs(1 / self.step - self._units) > _WHOLE:
            fewer = int(1 / self.step)
            msg = (
                f"step {self.step:g} does not divide 1; use {1 / (fewer + 1):.6g} or "
                f"{1 / fewer:.6g}"
            )
            raise ValueError(msg)
        for component in self.components:
            least, most = self._declared(component)
            if least > most:
                msg = f"lower {least:g} of {component} is above its upper {most:g}"
                raise ValueError(msg)
        low, high = self._low, self._high
        if np.any(low > high):
            least, most = self._declared(self.components[int((low > high).argmax())])
            msg = (
                f"no multiple of step {self.step:g} lies from lower {least:g} to upper "
                f"{most:g}; widen them or take a smaller step"
            )
            raise ValueError(msg)
        if low.sum() > 1 + _TOLERANCE or high.sum() < 1 - _TOLERANCE:
            msg = (
                f"no multiples of step {self.step:g} from {low.tolist()} to "
                f"{high.tolist()} sum to one; widen lower and upper"
            )
            raise ValueError(msg)
        return self

    @property
    def width(self) -> int:
        """Columns of code."""
        return len(self.components)

    @property
    def draws(self) -> int:
        """Uniform numbers that make one point."""
        return len(self.components) - 1

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Columns that the kernel looks at: all fractions share one length."""
        return (tuple(range(self.width)),)

    def names(self, name: str) -> list[str]:
        """Return the settings that the dimension owns."""
        return [f"{name}.{component}" for component in self.components]

    def ranges(self, name: str) -> dict[str, Range]:
        """Return the ranges of the settings that can be changed and are numbers."""
        # Bounds of the others can leave less: what is missing to one.
        low = np.maximum(self._low, 1 - (self._high.sum() - self._high))
        high = np.minimum(self._high, 1 - (self._low.sum() - self._low))
        return {
            field: Range(float(a), float(b))
            for field, a, b in zip(self.names(name), low, high, strict=True)
            if b > a
        }

    def from_uniform(self, uniform: FloatArray) -> FloatArray:
        """Return fractions of uniform numbers (m, k - 1).

        Stick breaking; uniform on the simplex where there are no bounds, truncated to
        what the bounds of the remaining components allow otherwise.
        """
        low, high = self._low, self._high
        order = np.argsort(high - low, kind="stable")
        codes = np.zeros((len(uniform), self.width))
        rest = np.ones(len(uniform))
        for position, column in enumerate(order[:-1]):
            later = order[position + 1 :]
            least = np.maximum(low[column], rest - high[later].sum())
            most = np.minimum(high[column], rest - low[later].sum())
            most = np.maximum(most, least)
            safe = np.maximum(rest, 1e-12)
            power = len(later)
            cdf_least = 1 - np.clip(1 - least / safe, 0, 1) ** power
            cdf_most = 1 - np.clip(1 - most / safe, 0, 1) ** power
            level = cdf_least + uniform[:, position] * (cdf_most - cdf_least)
            value = safe * (1 - (1 - level) ** (1 / power))
            codes[:, column] = np.clip(value, least, most)
            rest = rest - codes[:, column]
        codes[:, order[-1]] = rest
        return self.snap(codes)

    def snap(self, codes: FloatArray) -> FloatArray:
        """Return the nearest fractions within the bounds, in whole steps."""
        return self._rounded(self._project(codes))

    def columns(self, name: str, codes: FloatArray) -> Columns:
        """Return the settings of codes (m, k)."""
        return {
            field: np.round(codes[:, index], 9)
            for index, field in enumerate(self.names(name))
        }

    def codes(self, name: str, settings: Sequence[Settings]) -> FloatArray:
        """Return codes (m, k) of settings."""
        fields = self.names(name)
        return np.array([[number(s, field) for field in fields] for s in settings])

    def check(self, name: str, settings: Settings) -> None:
        """Raise InvalidInput where the fractions are outside or do not sum to one.

        Each may be rounded to a thousandth, as 0.333, 0.333, 0.333 are.
        """
        value = self.codes(name, [settings])[0]
        for component, field, one in zip(
            self.components, self.names(name), value, strict=True
        ):
            least, most = self._declared(component)
            if not least - _TOLERANCE <= one <= most + _TOLERANCE:
                msg = f"setting {field}: {one:g} must be from {least:g} to {most:g}"
                raise InvalidInput(msg)
        if abs(value.sum() - 1) > SIMPLEX_STEP / 2 * self.width + _TOLERANCE:
            msg = (
                f"setting {name}: fractions {', '.join(f'{v:g}' for v in value)} "
                f"sum to {value.sum():g}, they must sum to 1"
            )
            raise InvalidInput(msg)

    def move(
        self, codes: FloatArray, rng: np.random.Generator, scale: float
    ) -> FloatArray:
        """Return fractions moved by about ``scale``, back on the simplex."""
        return self.snap(codes + scale * rng.standard_normal(codes.shape))

    def _declared(self, component: str) -> tuple[float, float]:
        return self.lower.get(component, 0.0), self.upper.get(component, 1.0)

    @property
    def _units(self) -> int:
        """Steps in one."""
        return round(1 / self.step)

    # The least and the largest whole steps within what is declared.
    @cached_property
    def _low(self) -> FloatArray:
        least = np.array([self._declared(c)[0] for c in self.components])
        return np.asarray(np.ceil(least * self._units - _TOLERANCE) / self._units)

    @cached_property
    def _high(self) -> FloatArray:
        most = np.array([self._declared(c)[1] for c in self.components])
        return np.asarray(np.floor(most * self._units + _TOLERANCE) / self._units)

    def _project(self, codes: FloatArray) -> FloatArray:
        # clip(codes - shift) sums to one for one shift, found by bisection.
        low, high = self._low, self._high
        least = (codes - high).min(axis=1)
        most = (codes - low).max(axis=1)
        for _ in range(50):
            shift = (least + most) / 2
            total = np.clip(codes - shift[:, None], low, high).sum(axis=1)
            least = np.where(total > 1, shift, least)
            most = np.where(total > 1, most, shift)
        shifted = codes - ((least + most) / 2)[:, None]
        return np.asarray(np.clip(shifted, low, high))

    def _rounded(self, codes: FloatArray) -> FloatArray:
        # Largest remainder: whole steps that still sum to one.
        units = self._units
        scaled = codes * units
        whole = np.floor(scaled + 1e-9)
        missing = np.round(units - whole.sum(axis=1)).astype(int)
        room = whole + 1 <= self._high * units + 1e-6
        remainder = np.where(room, scaled - whole, -1.0)
        rank = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1)
        return np.asarray((whole + (rank < missing[:, None])) / units)
