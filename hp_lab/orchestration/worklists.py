"""Another laboratory's worklist in this one: first samples, solutions, blanks."""

import json
import math
from dataclasses import replace
from pathlib import Path

import yaml

from hp_lab.chemistry.stocks import SubstrateStock
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig
from hp_lab.recipes.limits import check_recipe
from hp_lab.recipes.pascal import load_worklist
from hp_lab.recipes.steps import Measure, Step
from hp_lab.recipes.worklist import Worklist

# Bare substrates for references: one for each start of the run.
_BLANKS = 3


def first_samples(path: Path, count: int) -> str:
    """Return a worklist file's text with its first samples only; 0 is all.

    Raises:
        InvalidConfig: The file is unknown or broken.
        InvalidInput: count is below 0.
    """
    worklist = load_worklist(path)
    text = path.read_text(encoding="utf-8")
    if count == 0:
        return text
    kept = {recipe.sample_id for recipe in worklist.first(count).recipes}
    data = json.loads(text)
    data["samples"] = {k: v for k, v in data["samples"].items() if v["name"] in kept}
    return json.dumps(data, indent=2)


def with_possible_exposures(worklist: Worklist, lab: LabConfig) -> Worklist:
    """Return the worklist with exposures that this laboratory's detector can make.

    A longer one becomes several shorter ones of the same total, which are averaged.
    """
    longest_s = lab.spectrometer.max_integration_s

    def possible(step: Step) -> Step:
        if not isinstance(step, Measure) or step.integration_s <= longest_s:
            return step
        parts = math.ceil(step.integration_s / longest_s)
        return replace(
            step,
            integration_s=step.integration_s / parts,
            averages=step.averages * parts,
        )

    recipes = tuple(
        replace(recipe, steps=tuple(possible(step) for step in recipe.steps))
        for recipe in worklist.recipes
    )
    return replace(worklist, recipes=recipes)


def executable(worklist: Worklist, lab: LabConfig) -> Worklist:
    """Return the worklist as this laboratory executes it.

    Raises:
        InvalidInput: A recipe is outside the laboratory's limits; names the sample.
    """
    worklist = with_possible_exposures(worklist, lab)
    for recipe in worklist.recipes:
        try:
            check_recipe(recipe, lab)
        except InvalidInput as error:
            msg = f"sample {recipe.sample_id}:\n{error}"
            raise InvalidInput(msg) from error
    return worklist


def stocks_text(worklist: Worklist, lab: LabConfig) -> str:
    """Return the worklist's solutions, and substrates for blanks, as stocks.yaml.

    Raises:
        InvalidConfig: The laboratory's deck does not hold them.
        InvalidInput: No tray slot is left for a blank.
    """
    table = worklist.stock_table(dead_volume_ul=100.0)
    free = [
        f"{grid}/{slot}"
        for grid, positions in lab.gantry.grids.items()
        for slot in positions.positions()
        if f"{grid}/{slot}" not in table.slots
    ]
    if not free:
        msg = "worklist: takes every tray slot; one is needed for a bare substrate"
        raise InvalidInput(msg)
    blanks = SubstrateStock(name="blank glass", slots=free[-_BLANKS:])
    table = table.model_copy(update={"substrates": [*table.substrates, blanks]})
    table.check_deck(lab)
    return yaml.safe_dump(table.model_dump(mode="json"), sort_keys=False)
