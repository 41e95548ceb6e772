"""Runs, commands and answers of the emulated robot, as its HTTP interface has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from hp_lab.simulation.emulators.opentrons_orders import Belief

RunStatus = Literal["idle", "running", "paused", "stopped"]
CommandStatus = Literal["queued", "running", "succeeded", "failed"]

# Parameters that a command cannot be without, and what they are.
REQUIRED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "aspirate": {
        "pipetteId": str,
        "labwareId": str,
        "wellName": str,
        "volume": (int, float),
        "flowRate": (int, float),
    },
    "aspirateInPlace": {
        "pipetteId": str,
        "volume": (int, float),
        "flowRate": (int, float),
    },
    "comment": {"message": str},
    "dropTip": {"pipetteId": str, "labwareId": str, "wellName": str},
    "dropTipInPlace": {"pipetteId": str},
    "home": {},
    "loadLabware": {
        "location": dict,
        "loadName": str,
        "namespace": str,
        "version": int,
    },
    "loadPipette": {"pipetteName": str, "mount": str},
    "moveToAddressableAreaForDropTip": {"pipetteId": str, "addressableAreaName": str},
    "moveToCoordinates": {"pipetteId": str, "coordinates": dict},
    "moveToWell": {"pipetteId": str, "labwareId": str, "wellName": str},
    "pickUpTip": {"pipetteId": str, "labwareId": str, "wellName": str},
    "unsafe/dropTipInPlace": {"pipetteId": str},
}
# A dispense needs what an aspiration needs.
ALIASES = {"dispense": "aspirate", "dispenseInPlace": "aspirateInPlace"}


@dataclass(slots=True)
class Command:
    """One command of a run.

    Attributes:
        ready_s: When it can begin, if the robot is free then.
    """

    command_id: str
    run_id: str
    kind: str
    parameters: Mapping[str, object]
    intent: str
    created_s: float
    ready_s: float
    status: CommandStatus = "queued"
    started_s: float | None = None
    ended_s: float | None = None
    result: Mapping[str, object] = field(default_factory=dict)
    error: Mapping[str, object] | None = None

    @property
    def ended(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.status in ("succeeded", "failed")

    def fail(self, error_type: str, detail: str, now_s: float) -> None:
        """End it as failed."""
        self.status = "failed"
        self.ended_s = now_s
        self.error = {
            "id": f"error-{self.command_id}",
            "createdAt": timestamp(now_s),
            "isDefined": False,
            "errorType": error_type,
            "errorCode": "4000",
            "detail": detail,
        }

    def shown(self) -> dict[str, object]:
        """Return it as the interface shows it."""
        shown: dict[str, object] = {
            "id": self.command_id,
            "key": self.command_id,
            "commandType": self.kind,
            "params": self.parameters,
            "intent": self.intent,
            "status": self.status,
            "createdAt": timestamp(self.created_s),
        }
        if self.started_s is not None:
            shown["startedAt"] = timestamp(self.started_s)
        if self.ended_s is not None:
            shown["completedAt"] = timestamp(self.ended_s)
        if self.status == "succeeded":
            shown["result"] = self.result
        if self.error is not None:
            shown["error"] = self.error
        return shown


@dataclass(slots=True)
class Run:
    """One run: what it believes and what it was told to do."""

    run_id: str
    created_s: float
    status: RunStatus = "idle"
    belief: Belief = field(default_factory=Belief)
    commands: dict[str, Command] = field(default_factory=dict)

    def shown(self, current: bool) -> dict[str, object]:
        """Return it as the interface shows it."""
        return {
            "id": self.run_id,
            "createdAt": timestamp(self.created_s),
            "status": self.status,
            "current": current,
            "actions": [],
            "errors": [],
            "pipettes": [
                {"id": key, "mount": mount}
                for key, mount in self.belief.pipettes.items()
            ],
            "labware": [{"id": key} for key in self.belief.labware],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that leaves at once, or not before a time."""

    status: int
    content: Mapping[str, object]
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that waits for the end of a command, at most until a time."""

    command: Command
    until_s: float

    def answer(self) -> Answer:
        """Return the answer as it is now."""
        return Answer(201, {"data": self.command.shown()})


def complaint(command: str, parameters: Mapping[str, object]) -> str | None:
    """Return what is wrong with a command's parameters, None for nothing."""
    required = REQUIRED.get(ALIASES.get(command, command))
    if required is None:
        return f"no commandType {command!r}"
    for key, kind in required.items():
        value = parameters.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            return f"params.{key} is missing or not what it must be"
    volume, rate = parameters.get("volume", 0.0), parameters.get("flowRate", 1.0)
    if isinstance(volume, int | float) and volume < 0:
        return "params.volume must be 0 or more"
    if isinstance(rate, int | float) and not rate > 0:
        return "params.flowRate must be above 0"
    return None


def timestamp(at_s: float) -> str:
    """Return a laboratory time as the robot writes it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat()
