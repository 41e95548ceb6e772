"""Recipes as plain data, for the journal, and back."""

from typing import Any

from pydantic import TypeAdapter

from hp_lab.recipes.steps import (
    Anneal,
    Image,
    Measure,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    Step,
)

_STEPS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (Anneal, Image, Measure, Mix, Rest, SpinCoat)
}


def recipe_data(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as JSON-able data; each step says its type."""
    return {
        "sample_id": recipe.sample_id,
        "candidate_id": recipe.candidate_id,
        "substrate": recipe.substrate,
        "slot": recipe.slot,
        "steps": [_step_data(step) for step in recipe.steps],
    }


def recipe_from(data: dict[str, Any]) -> Recipe:
    """Return the recipe of plain data."""
    return Recipe(
        sample_id=data["sample_id"],
        candidate_id=data["candidate_id"],
        substrate=data["substrate"],
        slot=data["slot"],
        steps=tuple(_step(item) for item in data["steps"]),
    )


def _step_data(step: Step) -> dict[str, Any]:
    kind = type(step).__name__
    return {"type": kind, **_STEPS[kind].dump_python(step, mode="json")}


def _step(item: dict[str, Any]) -> Step:
    fields = dict(item)
    step: Step = _STEPS[fields.pop("type")].validate_python(fields)
    return step
