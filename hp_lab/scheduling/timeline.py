"""When a station is used, in ticks, and when it is free."""

import bisect
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from hp_lab.scheduling.problem import shareable
from hp_lab.scheduling.tasks import Heat

FOREVER = 2**40


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A station used from start to end; those of one segment have one key."""

    start: int
    end: int
    key: tuple[str, int]
    heat: Heat | None = None


class Timeline:
    """The uses of one station.

    Args:
        capacity: How many uses there may be at once.
        changeover: Ticks needed between two uses of different temperature.
    """

    def __init__(
        self, capacity: int, changeover: Callable[[Heat | None, Heat | None], int]
    ) -> None:
        self._capacity = capacity
        self._changeover = changeover
        self._uses: list[Use] = []
        self._simple = capacity == 1

    def add(self, use: Use) -> None:
        """Enter a use; what was over by tick 0, which is now, is in nobody's way."""
        if use.end <= max(use.start, 0):
            return
        index = bisect.bisect_right(self._uses, _order(use), key=_order)
        self._uses.insert(index, use)
        # What has started may overlap, in truth or by being rounded to ticks.
        beside = self._uses[max(0, index - 1) : index + 2]
        apart = all(a.end <= b.start for a, b in itertools.pairwise(beside))
        self._simple = self._simple and use.heat is None and apart

    def remove(self, key: tuple[str, int]) -> None:
        """Take back every use of that key."""
        self._uses = [use for use in self._uses if use.key != key]

    def next_try(self, start: int, end: int, heat: Heat | None = None) -> int:
        """Return start when the station is free from start to end, else a later tick.

        No start before the one returned can succeed with this duration.
        """
        if end <= start:
            return start
        if self._simple and heat is None:
            return self._next_try_alone(start, end)
        later = [self._after_unlike(use, start, end, heat) for use in self._uses]
        return max([self._after_full(start, end), *later])

    def _next_try_alone(self, start: int, end: int) -> int:
        # The uses do not overlap, so they are sorted by their ends as well.
        index = bisect.bisect_right(self._uses, start, key=_end_of)
        if index < len(self._uses) and self._uses[index].start < end:
            return self._uses[index].end
        return start

    def _after_unlike(self, use: Use, start: int, end: int, heat: Heat | None) -> int:
        if shareable(use.heat, heat):
            return start
        gap_after = self._changeover(use.heat, heat)
        gap_before = self._changeover(heat, use.heat)
        if start < use.end + gap_after and use.start < end + gap_before:
            return use.end + gap_after
        return start

    def _after_full(self, start: int, end: int) -> int:
        during = [use for use in self._uses if use.start < end and use.end > start]
        if len(during) < self._capacity:
            return start
        later = start
        for moment in [start, *(use.start for use in during if use.start > start)]:
            ends = sorted(use.end for use in during if use.start <= moment < use.end)
            if len(ends) >= self._capacity:
                # Room appears when enough of those there have gone.
                later = max(later, ends[len(ends) - self._capacity])
        return later


def _order(use: Use) -> tuple[int, int]:
    return use.start, use.end


def _end_of(use: Use) -> int:
    return use.end
