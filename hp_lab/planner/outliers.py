"""Films that contradict all others, whatever is believed.

A model with one such film explains it by more noise or by shorter lengths for all, so
that it does not stand out by much. Suspicion is therefore by comparison with the other
films, and proof is a prediction by a model that has not seen the film.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from hp_lab.planner.gp import Data
from hp_lab.planner.posterior import Fit
from hp_lab.units import FloatArray

# A film is suspicious beyond so many of its deviations, or beyond fewer that are so
# many times what is usual; an outlier is it beyond so many by models without it.
_SUSPICIOUS = 4.0
_OUTLIER = 5.0
_NOTABLE = 2.0
_UNUSUAL = 4.0
# Of many films some are unusual: the largest of n normal errors is seldom above so
# many times sqrt(2 log n), and half of them are below this.
_LARGEST = 1.25
_HALF_BELOW = 0.674
LEAST_FILMS = 8
# Bounds tell not what films differ by, and less than two values beside the odd one.
_LEAST_VALUES = 3
# More contradictions than one film in so many are a poor model, not poor films.
_ONE_IN = 7
_ALIKE = 0.5
# Nor does an outlier surprise by less than so many times the most of any other film.
_STANDS_OUT = 2.0
# And it is wrong by more than so many times what the other films differ by: the top of
# a hump is a surprise too.
_GROSS = 3.0
# A film that is the best of all is a find where the others do not tell its value to
# this share of what they differ by, unless it is wrong by so many times that.
_TOLD = 0.25
_ABSURD = 30.0
_PARTICLES = 32


def most(films: int) -> int:
    """Return how many of the films may be outliers."""
    return films // _ONE_IN if films >= LEAST_FILMS else 0


def suspicious(fits: Sequence[Fit]) -> np.ndarray:
    """Return which films (n,), values all, look odd to every one of some models."""
    odd = exact = fits[0].given.exact
    if exact.sum() < _LEAST_VALUES:
        return np.zeros_like(exact)
    largest = _LARGEST * np.sqrt(2 * np.log(max(1, exact.sum())))
    times = max(_UNUSUAL, largest / _HALF_BELOW)
    for one in fits:
        z = np.abs(left_out([one]))
        unusual = (z > _NOTABLE) & (z > times * np.median(z[exact]))
        odd = odd & (unusual | (z > _SUSPICIOUS))
    return odd


def left_out(fits: Sequence[Fit]) -> FloatArray:
    """Return by how much the films (n,) of some fits differ, each left out.

    In deviations of the model that is surprised the least.
    """
    parts = [one.condition(_PARTICLES).leave_one_out() for one in fits]
    return _least([np.median(r, axis=0) / np.median(sd, axis=0) for r, sd in parts])


def contradictions(fits: Sequence[Fit], films: Data) -> FloatArray:
    """Return by how much films (m,) differ from what models predict without them.

    As normal scores of the model that is surprised the least.
    """
    parts = []
    for one in fits:
        process = one.condition(len(one.population.z))
        mean, sd = process.predict(films.X, films.x)
        variance = sd**2 + process.noise_sd[:, None] ** 2 + films.variance
        error = (films.y - mean) / np.sqrt(variance)
        parts.append(normal_score(error, np.full((len(error), 1), 1 / len(error))))
    return _least(parts)


def normal_score(e: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the normal scores (m,) of errors that are standard normal by component.

    Args:
        e: A reading's error by each component in units of its deviation, (P, m).
        weight: Of the components, summing to 1, (P, m) or (P, 1).
    """
    # From the smaller tail, since the other one is rounded to 1.
    below = logsumexp(log_ndtr(e), axis=0, b=weight)
    above = logsumexp(log_ndtr(-e), axis=0, b=weight)
    return np.where(below < above, ndtri_exp(below), -ndtri_exp(above))


def _least(surprises: Sequence[FloatArray]) -> FloatArray:
    z = np.vstack(surprises)
    return np.asarray(z[np.abs(z).argmin(axis=0), np.arange(z.shape[1])])


def proven(
    fits: Sequence[Fit], data: Data, kept: np.ndarray, utility: FloatArray | None = None
) -> np.ndarray:
    """Return the rows of the outliers among the films that are not kept.

    They surprise every model, far more than any film that was kept and by more than
    these differ, and no neighbour reads much the same: two side by side are a region.
    Nor is a film an outlier that is better than all and far from all: finding such
    films is what a campaign is for.

    Args:
        fits: Models fitted to the films that are kept.
        data: All films.
        kept: Their rows.
        utility: How good each film is (n,), where that is asked.
    """
    away = np.setdiff1d(np.arange(len(data)), kept)
    surprise = np.abs(contradictions(fits, data.rows(away)))
    usual = np.abs(left_out(fits)[data.exact[kept]]).max(initial=0.0)
    odd = surprise > max(_OUTLIER, _STANDS_OUT * usual)
    films, process = data.rows(away), fits[0].condition(_PARTICLES)
    mean, sd = process.predict(films.X, films.x)
    error = np.abs(films.y - mean.mean(axis=0))
    spread = data.y[kept][data.exact[kept]].std()
    odd &= error > _GROSS * spread
    if utility is not None:
        best = utility[away] > utility[kept].max()
        told = sd.mean(axis=0) < _TOLD * spread
        odd &= ~best | told | (error > _ABSURD * spread)
    near = fits[0].model.bind(data).prior(process.z).covariance.mean(axis=0)
    return np.asarray(away[odd & ~_backed(data.y, near, away, error)])


def _backed(
    y: FloatArray, near: FloatArray, rows: np.ndarray, error: FloatArray
) -> np.ndarray:
    """Return which of some films (m,) are nearer to a neighbour than to the model.

    Neighbours are films without another between them: none that is nearer to both
    (Toussaint, Pattern Recognition 12 (1980) 261).

    Args:
        y: Values (n,).
        near: Covariances of the films before they were seen, (n, n).
        rows: Of the films.
        error: What the model is wrong by at each, (m,).
    """
    backed = np.zeros(len(rows), dtype=bool)
    for place, row in enumerate(rows):
        own = near[row]
        between = (own[:, None] > own) & (near > own)
        # Nothing is between a film and itself.
        between[row] = between[:, row] = False
        between[np.diag_indices(len(y))] = False
        alike = np.abs(y - y[row]) < _ALIKE * error[place]
        alike[row] = False
        backed[place] = (alike & ~between.any(axis=0)).any()
    return backed
