"""The probability that a film can be made, learned from those that could not.

Gaussian-process classification with a logistic likelihood in Laplace's approximation
(Rasmussen and Williams, Gaussian Processes for Machine Learning, algorithms 3.1, 3.2).
The kernel is a Matern-3/2 and a linear one: failures lie beyond a limit more often than
on an island, and what lies further beyond is no better.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import expit

from hp_lab.units import FloatArray

# Most films of a declared space are possible; log-odds of 85 %.
_PRIOR_LOGIT = 1.7
_SCALE = 8.0
_LINEAR_SCALE = 8.0
_MIDDLE = 0.5
# Points of many features are all far apart: lengths are multiples of sqrt(d).
_LENGTHS = (0.1, 0.15, 0.25, 0.4, 0.7)
_NEWTON_STEPS = 30


def _matern(a: FloatArray, b: FloatArray, length: float) -> FloatArray:
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * (a @ b.T)
    r = np.sqrt(3 * np.maximum(square, 0.0)) / length
    return np.asarray((1 + r) * np.exp(-r))


def _linear(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return a linear kernel whose variance is _LINEAR_SCALE on average in a cube."""
    return np.asarray(_linear_share(a) * ((a - _MIDDLE) @ (b - _MIDDLE).T))


def _linear_share(a: FloatArray) -> float:
    return float(_LINEAR_SCALE * 12 / max(a.shape[1], 1))


@dataclass(frozen=True, slots=True)
class _Fit:
    log_evidence: float
    length: float
    gradient: FloatArray
    root: FloatArray
    L: FloatArray


class Feasibility:
    """A classifier of features; without any failure it says 1 everywhere."""

    def __init__(
        self, X: FloatArray, possible: np.ndarray, labels: np.ndarray | None = None
    ) -> None:
        """Fit to features X (n, d) and whether each film was possible (n,).

        ``labels`` (d,) says which features tell categories and molecules apart. They
        have a share of the kernel of their own: a spacer that forms no film forms none
        whatever the process.
        """
        self._X = X
        self._labels = np.zeros(X.shape[1], bool) if labels is None else labels
        self._fit: _Fit | None = None
        if len(X) and not possible.all():
            fits = [self._laplace(X, possible, length) for length in _LENGTHS]
            self._fit = max(fits, key=lambda fit: fit.log_evidence)

    def probability(self, X: FloatArray) -> FloatArray:
        """Return the probability (m,) that films at features X (m, d) are possible."""
        if self._fit is None:
            return np.ones(len(X))
        fit = self._fit
        K = self._kernel(X, self._X, fit.length)
        mean = _PRIOR_LOGIT + K @ fit.gradient
        v = solve_triangular(fit.L, (fit.root[:, None] * K.T), lower=True)
        prior = _SCALE + _linear_share(X) * ((X - _MIDDLE) ** 2).sum(axis=1)
        variance = np.maximum(prior - (v**2).sum(axis=0), 0.0)
        # MacKay's approximation of the logistic-normal integral.
        return np.asarray(expit(mean / np.sqrt(1 + np.pi * variance / 8)))

    def _kernel(self, a: FloatArray, b: FloatArray, length: float) -> FloatArray:
        unit = np.sqrt(max(a.shape[1], 1))
        full = _matern(a, b, unit * length)
        if self._labels.any():
            part = _matern(a[:, self._labels], b[:, self._labels], length)
            full = (full + part) / 2
        return np.asarray(_SCALE * full + _linear(a, b))

    def _laplace(self, X: FloatArray, possible: np.ndarray, length: float) -> _Fit:
        K = self._kernel(X, X, length)
        target = possible.astype(float)
        sign = 2 * target - 1
        a = np.zeros(len(X))
        n = len(X)
        for _ in range(_NEWTON_STEPS):
            latent = K @ a + _PRIOR_LOGIT
            p = expit(latent)
            root = np.sqrt(np.maximum(p * (1 - p), 1e-10))
            factor = cho_factor(
                np.eye(n) + root[:, None] * K * root[None, :], lower=True
            )
            b = root**2 * (latent - _PRIOR_LOGIT) + target - p
            new = b - root * cho_solve(factor, root * (K @ b))
            if np.abs(new - a).max() < 1e-8:
                a = new
                break
            a = new
        latent = K @ a + _PRIOR_LOGIT
        p = expit(latent)
        root = np.sqrt(np.maximum(p * (1 - p), 1e-10))
        L = np.linalg.cholesky(np.eye(n) + root[:, None] * K * root[None, :])
        evidence = (
            -0.5 * a @ (latent - _PRIOR_LOGIT)
            - np.logaddexp(0, -sign * latent).sum()
            - np.log(np.diag(L)).sum()
        )
        return _Fit(float(evidence), length, target - p, root, np.asarray(L, float))
