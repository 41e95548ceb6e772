"""Proposals: a goal in, candidates out, the same for the same goal and seed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from hp_lab.errors import Aborted, InvalidInput
from hp_lab.planner import hypervolume, optimise
from hp_lab.planner.acquisition import expected_reading, expected_utility
from hp_lab.planner.beliefs import Beliefs
from hp_lab.planner.expressions import Expression
from hp_lab.planner.feasibility import Feasibility
from hp_lab.planner.goal import (
    Answer,
    Goal,
    HypothesisChoice,
    PlannerSettings,
    Progress,
    Stop,
    Trial,
)
from hp_lab.planner.initial import initial_count, spread
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.scores import Scorer, by_confidence
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.records import Candidate
from hp_lab.units import FloatArray

__all__ = [
    "Answer",
    "Goal",
    "HypothesisChoice",
    "PlannerSettings",
    "Progress",
    "Stop",
    "Trial",
    "propose",
    "random_candidates",
]

_NEAR_FILMS = 24
# Noise is worth a repeat where it is above this share of what films differ by, until
# the best film's own uncertainty is below this share of the noise.
_NOISY = 0.5
_KNOWN = 0.5


def propose(
    goal: Goal, *, on_progress: Progress | None = None, stop: Stop | None = None
) -> Answer:
    """Return the next experiments.

    Raises:
        InvalidInput: The space has no point that satisfies its constraints, or a
            hypothesis fails.
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
        self._choices = self._space.codes(goal.choices)
        bad = goal.failed | goal.unreachable
        if not goal.settings.learn_feasibility:
            bad = frozenset()
        possible = np.array([c.candidate_id not in bad for c, _ in goal.trials], bool)
        self._feasibility = Feasibility(
            self._space.features(self._codes), possible, self._space.label_features
        )
        self._cost = Expression(goal.settings.costs) if goal.settings.costs else None
        self._beliefs = Beliefs(goal, self._codes, self._rng)
        self._notes: list[str] = []
        self._label = self._label_column()

    def answer(self) -> Answer:
        goal = self._goal
        initial = goal.settings.initial or initial_count(self._space)
        started = len(goal.trials) + len(goal.pending)
        readings = [self._beliefs.readings(one) for one in goal.objectives]
        missing = max(0, min(goal.count, initial - started))
        unclear = self._beliefs.unclear(readings)
        if missing < goal.count and unclear:
            self._notes += unclear if goal.trials else []
            missing = goal.count
        candidates = self._spread(missing) if missing else []
        surrogates: list[Surrogate] = []
        front: tuple[str, ...] = ()
        if missing < goal.count:
            surrogates = [
                self._fitted(objective, found)
                for objective, found in zip(goal.objectives, readings, strict=True)
            ]
            taken = self._space.codes([c.settings for c in candidates])
            candidates += self._acquire(surrogates, taken, goal.count - missing)
            front = self._front(surrogates)
        named = [
            replace(candidate, candidate_id=name)
            for candidate, name in zip(candidates, goal.next_ids(), strict=True)
        ]
        models = self._models(surrogates)
        return Answer(
            candidates=tuple(named),
            model_names=tuple(name for name, _ in models),
            model_probabilities=tuple(probability for _, probability in models),
            posterior=self._beliefs.posterior(),
            notes=tuple(dict.fromkeys([*self._beliefs.notes, *self._notes])),
            pareto_front=front,
        )

    def _models(self, surrogates: Sequence[Surrogate]) -> list[tuple[str, float]]:
        """Return names and probabilities of the models of every objective."""
        # The published policy has rewards in place of probabilities.
        if not surrogates or self._goal.settings.policy != "evidence":
            return []
        several = len(surrogates) > 1
        return [
            (f"{objective.quantity}/{name}" if several else name, float(probability))
            for objective, one in zip(self._goal.objectives, surrogates, strict=True)
            for name, probability in zip(one.names, one.probabilities, strict=True)
        ]

    def _spread(self, count: int) -> list[Candidate]:
        taken = np.vstack([self._codes, self._pending])

        def chance_of(codes: FloatArray) -> FloatArray:
            return self._feasibility.probability(self._space.features(codes))

        codes = spread(
            self._space, taken, count, self._rng, self._choices, chance_of=chance_of
        )
        return [
            Candidate(candidate_id="", settings=settings, feasibility=float(p))
            for settings, p in zip(
                self._space.settings(codes), chance_of(codes), strict=True
            )
        ]

    def _fitted(self, objective: Objective, found: dict[int, Reading]) -> Surrogate:
        self._report(0.1, f"fitting {objective.quantity}")
        return self._beliefs.fit(objective, found)

    def _acquire(
        self, surrogates: list[Surrogate], taken: FloatArray, count: int
    ) -> list[Candidate]:
        waiting = np.vstack([self._pending, taken])
        # A film that failed has no value to tell, so nothing is to be learned there.
        untold = [self._codes[~_rows(one.seen, self._codes)] for one in surrogates]
        told = [
            one.believe(codes) if len(codes) else one
            for one, codes in zip(surrogates, untold, strict=True)
        ]
        believed = self._awaiting(told, waiting)
        busy = np.vstack([self._codes, waiting])
        chosen: list[Candidate] = []
        for index in range(count):
            self._report(0.4 + 0.6 * index / count, f"candidate {index + 1} of {count}")
            code, value, reason = self._best(believed, told[0], busy)
            moments = [
                expected_reading(objective, *s.predict(code).moments())
                for objective, s in zip(self._goal.objectives, surrogates, strict=True)
            ]
            X = self._space.features(code)
            chosen.append(
                Candidate(
                    candidate_id="",
                    settings=self._space.settings(code)[0],
                    predicted_mean=tuple(float(m[0]) for m, _ in moments),
                    predicted_sigma=tuple(float(s[0]) for _, s in moments),
                    acquisition=float(np.exp(np.clip(value, -700, 700))),
                    feasibility=float(self._feasibility.probability(X)[0]),
                    reason=reason,
                )
            )
            busy = np.vstack([busy, code])
            if index + 1 < count:
                believed = self._awaiting(believed, code)
        return chosen

    def _awaiting(
        self, surrogates: Sequence[Surrogate], codes: FloatArray
    ) -> list[Surrogate]:
        """Return what is believed while films at codes (k, width) are being made.

        What counts for a mean and a deviation is that the films will be known; what
        counts for a gain is how good they may turn out.
        """
        if not len(codes):
            return list(surrogates)
        if by_confidence(
            self._goal.objectives,
            self._goal.settings,
            listed=bool(len(self._choices)),
        ):
            return [one.believe(codes) for one in surrogates]
        return [one.imagine(codes, self._rng) for one in surrogates]

    def _best(
        self, believed: Sequence[Surrogate], told: Surrogate, busy: FloatArray
    ) -> tuple[FloatArray, float, str]:
        """Return the next codes (1, width), their log acquisition, and the reason.

        ``told`` is what the first objective's finished films tell.
        """
        tried = _all_seen(believed)
        scorer = Scorer(
            self._goal.objectives,
            believed,
            tried,
            self._goal.settings,
            self._rng,
            choices=self._choices,
            label_column=self._label,
        )

        def score(codes: FloatArray) -> FloatArray:
            X = self._space.features(codes)
            chance = np.maximum(self._feasibility.probability(X), 1e-9)
            # What is more likely to fail than not must promise much more.
            value = scorer(codes) + np.log(chance)
            value = value + 2 * np.minimum(np.log(chance / 0.5), 0.0)
            return np.asarray(value - self._log_cost(codes))

        again = self._doubted(told, busy)
        if again is None:
            again = self._repeated(told, busy)
        if again is not None:
            return again, float(score(again)[0]), "replicate"
        if len(self._choices):
            found = optimise.first_free(self._choices, score(self._choices), busy)
        else:
            utility = scorer.utility
            if utility.shape[1] > 1:
                # Of several quantities none counts more for its unit.
                extent = np.ptp(utility, axis=0)
                utility = utility / np.where(extent > 0, extent, 1.0)
            rank = np.argsort(-utility.sum(axis=1), kind="stable")
            start = tried[rank[:_NEAR_FILMS]]
            found = optimise.best_of_space(self._space, score, start, busy, self._rng)
        code, value, new = found
        reason = "acquisition"
        if self._goal.settings.acquisition in ("exploration", "boundary"):
            reason = "pure_exploration"
        if not new:
            reason = "replicate"
            self._notes.append("every point of the search space was tried; repeating")
        return code, value, reason

    def _label_column(self) -> int | None:
        """Return the code's column of the labels that each want a good film."""
        name = self._goal.settings.distinct
        if not name:
            return None
        return int(self._space.slices[name].start)

    def _doubted(self, told: Surrogate, busy: FloatArray) -> FloatArray | None:
        """Return codes (1, width) of an outlier, made once, that would be the best."""
        looking = self._goal.settings.acquisition in ("exploration", "boundary")
        if looking or len(self._choices) or len(self._goal.objectives) > 1:
            return None
        utility = self._goal.objectives[0].utility(told.data.y)
        best = np.delete(utility, told.outliers).max()
        for row in told.outliers[np.argsort(-utility[told.outliers])]:
            code = told.data.X[[row]]
            if utility[row] > best and _rows(code, busy).sum() == 1:
                return code
        return None

    def _repeated(self, told: Surrogate, busy: FloatArray) -> FloatArray | None:
        """Return the best film's codes (1, width) where it should be made again."""
        most = self._goal.settings.replicates
        if most == 1 or len(self._goal.objectives) > 1:
            return None
        waiting = busy[len(self._codes) :]
        belief = told.believe(waiting) if len(waiting) else told
        moments = belief.predict(belief.seen).moments()
        utility = expected_utility(self._goal.objectives[0], *moments)
        best = belief.seen[[int(utility.argmax())]]
        if _rows(best, busy).sum() >= most:
            return None
        _, sd = belief.predict(best).moments()
        noise = belief.noise_sd
        hidden = noise > _NOISY * utility.std()
        return best if hidden and sd[0] > _KNOWN * noise else None

    def _log_cost(self, codes: FloatArray) -> FloatArray:
        if self._cost is None:
            return np.zeros(len(codes))
        cost = np.broadcast_to(self._cost(self._space.columns(codes)), len(codes))
        if not (np.isfinite(cost).all() and (cost > 0).all()):
            msg = (
                f"planner.costs: {self._cost.text!r} is not above 0 everywhere; "
                f"it reaches {np.nanmin(cost):g}"
            )
            raise InvalidInput(msg)
        return np.asarray(np.log(cost))

    def _front(self, surrogates: Sequence[Surrogate]) -> tuple[str, ...]:
        if len(surrogates) == 1:
            return ()
        shared = [
            row
            for row in range(len(self._goal.trials))
            if all(
                self._goal.trials[row][0].candidate_id in s.data.labels
                for s in surrogates
            )
        ]
        if not shared:
            return ()
        utility = np.column_stack(
            [
                objective.utility(s.predict(self._codes[shared]).moments()[0])
                for objective, s in zip(self._goal.objectives, surrogates, strict=True)
            ]
        )
        best = hypervolume.non_dominated(utility)
        return tuple(
            self._goal.trials[row][0].candidate_id
            for row, good in zip(shared, best, strict=True)
            if good
        )

    def _report(self, share: float, what: str) -> None:
        if self._stop is not None and self._stop():
            msg = "planner: stopped while computing a proposal; ask again to continue"
            raise Aborted(msg)
        if self._progress is not None:
            self._progress(share, what)


def _all_seen(surrogates: Sequence[Surrogate]) -> FloatArray:
    """Return codes (n, width) of the films that tell of any objective.

    Films that tell of the first one are in their order, others follow.
    """
    seen = surrogates[0].seen
    for one in surrogates[1:]:
        seen = np.vstack([seen, one.seen[~_rows(seen, one.seen)]])
    return seen


def _rows(some: FloatArray, codes: FloatArray) -> np.ndarray:
    """Return which of codes (m, width) are among some (n, width)."""
    if not len(some):
        return np.zeros(len(codes), dtype=bool)
    far = np.abs(codes[:, None, :] - some[None, :, :]).max(axis=2)
    return np.asarray((far < optimise.SAME).any(axis=1))
