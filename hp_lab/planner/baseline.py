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
    ) -> None:
        """Fit to features X (n, d), values y (n,) and their sigma (n,)."""
        self._offset = float(y.mean()) if len(y) else 0.0
        spread = float(y.std()) if len(y) > 1 else 0.0
        # All values equal: nothing but their sigma says how far others may be.
        floor = max(float(np.median(sigma)), 1e-6 * abs(self._offset)) or 1.0
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

    @property
    def noise_sd(self) -> float:
        """Learned standard deviation of a reading beyond its known sigma."""
        return float(np.sqrt(self._gp.kernel_.k2.noise_level) * self._scale)

    def predict(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (m,) of the noise-free quantity."""
        mean, sd = self._gp.predict(X, return_std=True)
        noise = self._gp.kernel_.k2.noise_level
        latent = np.sqrt(np.maximum(sd**2 - noise, 1e-10))
        return mean * self._scale + self._offset, latent * self._scale
