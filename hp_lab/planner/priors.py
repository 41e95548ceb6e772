"""Priors of parameters, as functions of a standard normal number.

Every parameter is inferred through z ~ N(0, 1): a prior is the map from z to the value,
so that all of them share one scale and no proposal ever leaves the prior's support.

A constant of nature has a prior in its own unit. Where the unit is the user's (a level
in eV, percent or counts; an edge on some setting) the prior is relative:
:class:`Level`, :class:`Difference`, :class:`Place` and :class:`Width` say how far from
the films' mean, in their spreads, or which share of a setting's range. They become
priors in real units where a hypothesis meets a space and its films
(``model_space.standard_model``).

Such a prior uses the films twice, for itself and for the likelihood. So does the
vanilla GP, whose constant and variance are in units of the same mean and spread: the
two are compared on equal terms, and neither evidence is that of a model chosen before
the films were seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr

from hp_lab.errors import InvalidConfig
from hp_lab.planner.dimensions import Model, Range
from hp_lab.units import FloatArray


def lognormal(
    z: FloatArray, median: FloatArray | float, sd: FloatArray | float
) -> FloatArray:
    """Return log-normal values of standard normal z; none overflows."""
    return np.asarray(median * np.exp(np.clip(sd * z, -300, 300)))


class Normal(Model):
    """A normal prior."""

    kind: Literal["normal"] = "normal"
    mean: float
    sd: Annotated[float, Field(gt=0)]

    def value(self, z: FloatArray) -> FloatArray:
        """Return the value of z."""
        return np.asarray(self.mean + self.sd * z)


class LogNormal(Model):
    """A prior whose logarithm is normal; ``median`` and the width of the logarithm."""

    kind: Literal["lognormal"] = "lognormal"
    median: Annotated[float, Field(gt=0)] = 1.0
    sd: Annotated[float, Field(gt=0)] = 1.0

    def value(self, z: FloatArray) -> FloatArray:
        """Return the value of z."""
        return lognormal(z, self.median, self.sd)

    def place(self, value: float) -> float:
        """Return the z of a value above 0."""
        return float(np.log(value / self.median) / self.sd)


class Uniform(Model):
    """A uniform prior between low and high."""

    kind: Literal["uniform"] = "uniform"
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high <= self.low:
            msg = f"uniform prior: high {self.high:g} must be above low {self.low:g}"
            raise ValueError(msg)
        return self

    def value(self, z: FloatArray) -> FloatArray:
        """Return the value of z."""
        return np.asarray(self.low + (self.high - self.low) * ndtr(z))


class LogUniform(Model):
    """A prior whose logarithm is uniform between those of low and high."""

    kind: Literal["loguniform"] = "loguniform"
    low: Annotated[float, Field(gt=0)]
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high <= self.low:
            msg = f"loguniform prior: high {self.high:g} must be above low {self.low:g}"
            raise ValueError(msg)
        return self

    def value(self, z: FloatArray) -> FloatArray:
        """Return the value of z."""
        return np.asarray(self.low * (self.high / self.low) ** ndtr(z))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What relative priors are relative to.

    Attributes:
        offset: Mean of the films' values, in units of the quantity.
        scale: Their spread, above 0.
        ranges: Name in the function of a hypothesis to the range of that setting.
    """

    offset: float
    scale: float
    ranges: dict[str, Range]

    def range_of(self, setting: str) -> Range:
        """Return the range of a setting.

        Raises:
            InvalidConfig: The space has no such number.
        """
        if setting not in self.ranges:
            msg = (
                f"a prior is relative to {setting!r}, which is no number of the space; "
                f"name one under inputs: {', '.join(self.ranges) or 'it has none'}"
            )
            raise InvalidConfig(msg)
        return self.ranges[setting]


class _Relative(Model):
    """A prior that has no value before it is resolved."""

    def value(self, _: FloatArray) -> FloatArray:
        """Refuse: there are no films and no space yet.

        Raises:
            InvalidConfig: Always.
        """
        msg = (
            f"prior {self!r} is relative; build the model by "
            "model_space.standard_model, or give a prior in real units"
        )
        raise InvalidConfig(msg)


class Level(_Relative):
    """A value of the quantity: normal about the films' mean, ``sd`` in their spreads.

    The default reaches the ends of a line of which films saw a third.
    """

    kind: Literal["level"] = "level"
    sd: Annotated[float, Field(gt=0)] = 3.0

    def resolved(self, scales: Scales) -> Normal:
        """Return the prior in units of the quantity."""
        return Normal(mean=scales.offset, sd=self.sd * scales.scale)


class Difference(_Relative):
    """A difference of values: normal about 0, ``sd`` in the films' spreads."""

    kind: Literal["difference"] = "difference"
    sd: Annotated[float, Field(gt=0)] = 3.0

    def resolved(self, scales: Scales) -> Normal:
        """Return the prior in units of the quantity."""
        return Normal(mean=0.0, sd=self.sd * scales.scale)


class Place(_Relative):
    """A value of a setting: uniform over its range, along its logarithm if it has one.

    ``setting`` is the name in the function of the hypothesis.
    """

    kind: Literal["place"] = "place"
    setting: str

    def resolved(self, scales: Scales) -> Uniform | LogUniform:
        """Return the prior in units of the setting.

        Raises:
            InvalidConfig: The space has no such number.
        """
        found = scales.range_of(self.setting)
        if found.log:
            return LogUniform(low=found.low, high=found.high)
        return Uniform(low=found.low, high=found.high)


class Width(_Relative):
    """A width along a setting: log-normal, ``median`` as a share of its range.

    ``setting`` is the name in the function of the hypothesis. On a logarithmic scale a
    share is what it is in the middle of the range.
    """

    kind: Literal["width"] = "width"
    setting: str
    median: Annotated[float, Field(gt=0)]
    sd: Annotated[float, Field(gt=0)]

    def resolved(self, scales: Scales) -> LogNormal:
        """Return the prior in units of the setting.

        Raises:
            InvalidConfig: The space has no such number.
        """
        unit = scales.range_of(self.setting).width
        return LogNormal(median=self.median * unit, sd=self.sd)


Relative = Level | Difference | Place | Width
Prior = Annotated[
    Normal | LogNormal | Uniform | LogUniform | Relative, Field(discriminator="kind")
]


class Values:
    """Values of several priors at once: those that are log-normal in one go."""

    def __init__(self, priors: Sequence[Prior]) -> None:
        """Sort the priors."""
        pairs = list(enumerate(priors))
        logs = [(i, prior) for i, prior in pairs if isinstance(prior, LogNormal)]
        self._others = [pair for pair in pairs if pair not in logs]
        self._logs = np.array([i for i, _ in logs], dtype=np.intp)
        self._median = np.array([prior.median for _, prior in logs])
        self._sd = np.array([prior.sd for _, prior in logs])

    def __call__(self, z: FloatArray) -> FloatArray:
        """Return values of z (P, D), a column a prior."""
        result = np.empty(z.shape)
        for i, prior in self._others:
            result[:, i] = prior.value(z[:, i])
        result[:, self._logs] = lognormal(z[:, self._logs], self._median, self._sd)
        return result
