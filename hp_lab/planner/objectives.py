"""What a campaign wants, and what observations say about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from hp_lab.errors import InvalidInput
from hp_lab.planner.dimensions import Model
from hp_lab.records import Bound, Observation
from hp_lab.units import FloatArray


class Objective(Model):
    """A quantity to maximise, to minimise, or to bring to a value.

    Attributes:
        quantity: Name of the observations it is about.
        goal: maximize, minimize or target.
        value: Where a target lies, in the quantity's unit.
        tolerance: Deviation from a target that is as good as none.
        weight: Share of the objective where several are added up.
    """

    quantity: Annotated[str, Field(min_length=1)]
    goal: Literal["maximize", "minimize", "target"]
    value: float | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    weight: Annotated[float, Field(gt=0)] = 1.0

    @model_validator(mode="after")
    def _target_has_value(self) -> Self:
        if self.goal == "target" and self.value is None:
            msg = f"objective {self.quantity}: a target needs a value"
            raise ValueError(msg)
        if self.goal != "target" and (self.value is not None or self.tolerance):
            msg = (
                f"objective {self.quantity}: value and tolerance belong to a target, "
                f"not to {self.goal}"
            )
            raise ValueError(msg)
        return self

    def utility(self, value: FloatArray) -> FloatArray:
        """Return how good values are, larger is better, in the quantity's unit."""
        match self.goal:
            case "maximize":
                return np.asarray(value, dtype=float)
            case "minimize":
                return -np.asarray(value, dtype=float)
            case "target":
                return -np.maximum(np.abs(value - self.target) - self.tolerance, 0.0)

    @property
    def target(self) -> float:
        """The value of a target; 0 for the other goals."""
        return self.value if self.value is not None else 0.0


def check_objectives(objectives: Sequence[Objective]) -> None:
    """Check that there are objectives, of a quantity each.

    Raises:
        InvalidInput: There is none, or two are about the same quantity.
    """
    if not objectives:
        msg = "no objective; name at least one quantity"
        raise InvalidInput(msg)
    names = [one.quantity for one in objectives]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        msg = (
            f"two objectives are about {doubled[0]!r}; give each quantity one goal, or "
            "a target with a tolerance"
        )
        raise InvalidInput(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the observations of one film say about one quantity."""

    value: float
    sigma: float
    kind: Bound = "exact"
    cause: str = ""


def reading(
    objective: Objective, observations: Sequence[Observation]
) -> Reading | None:
    """Merge the observations of one film; None where they do not hold the quantity.

    Exact values are averaged with weights 1/sigma^2. A bound counts only where there is
    no exact value: the highest lower bound, or the lowest upper bound.
    """
    own = [o for o in observations if o.quantity == objective.quantity]
    exact = [o for o in own if o.kind == "exact"]
    if exact:
        weight = np.array([o.sigma for o in exact]) ** -2.0
        value = float(np.average([o.value for o in exact], weights=weight))
        return Reading(value=value, sigma=float(weight.sum() ** -0.5))
    lower = [o for o in own if o.kind == "lower_bound"]
    upper = [o for o in own if o.kind == "upper_bound"]
    if lower:
        best = max(lower, key=lambda o: o.value)
        return _as_bound(best)
    if upper:
        best = min(upper, key=lambda o: o.value)
        return _as_bound(best)
    return None


def _as_bound(one: Observation) -> Reading:
    return Reading(value=one.value, sigma=one.sigma, kind=one.kind, cause=one.cause)
