"""The auditor: checks a schedule against every constraint, on its own.

It works on tasks and bookings in seconds and shares nothing with the schedulers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from hp_lab.scheduling.schedule import Booking, Stay, stays
from hp_lab.scheduling.stations import Station
from hp_lab.scheduling.tasks import Heat, Task, films_of

# Below the resolution of a double at today's Unix time, above its rounding.
_EPS_S = 1e-3


def violations(
    bookings: Sequence[Booking],
    tasks: Sequence[Task],
    stations: Iterable[Station],
    *,
    now_s: float,
    started: Iterable[Booking] = (),
) -> list[str]:
    """Return what is wrong with a schedule, one sentence each; empty when it is right.

    Waits that are too long since a film under way was delayed are listed too: they are
    violations that no schedule can avoid, and the film carries them as a flag.

    Args:
        bookings: One for every task.
        tasks: What was to be scheduled.
        stations: What there is.
        now_s: Nothing but what has started may begin before.
        started: What has started, as it was given to the scheduler.
    """
    given = {booking.task_id: booking for booking in started}
    by_id: dict[str, Booking] = {}
    found: list[str] = []
    known = {task.task_id for task in tasks}
    for booking in bookings:
        if booking.task_id in by_id or booking.task_id not in known:
            found.append(f"{booking.task_id}: booked twice, or no task at all")
        by_id[booking.task_id] = booking
    missing = [task.task_id for task in tasks if task.task_id not in by_id]
    if missing:
        # Nothing else can be judged of a film with holes.
        return [*found, *(f"{task_id}: is not booked" for task_id in missing)]
    in_service = {station.name: station for station in stations if station.capacity}
    chains = list(films_of(tasks).values())
    for task in tasks:
        booking = by_id[task.task_id]
        if task.task_id in given:
            found += _given_violations(booking, given[task.task_id])
        else:
            found += _task_violations(task, booking, in_service, now_s)
    for chain in chains:
        found += _order_violations(chain, by_id)
        found += _wait_violations(chain, by_id)
    found += _device_violations(tasks, by_id, in_service, now_s)
    found += _place_violations(chains, by_id, in_service, now_s)
    return found


def _given_violations(booking: Booking, given: Booking) -> Iterator[str]:
    if booking != given:
        yield f"{given.task_id}: started at {given.start_s}, but is booked otherwise"


def _task_violations(
    task: Task, booking: Booking, in_service: Mapping[str, Station], now_s: float
) -> Iterator[str]:
    what = task.task_id
    if booking.sample_id != task.sample_id:
        yield f"{what}: is booked for film {booking.sample_id}, not {task.sample_id}"
    for name in (*booking.stations, booking.place):
        if name and name not in in_service:
            yield f"{what}: uses {name}, which is not in service"
    if booking.start_s < now_s - _EPS_S:
        yield f"{what}: starts {now_s - booking.start_s:g} s before now"
    length_s = booking.end_s - booking.start_s
    if length_s < task.duration_s - _EPS_S:
        yield f"{what}: lasts {length_s:g} s, but needs {task.duration_s:g} s"
    if set(booking.stations) != set(task.stations):
        yield f"{what}: uses {booking.stations}, but needs {task.stations}"
    if booking.place not in (task.at or ("",)):
        yield f"{what}: is at {booking.place!r}, but must be at one of {task.at}"


def _order_violations(
    chain: Sequence[Task], by_id: Mapping[str, Booking]
) -> Iterator[str]:
    place = ""
    for index, task in enumerate(chain):
        booking = by_id[task.task_id]
        if booking.place != place and not task.moves:
            yield f"{task.task_id}: the film is at {place!r}, not {booking.place!r}"
        place = booking.place
        for earlier in chain[:index]:
            before = by_id[earlier.task_id]
            if booking.start_s < before.end_s - _EPS_S:
                yield (
                    f"{task.task_id}: film {task.sample_id} is used twice at once, "
                    f"{earlier.task_id} ends {before.end_s - booking.start_s:g} s later"
                )


def _wait_violations(
    chain: Sequence[Task], by_id: Mapping[str, Booking]
) -> Iterator[str]:
    for task in chain:
        limits = [(lag.after, lag.max_s) for lag in task.lags]
        if task.predecessor:
            limits.append((task.predecessor, task.max_wait_s))
        for after, max_s in limits:
            wait_s = by_id[task.task_id].start_s - by_id[after].end_s
            if wait_s > max_s + _EPS_S:
                yield (
                    f"{task.task_id}: starts {wait_s:g} s after {after}, but at most "
                    f"{max_s:g} s are allowed"
                )


def _device_violations(
    tasks: Sequence[Task],
    by_id: Mapping[str, Booking],
    stations: Mapping[str, Station],
    now_s: float,
) -> Iterator[str]:
    uses: dict[str, list[Stay]] = {}
    for task in tasks:
        booking = by_id[task.task_id]
        # What is over needs nothing any more.
        over = booking.end_s <= now_s + _EPS_S
        for name in () if over else booking.stations:
            uses.setdefault(name, []).append(
                Stay(
                    sample_id=task.task_id,
                    place=name,
                    start_s=booking.start_s,
                    end_s=booking.end_s,
                )
            )
    for name in sorted(uses.keys() & stations.keys()):
        yield from _overfull(name, stations[name].capacity, uses[name])


def _place_violations(
    chains: Iterable[Sequence[Task]],
    by_id: Mapping[str, Booking],
    stations: Mapping[str, Station],
    now_s: float,
) -> Iterator[str]:
    by_place: dict[str, list[Stay]] = {}
    heats: dict[Stay, list[Heat]] = {}
    for chain in chains:
        for stay in stays([by_id[task.task_id] for task in chain]):
            if stay.end_s > now_s + _EPS_S:
                by_place.setdefault(stay.place, []).append(stay)
                heats[stay] = [
                    task.heat
                    for task in chain
                    if task.heat is not None
                    and stay.start_s <= by_id[task.task_id].start_s
                    and by_id[task.task_id].end_s <= stay.end_s
                    and by_id[task.task_id].place == stay.place
                ]
    for name in sorted(by_place.keys() & stations.keys()):
        station, of_place = stations[name], by_place[name]
        yield from _overfull(name, station.capacity, of_place)
        yield from _heat_violations(of_place, heats, station.changeover_s)


def _overfull(name: str, capacity: int, uses: Sequence[Stay]) -> Iterator[str]:
    # At equal times a leaving film makes room before another arrives.
    lasting = [use for use in uses if use.end_s > use.start_s + _EPS_S]
    moments = sorted(
        [(use.start_s + _EPS_S, 1, use.sample_id) for use in lasting]
        + [(use.end_s, -1, use.sample_id) for use in lasting]
    )
    inside: list[str] = []
    for _, change, who in moments:
        if change < 0:
            inside.remove(who)
            continue
        inside.append(who)
        if len(inside) > capacity:
            yield f"{name}: is used by {', '.join(inside)} at once, room for {capacity}"


def _heat_violations(
    of_place: Sequence[Stay],
    heats: Mapping[Stay, Sequence[Heat]],
    changeover_s: Callable[[float, float], float],
) -> Iterator[str]:
    warm = sorted(
        (stay for stay in of_place if heats[stay]), key=lambda stay: stay.start_s
    )
    for index, later in enumerate(warm):
        for earlier in warm[:index]:
            needs = [*heats[earlier], *heats[later]]
            one_temperature = len({heat.arrive_c for heat in needs}) == 1
            if one_temperature and all(heat.constant for heat in needs):
                continue
            leave_c, arrive_c = heats[earlier][-1].leave_c, heats[later][0].arrive_c
            gap_s = changeover_s(leave_c, arrive_c)
            if later.start_s < earlier.end_s + gap_s - _EPS_S:
                yield (
                    f"{later.place}: {later.sample_id} arrives for {arrive_c:g} C "
                    f"{later.start_s - earlier.end_s:g} s after {earlier.sample_id} "
                    f"left at {leave_c:g} C; {gap_s:g} s are needed"
                )
