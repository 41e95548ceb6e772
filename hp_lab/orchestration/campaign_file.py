"""Campaign files: what is searched, for what, with how many films."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.lab_config import Model, check_model, read_yaml
from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.molecule_file import read_molecules
from hp_lab.planner.objectives import Objective, check_objectives
from hp_lab.planner.settings_check import problems
from hp_lab.planner.space import Space, constrained
from hp_lab.recipes.compiler import ProcessDefaults


class Budget(Model):
    """How much may be spent.

    Attributes:
        films: Films to make, the failed ones too.
        parallel: Films under way at once.
    """

    films: Annotated[int, Field(ge=1, le=10_000)]
    parallel: Annotated[int, Field(ge=1, le=64)] = 2


class CampaignFile(Model):
    """A campaign.

    Attributes:
        name: Usable as a directory name.
        seed: Decides everything that is left to chance.
        space: Dimensions of the search, by name.
        constraints: Expressions that every candidate satisfies.
        objectives: The first is the one that reports and progress show.
        process: What is the same for every film.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=60)]
    seed: Annotated[int, Field(ge=0, lt=2**40)] = 1
    space: Space
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    budget: Budget
    planner: PlannerSettings = PlannerSettings()
    process: ProcessDefaults = ProcessDefaults()

    @model_validator(mode="before")
    @classmethod
    def _constraints_belong_to_the_space(cls, data: Any) -> Any:  # noqa: ANN401 - plain data
        if not isinstance(data, dict) or "constraints" not in data:
            return data
        rest = {key: value for key, value in data.items() if key != "constraints"}
        space = rest.get("space")
        if isinstance(space, dict):
            rest["space"] = constrained(space, data["constraints"])
        return rest

    @field_validator("objectives")
    @classmethod
    def _one_goal_a_quantity(
        cls, objectives: tuple[Objective, ...]
    ) -> tuple[Objective, ...]:
        check_objectives(objectives)
        return objectives

    @field_validator("space")
    @classmethod
    def _candidates_exist(cls, space: Space, others: ValidationInfo) -> Space:
        # An empty space is found here, not after an hour of preparation.
        space.sample_codes(np.random.default_rng(others.data.get("seed", 1)), 1)
        return space

    @field_validator("planner")
    @classmethod
    def _settings_fit(
        cls, planner: PlannerSettings, others: ValidationInfo
    ) -> PlannerSettings:
        # What is wrong itself is missing here, and said already.
        if {"space", "objectives"} <= others.data.keys():
            found = problems(planner, others.data["space"], others.data["objectives"])
            if found:
                raise ValueError("\n".join(found))
        return planner


def load_campaign(path: Path) -> CampaignFile:
    """Read and check a campaign file.

    Raises:
        InvalidConfig: One line for each wrong field, with its value and the limit.
    """
    return check_model(CampaignFile, read_campaign(path), str(path))


def load_recorded(path: Path) -> CampaignFile:
    """Read the campaign of a run, without its planner's settings.

    They may name modules that are gone; what a run did can be shown all the same.

    Raises:
        InvalidConfig: As :func:`load_campaign`.
    """
    data = {k: v for k, v in read_campaign(path).items() if k != "planner"}
    return check_model(CampaignFile, data, str(path))


def read_campaign(path: Path) -> dict[str, object]:
    """Return what a campaign file says, unchecked, so that it can be moved elsewhere.

    Paths of its planner's modules are made absolute, and files of molecules are
    replaced by the molecules.

    Raises:
        InvalidConfig: A file cannot be read or is none of its kind.
    """
    data = read_yaml(path)
    if not isinstance(data, dict):
        msg = f"{path}: {data!r:.40} must be fields and values, such as name: demo"
        raise InvalidConfig(msg)
    planner, space = data.get("planner"), data.get("space")
    if isinstance(planner, dict) and isinstance(planner.get("modules"), list):
        modules = [
            str((path.parent / one).resolve()) if str(one).endswith(".py") else one
            for one in planner["modules"]
        ]
        data["planner"] = {**planner, "modules": modules}
    if isinstance(space, dict):
        data["space"] = {
            name: _with_molecules(name, value, path) for name, value in space.items()
        }
    return data


def _with_molecules(name: str, dimension: object, path: Path) -> object:
    if not isinstance(dimension, dict) or "library" not in dimension:
        return dimension
    if "choices" in dimension:
        msg = f"{path}: space.{name}: choices and library exclude each other; give one"
        raise InvalidConfig(msg)
    rest = {key: value for key, value in dimension.items() if key != "library"}
    file = path.parent / str(dimension["library"])
    try:
        return {**rest, "choices": read_molecules(file)}
    except InvalidInput as error:
        msg = f"{path}: space.{name}.library: {error}"
        raise InvalidConfig(msg) from error
