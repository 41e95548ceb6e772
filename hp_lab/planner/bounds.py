"""Bounds as observations: what a saturated detector or a lost signal says.

A bound b is an observation with the likelihood Phi(+-(f - b) / sigma). Expectation
propagation (Rasmussen and Williams, section 3.6) turns each into a value with a
variance, its site, that has the same effect on the quantity's mean and variance, given
one set of hyperparameters: a bound that the other films contradict pulls the quantity
to it, one that they meet says little.

Sites are made for one model, and so are no data: evidences of two models, each with
its own sites, cannot be compared. What can is the probability of the values and the
bounds themselves, :func:`log_likelihood`. One bound has it exactly, several closely;
by Laplace's method a sharp bound (sigma 0.02 of the quantity's deviation) has a nat too
little where it lies one deviation above the mean.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import erfcx, log_ndtr

from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.units import FloatArray

_ROUNDS = 200
_DAMPING = 0.7
_SETTLED = 1e-6
_WIDEST = 1e8
_LOG_2PI = float(np.log(2 * np.pi))
# Bytes of the covariances that are held at once.
_CHUNK_BYTES = 24e6


@dataclass(frozen=True, slots=True)
class Sites:
    """Values and variances (P, k) that stand for bounds, for every particle.

    Attributes:
        log_probability: Of the bounds together (P,); minus infinity where it was not
            found.
    """

    value: FloatArray
    variance: FloatArray
    log_probability: FloatArray


def sites(
    mean: FloatArray,
    K: FloatArray,
    y: FloatArray,
    variance: FloatArray,
    sign: np.ndarray,
) -> Sites:
    """Return what stands for bounds on a normal quantity.

    With the cavity N(m_i, v_i), which is the posterior without the site N(s_i, t_i) of
    bound i, and z_i = +-(m_i - b_i) / sqrt(v_i + sigma_i^2), the probability of all
    bounds is (Rasmussen and Williams, equation 3.65)

        N(s; mean, K + diag(t)) prod_i Phi(z_i) / N(s_i; m_i, v_i + t_i):

    the density of the sites, as if they were values, times what each site lacks to be
    its bound. All sites are improved at once, with damping.

    Args:
        mean: Mean (P, k) of the quantity before the bounds.
        K: Its covariance (P, k, k), without noise.
        y: Bounds (k,).
        variance: Variance (P, k) of the bounds, noise included, above 0.
        sign: +1 for a lower bound, -1 for an upper bound (k,).
    """
    precision = np.full(mean.shape, 1 / _WIDEST)
    shift = np.zeros(mean.shape)
    for _ in range(_ROUNDS):
        centre, spread = _marginals(K, precision, shift)
        rest = 1 / np.maximum(1 / spread - precision, 1e-12 / spread)
        away = rest * (centre / spread - shift)
        width = np.sqrt(variance + rest)
        z = sign * (away + mean - y) / width
        # The slope of log Phi and, up to its sign, its curvature, 0 to 1.
        hazard = np.sqrt(2 / np.pi) / erfcx(-z / np.sqrt(2))
        bend = np.clip(hazard * (z + hazard), 0.0, 1.0) / width**2
        left = 1 - rest * bend
        more = np.maximum(bend / left, 1 / _WIDEST) - precision
        further = (sign * hazard / width + away * bend) / left - shift
        precision = precision + _DAMPING * more
        shift = shift + _DAMPING * further
        change = np.maximum(np.abs(more) * spread, np.abs(further) * np.sqrt(spread))
        settled = change.max(axis=1, initial=0.0) < _SETTLED
        if settled.all():
            break
    value, own = shift / precision, 1 / precision
    joint = K + own[:, :, None] * np.eye(len(y))
    _, log_det = np.linalg.slogdet(joint)
    square = (value * np.linalg.solve(joint, value[:, :, None])[:, :, 0]).sum(axis=1)
    log = -0.5 * (square + log_det + len(y) * _LOG_2PI)
    alone = (value - away) ** 2 / (rest + own) + np.log(rest + own) + _LOG_2PI
    log = log + (log_ndtr(z) + 0.5 * alone).sum(axis=1)
    return Sites(mean + value, own, np.where(settled, log, -np.inf))


def log_likelihood(model: StructuredGP, data: Data, z: FloatArray) -> FloatArray:
    """Return log p(values, bounds | z) (P,); minus infinity where it was not found."""
    exact = data.rows(np.flatnonzero(data.exact))
    log = model.bind(exact).log_likelihood(z)
    good = np.flatnonzero(np.isfinite(log))
    chunk = max(1, int(_CHUNK_BYTES / (8 * len(data) ** 2)))
    for start in range(0, len(good), chunk):
        part = good[start : start + chunk]
        found, _ = _sites_of(model, data, z[part])
        log[part] += found.log_probability
    return log


def as_values(model: StructuredGP, data: Data, z: FloatArray) -> Data:
    """Return data in which the sites of one particle z (1, D) replace the bounds."""
    found, noise = _sites_of(model, data, z)
    y, variance, bounded = data.y.copy(), data.variance.copy(), ~data.exact
    y[bounded] = found.value[0] * model.scale + model.offset
    # The site's variance holds the noise already; the model adds it once more.
    own = np.maximum(found.variance[0] - noise[0], 1e-6)
    variance[bounded] = own * model.scale**2
    return replace(data, y=y, variance=variance, sign=None)


def _sites_of(
    model: StructuredGP, data: Data, z: FloatArray
) -> tuple[Sites, FloatArray]:
    """Return the sites of particles z (P, D) and the noise variance (P,), scaled."""
    prior = model.bind(data).prior(z)
    known = data.variance / model.scale**2 + prior.noise[:, None]
    y = (data.y - model.offset) / model.scale
    seen, bounded = np.flatnonzero(data.exact), np.flatnonzero(~data.exact)
    K = prior.covariance
    among = K[:, seen[:, None], seen] + known[:, seen, None] * np.eye(len(seen))
    across = K[:, seen[:, None], bounded]
    gain = np.linalg.solve(among, across).transpose(0, 2, 1)
    # Where a hypothesis has no number there is no probability either.
    start = np.nan_to_num(prior.mean, nan=1e9, posinf=1e9, neginf=-1e9)
    residual = y[seen] - start[:, seen]
    mean = start[:, bounded] + (gain @ residual[:, :, None])[:, :, 0]
    rest = K[:, bounded[:, None], bounded] - gain @ across
    found = sites(mean, rest, y[bounded], known[:, bounded], _sign(data)[bounded])
    good = np.isfinite(prior.mean).all(axis=1)
    log = np.where(good, found.log_probability, -np.inf)
    return replace(found, log_probability=log), prior.noise


def _sign(data: Data) -> np.ndarray:
    return np.zeros(len(data), dtype=int) if data.sign is None else data.sign


def _marginals(
    K: FloatArray, precision: FloatArray, shift: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return posterior means and variances (P, k) of processes of mean 0."""
    root = np.sqrt(precision)
    scaled = root[:, :, None] * K
    middle = np.eye(K.shape[1]) + scaled * root[:, None, :]
    rest = K - scaled.transpose(0, 2, 1) @ np.linalg.solve(middle, scaled)
    centre = (rest @ shift[:, :, None])[:, :, 0]
    # Never quite known: a bound beside a sharp value leaves a rounded 0.
    top = np.einsum("pii->pi", K)
    return centre, np.maximum(np.einsum("pii->pi", rest), 1e-10 * np.abs(top) + 1e-30)
