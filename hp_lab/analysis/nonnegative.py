"""Least squares with unknowns that are never negative, from the normal equations.

Block principal pivoting: unknowns are split into free ones and ones at 0, and all that
are on the wrong side change it at once (Portugal, Judice and Vicente, Math. Comput.
1994, 63, 625), one at a time where that does not get on (Murty's rule; Kim and Park,
SIAM J. Sci. Comput. 2011, 33, 3261). Neighbouring problems share their split, so a
search that hands it on mostly needs a single solution.
"""

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from hp_lab.analysis.spectrum import BoolArray
from hp_lab.errors import InvalidInput
from hp_lab.units import FloatArray

_PATIENCE = 3
_MOST_ROUNDS = 400


def nonnegative_solution(
    normal: FloatArray, wanted: FloatArray, free: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """Return the minimum of x N x / 2 - b x over x >= 0, and which x are free.

    Args:
        normal: Symmetric positive definite matrix N, shape (n, n).
        wanted: Vector b, shape (n,).
        free: First guess of the unknowns above 0, shape (n,).

    Raises:
        InvalidInput: N is not positive definite.
    """
    free = free.copy()
    fewest, patience = free.size + 1, _PATIENCE
    tolerance = 1e-12 * float(np.abs(wanted).max(initial=0.0))
    for _ in range(_MOST_ROUNDS):
        x = np.zeros(free.size)
        if free.all():
            x = _solved(normal, wanted)
            wrong = x < 0.0
        else:
            inside = np.flatnonzero(free)
            x[inside] = _solved(normal[inside[:, None], inside], wanted[inside])
            wrong = np.where(free, x < 0.0, normal @ x - wanted < -tolerance)
        count = int(np.count_nonzero(wrong))
        if count == 0:
            return x, free
        if count < fewest:
            fewest, patience = count, _PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            last = int(np.flatnonzero(wrong)[-1])
            wrong = np.zeros_like(wrong)
            wrong[last] = True
        free ^= wrong
    return np.maximum(x, 0.0), free


def _solved(normal: FloatArray, wanted: FloatArray) -> FloatArray:
    if wanted.size == 0:
        return wanted
    factor, failure = dpotrf(normal, lower=1, clean=0)
    if failure:
        msg = (
            f"normal matrix of {wanted.size} unknowns is not positive definite at row "
            f"{failure}; give every unknown a belief or a ridge"
        )
        raise InvalidInput(msg)
    return np.asarray(dpotrs(factor, wanted, lower=1)[0])
