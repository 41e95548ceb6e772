"""Closed loops of the planner on problems whose answer is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import Goal, PlannerSettings, propose
from hp_lab.planner.space import Space
from hp_lab.records import Observation
from hp_lab.units import FloatArray

MAXIMIZE = (Objective(quantity="q", goal="maximize"),)


@dataclass(kw_only=True)
class Loop:
    """A campaign without a laboratory.

    Attributes:
        truth: Settings to noise-free values, one an objective; None where none forms.
        report: Value and sigma to (value, kind); what the instrument makes of it.
    """

    space: Space
    truth: Callable[[Mapping[str, Any]], Any]
    seed: int
    sigma: float = 0.02
    objectives: tuple = MAXIMIZE
    settings: PlannerSettings = field(default_factory=PlannerSettings)
    choices: tuple = ()
    report: Callable[[float], tuple[float, Any]] | None = None
    trials: list = field(default_factory=list)
    failed: set = field(default_factory=set)
    posterior: bytes = b""

    def film(self) -> FloatArray | None:
        """Propose and make one film; return its true values, None where it failed."""
        answer = propose(
            Goal(
                space=self.space,
                objectives=self.objectives,
                settings=self.settings,
                trials=tuple(self.trials),
                failed=frozenset(self.failed),
                seed=self.seed,
                posterior=self.posterior,
                choices=self.choices,
            )
        )
        self.posterior = answer.posterior
        candidate = answer.candidates[0]
        values = self.truth(candidate.settings)
        if values is None:
            self.failed.add(candidate.candidate_id)
            self.trials.append((candidate, ()))
            return None
        # The noise of a film depends on nothing but the seed and its number.
        rng = np.random.default_rng([self.seed, len(self.trials)])
        values = np.atleast_1d(values)
        found = []
        for objective, value in zip(self.objectives, values, strict=True):
            noisy = float(value + self.sigma * rng.standard_normal())
            kind = "exact"
            if self.report is not None:
                noisy, kind = self.report(noisy)
            found.append(
                Observation(
                    quantity=objective.quantity,
                    value=noisy,
                    sigma=self.sigma,
                    unit="",
                    sample_id=candidate.candidate_id,
                    kind=kind,
                )
            )
        self.trials.append((candidate, tuple(found)))
        return values

    def run(self, films: int) -> list[FloatArray | None]:
        """Make films; return the list of their true values."""
        return [self.film() for _ in range(films)]
