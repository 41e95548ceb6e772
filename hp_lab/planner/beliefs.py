"""What is believed of the objectives: their models, fitted to the films so far.

Between two questions nothing is kept here; what the next fit needs travels with the
answer's posterior.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.planner.chosen_hypotheses import chosen, load_modules
from hp_lab.planner.goal import Goal
from hp_lab.planner.hypotheses import VANILLA_NAME, Hypothesis
from hp_lab.planner.hypothesis_checks import PRIOR_DRAWS, nearest_draw
from hp_lab.planner.learning import Misfit, Rewards, misfit
from hp_lab.planner.memory import Memory, from_bytes, to_bytes
from hp_lab.planner.model_space import differ
from hp_lab.planner.objectives import Objective, Reading, reading
from hp_lab.planner.posterior import (
    Fit,
    effort_for,
    remember,
)
from hp_lab.planner.surrogate import Surrogate
from hp_lab.units import FloatArray

_REMEDIES = {
    "detector_saturated": "; measure them again with a shorter exposure",
    "below_noise": "; measure them again with a longer exposure",
}
# Points of the space at which a model's uncertainty is looked at.
_LOOKS = 512
# Nats by which a hypothesis loses before its priors are suspected.
_LOST = 1.5
# And by how much more than the films' mean the nearest draw of its priors then misses.
_MISSED = 1.5
# Below this share of the films' spread a hypothesis says the same of all of them.
_SAME = 0.01


class Beliefs:
    """Surrogates of a goal's objectives, and what is to be said and kept of them.

    Attributes:
        notes: Sentences for a person.
    """

    def __init__(self, goal: Goal, codes: FloatArray, rng: np.random.Generator) -> None:
        """Take up what the last answer left.

        Args:
            goal: The question.
            codes: Of the goal's trials (n, width).
            rng: Source of chance for the fits.
        """
        self.notes: list[str] = []
        self._goal = goal
        self._codes = codes
        self._rng = rng
        # What tells models apart draws on its own, and changes no proposal.
        tried = len(goal.trials) + len(goal.pending)
        self._own = np.random.default_rng([goal.seed, tried, 1])
        self._memories, self._rewards = self._read_posterior()
        published = goal.settings.policy == "published"
        # Models that the published policy does not fit this time keep their draws.
        self._kept = dict(self._memories) if published else {}

    def _read_posterior(self) -> tuple[dict[str, Memory], dict[str, Any]]:
        if not self._goal.posterior:
            return {}, {}
        try:
            memories, extra = from_bytes(self._goal.posterior)
        except ValueError as error:
            self.notes.append(f"the posterior cannot be used ({error}): cold start")
            return {}, {}
        rewards = extra.get("rewards")
        return memories, rewards if isinstance(rewards, dict) else {}

    def posterior(self) -> bytes:
        """Return what the next goal should bring along."""
        if not self._kept:
            return self._goal.posterior
        extra = {"rewards": self._rewards} if self._rewards else {}
        return to_bytes(self._kept, extra)

    def readings(self, objective: Objective) -> dict[int, Reading]:
        """Return what the films tell of an objective, by their row.

        Raises:
            InvalidInput: A film has none of the objective's scores.
        """
        found = {}
        for index, (candidate, observations) in enumerate(self._goal.trials):
            try:
                one = reading(objective, observations)
            except InvalidInput as error:
                msg = f"film {candidate.candidate_id}: {error}"
                raise InvalidInput(msg) from error
            if one is not None:
                found[index] = one
        return found

    def unclear(self, readings: Sequence[dict[int, Reading]]) -> list[str]:
        """Return why no model can choose yet, in sentences; nothing where one can.

        That takes a reading of every objective, and two films that are known to differ
        in one: before that nothing tells by how much films differ.

        Args:
            readings: Of each objective, by row.
        """
        said: list[str] = []
        alike = not any(_differ(found) for found in readings)
        for objective, found in zip(self._goal.objectives, readings, strict=True):
            if not found:
                said.append(f"{objective.quantity}: no film tells of it yet")
            elif alike:
                said += self._about_bounds(objective, found)
                said.append(f"{objective.quantity}: no two films are known to differ")
        if alike or not all(readings):
            said.append("films are spread over the space until more is known")
            return said
        return []

    def fit(self, objective: Objective, found: dict[int, Reading]) -> Surrogate:
        """Return the surrogate of an objective, fitted to its readings by row.

        Raises:
            InvalidInput: A hypothesis fails.
        """
        hypotheses = self._hypotheses(objective)
        if self._goal.settings.policy == "published":
            surrogate = self._by_rewards(objective, found, hypotheses)
        else:
            surrogate = self._fitted(objective, found, hypotheses)
            self._keep(objective, surrogate.fits)
        self.notes += surrogate.notes
        self.notes += self._about_bounds(objective, found)
        if not any(fit.warm for fit in surrogate.fits):
            self.notes.append(f"{objective.quantity}: fitted cold")
        self._judge(objective, surrogate)
        self._suspect(objective, surrogate)
        return surrogate

    def _fitted(
        self,
        objective: Objective,
        found: dict[int, Reading],
        hypotheses: Sequence[Hypothesis],
        only: str | None = None,
    ) -> Surrogate:
        rows = sorted(found)
        prefix = f"{objective.quantity}/"
        surrogate = Surrogate(
            self._goal.space,
            self._codes[rows],
            [found[row] for row in rows],
            [self._goal.trials[row][0].candidate_id for row in rows],
            rng=self._rng,
            hypotheses=hypotheses,
            only=only,
            looks=self._asked if hypotheses else None,
            objective=objective,
            memories={
                name.removeprefix(prefix): memory
                for name, memory in self._memories.items()
                if name.startswith(prefix)
            },
        )
        self.notes += [f"{objective.quantity}: {one}" for one in surrogate.left_out]
        return surrogate

    def _by_rewards(
        self,
        objective: Objective,
        found: dict[int, Reading],
        hypotheses: Sequence[Hypothesis],
    ) -> Surrogate:
        """Return the surrogate of the one model that the published policy relies on."""
        names = [VANILLA_NAME, *(one.name for one in hypotheses)]
        codes = self._looks(self._own)
        relied: dict[int, Surrogate] = {}

        def uncertainty(index: int) -> float:
            one = self._fitted(objective, found, hypotheses, names[index])
            relied[index] = one
            self._keep(objective, one.fits)
            return float(np.median(one.reading_variance(codes)))

        account = self._account(objective, names).step(uncertainty, self._own)
        self._rewards[objective.quantity] = {"models": names, **asdict(account)}
        so_far = ", ".join(
            f"{name} {reward:+.2f}"
            for name, reward in zip(names, account.mean, strict=True)
        )
        self.notes.append(
            f"{objective.quantity}: relies on {names[account.used[-1]]}; rewards so "
            f"far: {so_far}"
        )
        return relied[account.used[-1]]

    def _account(self, objective: Objective, names: Sequence[str]) -> Rewards:
        known = self._rewards.get(objective.quantity, {})
        if known.get("models") != list(names):
            return Rewards.empty(len(names))
        return Rewards(
            mean=tuple(known["mean"]),
            count=tuple(known["count"]),
            history=tuple(known["history"]),
            used=tuple(known["used"]),
        )

    def _looks(self, rng: np.random.Generator) -> FloatArray:
        """Return codes of what could be measured next."""
        space = self._goal.space
        if self._goal.choices:
            return space.codes(self._goal.choices)
        return space.sample_codes(rng, _LOOKS)

    @cached_property
    def _asked(self) -> FloatArray:
        """Codes at which a hypothesis must be defined, those of failed films too."""
        rng = np.random.default_rng([self._goal.seed, len(self._codes), 2])
        return np.vstack([self._looks(rng), self._codes])

    def _judge(self, objective: Objective, surrogate: Surrogate) -> None:
        """Note where even the best hypothesis does not hold by itself."""
        fits = [one for one in surrogate.fits if one.model.hypothesis is not None]
        if not fits:
            return
        best = max(fits, key=lambda one: one.log_evidence)
        key = f"alone {objective.quantity}/{best.model.name}"
        judged = self._misfit(best, key)
        self._kept[key] = remember(judged.alone)
        if judged.unexplained:
            rank = ", the best hypothesis," if len(fits) > 1 else ""
            spread = float(np.std(surrogate.data.y))
            self.notes.append(
                f"{objective.quantity}: {best.model.name}{rank} does not hold by "
                f"itself: its GP adds {judged.discrepancy:.2g} (rms) to it where films "
                f"differ by {spread:.2g} (log Bayes factor of the GP "
                f"{judged.log_factor:.1f})"
            )

    def _suspect(self, objective: Objective, surrogate: Surrogate) -> None:
        """Note hypotheses that lose since their priors are not where the films are."""
        first, *others = surrogate.fits
        if first.model.hypothesis is not None:
            return
        for one in others:
            if first.log_evidence - one.log_evidence < _LOST:
                continue
            spread = float(np.std(one.bound.data.y))
            miss, varied = nearest_draw(one, self._own)
            if miss > _MISSED * spread or varied < _SAME * spread:
                self.notes.append(
                    f"{objective.quantity}: {one.model.name} expects other values: of "
                    f"{PRIOR_DRAWS} draws of its priors the nearest misses the films "
                    f"by {miss:.2g} (rms), their mean by {spread:.2g}; check units, "
                    "inputs and priors before its physics is held for wrong"
                )

    def _misfit(self, fitted: Fit, key: str) -> Misfit:
        effort = effort_for(fitted.model, len(fitted.bound.data), compared=True)
        memory = self._memories.get(key)
        return misfit(fitted, self._own, effort=effort, memory=memory)

    def _keep(self, objective: Objective, fits: Sequence[Fit]) -> None:
        for one in fits:
            self._kept[f"{objective.quantity}/{one.model.name}"] = remember(one)

    def _hypotheses(self, objective: Objective) -> list[Hypothesis]:
        settings = self._goal.settings
        own = load_modules(settings.modules)
        return [
            chosen(choice, own)
            for choice in settings.hypotheses
            if choice.quantity in (None, objective.quantity)
        ]

    def _about_bounds(
        self, objective: Objective, found: dict[int, Reading]
    ) -> list[str]:
        """Return notes on films that give only bounds, and what helps."""
        if objective.scores:
            # The ends of a scale are bounds by nature.
            return []
        causes: dict[str, list[str]] = {}
        for row, one in found.items():
            if one.kind != "exact":
                name = self._goal.trials[row][0].candidate_id
                causes.setdefault(one.cause or one.kind, []).append(name)
        return [
            f"{objective.quantity}: {', '.join(names)} only give a bound ({cause})"
            + _REMEDIES.get(cause, "")
            for cause, names in causes.items()
        ]


def _differ(found: dict[int, Reading]) -> bool:
    return differ(
        np.array([one.value for one in found.values()]),
        np.array([one.sign for one in found.values()], dtype=int),
    )
