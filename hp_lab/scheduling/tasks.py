"""A task: what is done to one film, for how long, with which stations, and how soon."""

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hp_lab.errors import InvalidInput
from hp_lab.scheduling.stations import Station


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """A limit on the time between the end of an earlier task and the start of this one.

    Attributes:
        after: Id of the earlier task of the same film.
        max_s: The most it may be.
        film_age: It is the age of the film that is measured, which is kept short.
    """

    after: str
    max_s: float = math.inf
    film_age: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The temperatures that a task needs of its place.

    Attributes:
        arrive_c: What the plate must be at when the film arrives.
        leave_c: What it is at when the film leaves.
        constant: It stays at ``arrive_c``, so films that need the same may share it.
    """

    arrive_c: float
    leave_c: float
    constant: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing done to one film.

    A film is in its own tray slot, on a place, or carried between two of them. It keeps
    a place from the moment the gantry sets out with it until the gantry has taken it
    away, whether or not something is done to it.

    Attributes:
        duration_s: Expected duration.
        stations: Devices it occupies together while it lasts, e.g. pipettor and
            spin_coater.
        at: Places where the film is during the task (for a move: where it is taken),
            of which one is chosen; empty is its own slot.
        moves: The task takes the film to another place.
        predecessor: Id of the film's task before it; empty for the first.
        max_wait_s: The most that may pass between the predecessor's end and the start.
        lags: Further limits after earlier tasks.
        heat: What temperature the place must have.
        step: Index of the recipe's step it carries out, -1 for a move.
    """

    task_id: str
    sample_id: str
    name: str
    duration_s: float
    stations: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    moves: bool = False
    predecessor: str = ""
    max_wait_s: float = math.inf
    lags: tuple[Lag, ...] = ()
    heat: Heat | None = None
    step: int = -1


def films_of(tasks: Iterable[Task]) -> dict[str, list[Task]]:
    """Return the tasks film by film, in the order in which they are done.

    Raises:
        InvalidInput: A film's tasks are not one chain of predecessors.
    """
    films: dict[str, dict[str, Task]] = {}
    for task in tasks:
        after = films.setdefault(task.sample_id, {})
        if task.predecessor in after:
            msg = (
                f"task {task.task_id}: comes after {task.predecessor or 'nothing'}, as "
                f"{after[task.predecessor].task_id} does; a film's tasks are one chain"
            )
            raise InvalidInput(msg)
        after[task.predecessor] = task
    return {sample_id: _chain(sample_id, after) for sample_id, after in films.items()}


def check_tasks(
    tasks: Sequence[Task],
    stations: Mapping[str, Station],
    begun: Container[str] = (),
) -> None:
    """Refuse tasks that no schedule could carry out.

    Args:
        tasks: All tasks.
        stations: What there is, by name.
        begun: Ids of tasks that need their stations no more.

    Raises:
        InvalidInput: The message names the task, the value and the limit.
    """
    ids: set[str] = set()
    for task in tasks:
        if task.task_id in ids:
            msg = f"task {task.task_id}: the id is given twice; ids must be unique"
            raise InvalidInput(msg)
        ids.add(task.task_id)
        _check_times(task)
        if task.task_id not in begun:
            _check_stations(task, stations)
    for chain in films_of(tasks).values():
        _check_places(chain)
        _check_lags(chain)


def _chain(sample_id: str, after: Mapping[str, Task]) -> list[Task]:
    chain: list[Task] = []
    last = ""
    while last in after:
        chain.append(after[last])
        last = chain[-1].task_id
    if len(chain) != len(after):
        lost = next(task for task in after.values() if task not in chain)
        msg = (
            f"task {lost.task_id}: its predecessor {lost.predecessor!r} is no task of "
            f"film {sample_id} that leads back to a first one"
        )
        raise InvalidInput(msg)
    return chain


def _check_times(task: Task) -> None:
    if not (math.isfinite(task.duration_s) and task.duration_s >= 0):
        msg = f"task {task.task_id}: duration {task.duration_s} s must be 0 or more"
        raise InvalidInput(msg)
    for limit in (task.max_wait_s, *(lag.max_s for lag in task.lags)):
        if not limit >= 0:
            msg = f"task {task.task_id}: a wait of at most {limit} s must be 0 or more"
            raise InvalidInput(msg)


def _check_stations(task: Task, stations: Mapping[str, Station]) -> None:
    in_service = {name for name, station in stations.items() if station.capacity}
    missing = [name for name in task.stations if name not in in_service]
    if task.at and not in_service.intersection(task.at):
        missing += task.at
    if missing:
        msg = (
            f"task {task.task_id}: {', '.join(missing)} is not in service; bring it "
            f"back or leave the film out (in service: {', '.join(sorted(in_service))})"
        )
        raise InvalidInput(msg)


def _check_places(chain: Sequence[Task]) -> None:
    at: tuple[str, ...] = ()
    for task in chain:
        if not task.moves and task.at != at:
            msg = (
                f"task {task.task_id}: the film is at {_named(at)}, but the task is at "
                f"{_named(task.at)}; put a move before it"
            )
            raise InvalidInput(msg)
        if task.moves and len(task.at) == 1 and task.at == at:
            msg = (
                f"task {task.task_id}: the film is at {_named(at)}; leave out the move"
            )
            raise InvalidInput(msg)
        at = task.at
    if at:
        msg = (
            f"film {chain[-1].sample_id}: ends at {_named(at)} and would block it; add "
            "a move to its slot"
        )
        raise InvalidInput(msg)


def _check_lags(chain: Sequence[Task]) -> None:
    # Ends as early as the durations allow.
    ends: dict[str, float] = {}
    end_s = 0.0
    for task in chain:
        for lag in task.lags:
            if lag.after not in ends:
                msg = f"task {task.task_id}: {lag.after} is no earlier task of its film"
                raise InvalidInput(msg)
            if end_s - ends[lag.after] > lag.max_s:
                msg = (
                    f"task {task.task_id}: must start within {lag.max_s:g} s of "
                    f"{lag.after}, but what lies between takes "
                    f"{end_s - ends[lag.after]:g} s; allow more or shorten that"
                )
                raise InvalidInput(msg)
        end_s += task.duration_s
        ends[task.task_id] = end_s


def _named(at: tuple[str, ...]) -> str:
    return " or ".join(at) or "its slot"
