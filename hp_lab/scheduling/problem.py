"""The scheduling problem in whole ticks, as both schedulers see it.

Durations are rounded up to ticks and limits down, so a schedule in ticks keeps the
limits in seconds.
"""

import functools
import itertools
import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hp_lab.errors import InvalidInput
from hp_lab.scheduling.schedule import Booking
from hp_lab.scheduling.stations import Station
from hp_lab.scheduling.tasks import Heat, Task, check_tasks, films_of

# Floating-point room: a wait of 30.000000001 s is one of 30 s.
_EPS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task in ticks.

    Attributes:
        stations: The devices it occupies, as far as they are in service.
        fixed: Start and end, where it has started.
        place: Where the film is, where it has started.
    """

    task: Task
    ticks: int
    stations: tuple[str, ...]
    fixed: tuple[int, int] | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Job ``target`` starts at most ``ticks`` after the end of job ``origin``.

    Attributes:
        latest: The latest start, where the origin has started and its end is known.
        soft: The film is under way, so lateness is recorded rather than impossible.
        film_age: This wait is a film age.
    """

    origin: int
    target: int
    ticks: int | None
    latest: int | None
    soft: bool
    film_age: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A film on one place: from the start of job first to the end of job departure."""

    first: int
    departure: int
    places: tuple[str, ...]
    heat: Heat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One film's jobs in order."""

    sample_id: str
    jobs: tuple[Job, ...]
    limits: tuple[Limit, ...]
    visits: tuple[Visit, ...]
    under_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """All films, in the order of their tasks."""

    now_s: float
    tick_s: float
    stations: Mapping[str, Station]
    films: tuple[Film, ...]

    def changeovers(self, place: str) -> Callable[[Heat | None, Heat | None], int]:
        """Return :meth:`changeover` of one place."""
        return functools.partial(self.changeover, place)

    def changeover(self, place: str, before: Heat | None, after: Heat | None) -> int:
        """Return the ticks that a place needs between two films."""
        if before is None or after is None:
            return 0
        gap_s = self.stations[place].changeover_s(before.leave_c, after.arrive_c)
        return math.ceil(gap_s / self.tick_s - _EPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A solution: starts in ticks, film by film, and the place of every visit."""

    starts: Mapping[str, tuple[int, ...]]
    places: Mapping[str, tuple[str, ...]]


def shareable(a: Heat | None, b: Heat | None) -> bool:
    """Return whether films with these needs may be on one plate at once."""
    if a is None or b is None:
        return True
    return a.constant and b.constant and a.arrive_c == b.arrive_c


def problem_of(
    tasks: Sequence[Task],
    stations: Iterable[Station],
    *,
    now_s: float,
    started: Iterable[Booking] = (),
    tick_s: float = 1.0,
) -> Problem:
    """Return the problem of doing these tasks from now on.

    Args:
        tasks: All tasks of every film that has some left, done ones too.
        stations: What there is; those of capacity 0 are out of service.
        now_s: Nothing that has not started is planned before.
        started: Bookings of the tasks done and under way: actual start, actual place,
            actual or expected end; an overdue task is expected to end now or later.
        tick_s: Length of a tick.

    Raises:
        InvalidInput: The tasks cannot be scheduled, or what has started is not a
            beginning of its film's tasks.
    """
    known = {station.name: station for station in stations if station.capacity}
    booked = {booking.task_id: booking for booking in started}
    unknown = booked.keys() - {task.task_id for task in tasks}
    if unknown:
        msg = (
            f"started task {min(unknown)}: is none of the tasks; give all tasks of a "
            "film that is under way, or none of what it has done"
        )
        raise InvalidInput(msg)
    check_tasks(tasks, known, booked)
    films = tuple(
        _film(sample_id, chain, booked, known, now_s, tick_s)
        for sample_id, chain in films_of(tasks).items()
    )
    return Problem(now_s=now_s, tick_s=tick_s, stations=known, films=films)


def schedule_of(
    problem: Problem, plan: Plan, started: Mapping[str, Booking]
) -> tuple[tuple[Booking, ...], tuple[str, ...]]:
    """Return the bookings of a plan, sorted, and the ids of the tasks that are late."""
    bookings: list[Booking] = []
    late: list[str] = []
    for film in problem.films:
        starts = plan.starts[film.sample_id]
        at: dict[int, str] = {}
        for visit, place in zip(film.visits, plan.places[film.sample_id], strict=True):
            at.update(dict.fromkeys(range(visit.first, visit.departure), place))
        for index, job in enumerate(film.jobs):
            task = job.task
            start_s = problem.now_s + starts[index] * problem.tick_s
            bookings.append(
                started.get(task.task_id)
                or Booking(
                    task_id=task.task_id,
                    sample_id=task.sample_id,
                    name=task.name,
                    stations=task.stations,
                    place=at.get(index, ""),
                    start_s=start_s,
                    end_s=start_s + job.ticks * problem.tick_s,
                )
            )
        late += [
            film.jobs[limit.target].task.task_id
            for limit in film.limits
            if lateness(film, limit, starts) > 0
        ]
    bookings.sort(key=lambda booking: (booking.start_s, booking.task_id))
    return tuple(bookings), tuple(dict.fromkeys(late))


def lateness(film: Film, limit: Limit, starts: Sequence[int]) -> int:
    """Return by how many ticks a limit is exceeded."""
    start = starts[limit.target]
    if limit.latest is not None:
        return max(0, start - limit.latest)
    if limit.ticks is None:
        return 0
    end = starts[limit.origin] + film.jobs[limit.origin].ticks
    return max(0, start - end - limit.ticks)


def merit(problem: Problem, plan: Plan) -> tuple[int, int, int]:
    """Return lateness, makespan and how late readings and films are; less is better."""
    late = span = ages = 0
    for film in problem.films:
        starts = plan.starts[film.sample_id]
        ends = [start + job.ticks for start, job in zip(starts, film.jobs, strict=True)]
        late += sum(lateness(film, limit, starts) for limit in film.limits)
        ages += sum(
            AGE_WEIGHT * (starts[limit.target] - ends[limit.origin])
            for limit in film.limits
            if limit.film_age
        )
        span = max(span, ends[-1])
        ages += ends[-1]
    return late, span, ages


# Among schedules of one makespan, a second of film age counts as much as ten seconds
# by which a film is finished later.
AGE_WEIGHT = 10


def one_way(film: Film) -> bool:
    """Return whether every visit of the film has one place to go to."""
    return all(len(visit.places) == 1 for visit in film.visits)


def alike_films(problem: Problem) -> list[list[Film]]:
    """Return the groups of films that have not started and differ in name only."""
    groups: dict[object, list[Film]] = {}
    for film in problem.films:
        if not film.under_way:
            groups.setdefault(alike_key(film), []).append(film)
    return [group for group in groups.values() if len(group) > 1]


def alike_key(film: Film) -> object:
    """Return what films that differ in name only have in common."""
    jobs = tuple(
        (job.ticks, job.stations, job.task.at, job.task.moves) for job in film.jobs
    )
    return jobs, film.limits, film.visits


def sort_alike(problem: Problem, plan: Plan) -> Plan:
    """Return the plan with films that are alike renamed to go in their given order.

    Where each visit has one place, also every single job is done in that order. That
    costs nothing: of two equally long lists of times a and b with lower and upper
    bounds on b_i - a_i, the sorted lists keep every bound that some pairing keeps, and
    how many films are on a place at a time does not depend on which.
    """
    starts, places = dict(plan.starts), dict(plan.places)
    for group in alike_films(problem):
        names = [film.sample_id for film in group]
        in_order = sorted(names, key=lambda name: (plan.starts[name], name))
        rows = [plan.starts[name] for name in in_order]
        if one_way(group[0]):
            rows = list(
                zip(
                    *(sorted(column) for column in zip(*rows, strict=True)), strict=True
                )
            )
        for name, old, row in zip(names, in_order, rows, strict=True):
            starts[name] = row
            places[name] = plan.places[old]
    return Plan(starts=starts, places=places)


def _film(
    sample_id: str,
    chain: Sequence[Task],
    booked: Mapping[str, Booking],
    in_service: Container[str],
    now_s: float,
    tick_s: float,
) -> Film:
    jobs: list[Job] = []
    for task in chain:
        booking = booked.get(task.task_id)
        if booking is None:
            ticks = math.ceil(task.duration_s / tick_s - _EPS)
            jobs.append(Job(task=task, ticks=ticks, stations=task.stations))
            continue
        if jobs and jobs[-1].fixed is None:
            msg = (
                f"started task {task.task_id}: {jobs[-1].task.task_id} comes before it "
                "and has not started; give both"
            )
            raise InvalidInput(msg)
        start = math.floor((booking.start_s - now_s) / tick_s + _EPS)
        end = max(start, math.ceil((booking.end_s - now_s) / tick_s - _EPS))
        jobs.append(
            Job(
                task=task,
                ticks=end - start,
                stations=tuple(name for name in task.stations if name in in_service),
                fixed=(start, end),
                place=booking.place,
            )
        )
    under_way = jobs[0].fixed is not None
    return Film(
        sample_id=sample_id,
        jobs=tuple(jobs),
        limits=tuple(_limits(jobs, booked, now_s, tick_s)),
        visits=tuple(_visits(jobs, in_service)),
        under_way=under_way,
    )


def _limits(
    jobs: Sequence[Job], booked: Mapping[str, Booking], now_s: float, tick_s: float
) -> Iterable[Limit]:
    position = {job.task.task_id: index for index, job in enumerate(jobs)}
    for target, job in enumerate(jobs):
        if job.fixed is not None:
            continue
        waits = [(lag.after, lag.max_s, lag.film_age) for lag in job.task.lags]
        if job.task.predecessor:
            waits.append((job.task.predecessor, job.task.max_wait_s, False))
        for after, max_s, film_age in waits:
            if not (film_age or math.isfinite(max_s)):
                continue
            done = booked.get(after)
            limited = math.isfinite(max_s)
            latest = None
            if done is not None and limited:
                latest = math.floor((done.end_s + max_s - now_s) / tick_s + _EPS)
            yield Limit(
                origin=position[after],
                target=target,
                ticks=math.floor(max_s / tick_s + _EPS) if limited else None,
                latest=latest,
                soft=jobs[0].fixed is not None,
                film_age=film_age,
            )


def _visits(jobs: Sequence[Job], in_service: Container[str]) -> Iterable[Visit]:
    arrivals = [index for index, job in enumerate(jobs) if job.task.moves]
    for first, departure in itertools.pairwise(arrivals):
        task = jobs[first].task
        gone = jobs[departure].fixed
        fixed = jobs[first].fixed is not None
        places = (jobs[first].place,) if fixed else task.at
        places = tuple(name for name in places if name in in_service)
        if not places or (gone is not None and gone[1] <= 0):
            continue
        heats = [
            job.task.heat for job in jobs[first:departure] if job.task.heat is not None
        ]
        heat = heats[0] if heats else None
        if len(set(heats)) > 1:
            heat = Heat(
                arrive_c=heats[0].arrive_c, leave_c=heats[-1].leave_c, constant=False
            )
        yield Visit(first=first, departure=departure, places=places, heat=heat)
