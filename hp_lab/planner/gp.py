"""Structured Gaussian processes: y ~ N(m(x; phi), s k(x, x'; l) + noise + sigma^2).

Where the GP follows its hypothesis s is not the same everywhere
(:mod:`hp_lab.planner.discrepancy`). Everything is computed for many sets of parameters
(particles) at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from hp_lab.planner.discrepancy import Discrepancy, Features
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.kernels import Independent, Kernel, Pairs
from hp_lab.planner.priors import LogNormal, Prior, Values
from hp_lab.units import FloatArray

# Relative to the signal's variance; keeps Cholesky's factor real for twins.
_JITTER = 1e-6
_LOG_2PI = float(np.log(2 * np.pi))
# Bytes of the covariances that are held at once, and of those that are factorised at
# once: a processor is faster at what it has near.
_CHUNK_BYTES = 24e6
_BATCH_BYTES = 2e6
# Films whose covariances with those before are computed at once.
_BLOCK = 16
# A residual of more of the GP's standard deviations has no likelihood worth a number.
_FARTHEST = 1e8


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Observed films.

    Attributes:
        X: What the kernel sees, (n, d).
        x: What the hypotheses see, arrays (n,).
        y: Values (n,).
        variance: Known variance (n,) of each value.
        labels: Names by which films are known again, or nothing.
        sign: 0 for a value, +1 where it is a lower bound, -1 an upper one (n,); None
            where all are values. A likelihood takes y for values: see
            :mod:`hp_lab.planner.bounds`.
    """

    X: FloatArray
    x: Mapping[str, np.ndarray]
    y: FloatArray
    variance: FloatArray
    labels: tuple[str, ...] = ()
    sign: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.y)

    @property
    def exact(self) -> np.ndarray:
        """Which of the films (n,) have a value, not a bound."""
        if self.sign is None:
            return np.ones(len(self), dtype=bool)
        return np.asarray(self.sign == 0)

    def rows(self, index: np.ndarray) -> "Data":
        """Return some of the films."""
        return Data(
            X=self.X[index],
            x={name: column[index] for name, column in self.x.items()},
            y=self.y[index],
            variance=self.variance[index],
            labels=tuple(self.labels[i] for i in index) if self.labels else (),
            sign=None if self.sign is None else self.sign[index],
        )

    def joined(
        self, X: FloatArray, x: Mapping[str, np.ndarray], y: FloatArray, variance: float
    ) -> "Data":
        """Return the films and some more."""
        return Data(
            X=np.vstack([self.X, X]),
            x={name: np.concatenate([self.x[name], x[name]]) for name in self.x},
            y=np.concatenate([self.y, y]),
            variance=np.concatenate([self.variance, np.full(len(y), variance)]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredGP:
    """A hypothesis, a kernel and priors.

    The parameters are those of the hypothesis, then the GP's variance, the noise's
    variance, the discrepancy's and the kernel's own.

    Attributes:
        hypothesis: None for a vanilla GP.
        discrepancy: How the GP follows the hypothesis; None where it does not.
        constant: Prior variance of an unknown constant, integrated out.
        offset: Subtracted from y and from the hypothesis.
        scale: Divides both after that; the variances are in its square.
    """

    name: str
    kernel: Kernel
    hypothesis: Hypothesis | None = None
    discrepancy: Discrepancy | None = None
    variance: Prior = field(default_factory=LogNormal)
    noise: LogNormal = field(default_factory=LogNormal)
    constant: float = 0.0
    offset: float = 0.0
    scale: float = 1.0

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Names and priors of all parameters."""
        mean = () if self.hypothesis is None else tuple(self.hypothesis.priors.items())
        own = (("variance", self.variance), ("noise", self.noise))
        follows = () if self.discrepancy is None else self.discrepancy.priors
        return (*mean, *own, *follows, *self.kernel.priors)

    def parameters(self, z: FloatArray) -> FloatArray:
        """Return values (P, D) of standard normal z (P, D)."""
        return self.values(z)

    @property
    def values(self) -> Values:
        """The map from standard normal numbers to values."""
        return Values([prior for _, prior in self.priors])

    def split(self, parameters: FloatArray) -> "Parts":
        """Return the parts of parameters (P, D)."""
        k = 0 if self.hypothesis is None else len(self.hypothesis.priors)
        follows = 0 if self.discrepancy is None else len(self.discrepancy.priors)
        end = k + 2 + follows
        return Parts(
            phi=parameters[:, :k],
            variance=parameters[:, k : k + 1],
            noise=parameters[:, k + 1 : k + 2],
            follows=parameters[:, k + 2 : end],
            kernel=parameters[:, end:],
        )

    def mean(self, x: Mapping[str, np.ndarray], phi: FloatArray) -> FloatArray:
        """Return the hypothesis (P, m) in scaled units; 0 without one."""
        if self.hypothesis is None:
            return np.zeros((len(phi), len(next(iter(x.values())))))
        return self.scaled(self.hypothesis.mean(x, phi))

    def scaled(self, y: FloatArray) -> FloatArray:
        """Return values in scaled units."""
        return (y - self.offset) / self.scale

    def features(self, x: Mapping[str, np.ndarray], parts: "Parts") -> Features:
        """Return the hypothesis at m points and what the GP follows of it, scaled."""
        if self.hypothesis is None or self.discrepancy is None:
            return Features(self.mean(x, parts.phi))
        return self.discrepancy.features(
            self.hypothesis, x, parts.phi, parts.follows, self.scaled
        )

    def bind(self, data: Data) -> "BoundGP":
        """Return the model with data."""
        return BoundGP(self, data)


class Parts(NamedTuple):
    """Parameters (P, ..) of P particles: of the mean, variances, and the others."""

    phi: FloatArray
    variance: FloatArray
    noise: FloatArray
    follows: FloatArray
    kernel: FloatArray

    def particles(self, part: slice) -> "Parts":
        """Return those of some of the particles."""
        return Parts(*(one[part] for one in self))


@dataclass(frozen=True, slots=True)
class PriorProcess:
    """Mean (P, n), covariance (P, n, n) and noise variance (P,), in scaled units."""

    mean: FloatArray
    covariance: FloatArray
    noise: FloatArray


class BoundGP:
    """A model with data: likelihoods and predictions for many particles."""

    def __init__(self, model: StructuredGP, data: Data) -> None:
        """Prepare what depends on the data alone."""
        self.model = model
        self.data = data
        n = len(data)
        one, other = np.tril_indices(n, -1)
        self._pairs = model.kernel.pairs(data.X[one], data.X[other])
        # Where a pair of films (n, n) is among the pairs; above the diagonal anywhere.
        self._pair = np.zeros((n, n), dtype=np.intp)
        self._pair[one, other] = np.arange(len(one))
        self._values = model.values
        self.y = model.scaled(data.y)
        self._known = data.variance / model.scale**2

    def parts(self, z: FloatArray) -> Parts:
        """Return the parts of the parameters at standard normal z (P, D)."""
        return self.model.split(self._values(z))

    def blurred(self, added: float) -> "BoundGP":
        """Return the same with a variance added to that of each film."""
        data = replace(self.data, variance=self.data.variance + added)
        return self.model.bind(data)

    def log_likelihood(self, z: FloatArray) -> FloatArray:
        """Return log p(y | z) (P,); minus infinity where the mean is not finite."""
        n = len(self.data)
        if n == 0:
            return np.zeros(len(z))
        chunk = max(1, int(_CHUNK_BYTES / (8 * (n + 1) ** 2)))
        parts = [
            self._log_likelihood(z[start : start + chunk])
            for start in range(0, len(z), chunk)
        ]
        return np.concatenate(parts)

    def _log_likelihood(self, z: FloatArray) -> FloatArray:
        n = len(self.data)
        parts = self.parts(z)
        features = self.model.features(self.data.x, parts)
        residual = self.y - features.mean
        far = np.abs(residual).max(axis=1, initial=0.0)
        size = np.sqrt(parts.variance[:, 0] + parts.noise[:, 0])
        good = np.asarray(far < _FARTHEST * size)
        residual = np.where(good[:, None], residual, 0.0)
        if isinstance(self.model.kernel, Independent) and not self.model.constant:
            variance = self._variance(features, parts)
            log_det = 0.5 * np.log(variance).sum(axis=1)
            square = (residual**2 / variance).sum(axis=1)
        else:
            log_det, square = self._whitened(residual, features, parts)
        value = -0.5 * square - log_det - 0.5 * n * _LOG_2PI
        # In units of y, not of y / scale, so that evidences can be compared.
        value -= n * np.log(self.model.scale)
        return np.where(good & np.isfinite(value), value, -np.inf)

    def _whitened(
        self, residual: FloatArray, features: Features, parts: Parts
    ) -> tuple[FloatArray, FloatArray]:
        """Return half the covariances' log-determinants, and the squares (P,)."""
        count, n = residual.shape
        correlations = self.correlations(parts)
        log_det, square = np.empty(count), np.empty(count)
        batch = max(1, int(_BATCH_BYTES / (8 * (n + 1) ** 2)))
        diagonal = np.arange(n)
        for start in range(0, count, batch):
            some = slice(start, start + batch)
            # The residual as one more row of the matrix: its row of the factor is the
            # whitened residual (the corner only has to be large).
            joint = self.covariance(
                correlations[some], features.particles(some), parts.particles(some), 1
            )
            joint[:, n, :n] = residual[some]
            joint[:, n, n] = 1e30
            L = _cholesky(joint)
            log_det[some] = np.log(L[:, diagonal, diagonal]).sum(axis=1)
            square[some] = (L[:, n, :n] ** 2).sum(axis=1)
        return log_det, square

    def covariance(
        self,
        correlations: FloatArray,
        features: Features,
        parts: Parts,
        extra: int = 0,
    ) -> FloatArray:
        """Return covariances (P, n + extra, n + extra), right up to the diagonal.

        Args:
            correlations: The kernel's, of the pairs of films (P, q).
            features: The hypothesis at the films.
            parts: The parameters.
            extra: Rows and columns of no film, to be filled in.
        """
        result = self._pairwise(correlations, features, parts, extra)
        if self.model.constant:
            result += self.model.constant
        diagonal = np.arange(len(self.data))
        result[:, diagonal, diagonal] = self._variance(features, parts)
        return result

    def _variance(self, features: Features, parts: Parts) -> FloatArray:
        """Return the variances (P, n) of the films' values."""
        return np.asarray(
            features.variance(parts.variance) * (1 + _JITTER)
            + parts.noise
            + self._known
            + self.model.constant
        )

    def correlations(self, parts: Parts) -> FloatArray:
        """Return the kernel's correlations (P, q) of the pairs of films."""
        return self.model.kernel.value(parts.kernel, self._pairs)

    def _pairwise(
        self, correlations: FloatArray, features: Features, parts: Parts, extra: int = 0
    ) -> FloatArray:
        """Return the covariances of the GP alone, right below the diagonal only."""
        n, (count, pairs) = len(self.data), correlations.shape
        result = np.zeros((count, n + extra, n + extra))
        if not pairs:
            return result
        for first in range(0, n, _BLOCK):
            last = min(first + _BLOCK, n)
            ones = features.at(np.s_[first:last, None])
            others = features.at(np.s_[None, :last])
            factor = ones.covariance(others, parts.variance[:, :, None])
            block = np.take(correlations, self._pair[first:last, :last], axis=1)
            np.multiply(block, factor, out=result[:, first:last, :last])
        return result

    def prior(self, z: FloatArray) -> "PriorProcess":
        """Return mean and covariance of the films before they were seen."""
        parts = self.parts(z)
        features = self.model.features(self.data.x, parts)
        K = np.tril(self._pairwise(self.correlations(parts), features, parts), -1)
        K = K + K.transpose(0, 2, 1) + self.model.constant
        diagonal = np.arange(len(self.data))
        own = features.variance(parts.variance) * (1 + _JITTER)
        K[:, diagonal, diagonal] = own + self.model.constant
        return PriorProcess(features.mean, K, parts.noise[:, 0])

    def condition(self, z: FloatArray) -> "Conditioned":
        """Return the posterior process of each particle z (P, D)."""
        return Conditioned(self, z)


def _cholesky(matrices: FloatArray) -> FloatArray:
    """Return the factors (P, n, n); not a number where a matrix has none."""
    try:
        return np.asarray(np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        half = len(matrices) // 2
        return np.concatenate([_cholesky(matrices[:half]), _cholesky(matrices[half:])])


class Conditioned:
    """Posterior processes, one a particle; predictions need marginals only."""

    def __init__(
        self, bound: BoundGP, z: FloatArray, draws: FloatArray | None = None
    ) -> None:
        """Factorise every particle's covariance.

        ``draws`` (P, k) are standard normal numbers. With them the values of the last k
        films are not the data's: each particle has its own, noise-free ones, drawn
        given the films before.
        """
        self.bound = bound
        self.model = bound.model
        data = bound.data
        n = len(data)
        self.z = z
        self._draws = np.zeros((len(z), 0)) if draws is None else draws
        self._parts = bound.parts(z)
        self._features = self.model.features(data.x, self._parts)
        first = n - self._draws.shape[1]
        pairs = bound.correlations(self._parts)
        K = bound.covariance(pairs, self._features, self._parts)
        K[:, range(first, n), range(first, n)] -= self._parts.noise
        L = _cholesky(K)
        unit = np.eye(n)
        self._inverse = np.array(
            [solve_triangular(one, unit, lower=True, check_finite=False) for one in L]
        ).reshape(len(z), n, n)
        residual = bound.y - self._features.mean
        self._white = np.einsum("pij,pj->pi", self._inverse, residual)
        # Whitened residuals are standard normal and depend on no later film.
        self._white[:, first:] = self._draws

    def imagining(
        self, X: FloatArray, x: Mapping[str, np.ndarray], draws: FloatArray
    ) -> "Conditioned":
        """Return the processes had each seen its own values of films at X (k, d).

        Args:
            X: What the kernel sees of the films.
            x: What the hypotheses see of them.
            draws: Standard normal numbers (P, k): the values, whitened.
        """
        data = self.bound.data.joined(X, x, np.zeros(len(X)), 0.0)
        draws = np.hstack([self._draws, draws])
        return Conditioned(self.model.bind(data), self.z, draws)

    @property
    def noise_sd(self) -> FloatArray:
        """Standard deviation (P,) of the noise, in units of y."""
        return np.asarray(np.sqrt(self._parts.noise[:, 0]) * self.model.scale)

    def predict(
        self, X: FloatArray, x: Mapping[str, np.ndarray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (P, m) of the noise-free quantity."""
        n, m, count = len(self.bound.data), len(X), len(self.z)
        scale = self.model.scale
        mean, sd = np.empty((count, m)), np.empty((count, m))
        chunk = max(1, int(_CHUNK_BYTES / (8 * max(n, 1) * count)))
        for start in range(0, m, chunk):
            part = slice(start, min(start + chunk, m))
            here = self.model.features(
                {name: column[part] for name, column in x.items()}, self._parts
            )
            top = here.variance(self._parts.variance) + self.model.constant
            white = self._inverse @ self._cross(X[part], here)
            mean[:, part] = here.mean + np.einsum("pi,pim->pm", self._white, white)
            left = top - np.einsum("pim,pim->pm", white, white)
            sd[:, part] = np.sqrt(np.maximum(left, 1e-10 * top))
        return mean * scale + self.model.offset, sd * scale

    def discrepancy(
        self, X: FloatArray, x: Mapping[str, np.ndarray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return the GP's part of the mean and the hypothesis (P, m), in units of y."""
        mean, _ = self.predict(X, x)
        own = self.model.mean(x, self._parts.phi) * self.model.scale + self.model.offset
        return mean - own, own

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Return residual and standard deviation (P, n) of each film, left out.

        Rasmussen and Williams, equations 5.10 to 5.12; in units of y, with noise.
        """
        inverse = np.einsum("pki,pki->pi", self._inverse, self._inverse)
        alpha = np.einsum("pki,pk->pi", self._inverse, self._white)
        scale = self.model.scale
        return alpha / inverse * scale, scale / np.sqrt(inverse)

    def _cross(self, X: FloatArray, here: Features) -> FloatArray:
        n, m = len(self.bound.data), len(X)
        a = np.repeat(self.bound.data.X, m, axis=0)
        b = np.tile(X, (n, 1))
        pairs: Pairs = self.model.kernel.pairs(a, b)
        K = self.model.kernel.value(self._parts.kernel, pairs)
        K = K.reshape(len(self.z), n, m)
        films, points = self._features.at(np.s_[:, None]), here.at(np.s_[None, :])
        K *= films.covariance(points, self._parts.variance[:, :, None])
        K += self.model.constant
        return K
