"""Proposals: a goal in, candidates out, the same for the same goal and seed."""

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from hp_lab.errors import Aborted
from hp_lab.planner.acquisition import expected_utility, log_improvement
from hp_lab.planner.baseline import BaselineGP
from hp_lab.planner.feasibility import Feasibility
from hp_lab.planner.goal import Answer, Goal, PlannerSettings, Progress, Stop, Trial
from hp_lab.planner.initial import initial_count, spread
from hp_lab.planner.objectives import Objective, Reading, reading
from hp_lab.planner.space import Space
from hp_lab.records import Candidate
from hp_lab.units import FloatArray

__all__ = [
    "Answer",
    "Goal",
    "PlannerSettings",
    "Progress",
    "Stop",
    "Trial",
    "propose",
    "random_candidates",
]

_POOL = 2048
_ELITE = 24
_ROUNDS = 6
_CHILDREN = 24


def propose(
    goal: Goal, *, on_progress: Progress | None = None, stop: Stop | None = None
) -> Answer:
    """Return the next experiments.

    Raises:
        InvalidInput: The space has no point that satisfies its constraints.
        Aborted: ``stop`` returned True.
    """
    with threadpool_limits(limits=1):
        return _Proposal(goal, on_progress, stop).answer()


def random_candidates(space: Space, count: int, seed: int) -> tuple[Candidate, ...]:
    """Return independent uniform candidates, the opponent of every planner."""
    rng = np.random.default_rng(seed)
    codes = np.vstack([space.sample_codes(rng, 1) for _ in range(count)])
    return tuple(
        Candidate(candidate_id=f"c{i + 1:04d}", settings=settings, reason="random")
        for i, settings in enumerate(space.settings(codes))
    )


class _Proposal:
    """One proposal under way."""

    def __init__(
        self, goal: Goal, progress: Progress | None, stop: Stop | None
    ) -> None:
        self._goal = goal
        self._progress = progress
        self._stop = stop
        self._space = goal.space
        tried = len(goal.trials) + len(goal.pending)
        self._rng = np.random.default_rng([goal.seed, tried])
        self._codes = self._space.codes([c.settings for c, _ in goal.trials])
        self._pending = self._space.codes([c.settings for c in goal.pending])
        bad = goal.failed | goal.unreachable
        self._possible = np.array([c.candidate_id not in bad for c, _ in goal.trials])
        self._feasibility = Feasibility(
            self._space.features(self._codes),
            self._possible,
            self._space.label_features,
        )
        self._notes: list[str] = []

    def answer(self) -> Answer:
        goal = self._goal
        initial = goal.settings.initial or initial_count(self._space)
        started = len(goal.trials) + len(goal.pending)
        readings = [self._readings(objective) for objective in goal.objectives]
        missing = max(0, min(goal.count, initial - started))
        if any(not found for found in readings):
            # Nothing was seen of some objective yet: go on spreading.
            missing = goal.count
        candidates = self._spread(missing) if missing else []
        if missing < goal.count:
            taken = [self._space.codes([c.settings for c in candidates])]
            candidates += self._acquire(
                readings, np.vstack(taken), goal.count - missing
            )
        ids = goal.next_ids()
        named = tuple(
            Candidate(
                candidate_id=ids[i],
                settings=c.settings,
                predicted_mean=c.predicted_mean,
                predicted_sigma=c.predicted_sigma,
                acquisition=c.acquisition,
                feasibility=c.feasibility,
                reason=c.reason,
            )
            for i, c in enumerate(candidates)
        )
        return Answer(
            candidates=named,
            model_names=("gp",),
            model_probabilities=(1.0,),
            notes=tuple(self._notes),
        )

    def _readings(self, objective: Objective) -> dict[int, Reading]:
        found = {}
        for index, (_, observations) in enumerate(self._goal.trials):
            one = reading(objective, observations)
            if one is not None:
                found[index] = one
        return found

    def _spread(self, count: int) -> list[Candidate]:
        taken = np.vstack([self._codes, self._pending])
        codes = spread(self._space, taken, count, self._rng)
        chance = self._feasibility.probability(self._space.features(codes))
        return [
            Candidate(candidate_id="", settings=settings, feasibility=float(p))
            for settings, p in zip(self._space.settings(codes), chance, strict=True)
        ]

    def _acquire(
        self, readings: Sequence[dict[int, Reading]], taken: FloatArray, count: int
    ) -> list[Candidate]:
        models = [self._fit(found) for found in readings]
        waiting = np.vstack([self._pending, taken])
        if len(waiting):
            models = [self._believe(model, waiting) for model in models]
        busy = np.vstack([self._codes, waiting])
        chosen: list[Candidate] = []
        for index in range(count):
            self._report(0.3 + 0.7 * index / count, f"candidate {index + 1} of {count}")
            code, value = self._maximise(models, busy)
            X = self._space.features(code)
            predictions = [model.predict(X) for model in models]
            chosen.append(
                Candidate(
                    candidate_id="",
                    settings=self._space.settings(code)[0],
                    predicted_mean=tuple(float(m[0]) for m, _ in predictions),
                    predicted_sigma=tuple(float(s[0]) for _, s in predictions),
                    acquisition=value,
                    feasibility=float(self._feasibility.probability(X)[0]),
                    reason="acquisition",
                )
            )
            busy = np.vstack([busy, code])
            if index + 1 < count:
                models = [self._believe(model, code) for model in models]
        return chosen

    def _fit(self, found: dict[int, Reading]) -> BaselineGP:
        self._report(0.1, "fitting")
        rows = sorted(found)
        return BaselineGP(
            self._space.features(self._codes[rows]),
            np.array([found[row].value for row in rows]),
            np.array([found[row].sigma for row in rows]),
            seed=self._goal.seed,
        )

    def _believe(self, model: BaselineGP, codes: FloatArray) -> BaselineGP:
        X = self._space.features(codes)
        return model.with_fantasy(X, model.predict(X)[0])

    def _score(self, models: Sequence[BaselineGP], codes: FloatArray) -> FloatArray:
        """Return the log acquisition (m,): objectives summed, times feasibility."""
        X = self._space.features(codes)
        chance = np.maximum(self._feasibility.probability(X), 1e-9)
        # What is more likely to fail than not must promise much more.
        score = np.log(chance) + 2 * np.minimum(np.log(chance / 0.5), 0.0)
        total = sum(objective.weight for objective in self._goal.objectives)
        for objective, model in zip(self._goal.objectives, models, strict=True):
            mean, sd = model.predict(X)
            best = self._best[objective.quantity]
            share = objective.weight / total
            score += share * log_improvement(objective, mean, sd, best)
        return np.asarray(score)

    def _maximise(
        self, models: Sequence[BaselineGP], busy: FloatArray
    ) -> tuple[FloatArray, float]:
        """Return the best codes (1, width) that are not busy, and their acquisition."""
        self._best = self._incumbents(models)
        pool = self._space.sample_codes(self._rng, _POOL)
        if len(self._codes):
            near = np.repeat(self._codes[-40:], 12, axis=0)
            pool = np.vstack([pool, self._space.move(near, self._rng, 0.1)])
        score = self._score(models, pool)
        scale = 0.1
        for _ in range(_ROUNDS):
            elite = pool[np.argsort(-score, kind="stable")[:_ELITE]]
            children = self._space.move(
                np.repeat(elite, _CHILDREN, axis=0), self._rng, scale
            )
            pool = np.vstack([pool, children])
            score = np.concatenate([score, self._score(models, children)])
            scale *= 0.6
        for index in np.argsort(-score, kind="stable"):
            code = pool[index : index + 1]
            if not len(busy) or np.abs(busy - code).max(axis=1).min() > 1e-6:
                return code, float(np.exp(score[index]))
        # Every point was tried: the best one is made once more.
        index = int(score.argmax())
        self._notes.append("every point of the search space was tried; repeating one")
        return pool[index : index + 1], float(np.exp(score[index]))

    def _incumbents(self, models: Sequence[BaselineGP]) -> dict[str, float]:
        X = self._space.features(self._codes[self._possible])
        return {
            objective.quantity: float(
                expected_utility(objective, *model.predict(X)).max()
                if objective.goal == "target"
                else objective.utility(model.predict(X)[0]).max()
            )
            for objective, model in zip(self._goal.objectives, models, strict=True)
        }

    def _report(self, share: float, what: str) -> None:
        if self._stop is not None and self._stop():
            msg = "planner: stopped while computing a proposal; ask again to continue"
            raise Aborted(msg)
        if self._progress is not None:
            self._progress(share, what)
