"""Forecasts from a table of observations: what other films would read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from hp_lab.errors import InvalidInput
from hp_lab.planner.beliefs import Beliefs
from hp_lab.planner.forecast import Forecast
from hp_lab.planner.goal import Goal, PlannerSettings
from hp_lab.planner.objectives import Objective, Reading, score_shares
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
        scores: Score to its probability (m,); nothing where the quantity has none.
    """

    sigma: float
    mean: FloatArray
    sd: FloatArray
    intervals: Mapping[float, tuple[FloatArray, FloatArray]]
    scores: Mapping[float, FloatArray] = field(default_factory=dict)


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
    for objective in goal.objectives:
        told = found[objective.quantity].values()
        values = sum(_has_value(objective, one) for one in told)
        if values < _LEAST_VALUES:
            msg = (
                f"{origin}: {values} films have a value of {objective.quantity!r} "
                f"(bounds do not count), and {_LEAST_VALUES} are needed to tell how "
                "films differ; add films, or leave out the objective"
            )
            raise InvalidInput(msg)
    codes = space.codes([point.settings for point in points])
    readings = {}
    for objective in goal.objectives:
        known = found[objective.quantity]
        sigma = _typical_sigma(objective, known.values())
        surrogate = beliefs.fit(objective, known)
        forecast = Forecast(surrogate, codes, np.full(len(codes), sigma))
        readings[objective.quantity] = _readings(objective, forecast, sigma)
    return Predicted(
        points=points, readings=readings, notes=tuple(dict.fromkeys(beliefs.notes))
    )


def _readings(objective: Objective, forecast: Forecast, sigma: float) -> Readings:
    if not objective.scores:
        return Readings(
            sigma=sigma,
            mean=forecast.mean(),
            sd=forecast.sd(),
            intervals={level: forecast.interval(level) for level in LEVELS},
        )
    scores = np.array(objective.scores)
    below = np.array([forecast.cumulative(edge) for edge in objective.edges])
    mean, sd = objective.score_moments(below)

    def score_at(share: float) -> FloatArray:
        return np.asarray(scores[(below <= share).sum(axis=0)])

    return Readings(
        sigma=sigma,
        mean=mean,
        sd=sd,
        intervals={
            level: (score_at((1 - level) / 2), score_at((1 + level) / 2))
            for level in LEVELS
        },
        scores=dict(zip(objective.scores, score_shares(below), strict=True)),
    )


def _has_value(objective: Objective, one: Reading) -> bool:
    return one.kind == "exact" or bool(objective.scores)


def _typical_sigma(objective: Objective, readings: Iterable[Reading]) -> float:
    return float(
        np.median([one.sigma for one in readings if _has_value(objective, one)])
    )
