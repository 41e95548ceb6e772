"""Hypothesis learning: which of several models explains the data, measured to find out.

Two policies. ``published`` is that of Ziatdinov et al. (arXiv 2112.06649): a warm-up
with all models, then one model at a time, chosen by rewards; a model is rewarded when
its uncertainty over what is not yet measured fell against the step before, and the
largest uncertainty of the chosen model is measured. ``evidence`` weighs all models by
their posterior probability and measures where the average of them is most uncertain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.planner import mixture
from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Policy
from hp_lab.planner.kernels import Independent
from hp_lab.planner.memory import Memory
from hp_lab.planner.posterior import (
    COLD,
    COLD_PREDICTION,
    Fit,
    bridged,
    fit,
    probabilities,
    remember,
)
from hp_lab.planner.priors import LogNormal
from hp_lab.planner.smc import Effort
from hp_lab.units import FloatArray

WARM_UP = 3
EXPLORE = 0.4
_PREDICTING = 96
# A model below this probability is left out of predictions.
_NEGLIGIBLE = 1e-3
# Log Bayes factor of hypothesis plus GP against hypothesis alone, above which the
# hypothesis leaves something unexplained.
MISFIT_LOG_FACTOR = 1.5
_NO_VARIANCE = LogNormal(median=1e-8, sd=0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """The published policy's account; immutable.

    Attributes:
        mean: Mean reward of each model.
        count: How often each was used.
        history: The used models' uncertainties, one a step.
        used: The used models, one a step.
    """

    mean: tuple[float, ...]
    count: tuple[int, ...]
    history: tuple[float, ...] = ()
    used: tuple[int, ...] = ()

    @classmethod
    def empty(cls, models: int) -> "Rewards":
        """Return the account before any step."""
        return cls(mean=(0.0,) * models, count=(0,) * models)

    @property
    def warming_up(self) -> bool:
        """Whether all models are still tried at once."""
        return len(self.used) < WARM_UP

    def step(
        self, uncertainty: Callable[[int], float], rng: np.random.Generator
    ) -> "Rewards":
        """Return the account after the next step; its model is the last one used.

        Args:
            uncertainty: Fits a model, given by its index, and returns how uncertain it
                leaves what is not yet measured. Called for all models in the warm-up.
            rng: Chooses the model afterwards.
        """
        if self.warming_up:
            return self.warmed([uncertainty(i) for i in range(len(self.mean))])
        model = self.choose(rng)
        return self.rewarded(model, uncertainty(model))

    def warmed(self, uncertainty: Sequence[float]) -> "Rewards":
        """Return the account after a warm-up step with every model's uncertainty."""
        best = int(np.nanargmin(uncertainty))
        mean = [r + (1.0 if i == best else 0.0) for i, r in enumerate(self.mean)]
        if len(self.used) + 1 == WARM_UP:
            mean = [r / WARM_UP for r in mean]
        return Rewards(
            mean=tuple(mean),
            count=tuple(n + 1 for n in self.count),
            history=(*self.history, float(uncertainty[best])),
            used=(*self.used, best),
        )

    def choose(self, rng: np.random.Generator) -> int:
        """Return the model of the next step: any at random, or the best rewarded."""
        if rng.random() < EXPLORE:
            return int(rng.integers(len(self.mean)))
        return int(np.argmax(self.mean))

    def rewarded(self, model: int, uncertainty: float) -> "Rewards":
        """Return the account after a step with one model."""
        r = 1.0 if uncertainty < self.history[-1] else -1.0
        n = self.count[model]
        mean, count = list(self.mean), list(self.count)
        mean[model] = (n * mean[model] + r) / (n + 1)
        count[model] = n + 1
        return Rewards(
            mean=tuple(mean),
            count=tuple(count),
            history=(*self.history, uncertainty),
            used=(*self.used, model),
        )


@dataclass(slots=True, kw_only=True)
class Learner:
    """Chooses measurements among candidates and weighs models.

    Attributes:
        X: What kernels see of the candidates, (m, d).
        x: What hypotheses see of them.
        variance: Known variance of a measurement.
        favoured: The model that each step relied on most.
    """

    models: Sequence[StructuredGP]
    X: FloatArray
    x: Mapping[str, np.ndarray]
    policy: Policy
    rng: np.random.Generator
    variance: float = 0.0
    rewards: Rewards = field(init=False)
    favoured: list[int] = field(default_factory=list)
    fits: dict[int, Fit] = field(default_factory=dict)
    _measured: list[int] = field(default_factory=list)
    _values: list[float] = field(default_factory=list)
    _memories: dict[int, Memory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with an empty account."""
        self.rewards = Rewards.empty(len(self.models))

    def observe(self, index: int, value: float) -> None:
        """Take the value measured at a candidate.

        Raises:
            InvalidInput: The value is not finite.
        """
        if not np.isfinite(value):
            msg = f"measurement at candidate {index}: {value} is not a finite number"
            raise InvalidInput(msg)
        self._measured.append(index)
        self._values.append(value)

    def next(self) -> int:
        """Return the candidate to measure next.

        Raises:
            InvalidInput: All candidates have been measured.
        """
        free = np.setdiff1d(np.arange(len(self.X)), self._measured)
        if not len(free):
            msg = (
                f"none of the {len(self.X)} candidates is left to be measured; give "
                "more candidates, or end the run"
            )
            raise InvalidInput(msg)
        if self.policy == "evidence":
            return self._by_evidence(free)
        return self._by_rewards(free)

    def probabilities(self) -> FloatArray:
        """Return posterior probabilities of the models given all measurements."""
        for index in range(len(self.models)):
            self._fit(index)
        return probabilities([self.fits[i] for i in range(len(self.models))])

    def winner(self) -> int:
        """Return the model that the policy holds for right."""
        if self.policy == "published":
            return int(np.argmax(self.rewards.mean))
        return int(np.argmax(self.probabilities()))

    def _by_evidence(self, free: np.ndarray) -> int:
        probability = self.probabilities()
        self.favoured.append(int(np.argmax(probability)))
        likely = np.flatnonzero(probability >= _NEGLIGIBLE)
        parts = [self._moments(int(index), free) for index in likely]
        _, variance = mixture.moments(
            probability[likely] / probability[likely].sum(),
            np.array([mean for mean, _ in parts]),
            np.array([variance for _, variance in parts]),
        )
        return int(free[np.argmax(variance)])

    def _by_rewards(self, free: np.ndarray) -> int:
        spreads: dict[int, FloatArray] = {}

        def uncertainty(index: int) -> float:
            self._fit(index)
            spreads[index] = self._moments(index, free)[1]
            return float(np.median(spreads[index]))

        self.rewards = self.rewards.step(uncertainty, self.rng)
        chosen = self.rewards.used[-1]
        self.favoured.append(chosen)
        return int(free[np.argmax(spreads[chosen])])

    def _moments(self, index: int, free: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance with noise (m,) of a model's prediction."""
        process = self.fits[index].condition(_PREDICTING)
        x = {name: column[free] for name, column in self.x.items()}
        mean, sd = process.predict(self.X[free], x)
        variance = sd**2 + process.noise_sd[:, None] ** 2
        return mixture.moments(np.full(len(mean), 1 / len(mean)), mean, variance)

    def data(self) -> Data:
        """Return what was measured."""
        rows = np.array(self._measured, dtype=int)
        return Data(
            X=self.X[rows],
            x={name: column[rows] for name, column in self.x.items()},
            y=np.array(self._values),
            variance=np.full(len(rows), self.variance),
        )

    def _fit(self, index: int) -> None:
        known = self.fits.get(index)
        if known is not None and len(known.bound.data) == len(self._values):
            return
        weighed = self.policy == "evidence"
        self.fits[index] = fit(
            self.models[index],
            self.data(),
            effort=COLD if weighed else COLD_PREDICTION,
            rng=self.rng,
            memory=self._memories.get(index),
            with_evidence=weighed,
        )
        self._memories[index] = remember(self.fits[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """What a hypothesis leaves to its GP.

    Attributes:
        log_factor: Log Bayes factor of the hypothesis with its GP against the
            hypothesis alone with noise.
        discrepancy: Root mean square of the GP's part at the films, in units of y.
        alone: The hypothesis alone, fitted to the same films.
    """

    log_factor: float
    discrepancy: float
    alone: Fit

    @property
    def unexplained(self) -> bool:
        """Whether the hypothesis does not hold by itself."""
        return self.log_factor > MISFIT_LOG_FACTOR


def misfit(
    fitted: Fit,
    rng: np.random.Generator,
    *,
    effort: Effort = COLD,
    memory: Memory | None = None,
) -> Misfit:
    """Judge a hypothesis by how much its GP is needed.

    A structured model can win over others although its physics is wrong, its GP
    absorbing the misfit; then the GP's log Bayes factor is far above 0, while a right
    hypothesis needs no GP.

    Args:
        fitted: The hypothesis with its GP.
        rng: Source of chance.
        effort: Of a cold fit of the hypothesis alone.
        memory: Of the last fit of the hypothesis alone.

    Raises:
        InvalidInput: The model has no hypothesis.
    """
    model, data = fitted.model, fitted.given
    if model.hypothesis is None:
        msg = f"model {model.name}: has no hypothesis whose misfit could be judged"
        raise InvalidInput(msg)
    if fitted.evidence is None:
        fitted = bridged(fitted, rng)
    alone = fit(
        replace(model, kernel=Independent(), variance=_NO_VARIANCE, discrepancy=None),
        data,
        effort=effort,
        rng=rng,
        memory=memory,
    )
    part, _ = fitted.condition(_PREDICTING).discrepancy(data.X, data.x)
    return Misfit(
        log_factor=fitted.log_evidence - alone.log_evidence,
        discrepancy=float(np.sqrt(np.mean(part.mean(axis=0) ** 2))),
        alone=alone,
    )
