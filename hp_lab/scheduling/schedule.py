"""A schedule: which task is done when and where, and the figures by which it is judged.

Times are laboratory time, seconds since the Unix epoch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hp_lab.records import TaskTime
from hp_lab.scheduling.stations import Station
from hp_lab.scheduling.tasks import Task, films_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """When and where a task is done, or was.

    Attributes:
        stations: The devices it occupies while it lasts.
        place: Where the film is (for a move: where it is taken); empty is its slot.
    """

    task_id: str
    sample_id: str
    name: str
    stations: tuple[str, ...]
    place: str
    start_s: float
    end_s: float

    def task_time(self) -> TaskTime:
        """Return the plan as a record, with the place among the stations."""
        place = (self.place,) if self.place else ()
        return TaskTime(
            task_id=self.task_id,
            sample_id=self.sample_id,
            name=self.name,
            stations=self.stations + place,
            planned_start_s=self.start_s,
            planned_end_s=self.end_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Bookings for all tasks, those already started among them.

    Attributes:
        now_s: The time for which it was made.
        bookings: Sorted by start, then task id.
        method: Which scheduler found it.
        optimal: No schedule ends earlier, proven.
        bound_s: No schedule's makespan is below this.
        late: Ids of tasks that start later after an earlier one than they should,
            because something under way took longer than planned.
    """

    now_s: float
    bookings: tuple[Booking, ...]
    method: Literal["greedy", "cp-sat"]
    optimal: bool = False
    bound_s: float = 0.0
    late: tuple[str, ...] = ()

    def booking(self, task_id: str) -> Booking:
        """Return one task's booking.

        Raises:
            KeyError: The schedule has no such task.
        """
        for booking in self.bookings:
            if booking.task_id == task_id:
                return booking
        raise KeyError(task_id)

    @property
    def makespan_s(self) -> float:
        """Time from now until the last task ends."""
        return max((b.end_s for b in self.bookings), default=self.now_s) - self.now_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a schedule is worth.

    Attributes:
        makespan_s: From the first start to the last end.
        utilisation: Station to the share of the makespan in which it is used; for a
            place with room for many films, the mean share of its room.
        film_age_s: Film to the time between its last anneal and its first reading.
    """

    makespan_s: float
    films_per_hour: float
    utilisation: Mapping[str, float]
    film_age_s: Mapping[str, float]

    @property
    def mean_film_age_s(self) -> float:
        """Mean film age; 0 without any."""
        return sum(self.film_age_s.values()) / max(1, len(self.film_age_s))

    @property
    def max_film_age_s(self) -> float:
        """Largest film age; 0 without any."""
        return max(self.film_age_s.values(), default=0.0)


def figures(
    schedule: Schedule, tasks: Iterable[Task], stations: Iterable[Station]
) -> Figures:
    """Return makespan, utilisation and film ages of a schedule of these tasks."""
    bookings = {b.task_id: b for b in schedule.bookings}
    films = films_of(tasks)
    used: dict[str, float] = {}
    ages: dict[str, float] = {}
    for sample_id, chain in films.items():
        for task in chain:
            booking = bookings[task.task_id]
            for name in task.stations:
                used[name] = used.get(name, 0.0) + booking.end_s - booking.start_s
            for lag in task.lags:
                if lag.film_age:
                    ages[sample_id] = booking.start_s - bookings[lag.after].end_s
        for stay in stays([bookings[task.task_id] for task in chain]):
            used[stay.place] = used.get(stay.place, 0.0) + stay.end_s - stay.start_s
    start_s = min((b.start_s for b in schedule.bookings), default=0.0)
    end_s = max((b.end_s for b in schedule.bookings), default=0.0)
    makespan_s = end_s - start_s
    return Figures(
        makespan_s=makespan_s,
        films_per_hour=len(films) * 3600.0 / makespan_s if makespan_s else 0.0,
        utilisation={
            station.name: used.get(station.name, 0.0) / (station.capacity * makespan_s)
            for station in stations
            if station.capacity and makespan_s
        },
        film_age_s=ages,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A film on a place, from the gantry's setting out with it until it is gone."""

    sample_id: str
    place: str
    start_s: float
    end_s: float


def stays(bookings: Iterable[Booking]) -> list[Stay]:
    """Return where one film is, from its bookings in order."""
    found: list[Stay] = []
    place, arrived_s, last_end_s, sample_id = "", 0.0, 0.0, ""
    for booking in bookings:
        if booking.place != place:
            if place:
                found.append(
                    Stay(
                        sample_id=booking.sample_id,
                        place=place,
                        start_s=arrived_s,
                        end_s=booking.end_s,
                    )
                )
            place, arrived_s = booking.place, booking.start_s
        last_end_s, sample_id = booking.end_s, booking.sample_id
    if place:
        found.append(
            Stay(sample_id=sample_id, place=place, start_s=arrived_s, end_s=last_end_s)
        )
    return found
