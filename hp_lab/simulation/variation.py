"""Chance that belongs to a thing, never to the order in which things happen.

Every random number is a function of a seed and of what it is for, so a replayed or
resumed laboratory meets the same films, whatever else was done meanwhile. The numbers
come from a hash (BLAKE2b) and the inverse of the normal distribution; they do not
depend on the versions of numpy.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist

_NORMAL = NormalDist()
_STEPS = 2**53


def normal_of(seed: int, *purpose: str) -> float:
    """Return the standard normal number that belongs to a seed and a purpose."""
    text = "\x1f".join((str(seed), *purpose)).encode()
    number = int.from_bytes(blake2b(text, digest_size=8).digest(), "little") >> 11
    return _NORMAL.inv_cdf((number + 0.5) / _STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How one film differs from its kind.

    Attributes:
        seed: The laboratory's seed; None is a film without any deviation.
        film_id: The film.
        batch_id: What it shares with others, such as a cleaning batch of substrates.
    """

    seed: int | None
    film_id: str = ""
    batch_id: str = ""

    def film(self, purpose: str) -> float:
        """Return this film's own standard normal deviation, for a purpose."""
        if self.seed is None:
            return 0.0
        return normal_of(self.seed, "film", self.film_id, purpose)

    def batch(self, purpose: str) -> float:
        """Return the standard normal deviation of this film's batch, for a purpose."""
        if self.seed is None:
            return 0.0
        return normal_of(self.seed, "batch", self.batch_id, purpose)

    def factor(
        self, purpose: str, film_sigma_ln: float, batch_sigma_ln: float = 0.0
    ) -> float:
        """Return a log-normal factor with median 1; sigmas are of its logarithm."""
        return math.exp(
            film_sigma_ln * self.film(purpose) + batch_sigma_ln * self.batch(purpose)
        )


IDEAL = Variation(seed=None)
