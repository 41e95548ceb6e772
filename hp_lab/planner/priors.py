"""Priors of parameters, as functions of a standard normal number.

Every parameter is inferred through z ~ N(0, 1): a prior is the map from z to the value,
so that all of them share one scale and no proposal ever leaves the prior's support.
"""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr

from hp_lab.planner.dimensions import Model
from hp_lab.units import FloatArray


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
        return np.asarray(self.median * np.exp(np.clip(self.sd * z, -300, 300)))

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


Prior = Annotated[Normal | LogNormal | Uniform, Field(discriminator="kind")]
