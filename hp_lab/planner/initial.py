"""The first films: spread over the space, every spacer and solvent among them."""

from collections.abc import Callable

import numpy as np

from hp_lab.planner.dimensions import Categorical
from hp_lab.planner.optimise import SAME
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

_POOL = 1024
_MOST_LABELS = 12
_MOST_FILMS = 16
# Two films share a value of a setting when they are this near, as a share of its range.
_SHARED = 0.1
# A film is spread where it is rather made than not, or to the best quarter.
_LIKELY = 0.5
_BEST = 0.75


def initial_count(space: Space) -> int:
    """Return how many films to make before a model is trusted to choose."""
    labels = [
        min(len(d.labels), _MOST_LABELS)
        for d in space.dimensions.values()
        if isinstance(d, Categorical)
    ]
    return int(min(_MOST_FILMS, max([4, 2 * len(space.dimensions), *labels])))


def spread(
    space: Space,
    taken: FloatArray,
    count: int,
    rng: np.random.Generator,
    choices: FloatArray | None = None,
    *,
    chance_of: Callable[[FloatArray], FloatArray] | None = None,
) -> FloatArray:
    """Return codes (count, width) away from the taken ones (m, width) and each other.

    Each is of a space-filling sample, among those that use the least-used labels of
    every category, and shares values of settings with as few films as can be. With
    ``choices`` (k, width) it is the one of them farthest from its nearest neighbour.
    None is made twice while there are others.

    ``chance_of`` returns the probability (k,) that films at codes (k, width) can be
    made; those that rather fail are left out, or where all do all but the likeliest.
    """
    listed = choices is not None and len(choices) > 0
    pool = choices if choices is not None and listed else space.sample_codes(rng, _POOL)
    if chance_of is not None:
        pool = pool[_likely(chance_of(pool), pool, taken, count)]
    if listed:
        return _farthest(space, taken, count, rng, pool)
    numbers = [
        column
        for name, dimension in space.dimensions.items()
        if not isinstance(dimension, Categorical)
        for column in range(space.slices[name].start, space.slices[name].stop)
    ]
    crowding = np.zeros(len(pool))
    for point in taken:
        crowding += _crowding(pool[:, numbers], point[numbers])
    used = taken
    for _ in range(count):
        allowed = _least_used(space, pool, used)
        index = int(np.where(allowed, crowding, np.inf).argmin())
        crowding += _crowding(pool[:, numbers], pool[index, numbers])
        used = np.vstack([used, pool[index : index + 1]])
    return used[len(taken) :]


def _likely(
    chance: FloatArray, pool: FloatArray, taken: FloatArray, count: int
) -> np.ndarray:
    """Return which of a pool (m, width) to keep, at least ``count`` if there are."""
    limit = min(_LIKELY, float(np.quantile(chance, _BEST)))
    if (chance >= limit).all():
        return np.ones(len(pool), dtype=bool)
    wanted = np.where(_free(pool, taken), chance, -1.0)
    least = np.sort(wanted)[-min(count, len(pool))]
    return np.asarray(wanted >= min(limit, least))


def _crowding(pool: FloatArray, point: FloatArray) -> FloatArray:
    """Return how much a film at a point (k,) crowds the points of a pool (m, k).

    The criterion of maximum projection designs (Joseph, Gul and Ba, Biometrika 102
    (2015) 371): the largest distances would put all films at the space's corners.
    """
    squares = (pool - point) ** 2 + _SHARED**2
    return np.asarray(np.exp(-np.log(squares).sum(axis=1)))


def _farthest(
    space: Space,
    taken: FloatArray,
    count: int,
    rng: np.random.Generator,
    pool: FloatArray,
) -> FloatArray:
    """Return codes (count, width) of a pool, each far from those before it."""
    if count == 1 and len(taken) == 0:
        return pool[:1]
    X = space.features(pool)
    chosen: list[int] = []
    distance = np.full(len(pool), np.inf)
    for point in space.features(taken):
        distance = np.minimum(distance, ((X - point) ** 2).sum(axis=1))
    used = taken
    for _ in range(count):
        allowed = _least_used(space, pool, used)
        score = np.where(np.isinf(distance), rng.random(len(pool)), distance)
        index = int(np.where(allowed, score, -1.0).argmax())
        chosen.append(index)
        distance = np.minimum(distance, ((X - X[index]) ** 2).sum(axis=1))
        used = np.vstack([used, pool[index : index + 1]])
    return pool[chosen]


def _free(pool: FloatArray, taken: FloatArray) -> np.ndarray:
    """Return which of a pool (m, width) are none of the taken ones (n, width)."""
    free = np.ones(len(pool), dtype=bool)
    for point in taken:
        free &= np.abs(pool - point).max(axis=1) > SAME
    return free


def _least_used(space: Space, pool: FloatArray, used: FloatArray) -> np.ndarray:
    """Return which of a pool to choose from: new ones, of the least-used labels."""
    allowed = _free(pool, used)
    if not allowed.any():
        allowed[:] = True
    # The dimension of most labels has the first say; a later one must leave some.
    names = sorted(
        (n for n, d in space.dimensions.items() if isinstance(d, Categorical)),
        key=lambda n: -len(space.tables[n]),
    )
    for name in names:
        column = space.slices[name].start
        size = len(space.tables[name])
        counts = np.bincount(used[:, column].astype(int), minlength=size).astype(float)
        present = np.unique(pool[allowed, column].astype(int))
        least = counts[present].min()
        labels = present[counts[present] == least]
        allowed &= np.isin(pool[:, column].astype(int), labels)
    return allowed
