"""Acquisition functions: how much a measurement at a point is worth.

All take means and standard deviations of the latent quantity, arrays of one shape.
"""

import numpy as np
from scipy.special import erfcx, log1p, log_ndtr, ndtr

from hp_lab.planner.objectives import Objective
from hp_lab.units import FloatArray

_SQRT_2PI = np.sqrt(2 * np.pi)
_TINY = 1e-300
# A deviation below this share of a distance is as good as none.
_NO_DOUBT = 1e-12


def expected_improvement(
    mean: FloatArray, sd: FloatArray, best: float | FloatArray
) -> FloatArray:
    """Return E[max(y - best, 0)] for y ~ N(mean, sd^2).

    Mockus 1975; Jones, Schonlau and Welch, J. Global Optim. 13 (1998) 455.
    """
    return np.asarray(np.exp(log_expected_improvement(mean, sd, best)))


def log_expected_improvement(
    mean: FloatArray, sd: FloatArray, best: float | FloatArray
) -> FloatArray:
    """Return the logarithm of the expected improvement, finite far from the best.

    Ament et al., NeurIPS 2023 (arXiv 2310.20708): log(phi(z) + z Phi(z)) by the scaled
    complementary error function where z is very negative.
    """
    sd = _positive(sd, mean - best)
    z = (mean - best) / sd
    near = np.maximum(z, -6.0)
    plain = np.log(
        np.maximum(np.exp(-(near**2) / 2) / _SQRT_2PI + near * ndtr(near), _TINY)
    )
    # phi(z) + z Phi(z) = phi(z) (1 - |z| M(|z|)) with Mills' ratio M of the tail.
    far = np.maximum(-z, 6.0)
    mills = np.sqrt(np.pi / 2) * erfcx(far / np.sqrt(2))
    # Beyond 1e4 the difference 1 - |z| M is 1 / z^2 to machine precision.
    tail = np.where(far < 1e4, log1p(-np.minimum(far * mills, 1 - 1e-16)), 0.0)
    tail = np.where(far < 1e4, tail, -2 * np.log(far))
    distant = -(far**2) / 2 - np.log(_SQRT_2PI) + tail
    return np.asarray(np.where(z > -6.0, plain, distant) + np.log(sd))


def log_target_improvement(
    mean: FloatArray, sd: FloatArray, objective: Objective, best: float | FloatArray
) -> FloatArray:
    """Return log E[max(best_distance - distance, 0)] for a target with tolerance.

    The improvement is a trapezoid over y, hence a sum of four of the integrals
    h(c) = E[max(y - c, 0)].
    """
    distance = np.maximum(-np.asarray(best), 0.0)
    inner = objective.tolerance
    outer = inner + distance
    sd = _positive(sd, np.abs(mean - objective.target) + outer)

    def h(corner: float | FloatArray) -> FloatArray:
        return expected_improvement(mean, sd, corner)

    t = objective.target
    value = h(t - outer) - h(t - inner) - h(t + inner) + h(t + outer)
    # Cancellation far away: there the density at the nearest corner decides.
    away = np.abs(mean - t)
    z = np.maximum(away - outer, 0.0) / sd
    bound = -(z**2) / 2 - 2 * log1p(z) + np.log(sd) - np.log(_SQRT_2PI)
    # And cancellation where next to nothing can be gained: the distance, times the
    # probability to be as near as that.
    distance = np.maximum(distance, _TINY)
    near = [_log_within(c, away, sd) for c in (inner, inner + distance)]
    most = np.log(distance / 2) + np.logaddexp(*near)
    less = np.log(-np.expm1(-np.exp(np.clip(most - bound, -30.0, 30.0))))
    bound = np.where(most - bound < -30.0, most, bound + less)
    trusted = value > 1e-10 * (away + sd)
    return np.asarray(np.where(trusted, np.log(np.maximum(value, _TINY)), bound))


def _log_within(c: float | FloatArray, away: FloatArray, sd: FloatArray) -> FloatArray:
    """Return log P(|y| < c) of y ~ N(away, sd^2), away >= 0, to about a quarter.

    The smaller of what lies below c and of the largest density times the width, which
    are no differences.
    """
    z = np.maximum(away - c, 0.0) / sd
    width = np.log(np.maximum(2 * c / sd, _TINY))
    dense = width - z**2 / 2 - np.log(_SQRT_2PI)
    return np.asarray(np.minimum(log_ndtr((c - away) / sd), dense))


def log_improvement(
    objective: Objective, mean: FloatArray, sd: FloatArray, best: float | FloatArray
) -> FloatArray:
    """Return the log expected improvement in utility beyond ``best`` (a utility)."""
    match objective.goal:
        case "maximize":
            return log_expected_improvement(mean, sd, best)
        case "minimize":
            return log_expected_improvement(-mean, sd, best)
        case "target":
            return log_target_improvement(mean, sd, objective, best)


def expected_utility(
    objective: Objective, mean: FloatArray, sd: FloatArray
) -> FloatArray:
    """Return the expected utility of y ~ N(mean, sd^2)."""
    if objective.goal != "target":
        return objective.utility(mean)
    t, inner = objective.target, objective.tolerance
    above = expected_improvement(mean, sd, t + inner)
    below = expected_improvement(-mean, sd, -(t - inner))
    return np.asarray(-(above + below))


def expected_reading(
    objective: Objective, mean: FloatArray, sd: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and deviation of what is read of y ~ N(mean, sd^2): y, or its score.

    The scatter of readings is not in it.
    """
    if not objective.scores:
        return mean, sd
    edges = objective.edges[:, None]
    return objective.score_moments(ndtr((edges - mean) / _positive(sd, edges - mean)))


def _positive(sd: FloatArray, distance: FloatArray) -> FloatArray:
    """Return deviations above 0, whatever the unit of the values."""
    return np.maximum(sd, np.maximum(_NO_DOUBT * np.abs(distance), _TINY))
