"""The dimensions of a search space, as a campaign file declares them.

Every dimension turns settings into codes, real numbers in fixed columns, and back: a
continuous value is scaled to 0..1, a category is its index, a simplex is its fractions.
The planner works on codes; people and recipes see settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hp_lab.errors import InvalidConfig, InvalidInput, listed
from hp_lab.planner import molecules
from hp_lab.records import Setting
from hp_lab.units import FloatArray

Settings = Mapping[str, Setting]
Columns = dict[str, np.ndarray]


class Model(BaseModel):
    """A frozen model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Range:
    """Where a setting lies, low < high; ``log`` on a logarithmic scale, low > 0."""

    low: float
    high: float
    log: bool = False

    @property
    def width(self) -> float:
        """What the setting changes by over the scale, as fast as in its middle."""
        if self.log:
            middle = np.sqrt(self.low * self.high)
            return float(middle * np.log(self.high / self.low))
        return self.high - self.low

    def around(self, value: FloatArray, share: float) -> tuple[FloatArray, FloatArray]:
        """Return values a share of the range lower and higher, but within the range."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        step = share * (high - low)
        here = self._scaled(np.clip(value, self.low, self.high))
        down, up = np.maximum(here - step, low), np.minimum(here + step, high)
        return (np.exp(down), np.exp(up)) if self.log else (down, up)

    def _scaled(self, value: float | FloatArray) -> FloatArray:
        return np.asarray(np.log(value) if self.log else value, float)


def number(settings: Settings, field: str) -> float:
    """Return the number of a setting.

    Raises:
        InvalidInput: It is missing or no finite number.
    """
    value = settings.get(field)
    if not isinstance(value, int | float):
        msg = f"setting {field}: {value!r} is not a number"
        raise InvalidInput(msg)
    if not np.isfinite(value):
        msg = f"setting {field}: {value!r} must be a finite number"
        raise InvalidInput(msg)
    return float(value)


class _OneSetting(Model):
    """What dimensions of one setting and one column of code have in common."""

    @property
    def width(self) -> int:
        """Columns of code."""
        return 1

    @property
    def draws(self) -> int:
        """Uniform numbers that make one point."""
        return 1

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Columns that the kernel looks at."""
        return ((0,),)

    def names(self, name: str) -> list[str]:
        """Return the settings that the dimension owns."""
        return [name]


class Continuous(_OneSetting):
    """A number between low and high, optionally in steps or on a logarithmic scale."""

    type: Literal["continuous"]
    low: float
    high: float
    step: Annotated[float, Field(gt=0)] | None = None
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high <= self.low:
            msg = f"high {self.high:g} must be above low {self.low:g}"
            raise ValueError(msg)
        if self.log and self.low <= 0:
            msg = f"low {self.low:g} must be above 0 on a logarithmic scale"
            raise ValueError(msg)
        return self

    def ranges(self, name: str) -> dict[str, Range]:
        """Return the ranges of the settings that can be changed and are numbers."""
        return {name: Range(self.low, self.high, self.log)}

    def from_uniform(self, uniform: FloatArray) -> FloatArray:
        """Return codes of uniform numbers (m, 1)."""
        return self.snap(uniform)

    def snap(self, codes: FloatArray) -> FloatArray:
        """Return the nearest allowed codes."""
        codes = np.clip(codes, 0.0, 1.0)
        if self.step is None:
            return codes
        value = self._value(codes)
        steps = np.floor((self.high - self.low) / self.step + 1e-9)
        index = np.clip(np.round((value - self.low) / self.step), 0, steps)
        return self._code(self.low + index * self.step)

    def columns(self, name: str, codes: FloatArray) -> Columns:
        """Return the settings of codes (m, 1)."""
        value = self._value(codes[:, 0])
        if self.step is not None:
            value = (
                self.low + np.round((value - self.low) / self.step) * self.step
            ).clip(self.low, self.high)
        smallest = self.low if self.log else self.high - self.low
        resolution = 7 - int(np.floor(np.log10(smallest)))
        return {name: np.round(value, resolution).clip(self.low, self.high)}

    def codes(self, name: str, settings: Sequence[Settings]) -> FloatArray:
        """Return codes (m, 1) of settings."""
        return self._code(np.array([[number(s, name)] for s in settings]))

    def check(self, name: str, settings: Settings) -> None:
        """Raise InvalidInput where a setting is outside."""
        value = number(settings, name)
        slack = 1e-9 * (self.high - self.low)
        if not self.low - slack <= value <= self.high + slack:
            limit, word = (
                (self.low, "below low")
                if value < self.low
                else (self.high, "above high")
            )
            msg = f"setting {name}: {value:g} is {word} {limit:g} of the search space"
            raise InvalidInput(msg)

    def move(
        self, codes: FloatArray, rng: np.random.Generator, scale: float
    ) -> FloatArray:
        """Return codes moved by about ``scale`` of the range."""
        return self.snap(codes + scale * rng.standard_normal(codes.shape))

    def _value(self, codes: FloatArray) -> FloatArray:
        if self.log:
            ratio = np.log(self.high / self.low)
            return np.asarray(self.low * np.exp(codes * ratio))
        return np.asarray(self.low + codes * (self.high - self.low))

    def _code(self, value: FloatArray) -> FloatArray:
        if self.log:
            return np.asarray(np.log(value / self.low) / np.log(self.high / self.low))
        return np.asarray((value - self.low) / (self.high - self.low))


class Ordinal(_OneSetting):
    """One of several numbers, whose distance means something."""

    type: Literal["ordinal"]
    values: Annotated[tuple[float, ...], Field(min_length=1)]

    @field_validator("values")
    @classmethod
    def _ascending(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if list(values) != sorted(set(values)):
            msg = f"values {list(values)} must ascend without repeats"
            raise ValueError(msg)
        return values

    def ranges(self, name: str) -> dict[str, Range]:
        """Return the ranges of the settings that can be changed and are numbers."""
        if not self._last:
            return {}
        return {name: Range(self.values[0], self.values[-1])}

    def from_uniform(self, uniform: FloatArray) -> FloatArray:
        """Return codes of uniform numbers (m, 1), every value equally often."""
        index = np.minimum((uniform * len(self.values)).astype(int), self._last)
        return np.asarray(self._scaled[index])

    def snap(self, codes: FloatArray) -> FloatArray:
        """Return the nearest allowed codes."""
        index = np.abs(codes[..., None] - self._scaled).argmin(axis=-1)
        return np.asarray(self._scaled[index])

    def columns(self, name: str, codes: FloatArray) -> Columns:
        """Return the settings of codes (m, 1)."""
        index = np.abs(codes[:, :1] - self._scaled).argmin(axis=1)
        return {name: np.array(self.values)[index]}

    def codes(self, name: str, settings: Sequence[Settings]) -> FloatArray:
        """Return codes (m, 1) of settings."""
        value = np.array([[number(s, name)] for s in settings])
        return (value - self.values[0]) / self._span

    def check(self, name: str, settings: Settings) -> None:
        """Raise InvalidInput where a setting is none of the values."""
        value = number(settings, name)
        if not np.any(np.abs(np.array(self.values) - value) < 1e-9 * self._span):
            allowed = ", ".join(f"{v:g}" for v in self.values)
            msg = f"setting {name}: {value:g} is not one of {allowed}"
            raise InvalidInput(msg)

    def move(
        self, codes: FloatArray, rng: np.random.Generator, scale: float
    ) -> FloatArray:
        """Return codes moved by about ``scale`` of the range, often by one value."""
        one = 1.0 / max(self._last, 1)
        step = rng.standard_normal(codes.shape) * max(scale, 0.7 * one)
        return self.snap(codes + step)

    @property
    def _last(self) -> int:
        return len(self.values) - 1

    @property
    def _span(self) -> float:
        return (self.values[-1] - self.values[0]) or 1.0

    @cached_property
    def _scaled(self) -> FloatArray:
        return (np.array(self.values) - self.values[0]) / self._span


class Categorical(_OneSetting):
    """One of several names without any order."""

    type: Literal["categorical"]
    choices: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("choices")
    @classmethod
    def _distinct(cls, choices: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(choices)) < len(choices):
            msg = f"choices {list(choices)} must not repeat"
            raise ValueError(msg)
        return choices

    @property
    def labels(self) -> tuple[str, ...]:
        """The names, in the order of their codes."""
        return self.choices

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Labels have a kernel of their own."""
        return ()

    def ranges(self, _: str) -> dict[str, Range]:
        """Return no range: a name is no number."""
        return {}

    def from_uniform(self, uniform: FloatArray) -> FloatArray:
        """Return codes of uniform numbers (m, 1), every name equally often."""
        size = len(self.labels)
        return np.minimum(np.floor(uniform * size), size - 1)

    def snap(self, codes: FloatArray) -> FloatArray:
        """Return the nearest allowed codes."""
        return np.clip(np.round(codes), 0, len(self.labels) - 1)

    def columns(self, name: str, codes: FloatArray) -> Columns:
        """Return the settings of codes (m, 1)."""
        return {name: np.array(self.labels, dtype=object)[codes[:, 0].astype(int)]}

    def codes(self, name: str, settings: Sequence[Settings]) -> FloatArray:
        """Return codes (m, 1) of settings."""
        for one in settings:
            self.check(name, one)
        return np.array([[self.labels.index(str(s[name]))] for s in settings], float)

    def check(self, name: str, settings: Settings) -> None:
        """Raise InvalidInput where a setting is none of the names."""
        value = settings.get(name)
        if value not in self.labels:
            msg = f"setting {name}: {value!r} is not one of {listed(self.labels)}"
            raise InvalidInput(msg)

    def move(
        self, codes: FloatArray, rng: np.random.Generator, scale: float
    ) -> FloatArray:
        """Return codes of which some jumped to any name."""
        jump = rng.random(codes.shape) < 0.15 + scale
        other = rng.integers(0, len(self.labels), codes.shape).astype(float)
        return np.where(jump, other, codes)


class Molecule(Categorical):
    """One of several molecules: abbreviations of the library of spacers, or SMILES.

    ``choices: [PEA, BA]`` are looked up; ``choices: {PEA: '[NH3+]CCc1ccccc1'}`` and
    ``choices: ['CCC[NH3+]']`` are taken as they are, so that a molecule nobody has
    listed can be proposed. Two labels of one molecule are refused.
    """

    type: Literal["molecule"]  # type: ignore[assignment]  # the tag of the union
    choices: dict[str, str]  # type: ignore[assignment]  # label -> SMILES

    @field_validator("choices", mode="before")
    @classmethod
    def _look_up(cls, choices: object) -> object:
        if isinstance(choices, list | tuple):
            names = [str(choice) for choice in choices]
            if len(set(names)) < len(names):
                msg = f"choices {names} must not repeat"
                raise ValueError(msg)
            return molecules.smiles_of(names)
        return choices

    @field_validator("choices")
    @classmethod
    def _distinct(cls, choices: dict[str, str]) -> dict[str, str]:  # type: ignore[override]  # other type
        if not choices:
            msg = "choices must name at least one molecule"
            raise ValueError(msg)
        same = molecules.twins(choices)
        if same is not None:
            msg = (
                f"choices {same[0]!r} and {same[1]!r} are one molecule, "
                f"{molecules.canonical(choices[same[0]])}; leave one out"
            )
            raise ValueError(msg)
        return choices

    def label(self, text: str) -> str:
        """Return the label of a molecule that is given by it or as a SMILES.

        A text that is neither is returned as it is.
        """
        if text in self.choices:
            return text
        try:
            same = molecules.twins({**self.choices, text: text})
        except InvalidConfig:
            return text
        return same[0] if same is not None else text

    @property
    def labels(self) -> tuple[str, ...]:
        """The names, in the order of their codes."""
        return tuple(self.choices)
