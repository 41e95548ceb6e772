"""What a campaign wants, and what observations say about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from hp_lab.errors import InvalidInput
from hp_lab.planner.dimensions import Model
from hp_lab.records import Bound, Observation
from hp_lab.units import FloatArray

# Two outcomes have nothing between them.
_LEAST_SCORES = 3
_SIGNS: dict[Bound, int] = {"exact": 0, "lower_bound": 1, "upper_bound": -1}


class Objective(Model):
    """A quantity to maximise, to minimise, or to bring to a value.

    Attributes:
        quantity: Name of the observations it is about.
        goal: maximize, minimize or target.
        value: Where a target lies, in the quantity's unit.
        tolerance: Deviation from a target that is as good as none.
        weight: Share of the objective where several are added up.
        scores: The scores that films are given, ascending, where the quantity is judged
            in steps: 0, 1, 2, 3. A film of the highest score may be better than that
            says, one of the lowest worse.
    """

    quantity: Annotated[str, Field(min_length=1)]
    goal: Literal["maximize", "minimize", "target"]
    value: float | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    weight: Annotated[float, Field(gt=0)] = 1.0
    scores: tuple[float, ...] = ()

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

    @model_validator(mode="after")
    def _scores_are_steps(self) -> Self:
        if not self.scores:
            return self
        given = ", ".join(f"{one:g}" for one in self.scores)
        if list(self.scores) != sorted(set(self.scores)):
            msg = f"objective {self.quantity}: scores {given} must ascend, each once"
            raise ValueError(msg)
        if len(self.scores) < _LEAST_SCORES:
            msg = (
                f"objective {self.quantity}: scores {given} are fewer than "
                f"{_LEAST_SCORES}; of two, call the films of the worse one failed"
            )
            raise ValueError(msg)
        inner = self.scores[1:-1]
        if self.value is not None and not inner[0] <= self.value <= inner[-1]:
            msg = (
                f"objective {self.quantity}: target {self.value:g} must lie between "
                f"the ends of scores {given}; to reach an end, maximize or minimize"
            )
            raise ValueError(msg)
        return self

    @property
    def edges(self) -> FloatArray:
        """Where one score ends and the next begins (scores - 1,)."""
        return np.array([(a + b) / 2 for a, b in pairwise(self.scores)])

    @property
    def enough(self) -> float:
        """The utility beyond which no film is better; infinite without scores."""
        if not self.scores or self.goal == "target":
            return np.inf
        return float(self.utility(self.edges).max())

    def check_score(self, value: float) -> None:
        """Check that a value lies on the scale, where there is one.

        Raises:
            InvalidInput: It lies outside the scores.
        """
        if self.scores and not self.scores[0] <= value <= self.scores[-1]:
            msg = (
                f"{self.quantity}: {value:g} is none of the scores "
                f"{self.scores[0]:g} to {self.scores[-1]:g} of the objective; correct "
                "the one or the other"
            )
            raise InvalidInput(msg)

    def score_moments(self, below: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (m,) of scores.

        Args:
            below: Probability (scores - 1, m) of what lies below each edge.
        """
        share, scores = score_shares(below), np.array(self.scores)
        mean = scores @ share
        return mean, np.sqrt(((scores[:, None] - mean) ** 2 * share).sum(axis=0))

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


def score_shares(below: FloatArray) -> FloatArray:
    """Return the probability (scores, m) of each score from those below the edges."""
    m = below.shape[1]
    return np.diff(np.vstack([np.zeros(m), below, np.ones(m)]), axis=0)


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
    """What the observations of one film say about one quantity.

    Attributes:
        value: Or the bound.
        sigma: Its standard error.
        kind: Whether it is a value or a bound.
        cause: Why it is a bound.
        rounding: Standard deviation of what a score is rounded by.
    """

    value: float
    sigma: float
    kind: Bound = "exact"
    cause: str = ""
    rounding: float = 0.0

    @property
    def sign(self) -> int:
        """0 of a value, +1 of a lower bound, -1 of an upper one."""
        return _SIGNS[self.kind]


def reading(
    objective: Objective, observations: Sequence[Observation]
) -> Reading | None:
    """Merge the observations of one film; None where they do not hold the quantity.

    Exact values are averaged with weights 1/sigma^2. A bound counts only where there is
    no exact value: the highest lower bound, or the lowest upper bound.

    Raises:
        InvalidInput: A value lies outside the objective's scores.
    """
    own = [o for o in observations if o.quantity == objective.quantity]
    exact = [o for o in own if o.kind == "exact"]
    if exact:
        weight = np.array([o.sigma for o in exact]) ** -2.0
        value = float(np.average([o.value for o in exact], weights=weight))
        merged = Reading(value=value, sigma=float(weight.sum() ** -0.5))
        return _of_score(objective, merged) if objective.scores else merged
    bounds = [_as_bound(objective, o) for o in own]
    told = [one for one in bounds if one is not None]
    lower = [one for one in told if one.kind == "lower_bound"]
    if lower:
        return max(lower, key=lambda one: one.value)
    return min(told, key=lambda one: one.value, default=None)


def _as_bound(objective: Objective, one: Observation) -> Reading | None:
    """Return the bound; None where a score is at least the first or at most the last.

    A score that is at least 2 stands for all that is nearer to 2 than to 1, or above.
    """
    found = Reading(value=one.value, sigma=one.sigma, kind=one.kind, cause=one.cause)
    if not objective.scores:
        return found
    objective.check_score(one.value)
    edges = objective.edges
    if one.kind == "lower_bound":
        beyond = edges[edges < one.value]
        return replace(found, value=float(beyond[-1])) if len(beyond) else None
    beyond = edges[edges > one.value]
    return replace(found, value=float(beyond[0])) if len(beyond) else None


def _of_score(objective: Objective, one: Reading) -> Reading:
    """Return what a score says of the quantity behind it.

    A score stands for all that is nearer to it than to any other: the first and the
    last one for a bound, the others for a value with the variance of a uniform
    distribution (Sheppard's).
    """
    objective.check_score(one.value)
    edges = objective.edges
    if one.value <= edges[0]:
        return replace(one, value=float(edges[0]), kind="upper_bound")
    if one.value >= edges[-1]:
        return replace(one, value=float(edges[-1]), kind="lower_bound")
    place = int(np.searchsorted(edges, one.value))
    width = edges[place] - edges[place - 1]
    return replace(one, rounding=float(width / np.sqrt(12)))
