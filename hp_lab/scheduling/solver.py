"""The exact scheduler: a constraint program for CP-SAT of OR-Tools.

First the shortest makespan (after the least lateness of films under way), then among
schedules of that makespan the youngest films at their readings. One worker, a fixed
seed and a limit in deterministic time, so equal problems give equal schedules.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ortools.sat.python import cp_model

from hp_lab.scheduling.problem import (
    AGE_WEIGHT,
    Film,
    Limit,
    Plan,
    Problem,
    Visit,
    alike_films,
    lateness,
    merit,
    one_way,
    shareable,
    sort_alike,
)

# A second by which a film under way is late outweighs this many seconds of makespan.
_LATE_WEIGHT: Final = 1000
# Share of the effort and whether to interleave, round by round for the makespan.
_ROUNDS: Final = ((0.1, False), (0.6, True))
_LAST_SHARE: Final = 0.3
_FOUND: Final = (cp_model.OPTIMAL, cp_model.FEASIBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What the solver found.

    Attributes:
        plan: At least as good as the hint.
        optimal: No schedule has less lateness and makespan, proven.
        bound: Ticks that no makespan (with the least lateness) can be below; may be 0.
    """

    plan: Plan
    optimal: bool
    bound: int


def find(problem: Problem, *, effort: float, seed: int = 1) -> Plan | None:
    """Return a schedule found without a first one to improve, or None.

    It is what gets films out that stand in one another's way and must go by turns.
    """
    model = _Model(problem, _long_enough(problem))
    model.minimise(model.lateness * _LATE_WEIGHT + model.makespan)
    solver, status = _solve(model.model, effort, seed, True)
    return model.plan(solver) if status in _FOUND else None


def _long_enough(problem: Problem) -> int:
    """Return a makespan within which everything can be done one after the other."""
    ticks = 0
    heats = [v.heat for f in problem.films for v in f.visits if v.heat is not None]
    for film in problem.films:
        ticks += sum(
            max(0, job.fixed[1]) if job.fixed else job.ticks for job in film.jobs
        )
        for visit in film.visits:
            ticks += max(
                (
                    problem.changeover(place, before, visit.heat)
                    for place in visit.places
                    for before in heats
                ),
                default=0,
            )
    return ticks


def improve(problem: Problem, hint: Plan, *, effort: float, seed: int = 1) -> Solution:
    """Return a schedule at least as good as the one given.

    Args:
        problem: The films and the stations.
        hint: A schedule that keeps all constraints.
        effort: CP-SAT's deterministic time, of the order of seconds.
        seed: Seed of the search.
    """
    plan = sort_alike(problem, hint)
    _, horizon, _ = merit(problem, plan)
    optimal, bound = False, 0
    for share, interleave in _ROUNDS:
        late, span, _ = merit(problem, plan)
        model = _Model(problem, horizon)
        model.hint(plan)
        model.minimise(model.lateness * _LATE_WEIGHT + model.makespan)
        solver, status = _solve(model.model, effort * share, seed, interleave)
        if status not in _FOUND:
            continue
        found = model.plan(solver)
        plan = min(plan, found, key=lambda plan: merit(problem, plan)[:2])
        late, span, _ = merit(problem, plan)
        bound = max(bound, round(solver.best_objective_bound) - late * _LATE_WEIGHT)
        optimal = status == cp_model.OPTIMAL
        if optimal:
            break
    last = _Model(problem, span)
    last.hint(plan)
    last.model.add(last.lateness <= late)
    last.minimise(last.ages)
    solver, status = _solve(last.model, effort * _LAST_SHARE, seed, not optimal)
    if status in _FOUND:
        plan = min(plan, last.plan(solver), key=lambda plan: merit(problem, plan))
    return Solution(plan=plan, optimal=optimal, bound=bound)


def _solve(
    model: cp_model.CpModel, effort: float, seed: int, interleave: bool
) -> tuple[cp_model.CpSolver, Any]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    # It would leave SIGINT with the system's default, which kills the laboratory.
    solver.parameters.catch_sigint_signal = False
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = effort
    # Many strategies in turn: better on large problems, slower to prove small ones.
    solver.parameters.interleave_search = interleave
    return solver, solver.solve(model)


@dataclass(slots=True)
class _Stay:
    """One possible place of a visit: present where the visit is there."""

    visit: Visit
    interval: Any
    start: Any
    end: Any
    present: Any


@dataclass(slots=True)
class _FilmVariables:
    film: Film
    starts: list[Any]
    # For every visit, place to the literal that the film goes there.
    chosen: list[dict[str, Any]] = field(default_factory=list)


class _Model:
    """The constraint program of one problem within a horizon."""

    def __init__(self, problem: Problem, horizon: int) -> None:
        self.model = cp_model.CpModel()
        self._problem = problem
        self._horizon = horizon
        self._films: list[_FilmVariables] = []
        self._devices: dict[str, list[Any]] = {}
        self._stays: dict[str, list[_Stay]] = {}
        self.makespan = self.model.new_int_var(0, horizon, "makespan")
        self.lateness: Any = 0
        self.ages: Any = 0
        for film in problem.films:
            self._add_film(film)
        self._add_stations()
        self._order_alike()

    def minimise(self, objective: Any) -> None:  # noqa: ANN401 - linear expression
        """Set the objective."""
        self.model.minimize(objective)

    def hint(self, plan: Plan) -> None:
        """Start the search from a schedule."""
        late = span = 0
        for variables in self._films:
            film = variables.film
            starts = plan.starts[film.sample_id]
            for index, variable in enumerate(variables.starts):
                if film.jobs[index].fixed is None:
                    self.model.add_hint(variable, starts[index])
            for chosen, place in zip(
                variables.chosen, plan.places[film.sample_id], strict=True
            ):
                if len(chosen) > 1:
                    for name, literal in chosen.items():
                        self.model.add_hint(literal, name == place)
            span = max(span, starts[-1] + film.jobs[-1].ticks)
            late += sum(lateness(film, limit, starts) for limit in film.limits)
        self.model.add_hint(self.makespan, span)

    def plan(self, solver: cp_model.CpSolver) -> Plan:
        """Return the schedule that the solver found."""
        return Plan(
            starts={
                variables.film.sample_id: tuple(
                    int(solver.value(start)) for start in variables.starts
                )
                for variables in self._films
            },
            places={
                variables.film.sample_id: tuple(
                    next(name for name, on in chosen.items() if solver.value(on))
                    for chosen in variables.chosen
                )
                for variables in self._films
            },
        )

    def _add_film(self, film: Film) -> None:
        model = self.model
        starts: list[Any] = []
        end: Any = 0
        for job in film.jobs:
            if job.fixed is not None:
                start: Any = job.fixed[0]
                end = max(job.fixed[1], 0)
            else:
                start = model.new_int_var(0, self._horizon, f"{job.task.task_id}")
                model.add(start >= end)
                end = start + job.ticks
            starts.append(start)
            interval = model.new_fixed_size_interval_var(start, job.ticks, "")
            for name in job.stations:
                if job.fixed is None or job.fixed[1] > 0:
                    self._devices.setdefault(name, []).append(interval)
        model.add(self.makespan >= end)
        self.ages += end
        variables = _FilmVariables(film=film, starts=starts)
        for limit in film.limits:
            self._add_limit(film, starts, limit)
        for number, visit in enumerate(film.visits):
            variables.chosen.append(self._add_visit(film, starts, number, visit))
        for (one, here), (other, there) in itertools.pairwise(
            zip(film.visits, variables.chosen, strict=True)
        ):
            if one.departure == other.first:
                # A move leads to another place.
                for name in sorted(here.keys() & there.keys()):
                    model.add_at_most_one(here[name], there[name])
        self._films.append(variables)

    def _add_limit(self, film: Film, starts: Sequence[Any], limit: Limit) -> None:
        start = starts[limit.target]
        end = starts[limit.origin] + film.jobs[limit.origin].ticks
        if limit.film_age:
            self.ages += AGE_WEIGHT * (start - end)
        if limit.latest is not None:
            latest: Any = limit.latest
        elif limit.ticks is not None:
            latest = end + limit.ticks
        else:
            return
        if limit.soft:
            late = self.model.new_int_var(0, self._horizon + abs(limit.latest or 0), "")
            self.model.add(start <= latest + late)
            self.lateness += late
        else:
            self.model.add(start <= latest)

    def _add_visit(
        self, film: Film, starts: Sequence[Any], number: int, visit: Visit
    ) -> dict[str, Any]:
        model = self.model
        start = starts[visit.first]
        end = starts[visit.departure] + film.jobs[visit.departure].ticks
        places = visit.places
        chosen: dict[str, Any] = {}
        for name in places:
            label = f"{film.sample_id} visit {number} at {name}"
            present = (
                model.new_constant(1) if len(places) == 1 else model.new_bool_var(label)
            )
            size = model.new_int_var(0, 2 * self._horizon + abs(_first(start)), "")
            interval = model.new_optional_interval_var(start, size, end, present, label)
            stay = _Stay(visit, interval, start, end, present)
            self._stays.setdefault(name, []).append(stay)
            chosen[name] = present
        model.add_exactly_one(chosen.values())
        return chosen

    def _add_stations(self) -> None:
        for name, intervals in self._devices.items():
            self._exclude(name, intervals)
        for name, stays in self._stays.items():
            self._exclude(name, [stay.interval for stay in stays])
            for index, one in enumerate(stays):
                for other in stays[:index]:
                    self._separate(name, one, other)

    def _exclude(self, name: str, intervals: Sequence[Any]) -> None:
        capacity = self._problem.stations[name].capacity
        if capacity == 1:
            self.model.add_no_overlap(intervals)
        elif len(intervals) > capacity:
            self.model.add_cumulative(intervals, [1] * len(intervals), capacity)

    def _order_alike(self) -> None:
        by_id = {variables.film.sample_id: variables for variables in self._films}
        for alike in alike_films(self._problem):
            for film, later in itertools.pairwise(alike):
                first, second = by_id[film.sample_id], by_id[later.sample_id]
                jobs = len(film.jobs) if one_way(film) else 1
                for index in range(jobs):
                    self.model.add(first.starts[index] <= second.starts[index])

    def _separate(self, name: str, one: _Stay, other: _Stay) -> None:
        """Keep films of different temperature apart, with the time to change it."""
        if shareable(one.visit.heat, other.visit.heat):
            return
        before = self._problem.changeover(name, one.visit.heat, other.visit.heat)
        after = self._problem.changeover(name, other.visit.heat, one.visit.heat)
        first = self.model.new_bool_var("")
        both = [one.present, other.present]
        self.model.add(one.end + before <= other.start).only_enforce_if([*both, first])
        self.model.add(other.end + after <= one.start).only_enforce_if(
            [*both, first.negated()]
        )


def _first(start: Any) -> int:  # noqa: ANN401 - a tick or a variable
    return start if isinstance(start, int) else 0
