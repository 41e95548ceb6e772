"""Campaign files: what is searched, for what, with how many films."""

from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from hp_lab.lab_config import Model, load_model
from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective, check_objectives
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

    @model_validator(mode="after")
    def _candidates_exist(self) -> Self:
        # An empty space is found here, not after an hour of preparation.
        self.space.sample_codes(np.random.default_rng(self.seed), 1)
        return self


def load_campaign(path: Path) -> CampaignFile:
    """Read and check a campaign file.

    Raises:
        InvalidConfig: One line for each wrong field, with its value and the limit.
    """
    return load_model(CampaignFile, path)
