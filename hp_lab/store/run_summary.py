"""What a report needs to know of a run; filled by whoever knows the campaign."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hp_lab.errors import InvalidInput
from hp_lab.records import (
    Candidate,
    Observation,
    Rejected,
    Setting,
    Spectrum,
    TaskTime,
)

Goal = Literal["maximize", "minimize", "target"]

# Films whose spectra are shown.
_SHOWN_FILMS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveSummary:
    """What the campaign wanted.

    Attributes:
        quantity: Name of the observations it is about.
        target: The value wanted; needed where the goal is target.
    """

    quantity: str
    goal: Goal = "maximize"
    target: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse a target without a value.

        Raises:
            InvalidInput: The goal is target and no value is given.
        """
        if self.goal == "target" and self.target is None:
            msg = f"objective {self.quantity}: a target needs a value"
            raise InvalidInput(msg)

    def score(self, value: float) -> float:
        """Return how good a value is; larger is better."""
        if self.goal == "maximize":
            return value
        if self.goal == "minimize":
            return -value
        return -abs(value - (self.target or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSummary:
    """One film, in the order in which films were begun.

    Attributes:
        candidate: What was proposed; None for a film of a worklist.
        status: active, done, failed or quarantined.
        reason: Why it failed, in words.
        remake: It was spoiled by the laboratory and its candidate was made again.
        observations: All that was found.
        rejected: What could not be found, and why.
    """

    sample_id: str
    candidate: Candidate | None = None
    status: str = "done"
    reason: str = ""
    remake: bool = False
    observations: Sequence[Observation] = ()
    rejected: Sequence[Rejected] = ()

    @property
    def failed(self) -> bool:
        """Whether it ended without being measured."""
        return self.status in {"failed", "quarantined"}

    @property
    def flags(self) -> list[str]:
        """The flags of its observations, each once."""
        found = (flag for o in self.observations for flag in o.flags)
        return list(dict.fromkeys(found))

    def observed(self, quantity: str) -> Observation | None:
        """Return its observation of a quantity: an exact one before a bound."""
        own = [o for o in self.observations if o.quantity == quantity]
        exact = [o for o in own if o.kind == "exact"]
        return min(exact or own, key=lambda o: o.sigma, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run, finished or under way.

    Attributes:
        name: The campaign's name.
        message: How it ended, in words.
        objectives: The first one is the headline's; none for a worklist.
        films: All films that count, in the order in which they were begun.
        choices: Setting to the values that the space lists, where it lists them.
        unreachable: Candidate id to why it could not be made from the stocks.
        spectra: Film to its raw spectra; the best films' suffice.
        task_times: Planned and actual times, laboratory time.
        models: Model to its probability, as the planner last gave it; with several
            objectives named QUANTITY/MODEL.
        planner_notes: What the planner last said besides its proposals.
        begun_s: Laboratory time of the beginning; the end is the last so far.
        facts: Further lines for the footer, e.g. seed, analysis version.
    """

    name: str
    run_id: str
    status: str
    message: str = ""
    budget: int = 0
    objectives: Sequence[ObjectiveSummary] = ()
    films: Sequence[FilmSummary] = ()
    choices: Mapping[str, Sequence[Setting]] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)
    spectra: Mapping[str, Sequence[Spectrum]] = field(default_factory=dict)
    task_times: Sequence[TaskTime] = ()
    models: Mapping[str, float] = field(default_factory=dict)
    planner_notes: Sequence[str] = ()
    begun_s: float = 0.0
    ended_s: float = 0.0
    facts: Mapping[str, str] = field(default_factory=dict)

    def best_films(self, count: int = 1) -> list[FilmSummary]:
        """Return the films with the best exact values of the first objective."""
        if not self.objectives:
            return []
        objective = self.objectives[0]
        scored = [
            (-objective.score(found.value), index, film)
            for index, film in enumerate(self.films)
            if (found := film.observed(objective.quantity)) and found.kind == "exact"
        ]
        return [film for _, _, film in sorted(scored, key=lambda s: s[:2])[:count]]

    def shown_films(self) -> list[FilmSummary]:
        """Return the films whose spectra are shown: the best, else the first done."""
        if self.objectives:
            return self.best_films(_SHOWN_FILMS)
        return [film for film in self.films if film.status == "done"][:_SHOWN_FILMS]

    def running_best(self, objective: ObjectiveSummary) -> list[float]:
        """Return the best exact value after each film, NaN before the first."""
        best = math.nan
        found: list[float] = []
        for film in self.films:
            seen = film.observed(objective.quantity)
            if seen is not None and seen.kind == "exact":
                better = objective.score(seen.value) > objective.score(best)
                if math.isnan(best) or better:
                    best = seen.value
            found.append(best)
        return found

    @property
    def setting_names(self) -> list[str]:
        """The settings of the candidates, in the order of the first that has them."""
        names = (
            name
            for film in self.films
            if film.candidate is not None
            for name in film.candidate.settings
        )
        return list(dict.fromkeys(names))
