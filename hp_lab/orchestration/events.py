"""What can happen in a campaign: the events of the journal.

An event is written before anything that follows from it is done. ``TaskStarted`` is the
intent, written before an action is sent; ``TaskEnded`` its outcome.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from hp_lab.lab_config import Model
from hp_lab.records import Setting

Kind = Literal["exact", "lower_bound", "upper_bound"]


class CandidateData(Model):
    """A candidate as the journal keeps it."""

    candidate_id: str
    settings: dict[str, Setting]
    predicted_mean: tuple[float, ...] = ()
    predicted_sigma: tuple[float, ...] = ()
    acquisition: float = 0.0
    feasibility: float = 1.0
    reason: str = "initial"


class ObservationData(Model):
    """An observation as the journal keeps it."""

    quantity: str
    value: float
    sigma: float
    unit: str
    sample_id: str
    candidate_id: str = ""
    kind: Kind = "exact"
    cause: str = ""
    replicate: int = 0
    film_age_s: float = 0.0
    flags: tuple[str, ...] = ()
    analysis_version: str = ""


class RejectedData(Model):
    """A quantity that could not be found."""

    quantity: str
    reason: str


class TaskData(Model):
    """A task of a sample with its planned time.

    Attributes:
        action: move, mix, spin_coat, anneal, rest, measure or image.
        step: Index of the recipe's step; -1 for a move between steps.
        source: Where a move begins.
        target: Where a move ends, or the position at which the task is done.
        device: Name of the device that does it, where there is a choice.
    """

    task_id: str
    sample_id: str
    action: str
    step: int
    source: str = ""
    target: str = ""
    device: str = ""
    stations: tuple[str, ...]
    planned_start_s: float
    planned_end_s: float


class CampaignStarted(Model):
    """The campaign begins with this inventory.

    Attributes:
        tip_racks: Tips of each rack, all fresh.
    """

    kind: Literal["campaign_started"] = "campaign_started"
    name: str
    seed: int
    films: int
    parallel: int
    worklist: bool
    volumes_ul: dict[str, float]
    tip_racks: dict[str, int]
    slots: list[str]
    mix_wells: list[str]


class ProposalsRequested(Model):
    """Intent: the planner is about to be asked."""

    kind: Literal["proposals_requested"] = "proposals_requested"
    count: int
    seed: int


class CandidatesProposed(Model):
    """The planner answered."""

    kind: Literal["candidates_proposed"] = "candidates_proposed"
    candidates: list[CandidateData]
    model_probabilities: dict[str, float] = {}
    notes: list[str] = []
    posterior_reading: int = 0


class CandidateUnreachable(Model):
    """A candidate cannot be made from the stocks."""

    kind: Literal["candidate_unreachable"] = "candidate_unreachable"
    candidate_id: str
    reason: str


class SampleCreated(Model):
    """A substrate is set aside for a recipe.

    Attributes:
        recipe: The recipe as plain data (hp_lab.orchestration.recipe_data).
        counts: Whether it is a film of the budget; a blank is not.
    """

    kind: Literal["sample_created"] = "sample_created"
    sample_id: str
    candidate_id: str
    slot: str
    mix_well: str
    recipe: dict[str, Any]
    counts: bool = True


class TasksPlanned(Model):
    """The schedule of every task that has not started."""

    kind: Literal["tasks_planned"] = "tasks_planned"
    tasks: list[TaskData]


class TaskStarted(Model):
    """Intent: the action is about to be sent.

    Attributes:
        tips: How many fresh tips it takes.
        volumes_ul: What it takes from each well.
    """

    kind: Literal["task_started"] = "task_started"
    task_id: str
    sample_id: str
    attempt: int
    tips: int = 0
    volumes_ul: dict[str, float] = {}


class DeckData(Model):
    """What the deck holds, as the robot's driver accounts for it."""

    volumes_ul: dict[str, float]
    tips_used: dict[str, int]


class TaskEnded(Model):
    """Outcome of an action.

    Attributes:
        location: Where the substrate is now, after a move.
        readings: Identifiers of the raw readings taken.
        deck: What the deck holds now, after liquids were moved.
        facts: What else was measured: drop times, worst deviation.
    """

    kind: Literal["task_ended"] = "task_ended"
    task_id: str
    sample_id: str
    error_code: int
    message: str = ""
    location: str = ""
    readings: list[int] = []
    deck: DeckData | None = None
    facts: dict[str, float] = {}


class FilmAnalysed(Model):
    """What the analysis made of a film's readings."""

    kind: Literal["film_analysed"] = "film_analysed"
    sample_id: str
    observations: list[ObservationData]
    rejected: list[RejectedData] = []


class SampleEnded(Model):
    """A film is finished, one way or another.

    Attributes:
        remake: The film was spoiled by the laboratory, not by its chemistry: its
            candidate is made again and the budget is not charged.
    """

    kind: Literal["sample_ended"] = "sample_ended"
    sample_id: str
    status: Literal["done", "failed", "quarantined"]
    reason: str = ""
    remake: bool = False


class Paused(Model):
    """Nothing new is started until the campaign is resumed."""

    kind: Literal["paused"] = "paused"
    reason: str
    planner_failed: bool = False


class Resumed(Model):
    """The campaign goes on."""

    kind: Literal["resumed"] = "resumed"


class Interrupted(Model):
    """The program is about to stop; running tasks are cancelled."""

    kind: Literal["interrupted"] = "interrupted"
    reason: str


class Restarted(Model):
    """A new program took the journal up again."""

    kind: Literal["restarted"] = "restarted"


class QuestionAsked(Model):
    """A person has to decide about a failed task."""

    kind: Literal["question_asked"] = "question_asked"
    question_id: str
    task_id: str
    text: str


class QuestionAnswered(Model):
    """What the person decided."""

    kind: Literal["question_answered"] = "question_answered"
    question_id: str
    answer: Literal["retry", "skip", "quarantine", "cancel"]


class CampaignEnded(Model):
    """The campaign is over."""

    kind: Literal["campaign_ended"] = "campaign_ended"
    status: Literal["done", "cancelled", "failed"]
    message: str = ""


Event = (
    CampaignStarted
    | ProposalsRequested
    | CandidatesProposed
    | CandidateUnreachable
    | SampleCreated
    | TasksPlanned
    | TaskStarted
    | TaskEnded
    | FilmAnalysed
    | SampleEnded
    | Paused
    | Resumed
    | Interrupted
    | Restarted
    | QuestionAsked
    | QuestionAnswered
    | CampaignEnded
)

_adapter: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="kind")]
)


def event_data(event: Event) -> dict[str, Any]:
    """Return an event as plain data, without its kind."""
    return event.model_dump(mode="json", exclude={"kind"})


def event_from(kind: str, data: dict[str, Any]) -> Event:
    """Return the event of plain data.

    Raises:
        pydantic.ValidationError: The data are not those of that kind.
    """
    return _adapter.validate_python({"kind": kind, **data})
