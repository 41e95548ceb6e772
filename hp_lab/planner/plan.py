"""Proposals from a table of observations, without a laboratory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hp_lab.errors import InvalidInput, instead, listed
from hp_lab.planner.dimensions import Categorical, Molecule
from hp_lab.planner.goal import Answer, Goal, PlannerSettings, Trial
from hp_lab.planner.memory import from_bytes
from hp_lab.planner.model_space import differ
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import propose
from hp_lab.planner.space import Space
from hp_lab.planner.table import cell, read_table
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
    except ValueError as error:
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
        columns = list(table[0])
        _check_columns(observations, columns, space, objectives)
        quantities = [one.quantity for one in objectives]
        _check_present(observations, columns, quantities, "the objectives")
        _check_present(observations, columns, space.names, "the search space")
    trials: list[Trial] = []
    pending: list[Candidate] = []
    marked: dict[str, set[str]] = {"failed": set(), "unreachable": set()}
    sigmas = {o.quantity: _sigma(table, o.quantity, observations) for o in objectives}
    rows: dict[str, int] = {}
    for number, row in enumerate(table, start=1):
        origin = f"{observations}, row {number}"
        name = row.get("id") or f"c{number:04d}"
        if rows.setdefault(name, number) < number:
            msg = (
                f"{origin}: {name!r} is the film of row {rows[name]} already; give "
                "each film an id of its own"
            )
            raise InvalidInput(msg)
        candidate = Candidate(
            candidate_id=name, settings=_settings(space, row, origin), reason="given"
        )
        found = [
            one
            for o in objectives
            if (one := _observation(row, o, name, sigmas, origin)) is not None
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
    table = read_table(path)
    _check_present(path, list(table[0]), space.names, "the search space")
    for number, row in enumerate(table, start=1):
        settings = _settings(space, row, f"{path}, row {number}")
        name = row.get("id") or str(number)
        points.append(Candidate(candidate_id=name, settings=settings, reason="given"))
    return tuple(points)


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
                f"{path}: column {column!r} is none that is read, and needs another "
                f"name to be ignored; {instead(column, known)}"
            )
            raise InvalidInput(msg)


def _check_present(
    path: Path | None, columns: Sequence[str], wanted: Sequence[str], owner: str
) -> None:
    for name in wanted:
        if name not in columns:
            msg = (
                f"{path}: column {name!r} of {owner} is missing; it has "
                f"{listed(columns)}"
            )
            raise InvalidInput(msg)


def _settings(space: Space, row: Mapping[str, str], origin: str) -> dict[str, Setting]:
    """Return settings that lie in the space."""
    result: dict[str, Setting] = {}
    for name in space.names:
        match space.dimensions.get(name):
            case Molecule() as molecule:
                result[name] = molecule.label(row[name])
            case Categorical():
                result[name] = row[name]
            case _:
                result[name] = cell(row, name, origin)
    try:
        space.check(result)
    except InvalidInput as error:
        msg = f"{origin}: {error}"
        raise InvalidInput(msg) from error
    return result


def _sigma(
    table: Sequence[Mapping[str, str]], quantity: str, path: Path | None
) -> float:
    values = [
        cell(row, quantity, f"{path}, row {i}")
        for i, row in enumerate(table, start=1)
        if row.get(quantity)
    ]
    spread = float(np.std(values)) if values and differ(np.array(values)) else 0.0
    largest = max((abs(v) for v in values), default=1.0)
    return _DEFAULT_SIGMA * (spread or largest or 1.0)


def _observation(
    row: Mapping[str, str],
    objective: Objective,
    name: str,
    sigmas: Mapping[str, float],
    origin: str,
) -> Observation | None:
    quantity = objective.quantity
    kind = row.get(f"{quantity}_kind", "")
    if kind not in _KINDS:
        msg = (
            f"{origin}: {quantity}_kind {kind!r} must be empty, exact, lower_bound or "
            "upper_bound"
        )
        raise InvalidInput(msg)
    is_bound = _KINDS[kind] != "exact"
    if not row[quantity]:
        if is_bound:
            msg = (
                f"{origin}: {quantity}_kind {kind!r} is that of a value, and "
                f"{quantity} is empty; write the bound there, or empty the kind"
            )
            raise InvalidInput(msg)
        return None
    cause = row.get(f"{quantity}_cause", "")
    if cause and not is_bound:
        msg = (
            f"{origin}: {quantity}_cause {cause!r} is that of a bound; set "
            f"{quantity}_kind to lower_bound or upper_bound, or empty the cause"
        )
        raise InvalidInput(msg)
    value = cell(row, quantity, origin)
    try:
        objective.check_score(value)
    except InvalidInput as error:
        msg = f"{origin}: {error}"
        raise InvalidInput(msg) from error
    sigma = sigmas[quantity]
    if row.get(f"{quantity}_sigma"):
        sigma = cell(row, f"{quantity}_sigma", origin)
        if sigma <= 0:
            msg = (
                f"{origin}: {quantity}_sigma {sigma:g} must be above 0; empty it "
                "where it is not known"
            )
            raise InvalidInput(msg)
    return Observation(
        quantity=quantity,
        value=value,
        sigma=sigma,
        unit="",
        sample_id=name,
        candidate_id=name,
        kind=_KINDS[kind],
        cause=cause or ("given" if is_bound else ""),
    )
