"""Schedule films on the laboratory's stations, and schedule again when plans slip."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from hp_lab.scheduling.greedy import FilmsBlocked, plan_greedily
from hp_lab.scheduling.problem import Plan, Problem, merit, problem_of, schedule_of
from hp_lab.scheduling.schedule import Booking, Schedule
from hp_lab.scheduling.solver import find, improve
from hp_lab.scheduling.stations import Station
from hp_lab.scheduling.tasks import Task

# Films that stand in one another's way need the solver, however little was allowed.
_LEAST_EFFORT: Final = 2.0


def schedule(
    tasks: Sequence[Task],
    stations: Iterable[Station],
    *,
    now_s: float,
    started: Iterable[Booking] = (),
    previous: Schedule | None = None,
    effort: float = 1.0,
    seed: int = 1,
    tick_s: float = 1.0,
) -> Schedule:
    """Return when and where every task is done.

    Equal arguments give equal schedules, whatever the machine's load.

    Args:
        tasks: All tasks of every film that has some left, done ones too.
        stations: What there is, in service or not.
        now_s: Laboratory time; nothing that has not started is planned before.
        started: Bookings of the tasks done and under way, with actual starts and
            places and actual or expected ends. They stay as they are.
        previous: The schedule that this one replaces; films keep its order where that
            is as good.
        effort: CP-SAT's deterministic time, of the order of seconds; 0 is the list
            scheduler alone, unless films under way block one another.
        seed: Seed of the search.
        tick_s: Resolution; durations are rounded up to it.

    Raises:
        InvalidInput: The tasks cannot be scheduled; the message says why.
    """
    begun = {booking.task_id: booking for booking in started}
    problem = problem_of(
        tasks, stations, now_s=now_s, started=begun.values(), tick_s=tick_s
    )
    method: Literal["greedy", "cp-sat"] = "greedy"
    try:
        plan = _list_schedule(problem, previous)
    except FilmsBlocked:
        found = find(problem, effort=max(effort, _LEAST_EFFORT), seed=seed)
        if found is None:
            raise
        plan, method = found, "cp-sat"
    optimal, bound = False, 0
    if effort > 0 and problem.films:
        solution = improve(problem, plan, effort=effort, seed=seed)
        if merit(problem, solution.plan) < merit(problem, plan):
            method = "cp-sat"
        plan, optimal, bound = solution.plan, solution.optimal, solution.bound
    bookings, late = schedule_of(problem, plan, begun)
    return Schedule(
        now_s=now_s,
        bookings=bookings,
        method=method,
        optimal=optimal,
        bound_s=bound * tick_s,
        late=late,
    )


def _list_schedule(problem: Problem, previous: Schedule | None) -> Plan:
    plans = [plan_greedily(problem)]
    if previous is not None:
        order = dict.fromkeys(booking.sample_id for booking in previous.bookings)
        plans.append(plan_greedily(problem, tuple(order)))
    return min(plans, key=lambda plan: merit(problem, plan))
