"""Scores of candidates: acquisition values of one or several objectives."""

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from hp_lab.planner import hypervolume
from hp_lab.planner.acquisition import expected_utility, log_improvement
from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.surrogate import Predictions, Surrogate
from hp_lab.units import FloatArray

_SPACE_BETA = 2.0
# The share of a list that counts as good, and the least number of them: with fewer
# films than that every far corner is uncertain, and nearly all corners are bad.
_GOOD_SHARE = 0.05
_LEAST_GOOD = 20
# So many spreads below the worst film an improvement is the utility itself.
_FAR = 10.0
# Worlds over which a gain in several objectives is averaged.
_WORLDS = 16
_QUADRATURE = np.polynomial.hermite_e.hermegauss(15)


# Means (m,) and deviations (m,) of each objective's quantity.
_Moments = Sequence[tuple[FloatArray, FloatArray]]


def by_confidence(
    objectives: Sequence[Objective], settings: PlannerSettings, *, listed: bool
) -> bool:
    """Return whether films are chosen by mean and deviation, not by what they gain.

    ``listed`` says whether there is a list of choices.
    """
    if settings.acquisition != "automatic":
        return settings.acquisition in (
            "upper_confidence_bound",
            "thompson",
            "exploration",
            "boundary",
        )
    # A cost divides a gain, which a confidence bound is not; and nothing is better
    # than a target met, so that hoping beyond it only leads away.
    return (
        len(objectives) == 1
        and not (listed or settings.distinct or settings.costs)
        and objectives[0].goal != "target"
    )


class Scorer:
    """The log acquisition of candidates under one belief."""

    def __init__(
        self,
        objectives: Sequence[Objective],
        surrogates: Sequence[Surrogate],
        tried: FloatArray,
        settings: PlannerSettings,
        rng: np.random.Generator,
        *,
        choices: FloatArray | None = None,
        label_column: int | None = None,
    ) -> None:
        """Find what has to be beaten: the best of the ``tried`` codes (n, width).

        ``choices`` (k, width) are the codes of the list to choose from, if there is
        one, with or without the tried ones. ``label_column`` is the codes' column of
        labels that each want a good film.
        """
        self._codes = tried
        self._label_column = label_column
        self._good = 0
        if choices is not None and len(choices):
            everything = np.unique(np.vstack([choices, tried]).round(9), axis=0)
            self._good = max(_LEAST_GOOD, round(_GOOD_SHARE * len(everything)))
        self._objectives = objectives
        self._surrogates = surrogates
        self._settings = settings
        self._tried = [s.predict(tried) for s in surrogates]
        self._draws = [_one_draw(p, rng) for p in self._tried]
        self.utility = np.column_stack(
            [
                expected_utility(o, *p.moments())
                for o, p in zip(objectives, self._tried, strict=True)
            ]
        )
        self._reference = self._reference_point()
        self._worlds = self._imagined_worlds(rng)

    def __call__(self, codes: FloatArray) -> FloatArray:
        """Return log acquisitions (m,) of codes (m, width)."""
        predictions = [s.predict(codes) for s in self._surrogates]
        match self._settings.acquisition:
            case "automatic" if (
                len(predictions) == 1 and self._label_column is not None
            ):
                return self._of_labels(predictions[0], codes[:, self._label_column])
            case "exploration":
                return self._uncertainty(predictions)
            case "boundary":
                return self._boundary(predictions)
            case "upper_confidence_bound":
                return self._confidence(predictions, self._settings.ucb_beta)
            case "automatic" if len(predictions) == 1 and self._good:
                return self._one(
                    self._objectives[0], predictions[0], self._tried[0], self._good
                )
            case "automatic" if by_confidence(
                self._objectives, self._settings, listed=bool(self._good)
            ):
                # Two standard deviations leave no hump of a space unseen.
                return self._confidence(predictions, _SPACE_BETA)
            case "automatic":
                return self._improvement(predictions)
            case "thompson":
                return self._thompson(predictions)
            case "expected_improvement":
                return self._improvement(predictions)

    def _improvement(self, predictions: Sequence[Predictions]) -> FloatArray:
        if len(predictions) == 1:
            return self._one(self._objectives[0], predictions[0], self._tried[0])
        if self._worlds:
            # Films that are not made yet are good or bad in each world.
            gains = [
                self._gain(
                    [
                        (p.mean[r], p.sd[r])
                        for p, r in zip(predictions, rows, strict=True)
                    ],
                    u,
                )
                for rows, u in self._worlds
            ]
            return np.asarray(logsumexp(gains, axis=0) - np.log(len(gains)))
        return self._gain([p.moments() for p in predictions], self.utility)

    def _gain(self, here: _Moments, tried: FloatArray) -> FloatArray:
        """Return the log gain in all objectives over utilities tried (n, k)."""
        moments = [
            utility_moments(o, *m) for o, m in zip(self._objectives, here, strict=True)
        ]
        if self._settings.several == "weighted":
            return self._weighted(moments, tried)
        return hypervolume.log_expected_gain(
            np.column_stack([m for m, _ in moments]),
            np.column_stack([s for _, s in moments]),
            tried,
            self._reference,
        )

    def _imagined_worlds(
        self, rng: np.random.Generator
    ) -> list[tuple[np.ndarray, FloatArray]]:
        """Return worlds: a particle of each objective (k,), utilities tried (n, k).

        None where all particles agree about what was seen, or the objective is one,
        whose particles are averaged one by one.
        """
        if len(self._objectives) == 1 or not any(s.imagined for s in self._surrogates):
            return []
        places = (rng.random() + np.arange(_WORLDS)) / _WORLDS
        rows = np.column_stack(
            [
                rng.permutation(np.searchsorted(np.cumsum(p.weight), places))
                for p in self._tried
            ]
        )
        rows = np.minimum(rows, [len(p.weight) - 1 for p in self._tried])
        return [
            (
                world,
                np.column_stack(
                    [
                        expected_utility(o, p.mean[r], p.sd[r])
                        for o, p, r in zip(
                            self._objectives, self._tried, world, strict=True
                        )
                    ]
                ),
            )
            for world in rows
        ]

    def _one(
        self,
        objective: Objective,
        here: Predictions,
        tried: Predictions,
        good: int = 1,
    ) -> FloatArray:
        """Average over particles the expected gain of the sum of the best films.

        With one ``good`` film this is the expected improvement over each particle's own
        best. With more a film gains by what it is above the worst of the so many best
        ones; while there are fewer films than that every film counts in full, and the
        mean decides.
        """
        utility = np.sort(expected_utility(objective, tried.mean, tried.sd), axis=1)
        if utility.shape[1] >= good:
            level = utility[:, -good]
        else:
            level = utility[:, 0] - _FAR * (np.ptp(utility, axis=1) + tried.sd.max())
        values = np.array(
            [
                log_improvement(objective, mean, sd, float(one))
                for mean, sd, one in zip(here.mean, here.sd, level, strict=True)
            ]
        )
        return here.average_log(values)

    def _of_labels(self, here: Predictions, labels: FloatArray) -> FloatArray:
        """Average over particles the improvement over the best of the same label.

        Where a label has no film yet all of a good film is a gain: what it is above the
        worst of all. Of scores there is none above the highest, until every label has
        it.
        """
        objective = self._objectives[0]
        tried = self._tried[0]
        utility = expected_utility(objective, tried.mean, tried.sd)
        level = np.repeat(utility.min(axis=1)[:, None], len(labels), axis=1)
        for label in np.unique(self._codes[:, self._label_column]):
            own = utility[:, self._codes[:, self._label_column] == label].max(axis=1)
            level[:, labels == label] = own[:, None]
        gain = log_improvement(objective, here.mean, here.sd, level)
        if np.isfinite(objective.enough):
            beyond = np.maximum(level, objective.enough)
            more = log_improvement(objective, here.mean, here.sd, beyond)
            with np.errstate(divide="ignore"):
                within = gain + np.log(-np.expm1(np.minimum(more - gain, 0.0)))
            if np.isfinite(within).any():
                gain = within
        return here.average_log(gain)

    def _weighted(self, moments: _Moments, tried: FloatArray) -> FloatArray:
        # Utilities in units of their spread among the films, added with the weights.
        spread = np.ptp(self.utility, axis=0)
        weight = np.array([o.weight for o in self._objectives])
        weight = weight / weight.sum() / np.where(spread > 0, spread, 1.0)
        best = float((tried @ weight).max())
        mean, variance = 0.0, 0.0
        for w, (m, s) in zip(weight, moments, strict=True):
            mean, variance = mean + w * m, variance + (w * s) ** 2
        total = Objective(quantity="sum", goal="maximize")
        return log_improvement(
            total, np.asarray(mean), np.sqrt(np.asarray(variance)), best
        )

    def _uncertainty(self, predictions: Sequence[Predictions]) -> FloatArray:
        relative = [
            np.log(p.moments()[1] / _spread(t))
            for p, t in zip(predictions, self._tried, strict=True)
        ]
        return np.asarray(np.mean(relative, axis=0))

    def _boundary(self, predictions: Sequence[Predictions]) -> FloatArray:
        # The straddle heuristic (Bryan et al., NIPS 2005): uncertain, near the level.
        mean, sd = predictions[0].moments()
        value = 1.96 * sd - np.abs(mean - self._settings.boundary)
        # The log of what grows with it and is above 0: chances and costs are added as
        # logs.
        value = value / _spread(self._tried[0])
        return np.where(value > -_FAR, np.log(np.logaddexp(0.0, value)), value)

    def _confidence(
        self, predictions: Sequence[Predictions], beta: float
    ) -> FloatArray:
        total = np.zeros(predictions[0].mean.shape[1])
        best = self.utility.max(axis=0)
        for o, p, t, b in zip(
            self._objectives, predictions, self._tried, best, strict=True
        ):
            mean, sd = utility_moments(o, *p.moments())
            total += o.weight * (mean - b + beta * sd) / _spread(t)
        return total

    def _thompson(self, predictions: Sequence[Predictions]) -> FloatArray:
        total = np.zeros(predictions[0].mean.shape[1])
        for o, p, (row, e), t in zip(
            self._objectives, predictions, self._draws, self._tried, strict=True
        ):
            # One particle, one level of its uncertainty: a marginal draw.
            value = p.mean[row] + e * p.sd[row]
            total += o.weight * o.utility(value) / _spread(t)
        return total

    def _reference_point(self) -> FloatArray:
        found = hypervolume.reference_point(self.utility)
        for k, objective in enumerate(self._objectives):
            if objective.quantity in self._settings.reference:
                given = np.array(self._settings.reference[objective.quantity])
                found[k] = objective.utility(given)
        return found


def _spread(tried: Predictions) -> float:
    """Return the unit of differences between films; above 0 where all are equal."""
    mean, sd = tried.moments()
    return max(float(mean.std()), float(sd.mean()))


def _one_draw(predictions: Predictions, rng: np.random.Generator) -> tuple[int, float]:
    row = int(rng.choice(len(predictions.weight), p=predictions.weight))
    return row, float(rng.standard_normal())


def utility_moments(
    objective: Objective, mean: FloatArray, sd: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of the utility of y ~ N(mean, sd^2)."""
    if objective.goal != "target":
        return objective.utility(mean), sd
    nodes, weights = _QUADRATURE
    weights = weights / weights.sum()
    y = mean[:, None] + sd[:, None] * nodes
    u = objective.utility(y)
    first = u @ weights
    second = ((u - first[:, None]) ** 2) @ weights
    return first, np.sqrt(np.maximum(second, 1e-12 * sd**2))
