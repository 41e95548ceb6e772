"""Proposals from a table of observations, without a laboratory."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hp_lab.errors import InvalidInput, instead
from hp_lab.planner.dimensions import Categorical, Molecule
from hp_lab.planner.goal import Answer, Goal, PlannerSettings, Trial
from hp_lab.planner.memory import from_bytes
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import propose
from hp_lab.planner.space import Space
from hp_lab.records import Bound, Candidate, Observation, Setting

_KINDS: dict[str, Bound] = {
    "": "exact",
    "exact": "exact",
    "lower_bound": "lower_bound",
    "upper_bound": "upper_bound",
}
# What is told of a quantity besides its value.
_ABOUT = ("sigma", "kind", "cause")
# Without a stated sigma a value is good to this share of the spread of all values.
_DEFAULT_SIGMA = 0.02


def plan_from_csv(
    space: Space,
    objectives: Sequence[Objective],
    settings: PlannerSettings,
    *,
    observations: Path | None = None,
    count: int = 1,
    seed: int = 1,
    posterior: bytes = b"",
) -> Answer:
    """Propose from a CSV with a film a row, see :func:`goal_from_csv`.

    Args:
        space: Of the campaign.
        objectives: Of the campaign.
        settings: Of the campaign.
        observations: The CSV; None where there are no films yet.
        count: How many films to propose.
        seed: Decides what is left to chance.
        posterior: Of an earlier answer.

    Raises:
        InvalidInput: A column is missing or a cell is wrong; the message names the row.
    """
    goal = goal_from_csv(
        space,
        objectives,
        settings,
        observations=observations,
        count=count,
        seed=seed,
    )
    return propose(replace(goal, posterior=posterior))


def load_posterior(path: Path) -> bytes:
    """Return the posterior in a file, nothing where there is no such file.

    Raises:
        InvalidInput: The file cannot be read, or holds something else.
    """
    try:
        data = path.read_bytes()
        from_bytes(data)
    except FileNotFoundError:
        return b""
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); name another file"
        raise InvalidInput(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"{path}: is no posterior of this version of the planner and would be "
            "replaced by one; name another file, or delete it"
        )
        raise InvalidInput(msg) from error
    return data


def goal_from_csv(
    space: Space,
    objectives: Sequence[Objective],
    settings: PlannerSettings,
    *,
    observations: Path | None = None,
    count: int = 1,
    seed: int = 1,
) -> Goal:
    """Return the goal of a campaign and a CSV with a film a row.

    Columns: the space's settings, molecules by label or as SMILES; a column a quantity,
    empty where it was not found; optionally QUANTITY_sigma and QUANTITY_kind (exact,
    lower_bound, upper_bound), QUANTITY_cause (why it is a bound; detector_saturated and
    below_noise are answered with what helps), id, and status (failed, unreachable, or
    pending: being made, not measured yet). Other columns are left alone, unless they
    begin with QUANTITY_ or differ from one of these by capitals alone.

    Raises:
        InvalidInput: A column is missing or would be ignored by a slip of the pen, or
            a cell is wrong; the message names the row.
    """
    table = read_table(observations) if observations is not None else []
    if table:
        _check_columns(observations, list(table[0]), space, objectives)
    for quantity in (o.quantity for o in objectives):
        if table and quantity not in table[0]:
            msg = (
                f"{observations}: column {quantity!r} of the objectives is missing; it "
                f"has {', '.join(table[0])}"
            )
            raise InvalidInput(msg)
    trials: list[Trial] = []
    pending: list[Candidate] = []
    marked: dict[str, set[str]] = {"failed": set(), "unreachable": set()}
    sigmas = {o.quantity: _sigma(table, o.quantity) for o in objectives}
    for number, row in enumerate(table, start=1):
        origin = f"{observations}, row {number}"
        name = row.get("id") or f"c{number:04d}"
        candidate = Candidate(
            candidate_id=name, settings=_settings(space, row, origin), reason="given"
        )
        found = [
            one
            for o in objectives
            if (one := _observation(row, o.quantity, name, sigmas, origin)) is not None
        ]
        status = row.get("status", "")
        if status == "pending":
            if found:
                msg = (
                    f"{origin}: is pending and has a value of {found[0].quantity} "
                    "already; empty its status, or the value"
                )
                raise InvalidInput(msg)
            pending.append(candidate)
            continue
        if status in marked:
            marked[status].add(name)
        elif status not in ("", "ok", "done"):
            msg = (
                f"{origin}: status {status!r} must be empty, pending, failed or "
                "unreachable"
            )
            raise InvalidInput(msg)
        trials.append((candidate, tuple(found)))
    return Goal(
        space=space,
        objectives=tuple(objectives),
        settings=settings,
        trials=tuple(trials),
        failed=frozenset(marked["failed"]),
        unreachable=frozenset(marked["unreachable"]),
        pending=tuple(pending),
        count=count,
        seed=seed,
    )


def points_from_csv(space: Space, path: Path) -> tuple[Candidate, ...]:
    """Return the points of a CSV with settings a row, named by id or by the row.

    Raises:
        InvalidInput: A column is missing, a cell is wrong, or a point lies outside the
            space; the message names the row.
    """
    points = []
    for number, row in enumerate(read_table(path), start=1):
        origin = f"{path}, row {number}"
        settings = _settings(space, row, origin)
        try:
            space.check(settings)
        except InvalidInput as error:
            msg = f"{origin}: {error}"
            raise InvalidInput(msg) from error
        name = row.get("id") or str(number)
        points.append(Candidate(candidate_id=name, settings=settings, reason="given"))
    return tuple(points)


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV with a header.

    Raises:
        InvalidInput: It cannot be read, is empty, names a column twice, or a row has
            another length.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            header = [name.strip() for name in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: cannot be read as CSV ({error})"
        raise InvalidInput(msg) from error
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        msg = f"{path}: column {doubled[0]!r} is there twice; names must differ"
        raise InvalidInput(msg)
    if not rows:
        msg = f"{path}: has no rows below its header"
        raise InvalidInput(msg)
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            msg = f"{path}, row {number}: has not as many cells as the header"
            raise InvalidInput(msg)
    return [{k.strip(): v.strip() for k, v in row.items()} for row in rows]


def cell(row: Mapping[str, str], column: str, origin: str) -> float:
    """Return the number in a cell.

    Raises:
        InvalidInput: It is no finite number.
    """
    try:
        value = float(row[column])
    except ValueError as error:
        msg = f"{origin}: {column} {row[column]!r} is not a number"
        raise InvalidInput(msg) from error
    if not np.isfinite(value):
        msg = f"{origin}: {column} {row[column]!r} must be a finite number"
        raise InvalidInput(msg)
    return value


def _check_columns(
    path: Path | None,
    columns: Sequence[str],
    space: Space,
    objectives: Sequence[Objective],
) -> None:
    """Refuse columns that nobody means to be ignored."""
    quantities = [one.quantity for one in objectives]
    known = ["id", "status", *quantities]
    known += [f"{quantity}_{what}" for quantity in quantities for what in _ABOUT]
    lowered = {one.lower() for one in known}
    for column in columns:
        if column in known or column in space.names:
            continue
        begins = any(column.startswith(f"{quantity}_") for quantity in quantities)
        if begins or column.lower() in lowered:
            msg = (
                f"{path}: column {column!r} is none that is read; "
                f"{instead(column, known)} Give another name to what is to be ignored"
            )
            raise InvalidInput(msg)


def _settings(space: Space, row: Mapping[str, str], origin: str) -> dict[str, Setting]:
    missing = [name for name in space.names if name not in row]
    if missing:
        msg = f"{origin}: column {missing[0]!r} of the search space is missing"
        raise InvalidInput(msg)
    result: dict[str, Setting] = {}
    for name in space.names:
        match space.dimensions.get(name):
            case Molecule() as molecule:
                result[name] = molecule.label(row[name])
            case Categorical():
                result[name] = row[name]
            case _:
                result[name] = cell(row, name, origin)
    return result


def _sigma(table: Sequence[Mapping[str, str]], quantity: str) -> float:
    values = [
        cell(row, quantity, f"row {i}")
        for i, row in enumerate(table, start=1)
        if row.get(quantity)
    ]
    spread = float(np.std(values)) if values else 0.0
    largest = max((abs(v) for v in values), default=1.0)
    return _DEFAULT_SIGMA * (spread or largest or 1.0)


def _observation(
    row: Mapping[str, str],
    quantity: str,
    name: str,
    sigmas: Mapping[str, float],
    origin: str,
) -> Observation | None:
    if not row.get(quantity):
        return None
    kind = row.get(f"{quantity}_kind", "")
    if kind not in _KINDS:
        msg = f"{origin}: {quantity}_kind {kind!r} must be one of {', '.join(_KINDS)}"
        raise InvalidInput(msg)
    cause = row.get(f"{quantity}_cause", "")
    if cause and _KINDS[kind] == "exact":
        msg = (
            f"{origin}: {quantity}_cause {cause!r} is that of a bound; set "
            f"{quantity}_kind to lower_bound or upper_bound, or empty the cause"
        )
        raise InvalidInput(msg)
    given = row.get(f"{quantity}_sigma")
    return Observation(
        quantity=quantity,
        value=cell(row, quantity, origin),
        sigma=cell(row, f"{quantity}_sigma", origin) if given else sigmas[quantity],
        unit="",
        sample_id=name,
        candidate_id=name,
        kind=_KINDS[kind],
        cause=cause or ("given" if _KINDS[kind] != "exact" else ""),
    )
