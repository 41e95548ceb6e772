"""Annealing trajectories: profiles proposed through the latent space of a model.

A generative model of profiles is learned from random ones within the limits: an encoder
(the temperature that the film sees over time, and thermally activated doses, projected
on principal components) and a decoder (a quadratic regression from those components to
segments). First profiles are drawn in the latent space, later ones moved in it or in
single segments; what the decoder gives is brought within the limits. The kernel
compares the segments' numbers, with a length for each: a few latent coordinates blur
what one step of a profile does, and good profiles took longer to find by them.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtri

from hp_lab.errors import InvalidInput
from hp_lab.planner.dimensions import Columns, Model, Range, Settings, number
from hp_lab.units import BOLTZMANN_EV_K, ZERO_C_K, FloatArray

_TRAINING = 1500
_TIMES = 32
_ACTIVATION_EV = (0.5, 0.8, 1.2)
# Latent coordinates get the spread of a uniform number, as other coordinates have.
_SPREAD = 0.29
_SLACK = 1e-6


class Trajectory(Model):
    """A temperature profile: segments of a ramp and a hold.

    Settings are ``NAME.K.c``, ``NAME.K.s`` and ``NAME.K.ramp_k_min`` for segment K from
    1: ramp to the temperature, hold it.

    Attributes:
        segments: How many.
        low_c: Lowest temperature of a hold.
        high_c: Highest temperature of a hold.
        max_hold_s: Longest hold of one segment.
        max_total_s: Longest profile, ramps included; None for no limit.
        max_ramp_k_min: The hotplate's fastest ramp.
        min_ramp_k_min: The slowest ramp worth trying.
        start_c: Where the profile starts.
        latent: Dimensions of the latent space.
    """

    type: Literal["trajectory"]
    segments: Annotated[int, Field(ge=1, le=6)] = 2
    low_c: float = 40.0
    high_c: float
    min_hold_s: Annotated[float, Field(ge=0)] = 10.0
    max_hold_s: Annotated[float, Field(gt=0)]
    max_total_s: Annotated[float, Field(gt=0)] | None = None
    max_ramp_k_min: Annotated[float, Field(gt=0)] = 15.0
    min_ramp_k_min: Annotated[float, Field(gt=0)] = 1.0
    start_c: float = 25.0
    latent: Annotated[int, Field(ge=1, le=10)] = 4

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for low, high in (
            ("low_c", "high_c"),
            ("min_hold_s", "max_hold_s"),
            ("min_ramp_k_min", "max_ramp_k_min"),
        ):
            values = self.model_dump(include={low, high})
            if values[high] <= values[low]:
                msg = f"{high} {values[high]:g} must be above {low} {values[low]:g}"
                raise ValueError(msg)
        shortest = self.segments * self.min_hold_s + self._longest_climb_s
        if self.max_total_s is not None and self.max_total_s < shortest:
            msg = (
                f"max_total_s {self.max_total_s:g} is below {shortest:g}, what the "
                "ramps at full speed and the shortest holds may take"
            )
            raise ValueError(msg)
        return self

    @property
    def width(self) -> int:
        """Columns of code: three a segment, then the latent coordinates."""
        return 3 * self.segments + self.latent

    @property
    def draws(self) -> int:
        """Uniform numbers that make one profile."""
        return self.latent

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Columns that the kernel looks at: each number of each segment."""
        return tuple((i,) for i in range(3 * self.segments))

    def names(self, name: str) -> list[str]:
        """Return the settings that the dimension owns."""
        return [
            f"{name}.{k + 1}.{what}"
            for k in range(self.segments)
            for what in ("c", "s", "ramp_k_min")
        ]

    def ranges(self, name: str) -> dict[str, Range]:
        """Return the ranges of the settings that can be changed and are numbers."""
        low, high = self._limits
        return {
            field: Range(float(a), float(b))
            for field, a, b in zip(self.names(name), low, high, strict=True)
        }

    def from_uniform(self, uniform: FloatArray) -> FloatArray:
        """Return codes of uniform numbers (m, latent): draws of the latent space."""
        normal = ndtri(np.clip(uniform, 1e-6, 1 - 1e-6))
        return self._with_latent(self.decode(_SPREAD * normal))

    def snap(self, codes: FloatArray) -> FloatArray:
        """Return the nearest profiles within the limits."""
        return self._with_latent(self._within(codes[:, : 3 * self.segments]))

    def columns(self, name: str, codes: FloatArray) -> Columns:
        """Return the settings of codes (m, width)."""
        values = self._values(codes[:, : 3 * self.segments])
        return {field: values[:, i] for i, field in enumerate(self.names(name))}

    def codes(self, name: str, settings: Sequence[Settings]) -> FloatArray:
        """Return codes (m, width) of settings."""
        values = np.array([[number(s, f) for f in self.names(name)] for s in settings])
        low, high = self._limits
        return self._with_latent((values - low) / (high - low))

    def check(self, name: str, settings: Settings) -> None:
        """Raise InvalidInput where a profile leaves the limits."""
        low, high = self._limits
        values = np.array([number(settings, field) for field in self.names(name)])
        for i, field in enumerate(self.names(name)):
            slack = _SLACK * (high[i] - low[i])
            if not low[i] - slack <= values[i] <= high[i] + slack:
                msg = (
                    f"setting {field}: {values[i]:g} must be from {low[i]:g} to "
                    f"{high[i]:g}"
                )
                raise InvalidInput(msg)
        total = float(self.total_s(values[None, :])[0])
        if self.max_total_s is not None and total > self.max_total_s * (1 + _SLACK):
            msg = (
                f"setting {name}: the profile takes {total:.0f} s, above max_total_s "
                f"{self.max_total_s:g}"
            )
            raise InvalidInput(msg)

    def move(
        self, codes: FloatArray, rng: np.random.Generator, scale: float
    ) -> FloatArray:
        """Return profiles moved in the latent space, or in one segment."""
        count = len(codes)
        segment = 3 * self.segments
        step = scale * rng.standard_normal((count, self.latent)) * 1.5
        latent = self.decode(codes[:, segment:] + step)
        few = rng.random((count, segment)) < 2.0 / segment
        direct = codes[:, :segment] + few * scale * rng.standard_normal(
            (count, segment)
        )
        by_latent = rng.random((count, 1)) < 0.4
        return self._with_latent(self._within(np.where(by_latent, latent, direct)))

    def encode(self, values: FloatArray) -> FloatArray:
        """Return latent coordinates (m, latent) of segments (m, 3 segments)."""
        mean, spread, directions = self._encoder
        return np.asarray(((self._curves(values) - mean) / spread) @ directions)

    def decode(self, latent: FloatArray) -> FloatArray:
        """Return scaled segments (m, 3 segments) within the limits."""
        return self._within(np.asarray(_quadratic(latent) @ self._decoder))

    def total_s(self, values: FloatArray) -> FloatArray:
        """Return how long profiles (m, 3 segments) take, ramps included."""
        temperature, hold, ramp = values[:, 0::3], values[:, 1::3], values[:, 2::3]
        before = np.column_stack(
            [np.full(len(values), self.start_c), temperature[:, :-1]]
        )
        climb = np.abs(temperature - before) / ramp * 60
        return np.asarray(hold.sum(axis=1) + climb.sum(axis=1))

    def temperature_c(self, values: FloatArray, times_s: FloatArray) -> FloatArray:
        """Return the temperature (m, t) at times; the start's after the end."""
        temperature, hold, ramp = values[:, 0::3], values[:, 1::3], values[:, 2::3]
        result = np.full((len(values), len(times_s)), self.start_c)
        begin = np.zeros((len(values), 1))
        last = np.full((len(values), 1), self.start_c)
        for k in range(self.segments):
            goal = temperature[:, k : k + 1]
            climb = np.abs(goal - last) / ramp[:, k : k + 1] * 60
            end = begin + climb + hold[:, k : k + 1]
            share = np.clip((times_s - begin) / np.maximum(climb, 1e-9), 0, 1)
            inside = (times_s >= begin) & (times_s < end)
            result = np.where(inside, last + share * (goal - last), result)
            begin, last = end, goal
        return result

    @property
    def _longest_climb_s(self) -> float:
        first = max(abs(self.high_c - self.start_c), abs(self.low_c - self.start_c))
        rest = (self.segments - 1) * (self.high_c - self.low_c)
        return (first + rest) / self.max_ramp_k_min * 60

    @cached_property
    def _limits(self) -> tuple[FloatArray, FloatArray]:
        low = [self.low_c, self.min_hold_s, self.min_ramp_k_min]
        high = [self.high_c, self.max_hold_s, self.max_ramp_k_min]
        return np.tile(low, self.segments), np.tile(high, self.segments)

    def _values(self, scaled: FloatArray) -> FloatArray:
        """Return segments as they are set: tenths of a degree, whole seconds."""
        low, high = self._limits
        values = low + scaled * (high - low)
        values[:, 0::3] = np.round(values[:, 0::3], 1)
        # Holds are cut, not rounded, so that the profile never gets too long.
        values[:, 1::3] = np.floor(values[:, 1::3] + 1e-6)
        # The fastest ramp stays what it is: what is short by it must not get longer.
        fastest = values[:, 2::3] >= self.max_ramp_k_min * (1 - 1e-9)
        rounded = np.round(values[:, 2::3], 2)
        values[:, 2::3] = np.where(fastest, self.max_ramp_k_min, rounded)
        return np.clip(values, low, high)

    def _within(self, scaled: FloatArray) -> FloatArray:
        """Return scaled segments brought within the limits and the total time."""
        low, high = self._limits
        values = self._values(np.clip(scaled, 0, 1))
        if self.max_total_s is not None:
            values = self._shortened(values, self.max_total_s)
        return np.asarray((values - low) / (high - low))

    def _shortened(self, values: FloatArray, limit_s: float) -> FloatArray:
        # First the holds give way; where that is not enough, the ramps get faster.
        for _ in range(2):
            over = np.maximum(self.total_s(values) - limit_s, 0.0)
            room = values[:, 1::3] - self.min_hold_s
            share = np.minimum(over / np.maximum(room.sum(axis=1), 1e-9), 1.0)
            values[:, 1::3] = np.floor(
                self.min_hold_s + room * (1 - share[:, None]) + 1e-9
            )
            values[:, 1::3] = np.maximum(values[:, 1::3], self.min_hold_s)
            late = self.total_s(values) > limit_s
            values[late, 2::3] = self.max_ramp_k_min
        return values

    def _with_latent(self, scaled: FloatArray) -> FloatArray:
        low, high = self._limits
        return np.hstack([scaled, self.encode(low + scaled * (high - low))])

    def _curves(self, values: FloatArray) -> FloatArray:
        """Return what a film sees (m, f): temperatures over time, and log doses."""
        longest = self.max_total_s or self._longest_s
        times = longest * np.linspace(0, 1, _TIMES) ** 1.5
        kelvin = self.temperature_c(values, times) + ZERO_C_K
        width = np.gradient(times)
        doses = [
            np.log(
                (np.exp(-e / BOLTZMANN_EV_K * (1 / kelvin - 1 / 373.15)) * width).sum(1)
            )
            for e in _ACTIVATION_EV
        ]
        # The doses count as much together as the curve does.
        share = np.sqrt(_TIMES / len(doses))
        return np.hstack([kelvin / 40, share * np.column_stack(doses) / 4])

    @property
    def _longest_s(self) -> float:
        slow = self._longest_climb_s * self.max_ramp_k_min / self.min_ramp_k_min
        return min(
            self.segments * self.max_hold_s + slow,
            2.0 * self.segments * self.max_hold_s,
        )

    @cached_property
    def _training(self) -> FloatArray:
        rng = np.random.default_rng(0)
        uniform = rng.random((_TRAINING, 3 * self.segments))
        # Short holds are as interesting as long ones, fast ramps more than slow ones.
        uniform[:, 1::3] **= 2
        uniform[:, 2::3] **= 0.5
        return self._within(uniform)

    @cached_property
    def _encoder(self) -> tuple[FloatArray, float, FloatArray]:
        low, high = self._limits
        curves = self._curves(low + self._training * (high - low))
        mean = curves.mean(axis=0)
        _, _, directions = np.linalg.svd(curves - mean, full_matrices=False)
        directions = directions[: self.latent].T
        top = ((curves - mean) @ directions).std(axis=0)
        directions = directions * np.sign(directions.sum(axis=0) + 1e-12)
        return mean, 1.0, directions * (_SPREAD / np.maximum(top, 1e-9))

    @cached_property
    def _decoder(self) -> FloatArray:
        low, high = self._limits
        latent = self.encode(low + self._training * (high - low))
        X = _quadratic(latent)
        ridge = 1e-3 * len(X) * np.eye(X.shape[1])
        return np.asarray(np.linalg.solve(X.T @ X + ridge, X.T @ self._training))


def _quadratic(latent: FloatArray) -> FloatArray:
    m, k = latent.shape
    i, j = np.triu_indices(k)
    unit = latent / _SPREAD
    return np.hstack([np.ones((m, 1)), unit, unit[:, i] * unit[:, j]])
