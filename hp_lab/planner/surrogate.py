"""What the planner believes about one quantity: models, their weights, predictions."""

from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp, ndtri

from hp_lab.planner import mixture, outliers
from hp_lab.planner.gp import Conditioned, Data, StructuredGP
from hp_lab.planner.hypotheses import VANILLA_NAME, Hypothesis
from hp_lab.planner.hypothesis_checks import undefined
from hp_lab.planner.memory import Memory
from hp_lab.planner.model_space import differ, scaling, standard_model
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.posterior import (
    LEAST_OVERLAP,
    MANY_FILMS,
    Fit,
    converged,
    effort_for,
    fit,
    fit_to_fewer,
    probabilities,
    remember,
)
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

_PREDICTING = 48
# A model below this probability is left out of predictions.
_NEGLIGIBLE = 0.02


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
        data: The films as they were read.
        fits: Of the models, to all films but the outliers.
        probabilities: Of the models, given the same films.
        outliers: Rows of the films that contradict the others under every model. They
            keep a little weight in predictions.
        notes: Sentences for a person.
        left_out: Sentences on the hypotheses that are left out, and why.
        scored: Whether the readings are scores.
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
        objective: Objective | None = None,
    ) -> None:
        """Fit the vanilla GP and one structured GP a hypothesis, or ``only`` one.

        Several models are weighed by their evidences; one alone needs none. A
        hypothesis that is undefined at some of the ``looks``, codes (m, width) of what
        may be proposed, is left out: where it says nothing, nothing could
        be proposed. Without any other model the vanilla GP takes its place.

        The ``objective`` tells finds from outliers, and whether readings are scores, of
        which the first and the last one are bounds: how many films lie beyond these
        then tells how much films differ.

        Raises:
            InvalidInput: A hypothesis failed everywhere, or one of its priors is
                relative to no number of the space.
        """
        self._space = space
        self.imagined = False
        self.notes: list[str] = []
        self.left_out: list[str] = []
        self._hypotheses = hypotheses
        self._only = only
        self.scored = objective is not None and bool(objective.scores)
        memories = {
            name: memory
            for name, memory in (memories or {}).items()
            if only in (None, name)
        }
        sign = np.array([one.sign for one in readings])
        self.data = Data(
            X=codes,
            x=space.columns(codes),
            y=np.array([one.value for one in readings]),
            variance=np.array([one.sigma for one in readings]) ** 2
            + np.array([one.rounding for one in readings]) ** 2,
            labels=tuple(labels),
            sign=sign if sign.any() else None,
        )
        self.fits = self._fit(np.arange(len(self.data)), memories, rng)
        good = None if objective is None else objective.utility(self.data.y)
        self.outliers = self._leave_out_outliers(memories, rng, good)
        if looks is not None:
            self._leave_out_undefined(looks, rng)
        self.notes += self._doubts()
        self.probabilities = probabilities(self.fits)
        self.processes, self.weights = self._processes()

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
        rows: np.ndarray,
        memories: Mapping[str, Memory],
        rng: np.random.Generator,
        wider: Sequence[Fit] = (),
    ) -> list[Fit]:
        """Return fits of the models to some of the films, all to the same.

        Those to more films, if there are such, are carried on where that is cheaper.
        """
        data = self.data.rows(rows)
        before = next(((m.offset, m.scale) for m in memories.values()), None)
        if wider and len(data) > MANY_FILMS:
            # A few films less are no reason for other units.
            before = wider[0].model.offset, wider[0].model.scale
        tells = _tells_scale(data)
        offset, scale = scaling(
            data.y[tells],
            data.variance[tells],
            before,
            known=differ(data.y, data.sign),
            sign=data.sign[tells] if self.scored and data.sign is not None else None,
        )
        models = [standard_model(self._space, offset=offset, scale=scale)]
        models += [
            standard_model(
                self._space, offset=offset, scale=scale, hypothesis=h, name=h.name
            )
            for h in self._hypotheses
        ]
        if self._only is not None:
            models = [model for model in models if model.name == self._only]
        compared = len(models) > 1
        known = {one.model.name: one for one in wider}

        def fitted(model: StructuredGP) -> Fit:
            if model.name in known:
                fewer = fit_to_fewer(known[model.name], model, data, rng)
                if fewer is not None:
                    return fewer
            return fit(
                model,
                data,
                effort=effort_for(model, len(data), compared=compared),
                rng=rng,
                memory=memories.get(model.name),
                with_evidence=compared,
            )

        return [fitted(model) for model in models]

    def _leave_out_outliers(
        self,
        memories: Mapping[str, Memory],
        rng: np.random.Generator,
        utility: FloatArray | None,
    ) -> np.ndarray:
        """Fit without the outliers, if there are any, and return their rows.

        Films that look suspicious are left out together, and may reveal others. An
        outlier is one that the models without it predict wrongly, all those of weight.
        """
        count = len(self.data)
        # No score is far from all others.
        most = 0 if self.scored else outliers.most(count)
        fits, kept = self.fits, np.arange(count)
        others = rng
        while count - len(kept) < most:
            odd = kept[outliers.suspicious(_of_weight(fits))]
            if not len(odd):
                break
            if others is rng:
                # A suspicion that proves wrong changes no proposal.
                others = np.random.default_rng(deepcopy(rng).integers(2**63))
            z = np.abs(outliers.left_out(_of_weight(fits)))[np.isin(kept, odd)]
            odd = odd[np.argsort(-z, kind="stable")][: most - (count - len(kept))]
            kept = np.setdiff1d(kept, odd)
            fits = self._fit(kept, memories, others, wider=fits)
        if len(kept) == count:
            return kept[:0]
        found = outliers.proven(_of_weight(fits), self.data, kept, utility)
        if len(found) and len(found) < count - len(kept):
            kept = np.setdiff1d(np.arange(count), found)
            again = {one.model.name: remember(one) for one in fits}
            warm = {one.model.name: one.warm for one in fits}
            fits = [
                replace(one, warm=one.warm and warm[one.model.name])
                for one in self._fit(kept, again, others)
            ]
        if len(found):
            self.fits = fits
        return found

    def _doubts(self) -> list[str]:
        """Return notes on what the fits cannot be trusted in."""
        doubts = []
        if not differ(self.data.y, self.data.sign):
            doubts.append(
                "no two films are known to differ: predictions take it that films "
                f"differ by about {self.fits[0].model.scale:.2g}"
            )
        doubts += [
            f"model {one.model.name}: two estimates of its evidence disagree or rest "
            "on few draws; its probability is uncertain"
            for one in self.fits
            if one.evidence is not None and not converged(one)
        ]
        doubts += [
            f"model {one.model.name}: its bounds leave few of its draws; its "
            "predictions and its probability are uncertain"
            for one in self.fits
            if one.effective < LEAST_OVERLAP
        ]
        if len(self.outliers):
            names = ", ".join(self.data.labels[row] for row in self.outliers)
            doubts.append(
                f"outlier: {names}: contradicting the other films, and given little "
                "weight; make again to know"
            )
        return doubts

    def _leave_out_undefined(self, looks: FloatArray, rng: np.random.Generator) -> None:
        """Keep the models that are defined wherever they will be asked; name others."""
        x = self._space.columns(looks)
        defined = []
        for one in self.fits:
            bad = undefined(one, x) if one.model.hypothesis is not None else None
            if bad is None or not bad.any():
                defined.append(one)
                continue
            (where,) = self._space.settings(looks[[int(bad.argmax())]])
            point = ", ".join(
                f"{name} = {value if isinstance(value, str) else f'{value:.6g}'}"
                for name, value in where.items()
            )
            self.left_out.append(
                f"{one.model.name} is left out: it is undefined at {bad.sum()} of "
                f"{len(bad)} points of the space, such as {point}; let its function "
                "return a finite number everywhere, or narrow the space or its priors"
            )
        if not defined:
            self._only = VANILLA_NAME
            rows = np.setdiff1d(np.arange(len(self.data)), self.outliers)
            defined = self._fit(rows, {}, rng)
        self.fits = defined

    def _processes(self) -> tuple[list[Conditioned], FloatArray]:
        """Return posterior processes of the models and the weight of every draw."""
        processes, weights = [], []
        for one, share in zip(self.fits, self.probabilities, strict=True):
            if share < _NEGLIGIBLE:
                continue
            count = max(8, int(np.ceil(_PREDICTING * share)))
            process = one.condition(count)
            if len(self.outliers):
                data = self._with_outliers(one)
                process = one.model.bind(data).condition(process.z)
            processes.append(process)
            size = len(process.z)
            weights.append(np.full(size, share / size))
        weight = np.concatenate(weights)
        return processes, weight / weight.sum()

    def _with_outliers(self, fitted: Fit) -> Data:
        """Return a fit's data and the outliers, each as uncertain as it is wrong."""
        away = self.outliers
        kept = np.setdiff1d(np.arange(len(self.data)), away)
        y, variance = self.data.y.copy(), self.data.variance.copy()
        # Where there are bounds the fit has values that stand for them.
        y[kept], variance[kept] = fitted.bound.data.y, fitted.bound.data.variance
        films = self.data.rows(away)
        mean, _ = fitted.condition(_PREDICTING).predict(films.X, films.x)
        variance[away] += (films.y - mean.mean(axis=0)) ** 2
        return replace(self.data, y=y, variance=variance, sign=None)


def _balanced(particles: int, films: int, rng: np.random.Generator) -> FloatArray:
    """Return standard normal numbers (P, k), each column's quantiles in random order.

    A Latin hypercube: few particles still have outcomes on either side.
    """
    order = np.argsort(rng.random((particles, films)), axis=0)
    return np.asarray(ndtri((order + 0.5) / particles))


def _of_weight(fits: Sequence[Fit]) -> list[Fit]:
    return [
        one
        for one, share in zip(fits, probabilities(fits), strict=True)
        if share >= _NEGLIGIBLE
    ]


def _tells_scale(data: Data) -> np.ndarray:
    """Return which films (n,) tell how large values are: no bound met by all values."""
    exact = data.exact
    if data.sign is None or not exact.any():
        return np.ones(len(data), dtype=bool)
    values = data.y[exact]
    missed = np.where(data.sign > 0, data.y > values.min(), data.y < values.max())
    return np.asarray(exact | missed)
