"""What the planner is asked, and what it answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from hp_lab.errors import InvalidInput
from hp_lab.planner.dimensions import Model, Settings
from hp_lab.planner.hypotheses import VANILLA_NAME, Policy
from hp_lab.planner.objectives import Objective, check_objectives
from hp_lab.planner.priors import Prior
from hp_lab.planner.settings_check import problems
from hp_lab.planner.space import Space
from hp_lab.records import Candidate, Observation

Trial = tuple[Candidate, tuple[Observation, ...]]
# Called with a share from 0 to 1 and what is being done.
Progress = Callable[[float, str], None]
# Asked now and then; True stops the computation.
Stop = Callable[[], bool]
_NUMBERED = re.compile(r"c(\d+)$")


class HypothesisChoice(Model):
    """A registered hypothesis to compare, or a table of calculated values.

    Attributes:
        name: Of a registered hypothesis; of your choice where there is a table.
        quantity: The quantity it explains; None where there is one objective.
        inputs: Name in the function to name of the setting, where they differ.
        priors: Priors of its parameters, where they differ.
        table: Rows of settings and the calculated ``value``.
    """

    name: str
    quantity: str | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    priors: dict[str, Prior] = Field(default_factory=dict)
    table: tuple[dict[str, float | str], ...] = ()


class PlannerSettings(Model):
    """The ``planner:`` section of a campaign file.

    Attributes:
        initial: Films of the space-filling start; None decides from the space.
        acquisition: What a film is chosen by. ``automatic`` is an upper confidence
            bound for one objective to maximise or minimise in a space (two standard
            deviations), the expected improvement for a target or where films have
            costs. Of a list of choices many good ones are wanted, and a film counts by
            what it is expected to be above the worst of them. It is the expected gain
            in hypervolume for several objectives. Then log expected improvement, an
            upper confidence bound of ``ucb_beta``, Thompson sampling, the largest
            uncertainty, and the uncertainty about where a quantity crosses
            ``boundary``.
        several: What several objectives mean: a Pareto front, or a weighted sum.
        hypotheses: Models to compare with the vanilla GP; a name alone is enough.
        modules: Python files (``.py``) and modules that register hypotheses of one's
            own. A campaign file's paths are relative to it.
        policy: How hypotheses are compared. ``evidence`` averages them with their
            probabilities. ``published`` relies on one model at a time, chosen by
            rewards (:mod:`hp_lab.planner.learning`). With acquisition ``exploration``
            both measure what tells most.
        ucb_beta: Standard deviations of the upper confidence bound.
        reference: Worst value of each objective that counts for the Pareto front.
        replicates: Films of one candidate at most; the best one is made again where
            noise hides what films differ by, until its own value is known well. An
            outlier that would be the best film is made twice all the same.
        learn_feasibility: Whether films that failed warn of their neighbours.
        costs: Expression of settings for the cost of a film; gains are divided by it,
            which upper confidence bounds and Thompson sampling do not know.
        distinct: Name of a category or molecule. Wanted is then a good film of each of
            its labels, not the best film of all: a film gains by what it is above the
            best one of its own label.
    """

    initial: Annotated[int, Field(ge=1)] | None = None
    acquisition: Literal[
        "automatic",
        "expected_improvement",
        "upper_confidence_bound",
        "thompson",
        "exploration",
        "boundary",
    ] = "automatic"
    several: Literal["pareto", "weighted"] = "pareto"
    hypotheses: tuple[HypothesisChoice, ...] = ()
    modules: tuple[str, ...] = ()
    policy: Policy = "evidence"
    ucb_beta: Annotated[float, Field(ge=0)] = 2.0
    boundary: float = 0.0
    reference: dict[str, float] = Field(default_factory=dict)
    replicates: Annotated[int, Field(ge=1)] = 1
    learn_feasibility: bool = True
    costs: str = ""
    distinct: str = ""

    @model_validator(mode="after")
    def _hypotheses_are_told_apart(self) -> Self:
        keys = [(one.quantity, one.name) for one in self.hypotheses]
        for key in keys:
            if keys.count(key) > 1:
                msg = f"hypothesis {key[1]!r} is given twice; names must differ"
                raise ValueError(msg)
            if key[1] == VANILLA_NAME:
                msg = (
                    f"hypothesis {key[1]!r}: this is what the model without a "
                    "hypothesis is called; choose another name"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _policy_has_a_choice(self) -> Self:
        if self.policy == "published" and not self.hypotheses:
            msg = (
                "policy published chooses among hypotheses and there are none; name "
                "some under hypotheses, or leave out policy"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _costs_divide_a_gain(self) -> Self:
        if self.costs and self.acquisition in ("upper_confidence_bound", "thompson"):
            msg = (
                f"costs {self.costs!r} divide a gain, and acquisition "
                f"{self.acquisition} is none; use acquisition expected_improvement or "
                "automatic, or leave out costs"
            )
            raise ValueError(msg)
        return self

    @field_validator("hypotheses", mode="before")
    @classmethod
    def _names_are_enough(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return [{"name": one} if isinstance(one, str) else one for one in value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Everything that a proposal depends on.

    Attributes:
        trials: Finished candidates with their observations, the failed ones too.
        failed: Ids among the trials whose film could not be made or measured.
        unreachable: Ids among the trials whose composition cannot be mixed.
        pending: Candidates that are being made.
        count: How many candidates are wanted.
        posterior: What the last answer returned, or nothing.
        choices: Settings to choose among; nothing means the whole space.
    """

    space: Space
    objectives: tuple[Objective, ...]
    settings: PlannerSettings = field(default_factory=PlannerSettings)
    trials: tuple[Trial, ...] = ()
    failed: frozenset[str] = frozenset()
    unreachable: frozenset[str] = frozenset()
    pending: tuple[Candidate, ...] = ()
    count: int = 1
    seed: int = 0
    posterior: bytes = b""
    choices: tuple[Settings, ...] = ()

    def __post_init__(self) -> None:
        """Refuse goals that cannot be answered.

        Raises:
            InvalidInput: No objective or two of one quantity, settings that do not fit
                them or the space, a count below 1, a negative seed, an unknown or
                doubled id, or a candidate outside the space.
        """
        check_objectives(self.objectives)
        wrong = problems(self.settings, self.space, self.objectives)
        if wrong:
            msg = "\n".join(f"planner.{one}" for one in wrong)
            raise InvalidInput(msg)
        if self.count < 1:
            msg = f"goal: count {self.count} must be at least 1"
            raise InvalidInput(msg)
        if self.seed < 0:
            msg = f"goal: seed {self.seed} must be at least 0"
            raise InvalidInput(msg)
        ids = [candidate.candidate_id for candidate, _ in self.trials]
        ids += [candidate.candidate_id for candidate in self.pending]
        doubled = sorted({one for one in ids if ids.count(one) > 1})
        if doubled:
            msg = f"goal: candidate {doubled[0]} is given twice; ids must differ"
            raise InvalidInput(msg)
        unknown = sorted((self.failed | self.unreachable) - set(ids))
        if unknown:
            msg = (
                f"goal: {unknown[0]} is called failed or unreachable but is none of "
                "the trials; give its candidate there without observations"
            )
            raise InvalidInput(msg)
        for candidate in [*(c for c, _ in self.trials), *self.pending]:
            try:
                self.space.check(candidate.settings)
            except InvalidInput as error:
                msg = f"goal: candidate {candidate.candidate_id}: {error}"
                raise InvalidInput(msg) from error

    def next_ids(self) -> list[str]:
        """Return ids for the wanted candidates: c0001, c0002, ..."""
        ids = [candidate.candidate_id for candidate, _ in self.trials]
        ids += [candidate.candidate_id for candidate in self.pending]
        numbers = [int(m.group(1)) for one in ids if (m := _NUMBERED.match(one))]
        first = max([len(ids), *numbers]) + 1
        return [f"c{first + offset:04d}" for offset in range(self.count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The proposed experiments.

    Attributes:
        candidates: In the order in which they should be made.
        model_names: The models that were compared; with several objectives those of
            each, named QUANTITY/MODEL.
        model_probabilities: Posterior probability of each; those of a quantity sum to
            1.
        posterior: Opaque; hand it to the next goal to spare the planner a cold start.
        notes: Sentences for a person: fallbacks, doubts, diagnostics.
        pareto_front: Ids of the trials that nothing beats, with several objectives.
    """

    candidates: tuple[Candidate, ...]
    model_names: tuple[str, ...] = ()
    model_probabilities: tuple[float, ...] = ()
    posterior: bytes = b""
    notes: tuple[str, ...] = ()
    pareto_front: tuple[str, ...] = ()
