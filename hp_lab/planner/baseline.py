"""A plain Gaussian process on scikit-learn: point estimates of the hyperparameters."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from hp_lab.units import FloatArray


class BaselineGP:
    """Matern-5/2 with one length a feature, noise learned on top of the known sigma."""

    def __init__(
        self,
        X: FloatArray,
        y: FloatArray,
        sigma: FloatArray,
        *,
        seed: int = 0,
        restarts: int = 1,
        groups: np.ndarray | None = None,
    ) -> None:
        """Fit to features X (n, d), values y (n,) and their sigma (n,).

        ``groups`` (d,) says which features share one length.
        """
        self._groups = np.arange(X.shape[1]) if groups is None else groups
        self._lengths = np.ones(int(self._groups.max(initial=0)) + 1)
        self._offset = float(y.mean()) if len(y) else 0.0
        spread = float(y.std()) if len(y) > 1 else 0.0
        # All values equal: nothing but their sigma says how far others may be.
        floor = max(float(np.median(sigma)), 1e-6 * (1 + abs(self._offset)))
        self._scale = spread if spread > 1e-3 * floor else floor
        kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(
            length_scale=np.full(X.shape[1], 0.5),
            length_scale_bounds=(0.05, 20.0),
            nu=2.5,
        ) + WhiteKernel(0.01, (1e-5, 1.0))
        self._gp = GaussianProcessRegressor(
            kernel=kernel,
            alpha=(sigma / self._scale) ** 2 + 1e-8,
            n_restarts_optimizer=restarts if len(y) > 2 else 0,
            optimizer="fmin_l_bfgs_b" if len(y) > 2 else None,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._gp.fit(X, (y - self._offset) / self._scale)
        self._X, self._y, self._sigma = X, y, sigma

    def predict(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (m,) of the noise-free quantity."""
        mean, sd = self._gp.predict(X, return_std=True)
        noise = self._gp.kernel_.k2.noise_level
        latent = np.sqrt(np.maximum(sd**2 - noise, 1e-10))
        return mean * self._scale + self._offset, latent * self._scale

    def with_fantasy(self, X: FloatArray, y: FloatArray) -> "BaselineGP":
        """Return the model as if y (k,) had been found at X (k, d)."""
        other = object.__new__(BaselineGP)
        other._offset, other._scale = self._offset, self._scale
        other._groups, other._lengths = self._groups, self._lengths
        other._X = np.vstack([self._X, X])
        other._y = np.concatenate([self._y, y])
        other._sigma = np.concatenate(
            [self._sigma, np.full(len(y), self._sigma.mean())]
        )
        other._gp = GaussianProcessRegressor(
            kernel=self._gp.kernel_,
            alpha=(other._sigma / self._scale) ** 2 + 1e-8,
            optimizer=None,
        )
        other._gp.fit(other._X, (other._y - self._offset) / self._scale)
        return other
