"""Parts of a film's tasks that can be scheduled one after the other.

A film that is in its own slot is in nobody's way. Its tasks are cut there, wherever no
limit on a waiting time reaches across the cut.
"""

import itertools
from dataclasses import dataclass

from hp_lab.scheduling.problem import Film, Limit, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The jobs first to last - 1 of a film, with the limits and visits among them."""

    film: Film
    first: int
    last: int
    limits: tuple[Limit, ...]
    visits: tuple[Visit, ...]

    @property
    def under_way(self) -> bool:
        """Whether its first job has started."""
        return self.film.jobs[self.first].fixed is not None


def segments_of(film: Film) -> list[Segment]:
    """Return the segments of a film in order."""
    count = len(film.jobs)
    cuts = [0, *(k for k in range(1, count) if _may_cut(film, k)), count]
    return [
        Segment(
            film=film,
            first=first,
            last=last,
            limits=tuple(x for x in film.limits if first <= x.target < last),
            visits=tuple(x for x in film.visits if first <= x.first < last),
        )
        for first, last in itertools.pairwise(cuts)
    ]


def _may_cut(film: Film, k: int) -> bool:
    if film.jobs[k - 1].task.at or film.jobs[k].fixed is not None:
        return False
    return not any(
        limit.origin < k <= limit.target
        and limit.ticks is not None
        and film.jobs[limit.origin].fixed is None
        for limit in film.limits
    )
