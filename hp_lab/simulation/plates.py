"""Hotplates: the true surface temperature in closed form, through many set points.

A controlled first-order plate follows ::

    dT/dt = clip((Ts - T) / tc,  -(T - Ta) / tl,  p - (T - Ta) / tl)

with set point Ts, ambient Ta, controller time tc, loss time tl and full power p (K/s):
it never heats faster than its power allows and never cools faster than its losses do.
After every change of set point there is at most one switch, from an exponential towards
a limit (full power, or ambient) to an exponential towards the set point.
"""

import bisect
import math
from dataclasses import dataclass

import numpy as np

from hp_lab.simulation import constants as c
from hp_lab.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPoint:
    """A set point from a time on; None is heater off."""

    at_s: float
    start_c: float
    setpoint_c: float | None


@dataclass(frozen=True, slots=True)
class Plate:
    """A hotplate's past and, unless it is touched again, its future."""

    steps: tuple[SetPoint, ...] = ()

    def set(self, now_s: float, setpoint_c: float | None) -> "Plate":
        """Return the plate regulated to a temperature from now on."""
        step = SetPoint(
            at_s=now_s, start_c=self.temperature_c(now_s), setpoint_c=setpoint_c
        )
        return Plate((*self.steps, step))

    @classmethod
    def starting(cls, now_s: float, start_c: float) -> "Plate":
        """Return a plate that is at a temperature now, heater off."""
        return cls((SetPoint(at_s=now_s, start_c=start_c, setpoint_c=None),))

    def since(self, start_s: float) -> "Plate":
        """Return the plate without the past that ended before a time."""
        first = bisect.bisect_right(self.steps, start_s, key=lambda step: step.at_s)
        return Plate(self.steps[max(first - 1, 0) :])

    def temperature_c(self, at_s: float) -> float:
        """Return the surface temperature at a time."""
        return float(self.temperatures_c(np.array([at_s]))[0])

    def temperatures_c(self, at_s: FloatArray) -> FloatArray:
        """Return the surface temperature at ascending times, shape (k,)."""
        found = np.full(at_s.shape, c.AMBIENT_C)
        starts = np.array([step.at_s for step in self.steps])
        which = np.searchsorted(starts, at_s, side="right") - 1
        for index in np.unique(which[which >= 0]):
            step = self.steps[index]
            chosen = which == index
            found[chosen] = _follow(step, at_s[chosen] - step.at_s)
        return found


def _follow(step: SetPoint, elapsed_s: FloatArray) -> FloatArray:
    loss_s, control_s = c.PLATE_LOSS_S, c.PLATE_CONTROL_S
    start = step.start_c
    if step.setpoint_c is None:
        return c.AMBIENT_C + (start - c.AMBIENT_C) * np.exp(-elapsed_s / loss_s)
    target = max(step.setpoint_c, c.AMBIENT_C)
    limit = c.AMBIENT_C + (c.PLATE_POWER_K_S * loss_s if target > start else 0.0)
    # Where the controller asks for less than the limit gives.
    switch = (target * loss_s - limit * control_s) / (loss_s - control_s)
    if abs(target - start) <= abs(target - switch):
        return target + (start - target) * np.exp(-elapsed_s / control_s)
    if (limit - start) * (limit - switch) <= 0:  # the limit lies before the switch
        return limit + (start - limit) * np.exp(-elapsed_s / loss_s)
    switch_s = loss_s * math.log((limit - start) / (limit - switch))
    early = limit + (start - limit) * np.exp(-np.minimum(elapsed_s, switch_s) / loss_s)
    late_s = np.maximum(elapsed_s - switch_s, 0.0)
    late = target + (switch - target) * np.exp(-late_s / control_s)
    return np.where(elapsed_s < switch_s, early, late)
