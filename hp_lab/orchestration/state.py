"""The state of a campaign: frozen values, folded from its events by ``fold``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hp_lab.orchestration.events import CandidateData, ObservationData, TaskData
from hp_lab.recipes.steps import Recipe

CampaignStatus = Literal[
    "idle", "running", "paused", "interrupted", "done", "cancelled", "failed"
]
SampleStatus = Literal["active", "done", "failed", "quarantined"]
TaskStatus = Literal["planned", "running", "done", "failed"]
# Where a substrate can be beside the gantry's positions, as MoveSample says it.
UNKNOWN = "unknown"
GRIPPER = "gripper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task, planned and as it went; times are laboratory time."""

    data: TaskData
    status: TaskStatus = "planned"
    attempt: int = 0
    started_s: float | None = None
    ended_s: float | None = None
    message: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A film, or a blank.

    Attributes:
        failure: Why it is being given up; its film still has to leave its station.
        annealed_s: When its last anneal before its first reading ended; film age counts
            from here.
        tasks: Identifiers of its tasks, in order, without those it was given up for.
    """

    sample_id: str
    candidate_id: str
    slot: str
    mix_well: str
    recipe: Recipe
    counts: bool
    location: str
    status: SampleStatus = "active"
    failure: str = ""
    remake: bool = False
    reason: str = ""
    annealed_s: float | None = None
    tasks: tuple[str, ...] = ()
    readings: tuple[int, ...] = ()
    analysed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person has to decide."""

    question_id: str
    task_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignState:
    """Everything that is known of a campaign.

    Attributes:
        volumes_ul: What is left in each well.
        tip_racks: Tips of each rack when full.
        tips_used: How many of each are gone.
        planner_notes: What the planner last said besides its proposals.
        requested: How many candidates the planner was asked for and has not given.
        needs_plan: Some task has no planned time that still holds.
    """

    status: CampaignStatus = "idle"
    reason: str = ""
    name: str = ""
    seed: int = 0
    films: int = 0
    parallel: int = 1
    worklist: bool = False
    candidates: Mapping[str, CandidateData] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)
    samples: Mapping[str, Sample] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    observations: tuple[ObservationData, ...] = ()
    model_probabilities: Mapping[str, float] = field(default_factory=dict)
    planner_notes: tuple[str, ...] = ()
    posterior_reading: int = 0
    volumes_ul: Mapping[str, float] = field(default_factory=dict)
    tip_racks: Mapping[str, int] = field(default_factory=dict)
    tips_used: Mapping[str, int] = field(default_factory=dict)
    slots: tuple[str, ...] = ()
    mix_wells: tuple[str, ...] = ()
    requested: int = 0
    asked: int = 0
    question: Question | None = None
    needs_plan: bool = False
    needs_blank: bool = True
    last_s: float = 0.0

    @property
    def tips_left(self) -> int:
        """Fresh tips on the deck."""
        return sum(self.tip_racks.values()) - sum(self.tips_used.values())

    @property
    def films_done(self) -> int:
        """Films that were measured."""
        return sum(s.counts and s.status == "done" for s in self.samples.values())

    @property
    def films_failed(self) -> int:
        """Films that failed by themselves, and candidates that cannot be made."""
        return sum(
            s.counts and s.status in {"failed", "quarantined"} and not s.remake
            for s in self.samples.values()
        )

    def active(self) -> list[Sample]:
        """Return the samples that are not finished, in order of creation."""
        return [s for s in self.samples.values() if s.status == "active"]

    def waiting_candidates(self) -> list[str]:
        """Return proposed candidates that no sample is made of, in order."""
        made = {s.candidate_id for s in self.samples.values() if not s.remake}
        return [c for c in self.candidates if c not in made | set(self.unreachable)]

    def next_task(self, sample: Sample) -> Task | None:
        """Return the sample's first task that is not done."""
        for task_id in sample.tasks:
            task = self.tasks[task_id]
            if task.status != "done":
                return task
        return None
