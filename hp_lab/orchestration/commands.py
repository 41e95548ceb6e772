"""What the campaign's state asks to be done."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestProposals:
    """Ask the planner for this many candidates."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeSample:
    """Work out the recipe of a candidate and set a substrate aside for it."""

    candidate_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeBlank:
    """Set a bare substrate aside whose transmission is the reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTasks:
    """Schedule everything that has not started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTask:
    """Send the action of a task."""

    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyseFilm:
    """Turn a film's raw readings into observations."""

    sample_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSample:
    """Write down how a film ended."""

    sample_id: str
    status: str
    reason: str
    remake: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPerson:
    """Put a question about a failed task."""

    task_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeAt:
    """Look again at this laboratory time."""

    when_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCampaign:
    """Nothing is left to do."""

    status: str
    message: str


Command = (
    RequestProposals
    | MakeSample
    | MakeBlank
    | PlanTasks
    | StartTask
    | AnalyseFilm
    | EndSample
    | AskPerson
    | WakeAt
    | EndCampaign
)
