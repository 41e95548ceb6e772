"""Whether a campaign's planner settings fit its space and objectives.

What has no effect is refused as what is wrong: a name with a slip of the pen has none
either.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hp_lab.errors import InvalidInput, instead
from hp_lab.planner.chosen_hypotheses import VALUE, chosen, load_modules
from hp_lab.planner.expressions import Expression
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.objectives import Objective
from hp_lab.planner.space import Space

if TYPE_CHECKING:
    from hp_lab.planner.goal import HypothesisChoice, PlannerSettings

# Points of the space at which hypotheses are tried.
_POINTS = 16


def problems(
    settings: "PlannerSettings", space: Space, objectives: Sequence[Objective]
) -> list[str]:
    """Return what is wrong with settings, each as ``FIELD: what, and what instead``."""
    return [
        *_of_hypotheses(settings, space, objectives),
        *_of_costs(settings, space),
        *_of_acquisition(settings, objectives),
        *_of_distinct(settings, space, objectives),
        *_of_reference(settings, objectives),
    ]


def _of_hypotheses(
    settings: "PlannerSettings", space: Space, objectives: Sequence[Objective]
) -> Iterator[str]:
    try:
        own = load_modules(settings.modules)
    except InvalidInput as error:
        yield f"modules: {error}"
        return
    for choice in settings.hypotheses:
        try:
            _check_quantity(choice, objectives)
            _check_choice(choice, space, own)
        except InvalidInput as error:
            yield f"hypotheses: {error}"


def _check_quantity(
    choice: "HypothesisChoice", objectives: Sequence[Objective]
) -> None:
    names = [one.quantity for one in objectives]
    if choice.quantity is None and len(names) > 1:
        msg = (
            f"{choice.name}: say which quantity it explains, one of {', '.join(names)}"
        )
        raise InvalidInput(msg)
    if choice.quantity is not None and choice.quantity not in names:
        msg = (
            f"{choice.name}: quantity {choice.quantity!r} is no objective; "
            f"{instead(choice.quantity, names)}"
        )
        raise InvalidInput(msg)


def _check_choice(
    choice: "HypothesisChoice", space: Space, own: Mapping[str, Hypothesis]
) -> None:
    found = chosen(choice, own).resolved(offset=0.0, scale=1.0, ranges=space.ranges)
    if choice.table:
        _check_table(choice, space)
        return
    rng = np.random.default_rng(0)
    found.check(space.columns(space.sample_codes(rng, _POINTS)), rng)


def _check_table(choice: "HypothesisChoice", space: Space) -> None:
    if choice.inputs or choice.priors:
        field = "inputs" if choice.inputs else "priors"
        msg = (
            f"{choice.name}: {field} belong to a registered hypothesis; its table's "
            "columns are settings, and its parameters are offset and gain"
        )
        raise InvalidInput(msg)
    columns = [column for column in choice.table[0] if column != VALUE]
    if not columns:
        msg = f"{choice.name}: its table has no column but {VALUE}; add settings"
        raise InvalidInput(msg)
    for column in columns:
        if column not in space.labels:
            msg = (
                f"{choice.name}: its table's column {column!r} is no setting; "
                f"{instead(column, space.names)}"
            )
            raise InvalidInput(msg)
        labels = space.labels[column]
        for number, row in enumerate(choice.table, start=1):
            cell = row[column]
            if isinstance(cell, str) and not labels:
                remedy = "write a number, without quotes"
            elif labels and cell not in labels:
                remedy = instead(str(cell), labels)
            else:
                continue
            kind = "label" if labels else "number"
            msg = (
                f"{choice.name}: row {number} of its table: {column} {cell!r} is no "
                f"{kind} of the space; {remedy}"
            )
            raise InvalidInput(msg)


def _of_costs(settings: "PlannerSettings", space: Space) -> Iterator[str]:
    if not settings.costs:
        return
    try:
        Expression(settings.costs, "costs:").check(space.labels, constraint=False)
    except InvalidInput as error:
        yield str(error)


def _of_acquisition(
    settings: "PlannerSettings", objectives: Sequence[Objective]
) -> Iterator[str]:
    fields = type(settings).model_fields
    for name, value, owner in (
        ("ucb_beta", settings.ucb_beta, "upper_confidence_bound"),
        ("boundary", settings.boundary, "boundary"),
    ):
        if value != fields[name].default and settings.acquisition != owner:
            yield (
                f"{name}: {value:g} belongs to acquisition {owner}, not to "
                f"{settings.acquisition}; set that, or leave it out"
            )
    if len(objectives) == 1:
        return
    if settings.acquisition == "boundary":
        yield (
            f"acquisition: boundary looks at one quantity, and there are "
            f"{len(objectives)} objectives; leave one"
        )
    if settings.replicates > 1:
        yield (
            f"replicates: {settings.replicates} films of the best candidate need one "
            f"objective, and there are {len(objectives)}; leave it out"
        )


def _of_distinct(
    settings: "PlannerSettings", space: Space, objectives: Sequence[Objective]
) -> Iterator[str]:
    name = settings.distinct
    if not name:
        return
    labelled = [setting for setting, labels in space.labels.items() if labels]
    if name not in labelled:
        yield (
            f"distinct: {name!r} is no category or molecule of the space; "
            f"{instead(name, labelled)}"
        )
    if settings.acquisition != "automatic":
        yield (
            f"distinct: has no effect on acquisition {settings.acquisition}; leave "
            "out one of them"
        )
    if len(objectives) > 1:
        yield (
            f"distinct: looks at one quantity, and there are {len(objectives)} "
            "objectives; leave one"
        )


def _of_reference(
    settings: "PlannerSettings", objectives: Sequence[Objective]
) -> Iterator[str]:
    names = [one.quantity for one in objectives]
    for name in settings.reference:
        if name not in names:
            yield f"reference: {name!r} is no objective; {instead(name, names)}"
    if settings.reference and (len(names) == 1 or settings.several == "weighted"):
        yield (
            "reference: belongs to the Pareto front of several objectives; leave it out"
        )
