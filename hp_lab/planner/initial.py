"""The first films: spread over the space, every spacer and solvent among them."""

import numpy as np

from hp_lab.planner.dimensions import Categorical
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

_POOL = 1024
_MOST_LABELS = 12
_MOST_FILMS = 16


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
) -> FloatArray:
    """Return codes (count, width) far from the taken ones (m, width) and each other.

    Each is the point of a space-filling sample with the largest distance to its nearest
    neighbour, among those that use the least-used labels of every category; with
    ``choices`` (k, width) it is one of them.
    """
    if choices is not None and len(choices):
        pool = choices
    else:
        pool = space.sample_codes(rng, _POOL)
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


def _least_used(space: Space, pool: FloatArray, used: FloatArray) -> np.ndarray:
    allowed = np.ones(len(pool), dtype=bool)
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
