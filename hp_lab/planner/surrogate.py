"""What the planner believes about one quantity: models, their weights, predictions."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp, ndtri

from hp_lab.planner import bounds, mixture
from hp_lab.planner.gp import Conditioned, Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.hypothesis_checks import undefined
from hp_lab.planner.model_space import differ, scaling, standard_model
from hp_lab.planner.objectives import Reading
from hp_lab.planner.posterior import (
    COLD,
    COLD_PREDICTION,
    Fit,
    Memory,
    converged,
    fingerprint,
    fit,
    probabilities,
    remember,
)
from hp_lab.planner.smc import Effort
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

# A vanilla GP has a smooth posterior; change points and exponents need more, and so do
# evidences.
VANILLA = Effort(particles=128, moves=4, last_moves=10, keep=0.5)
_PREDICTING = 48
_OUTLIER = 4.0
_LEAST_FILMS = 8
_MANY_FILMS = 60
# A model below this probability is left out of predictions.
_NEGLIGIBLE = 0.02
_SIGNS = {"exact": 0, "lower_bound": 1, "upper_bound": -1}


@dataclass(frozen=True, slots=True)
class Predictions:
    """A mixture of normals at every point: means, deviations (P, m), weights (P,)."""

    mean: FloatArray
    sd: FloatArray
    weight: FloatArray

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (m,) of the mixture."""
        mean, variance = mixture.moments(self.weight, self.mean, self.sd**2)
        return mean, np.sqrt(variance)

    def average_log(self, log_values: FloatArray) -> FloatArray:
        """Return the log of the weighted mean of exp(values (P, m)), (m,)."""
        return np.asarray(logsumexp(log_values, axis=0, b=self.weight[:, None]))


class Surrogate:
    """Models of one quantity over a space, fitted to readings.

    Attributes:
        notes: Sentences for a person.
        left_out: Sentences on the hypotheses that are left out, and why.
        imagined: Whether particles have values of their own for some films.
    """

    def __init__(
        self,
        space: Space,
        codes: FloatArray,
        readings: Sequence[Reading],
        labels: Sequence[str],
        *,
        rng: np.random.Generator,
        hypotheses: Sequence[Hypothesis] = (),
        memories: Mapping[str, Memory] | None = None,
        only: str | None = None,
        looks: FloatArray | None = None,
    ) -> None:
        """Fit the vanilla GP and one structured GP a hypothesis, or ``only`` one.

        Several models are weighed by their evidences; one alone needs none. A
        hypothesis that is undefined at some of the ``looks``, codes (m, width) of what
        may be proposed, is left out: where it says nothing, nothing could
        be proposed. Without any other model the vanilla GP takes its place.

        Raises:
            InvalidInput: A hypothesis failed everywhere, or one of its priors is
                relative to no number of the space.
        """
        self._space = space
        self.imagined = False
        self.notes: list[str] = []
        self.left_out: list[str] = []
        memories = {
            name: memory
            for name, memory in (memories or {}).items()
            if only in (None, name)
        }
        y = np.array([one.value for one in readings])
        variance = np.array([one.sigma for one in readings]) ** 2
        sign = np.array([_SIGNS[one.kind] for one in readings])
        before = next(((m.offset, m.scale) for m in memories.values()), None)
        known = differ(y[sign == 0])
        offset, scale = scaling(y, variance, before, known=known)
        if not known:
            self.notes.append(
                "no two exact values differ: predictions "
                f"take it that films differ by about {scale:.2g}"
            )
        self.data = Data(
            X=codes,
            x=space.columns(codes),
            y=y,
            variance=variance,
            labels=tuple(labels),
        )
        models = [standard_model(space, offset=offset, scale=scale)]
        models += [
            standard_model(space, offset=offset, scale=scale, hypothesis=h, name=h.name)
            for h in hypotheses
        ]
        if only is not None:
            models = [model for model in models if model.name == only]
        compared = len(models) > 1
        fits = [
            self._fit(model, sign, memories.get(model.name), compared, rng)
            for model in models
        ]
        self.fits = [one for one in fits if self._defined(one, looks)]
        if not self.fits:
            model = standard_model(space, offset=offset, scale=scale)
            self.fits = [self._fit(model, sign, None, compared, rng)]
        self.probabilities = probabilities(self.fits)
        self.processes, self.weights = _processes(self.fits, self.probabilities)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models."""
        return tuple(one.model.name for one in self.fits)

    @property
    def seen(self) -> FloatArray:
        """Codes (n, width) of the films that were seen."""
        return self.data.X

    def predict(self, codes: FloatArray) -> Predictions:
        """Return the models' predictions of the noise-free quantity at codes (m, w)."""
        x = self._space.columns(codes)
        parts = [process.predict(codes, x) for process in self.processes]
        return Predictions(
            np.vstack([mean for mean, _ in parts]),
            np.vstack([sd for _, sd in parts]),
            self.weights,
        )

    def believe(self, codes: FloatArray) -> "Surrogate":
        """Return what would be believed had films at codes met the expectation."""
        other = copy(self)
        mean, _ = self.predict(codes).moments()
        other.processes = []
        for process in self.processes:
            data = process.bound.data.joined(
                codes, self._space.columns(codes), mean, self._typical_variance()
            )
            other.processes.append(process.model.bind(data).condition(process.z))
        return other

    def imagine(self, codes: FloatArray, rng: np.random.Generator) -> "Surrogate":
        """Return what each particle would believe had it seen its own films at codes.

        Their noise-free values are drawn from each particle's process, so that an
        average over particles is one over outcomes too (Snoek, Larochelle and Adams,
        NeurIPS 2012; Wilson, Hutter and Deisenroth, NeurIPS 2018). They count as seen.
        What is to be believed of other films must be believed before.
        """
        other = copy(self)
        x = self._space.columns(codes)
        mean, _ = self.predict(codes).moments()
        other.data = self.data.joined(codes, x, mean, self._typical_variance())
        other.processes = [
            process.imagining(codes, x, _balanced(len(process.z), len(codes), rng))
            for process in self.processes
        ]
        other.imagined = True
        return other

    def reading_variance(self, codes: FloatArray) -> FloatArray:
        """Return the variance (m,) of a reading at codes, noise included."""
        _, sd = self.predict(codes).moments()
        return np.asarray(sd**2 + self.noise_sd**2)

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one film, known and learned noise together."""
        learned = np.concatenate([one.noise_sd for one in self.processes])
        return float(
            np.hypot(self.weights @ learned, np.sqrt(self._typical_variance()))
        )

    def _typical_variance(self) -> float:
        return float(np.median(self.data.variance))

    def _fit(
        self,
        model: StructuredGP,
        sign: np.ndarray,
        memory: Memory | None,
        compared: bool,
        rng: np.random.Generator,
    ) -> Fit:
        data = self.data
        effort = effort_for(model, len(data), compared=compared)
        usable = (
            memory is not None
            and memory.model == fingerprint(model)
            and memory.z.shape[1] == len(model.priors)
        )
        memory = memory if usable else None
        if sign.any():
            start = memory.z if memory is not None else None
            data = _without_bounds(model, data, sign, start, rng)
        fitted = fit(
            model, data, effort=effort, rng=rng, memory=memory, with_evidence=compared
        )
        again = self._inflated(fitted, sign)
        if again is not None:
            fitted = fit(
                model,
                again,
                effort=effort,
                rng=rng,
                memory=remember(fitted),
                with_evidence=compared,
            )
        if not converged(fitted):
            self.notes.append(
                f"model {model.name}: two estimates of its evidence disagree or rest "
                "on few draws; its probability is uncertain"
            )
        return fitted

    def _defined(self, fitted: Fit, looks: FloatArray | None) -> bool:
        """Return whether a model is defined wherever it will be asked; say if not."""
        if fitted.model.hypothesis is None or looks is None:
            return True
        bad = undefined(fitted, self._space.columns(looks))
        if bad.any():
            (where,) = self._space.settings(looks[[int(bad.argmax())]])
            point = ", ".join(
                f"{name} = {value if isinstance(value, str) else f'{value:.6g}'}"
                for name, value in where.items()
            )
            self.left_out.append(
                f"{fitted.model.name} is left out: it is undefined at {bad.sum()} of "
                f"{len(bad)} points of the space, such as {point}; let its function "
                "return a finite number everywhere, or narrow the space or its priors"
            )
        return not bad.any()

    def _inflated(self, fitted: Fit, sign: np.ndarray) -> Data | None:
        """Return the data with a large variance where a film contradicts the others."""
        data = fitted.bound.data
        if len(data) < _LEAST_FILMS:
            return None
        residual, sd = fitted.condition(32).leave_one_out()
        r = np.median(residual, axis=0)
        odd = (np.abs(r) > _OUTLIER * np.median(sd, axis=0)) & (sign == 0)
        # More than a few contradictions are a poor model, not poor films.
        if not odd.any() or odd.sum() > max(1, len(data) // 10):
            return None
        if fitted.model.hypothesis is None:
            names = ", ".join(data.labels[i] for i in np.flatnonzero(odd))
            self.notes.append(
                f"outlier: {names} contradicts the other films; it is "
                "given little weight"
            )
        return replace(data, variance=data.variance + np.where(odd, r**2, 0.0))


def _balanced(particles: int, films: int, rng: np.random.Generator) -> FloatArray:
    """Return standard normal numbers (P, k), each column's quantiles in random order.

    A Latin hypercube: few particles still have outcomes on either side.
    """
    order = np.argsort(rng.random((particles, films)), axis=0)
    return np.asarray(ndtri((order + 0.5) / particles))


def _processes(
    fits: Sequence[Fit], probability: FloatArray
) -> tuple[list[Conditioned], FloatArray]:
    """Return posterior processes of the models and the weight of every draw."""
    processes, weights = [], []
    for one, share in zip(fits, probability, strict=True):
        if share < _NEGLIGIBLE:
            continue
        count = max(8, int(np.ceil(_PREDICTING * share)))
        process = one.condition(count)
        processes.append(process)
        size = len(process.z)
        weights.append(np.full(size, share / size))
    weight = np.concatenate(weights)
    return processes, weight / weight.sum()


def effort_for(model: StructuredGP, films: int, *, compared: bool) -> Effort:
    """Return the work of a cold fit, more where its evidence is to be compared."""
    effort = COLD if compared else COLD_PREDICTION
    if model.hypothesis is None and not compared:
        effort = VANILLA
    if films > _MANY_FILMS:
        # A likelihood costs the cube of the films, and a posterior of many films is
        # narrow but simple.
        effort = replace(effort, moves=4)
    return effort


def _without_bounds(
    model: StructuredGP,
    data: Data,
    sign: np.ndarray,
    z: FloatArray | None,
    rng: np.random.Generator,
) -> Data:
    """Return data in which bounds are values of equal effect."""
    exact = data.rows(np.flatnonzero(sign == 0))
    if z is None and len(exact) > 1:
        z = fit(model, exact, effort=VANILLA, rng=rng, with_evidence=False).population.z
    if z is None:
        z = np.zeros((1, len(model.priors)))
    bound = model.bind(data)
    best = z[int(np.argmax(model.bind(exact).log_likelihood(z)))][None, :]
    prior = bound.prior(best)
    scale = model.scale
    value, variance = bounds.sites(
        prior.mean[0],
        prior.covariance[0],
        (data.y - model.offset) / scale,
        data.variance / scale**2 + prior.noise[0],
        sign,
    )
    # The site's variance holds the noise already; the model adds it once more.
    own = np.maximum(variance - prior.noise[0], 1e-6) * scale**2
    bounded = sign != 0
    return replace(
        data,
        y=np.where(bounded, value * scale + model.offset, data.y),
        variance=np.where(bounded, own, data.variance),
    )
