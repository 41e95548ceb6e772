"""The list scheduler: films, or parts of them, each as early as what is booked allows.

It always finds a schedule where films under way can leave their places one after the
other, and it says so where they cannot. Several rules of
what comes next are tried, and the best schedule is kept.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hp_lab.errors import InvalidInput
from hp_lab.scheduling.problem import (
    Film,
    Plan,
    Problem,
    Visit,
    alike_key,
    lateness,
    merit,
)
from hp_lab.scheduling.segments import Segment, segments_of
from hp_lab.scheduling.timeline import FOREVER, Timeline, Use

# Choices of places tried; a segment with two anneals and three plates has nine.
_MOST_CHOICES = 27
_MOST_PASSES = 2_000
# Stations by whose use films may be ordered.
_MOST_BOTTLENECKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """Where a segment fits: starts of its jobs, places of its visits."""

    segment: Segment
    starts: tuple[int, ...]
    places: tuple[str, ...]
    lateness: int

    @property
    def merit(self) -> tuple[int, int]:
        return self.lateness, self.starts[-1]

    @property
    def end(self) -> int:
        return self.starts[-1] + self.segment.film.jobs[self.segment.last - 1].ticks


class FilmsBlocked(InvalidInput):
    """Films under way that cannot leave their places one after the other."""


def plan_greedily(problem: Problem, priority: Sequence[str] = ()) -> Plan:
    """Return a schedule of all films.

    Args:
        problem: The films and the stations.
        priority: Film ids, most urgent first; those not named come last. Empty lets
            several rules compete.

    Raises:
        FilmsBlocked: Each film under way waits for a place that another keeps; they
            may still get out by turns, which is not for this scheduler.
        InvalidInput: A film's waits cannot be kept.
    """
    films = list(problem.films)
    if priority:
        rank = {sample_id: index for index, sample_id in enumerate(priority)}
        films.sort(key=lambda film: rank.get(film.sample_id, len(rank)))
        return _Insertion(problem).film_by_film(films)
    orders = [films, sorted(films, key=_length)]
    plans = [_Insertion(problem).film_by_film(order) for order in orders]
    plans += [
        _Insertion(problem).part_by_part(order, station)
        for order in orders
        for station in _bottlenecks(problem)
    ]
    return min(plans, key=lambda plan: merit(problem, plan))


def _length(film: Film) -> int:
    return sum(job.ticks for job in film.jobs)


def _bottlenecks(problem: Problem) -> list[str]:
    """Return the stations that have most to do for their room."""
    load: Counter[str] = Counter()
    for film in problem.films:
        for job in film.jobs:
            load.update(dict.fromkeys(job.stations, job.ticks))
        for visit in film.visits:
            ticks = sum(j.ticks for j in film.jobs[visit.first : visit.departure + 1])
            load.update(dict.fromkeys(visit.places, ticks // len(visit.places)))
    room = {name: problem.stations[name].capacity for name in load}
    return sorted(
        (name for name in load if room[name]),
        key=lambda name: (-load[name] / room[name], name),
    )[:_MOST_BOTTLENECKS]


class _Insertion:
    """The stations' timelines while segments are put into them."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._fits: dict[str, list[_Fit]] = {
            film.sample_id: [] for film in problem.films
        }
        self._timelines = {name: self._timeline(name) for name in problem.stations}

    def film_by_film(self, films: Sequence[Film]) -> Plan:
        """Book all of a film before the next; films under way first."""
        self._book_started(films)
        for film in films:
            for segment in self._left(film):
                self._book(self._found(segment))
        return self._plan()

    def part_by_part(self, films: Sequence[Film], station: str) -> Plan:
        """Book next the segment that can use the station first.

        Of films that are alike only the first is looked at. At equal times a film that
        has more behind it goes first.
        """
        self._book_started(films)
        left = {film.sample_id: self._left(film) for film in films}
        while any(left.values()):
            seen: set[object] = set()
            fits: list[tuple[int, int, _Fit]] = []
            for film in films:
                segments = left[film.sample_id]
                kind = (alike_key(film), len(segments))
                if not segments or (not film.under_way and kind in seen):
                    continue
                seen.add(kind)
                fit = self._found(segments[0])
                fits.append((_first_use(fit, station), -segments[0].first, fit))
            _, _, fit = min(fits, key=lambda entry: entry[:2])
            self._book(fit)
            left[fit.segment.film.sample_id].pop(0)
        return self._plan()

    def _left(self, film: Film) -> list[Segment]:
        return segments_of(film)[len(self._fits[film.sample_id]) :]

    def _plan(self) -> Plan:
        return Plan(
            starts={
                name: tuple(itertools.chain.from_iterable(fit.starts for fit in fits))
                for name, fits in self._fits.items()
            },
            places={
                name: tuple(itertools.chain.from_iterable(fit.places for fit in fits))
                for name, fits in self._fits.items()
            },
        )

    def _book_started(self, films: Sequence[Film]) -> None:
        """Book segments under way, in an order in which none is in another's way."""
        left = [
            segment
            for film in films
            for segment in segments_of(film)
            if segment.under_way
        ]
        for segment in left:
            self._hold(segment)
        while left:
            segment = self._first_that_can_leave(left)
            left.remove(segment)

    def _first_that_can_leave(self, segments: Sequence[Segment]) -> Segment:
        for segment in segments:
            key = segment.film.sample_id
            if any(
                s.film is segment.film and s.first < segment.first for s in segments
            ):
                continue
            for timeline in self._timelines.values():
                timeline.remove((key, segment.first))
            fit = self._best_fit(segment)
            if fit is not None:
                self._book(fit)
                return segment
            self._hold(segment)
        names = ", ".join(segment.film.sample_id for segment in segments)
        msg = (
            f"films {names}: each waits for a place that another of them keeps; move "
            "one of them to its slot"
        )
        raise FilmsBlocked(msg)

    def _hold(self, segment: Segment) -> None:
        """Enter what has started; the place where the film is now is kept for ever."""
        film, key = segment.film, (segment.film.sample_id, segment.first)
        for job in film.jobs[segment.first : segment.last]:
            if job.fixed is not None:
                for name in job.stations:
                    self._timelines[name].add(Use(*job.fixed, key))
        for visit in segment.visits:
            arrival = film.jobs[visit.first].fixed
            if arrival is not None:
                gone = film.jobs[visit.departure].fixed
                end = FOREVER if gone is None else gone[1]
                use = Use(arrival[0], end, key, visit.heat)
                self._timelines[visit.places[0]].add(use)

    def _book(self, fit: _Fit) -> None:
        segment, film = fit.segment, fit.segment.film
        key = (film.sample_id, segment.first)
        jobs = film.jobs[segment.first : segment.last]
        for start, job in zip(fit.starts, jobs, strict=True):
            for name in job.stations:
                self._timelines[name].add(Use(start, start + job.ticks, key))
        for visit, place in zip(segment.visits, fit.places, strict=True):
            start, end = _stay(segment, visit, fit.starts)
            self._timelines[place].add(Use(start, end, key, visit.heat))
        self._fits[film.sample_id].append(fit)

    def _found(self, segment: Segment) -> _Fit:
        fit = self._best_fit(segment)
        if fit is None:
            msg = (
                f"film {segment.film.sample_id}: no time can be found at which its "
                "stations are free and its waits are kept; see what is blocked, "
                "or allow longer waits"
            )
            raise InvalidInput(msg)
        return fit

    def _best_fit(self, segment: Segment) -> _Fit | None:
        fits = (self._fit(segment, places) for places in self._choices(segment))
        return min(
            (fit for fit in fits if fit is not None),
            key=lambda fit: fit.merit,
            default=None,
        )

    def _choices(self, segment: Segment) -> Iterator[tuple[str, ...]]:
        """Return the places that the visits may have; a move leads to another place."""
        places = (visit.places for visit in segment.visits)
        choices = (
            choice
            for choice in itertools.product(*places)
            if not any(
                one.departure == other.first and place == next_place
                for (one, place), (other, next_place) in itertools.pairwise(
                    zip(segment.visits, choice, strict=True)
                )
            )
        )
        return itertools.islice(choices, _MOST_CHOICES)

    def _fit(self, segment: Segment, places: tuple[str, ...]) -> _Fit | None:
        """Move starts later until everything holds; they never move back."""
        before = self._fits[segment.film.sample_id]
        ready = max(0, before[-1].end) if before else 0
        lower = [ready] * (segment.last - segment.first)
        for _ in range(_MOST_PASSES):
            starts = self._forward(segment, lower)
            if starts[-1] >= FOREVER:
                return None
            if self._push_for_limits(segment, starts, lower):
                continue
            pushed = self._push_for_places(segment, places, starts, lower)
            if pushed is None:
                return None
            if not pushed:
                earlier = tuple(itertools.chain(*(fit.starts for fit in before)))
                whole = (*earlier, *starts)
                late = sum(lateness(segment.film, x, whole) for x in segment.limits)
                return _Fit(
                    segment=segment, starts=tuple(starts), places=places, lateness=late
                )
        return None

    def _forward(self, segment: Segment, lower: Sequence[int]) -> list[int]:
        starts: list[int] = []
        end = 0
        jobs = segment.film.jobs[segment.first : segment.last]
        for job, least in zip(jobs, lower, strict=True):
            if job.fixed is not None:
                starts.append(job.fixed[0])
                end = max(job.fixed[1], 0)
                continue
            start = max(end, least)
            settled = False
            while not settled:
                tries = [
                    self._timelines[name].next_try(start, start + job.ticks)
                    for name in job.stations
                ]
                settled = max(tries, default=start) == start
                start = max(tries, default=start)
            starts.append(start)
            end = start + job.ticks
        return starts

    def _push_for_limits(
        self, segment: Segment, starts: Sequence[int], lower: list[int]
    ) -> bool:
        pushed = False
        jobs, first = segment.film.jobs, segment.first
        for limit in segment.limits:
            if limit.latest is not None or limit.ticks is None:
                # A limit after something that has happened can only be recorded.
                continue
            end = starts[limit.origin - first] + jobs[limit.origin].ticks
            over = starts[limit.target - first] - end - limit.ticks
            if over > 0:
                least = starts[limit.origin - first] + over
                lower[limit.origin - first] = max(lower[limit.origin - first], least)
                pushed = True
        return pushed

    def _push_for_places(
        self,
        segment: Segment,
        places: Sequence[str],
        starts: Sequence[int],
        lower: list[int],
    ) -> bool | None:
        """Return whether a start was moved; None when no move can help."""
        # The segment's own earlier visits count too: a plate may have to heat up
        # between two visits of one film.
        own: dict[str, Timeline] = {}
        for visit, place in zip(segment.visits, places, strict=True):
            start, end = _stay(segment, visit, starts)
            earlier = own.setdefault(place, self._timeline(place))
            free = max(
                self._timelines[place].next_try(start, end, visit.heat),
                earlier.next_try(start, end, visit.heat),
            )
            if free > start:
                if segment.film.jobs[visit.first].fixed is not None or free >= FOREVER:
                    return None
                lower[visit.first - segment.first] = free
                return True
            key = (segment.film.sample_id, segment.first)
            earlier.add(Use(start, end, key, visit.heat))
        return False

    def _timeline(self, name: str) -> Timeline:
        capacity = self._problem.stations[name].capacity
        return Timeline(capacity, self._problem.changeovers(name))


def _stay(segment: Segment, visit: Visit, starts: Sequence[int]) -> tuple[int, int]:
    end = starts[visit.departure - segment.first]
    return (
        starts[visit.first - segment.first],
        end + segment.film.jobs[visit.departure].ticks,
    )


def _first_use(fit: _Fit, station: str) -> int:
    """Return when the segment first uses the station, or starts if it does not."""
    segment = fit.segment
    jobs = segment.film.jobs[segment.first : segment.last]
    for start, job in zip(fit.starts, jobs, strict=True):
        if station in job.stations or (job.task.moves and station in job.task.at):
            return start
    return fit.starts[0]
