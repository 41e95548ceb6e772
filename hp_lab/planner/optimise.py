"""The search for the point of a space with the best score."""

from collections.abc import Callable

import numpy as np

from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

# Scores (m,) of codes (m, width); larger is better.
Score = Callable[[FloatArray], FloatArray]

_POOL = 1536
_NEAR = 12
_ELITE = 16
_CHILDREN = 16
_ROUNDS = 8
SAME = 1e-6


def best_of_space(
    space: Space,
    score: Score,
    start: FloatArray,
    busy: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, float, bool]:
    """Return the best codes (1, width), their score, and whether they are new.

    A space-filling sample and the neighbours of ``start`` are scored; the best of them
    are moved with shrinking steps. Codes in ``busy`` are avoided if there are others.
    """
    pool = space.sample_codes(rng, _POOL)
    if len(start):
        near = np.repeat(start, _NEAR, axis=0)
        pool = np.vstack([pool, space.move(near, rng, 0.1)])
    value = score(pool)
    scale = 0.12
    for _ in range(_ROUNDS):
        elite = pool[_best_distinct(pool, value, _ELITE)]
        children = space.move(np.repeat(elite, _CHILDREN, axis=0), rng, scale)
        pool = np.vstack([pool, children])
        value = np.concatenate([value, score(children)])
        scale *= 0.55
    return first_free(pool, value, busy)


def first_free(
    pool: FloatArray, value: FloatArray, busy: FloatArray
) -> tuple[FloatArray, float, bool]:
    """Return the best codes of a pool that are not busy, else the best of all."""
    for index in np.argsort(-value, kind="stable"):
        code = pool[index : index + 1]
        if not len(busy) or np.abs(busy - code).max(axis=1).min() > SAME:
            return code, float(value[index]), True
    index = int(value.argmax())
    return pool[index : index + 1], float(value[index]), False


def _best_distinct(pool: FloatArray, value: FloatArray, count: int) -> np.ndarray:
    chosen: list[int] = []
    for index in np.argsort(-value, kind="stable")[: 6 * count]:
        if all(np.abs(pool[index] - pool[i]).max() > SAME for i in chosen):
            chosen.append(int(index))
        if len(chosen) == count:
            break
    return np.array(chosen)
