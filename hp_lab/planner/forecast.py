"""Forecasts of readings: what an instrument will find, with honest intervals."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp, stdtr

from hp_lab.planner.outliers import normal_score
from hp_lab.planner.surrogate import Surrogate
from hp_lab.units import FloatArray

# Grid of Student's t: the inverse of its degrees of freedom and the log of its width.
_INVERSE_DOF = np.array([1e-4, 0.1, 0.2, 0.3, 0.4, 0.5])
_LOG_WIDTH = np.linspace(-0.9, 0.9, 19)
# Their prior: uniform, and a normal of this deviation about 0.
_LOG_WIDTH_SD = 0.5
_NEGLIGIBLE = 0.01
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Tails:
    """Student's t distributions of standardised errors, with weights (k,)."""

    dof: FloatArray
    width: FloatArray
    weight: FloatArray

    def log_density(self, z: FloatArray) -> FloatArray:
        """Return the log density (..) of standardised errors z (..)."""
        parts = [
            np.log(w) + _log_student(z, dof, width)
            for dof, width, w in zip(self.dof, self.width, self.weight, strict=True)
        ]
        return np.asarray(logsumexp(parts, axis=0))

    def cumulative(self, z: FloatArray) -> FloatArray:
        """Return the probability (..) of errors up to z (..)."""
        total = np.zeros_like(z)
        for dof, width, w in zip(self.dof, self.width, self.weight, strict=True):
            total += w * stdtr(dof, z / width)
        return total


def learn_tails(z: FloatArray) -> Tails:
    """Return the distribution of standardised errors, learned from those left out.

    ``z`` (n,) are standard normal where the model is right. A mixture over a grid of
    degrees of freedom and widths with its posterior weights; without any errors it is
    the prior.
    """
    inverse, log_width = (g.ravel() for g in np.meshgrid(_INVERSE_DOF, _LOG_WIDTH))
    dof, width = 1 / inverse, np.exp(log_width)
    log = -0.5 * (log_width / _LOG_WIDTH_SD) ** 2
    log += _log_student(z[:, None], dof, width).sum(axis=0)
    weight = np.exp(log - log.max())
    kept = weight > _NEGLIGIBLE * weight.max()
    return Tails(dof[kept], width[kept], weight[kept] / weight[kept].sum())


class Forecast:
    """The distribution of readings at points that were not measured."""

    def __init__(
        self, surrogate: Surrogate, codes: FloatArray, sigma: FloatArray
    ) -> None:
        """Predict readings of standard error ``sigma`` (m,) at codes (m, width).

        The errors that the surrogate makes on its own films, each left out, tell how
        heavy the tails are and whether its deviations are too wide or too narrow. Those
        on scores do not: the ones between the ends are there since they are middling.
        """
        predictions = surrogate.predict(codes)
        noise = np.concatenate([process.noise_sd for process in surrogate.processes])
        self._mean = predictions.mean
        self._sd = np.sqrt(predictions.sd**2 + noise[:, None] ** 2 + sigma**2)
        self._weight = predictions.weight
        errors = np.zeros(0) if surrogate.scored else left_out_errors(surrogate)
        self.tails = learn_tails(errors)

    def mean(self) -> FloatArray:
        """Return the expected readings (m,)."""
        return np.asarray(self._weight @ self._mean)

    def sd(self) -> FloatArray:
        """Return the standard deviations (m,) of the readings, heavy tails apart.

        With tails of few degrees of freedom there is none; the intervals have them.
        """
        spread = self._sd**2 + (self._mean - self.mean()) ** 2
        return np.asarray(np.sqrt(self._weight @ spread))

    def log_density(self, y: FloatArray) -> FloatArray:
        """Return the log density (m,) of readings y (m,)."""
        z = self._standardised(y)
        e = (y - self._mean) / self._sd
        log = logsumexp(-0.5 * e**2 - np.log(self._sd), axis=0, b=self._weight[:, None])
        return np.asarray(self.tails.log_density(z) + 0.5 * z**2 + log)

    def cumulative(self, y: FloatArray | float) -> FloatArray:
        """Return the probability (m,) that a reading is at most y (m,)."""
        return self.tails.cumulative(self._standardised(y))

    def _standardised(self, y: FloatArray | float) -> FloatArray:
        return normal_score((y - self._mean) / self._sd, self._weight[:, None])

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the central interval (m,), (m,) that holds a share of the readings."""
        return self._quantile((1 - level) / 2), self._quantile((1 + level) / 2)

    def _quantile(self, share: float) -> FloatArray:
        width = 20 * self._sd.max(axis=0)
        low, high = self._mean.min(axis=0) - width, self._mean.max(axis=0) + width
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = self.cumulative(middle) < share
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2)


def left_out_errors(surrogate: Surrogate) -> FloatArray:
    """Return standardised errors (n,) of the films with a value, each left out.

    Particles are weighted by 1 / p(y_i | the others), which takes the film out of the
    hyperparameters' posterior too (Gelfand, Dey and Chang 1992). A film that was given
    little weight as an outlier counts with its own variance: outliers are the tails.
    """
    own, exact = surrogate.data.variance, surrogate.data.exact
    start, total, level = 0, [], []
    for process in surrogate.processes:
        end = start + len(process.z)
        residual, sd = process.leave_one_out()
        given = process.bound.data.variance - own
        sd = np.sqrt(np.maximum(sd**2 - given, process.noise_sd[:, None] ** 2 + own))
        z = residual / sd
        log = np.log(surrogate.weights[start:end, None])
        total.append(log + 0.5 * z**2 + np.log(sd))
        level.append(z)
        start = end
    z, log_weight = np.vstack(level), np.vstack(total)
    weight = np.exp(log_weight - logsumexp(log_weight, axis=0))
    return np.asarray(normal_score(z, weight)[exact])


def _log_student(z: FloatArray, dof: FloatArray, width: FloatArray) -> FloatArray:
    norm = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(dof * np.pi)
    body = -0.5 * (dof + 1) * np.log1p((z / width) ** 2 / dof)
    return np.asarray(norm + body - np.log(width))
