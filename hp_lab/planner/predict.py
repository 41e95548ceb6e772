"""Forecasts from a table of observations: what other films would read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from hp_lab.errors import InvalidInput
from hp_lab.planner.beliefs import Beliefs
from hp_lab.planner.forecast import Forecast
from hp_lab.planner.goal import Goal, PlannerSettings
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.plan import goal_from_csv, points_from_csv
from hp_lab.planner.space import Space
from hp_lab.records import Candidate
from hp_lab.units import FloatArray

LEVELS = (0.5, 0.8, 0.95)
_LEAST_VALUES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What readings of one quantity are expected to be at m points, in its unit.

    Attributes:
        sigma: Standard error of a reading: the median of the observations' own.
        mean: Expected readings (m,).
        sd: Their standard deviations (m,), the noise and ``sigma`` included.
        intervals: Share of readings to the central interval (m,), (m,) that holds it.
    """

    sigma: float
    mean: FloatArray
    sd: FloatArray
    intervals: Mapping[float, tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Forecasts of readings.

    Attributes:
        points: Where, with the row's id or number as name.
        readings: Quantity of an objective to what it is expected to read there.
        notes: Sentences for a person: doubts and diagnostics of the fits.
    """

    points: tuple[Candidate, ...]
    readings: Mapping[str, Readings]
    notes: tuple[str, ...]


def predict_from_csv(
    space: Space,
    objectives: Sequence[Objective],
    settings: PlannerSettings,
    *,
    observations: Path,
    at: Path,
    seed: int = 1,
) -> Predicted:
    """Forecast readings of each objective at the settings of a CSV's rows.

    What is believed is what :func:`hp_lab.planner.plan.plan_from_csv` believes of the
    same observations and seed; the columns are the same, and of ``at`` those of the
    space and ``id`` are read.

    Raises:
        InvalidInput: A column is missing, a cell is wrong, a point lies outside the
            space (the message names the row), fewer than two films have a value of an
            objective, or a hypothesis is unknown or fails.
    """
    goal = goal_from_csv(
        space, objectives, settings, observations=observations, seed=seed
    )
    points = points_from_csv(space, at)
    with threadpool_limits(limits=1):
        return _predict(goal, points, observations)


def _predict(goal: Goal, points: tuple[Candidate, ...], origin: Path) -> Predicted:
    space = goal.space
    tried = len(goal.trials) + len(goal.pending)
    # The chance of a proposal, so that both believe the same.
    beliefs = Beliefs(
        goal,
        space.codes([candidate.settings for candidate, _ in goal.trials]),
        np.random.default_rng([goal.seed, tried]),
    )
    found = {o.quantity: beliefs.readings(o) for o in goal.objectives}
    for quantity, known in found.items():
        values = sum(one.kind == "exact" for one in known.values())
        if values < _LEAST_VALUES:
            msg = (
                f"{origin}: {values} films have a value of {quantity!r} (bounds do not "
                f"count), and {_LEAST_VALUES} are needed to tell how films differ; add "
                "films, or leave out the objective"
            )
            raise InvalidInput(msg)
    codes = space.codes([point.settings for point in points])
    readings = {}
    for objective in goal.objectives:
        known = found[objective.quantity]
        sigma = _typical_sigma(known.values())
        surrogate = beliefs.fit(objective, known)
        forecast = Forecast(surrogate, codes, np.full(len(codes), sigma))
        readings[objective.quantity] = Readings(
            sigma=sigma,
            mean=forecast.mean(),
            sd=forecast.sd(),
            intervals={level: forecast.interval(level) for level in LEVELS},
        )
    return Predicted(
        points=points, readings=readings, notes=tuple(dict.fromkeys(beliefs.notes))
    )


def _typical_sigma(readings: Iterable[Reading]) -> float:
    return float(np.median([one.sigma for one in readings if one.kind == "exact"]))
