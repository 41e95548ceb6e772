"""A run as tables: candidates, films, observations and tasks, read off its events.

Only the plain data of the journal are looked at, so a table can be made of a run that
another version of hp_lab wrote; what an event does not hold is left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hp_lab.store.journal import StoredEvent

Row = dict[str, Any]


@dataclass(slots=True)
class RunTables:
    """The tables, rows in the order in which things happened.

    Attributes:
        candidates: One a candidate: what was proposed, how it was predicted, and why
            it could not be made, if so.
        films: One a substrate: where it stood, how it ended and why.
        observations: One a quantity found, or rejected with a reason.
        tasks: One an attempt at a task, with planned and actual laboratory times.
    """

    candidates: list[Row] = field(default_factory=list)
    films: list[Row] = field(default_factory=list)
    observations: list[Row] = field(default_factory=list)
    tasks: list[Row] = field(default_factory=list)
    _plans: dict[str, Row] = field(default_factory=dict)

    def add(self, event: StoredEvent) -> None:
        """Take up one event; kinds that no table is about are passed over."""
        readers: Mapping[str, Callable[[StoredEvent], None]] = {
            "candidates_proposed": self._proposed,
            "candidate_unreachable": self._unreachable,
            "sample_created": self._created,
            "sample_ended": self._ended,
            "film_analysed": self._analysed,
            "tasks_planned": self._planned,
            "task_started": self._started,
            "task_ended": self._task_ended,
        }
        if event.kind in readers:
            readers[event.kind](event)

    def named(self) -> dict[str, list[Row]]:
        """Return the tables by name."""
        return {
            "candidates": self.candidates,
            "films": self.films,
            "observations": self.observations,
            "tasks": self.tasks,
        }

    def _proposed(self, event: StoredEvent) -> None:
        for candidate in event.data.get("candidates", ()):
            row: Row = {
                "candidate_id": candidate.get("candidate_id", ""),
                "reason": candidate.get("reason", ""),
                "proposed_s": event.lab_time_s,
                "acquisition": candidate.get("acquisition"),
                "feasibility": candidate.get("feasibility"),
            }
            for index, mean in enumerate(candidate.get("predicted_mean", ())):
                row[f"predicted_mean_{index + 1}"] = mean
            for index, sigma in enumerate(candidate.get("predicted_sigma", ())):
                row[f"predicted_sigma_{index + 1}"] = sigma
            row.update(candidate.get("settings", {}))
            row["unreachable"] = ""
            self.candidates.append(row)

    def _unreachable(self, event: StoredEvent) -> None:
        for row in self.candidates:
            if row["candidate_id"] == event.data.get("candidate_id"):
                row["unreachable"] = event.data.get("reason", "")

    def _created(self, event: StoredEvent) -> None:
        self.films.append(
            {
                "sample_id": event.data.get("sample_id", event.sample_id),
                "candidate_id": event.data.get("candidate_id", ""),
                "counts": event.data.get("counts", True),
                "slot": event.data.get("slot", ""),
                "created_s": event.lab_time_s,
                "ended_s": None,
                "status": "active",
                "reason": "",
                "remake": False,
            }
        )

    def _ended(self, event: StoredEvent) -> None:
        for row in self.films:
            if row["sample_id"] == event.data.get("sample_id", event.sample_id):
                row["ended_s"] = event.lab_time_s
                for name in ("status", "reason", "remake"):
                    row[name] = event.data.get(name, row[name])

    def _analysed(self, event: StoredEvent) -> None:
        for observation in event.data.get("observations", ()):
            flags = " ".join(observation.get("flags", ()))
            row = {"analysed_s": event.lab_time_s, **observation, "flags": flags}
            self.observations.append({**row, "rejected": ""})
        for rejected in event.data.get("rejected", ()):
            self.observations.append(
                {
                    "analysed_s": event.lab_time_s,
                    "quantity": rejected.get("quantity", ""),
                    "sample_id": event.data.get("sample_id", event.sample_id),
                    "rejected": rejected.get("reason", ""),
                }
            )

    def _planned(self, event: StoredEvent) -> None:
        for task in event.data.get("tasks", ()):
            self._plans[task["task_id"]] = task

    def _started(self, event: StoredEvent) -> None:
        task_id = event.data.get("task_id", "")
        plan: Mapping[str, Any] = self._plans.get(task_id, {})
        self.tasks.append(
            {
                "task_id": task_id,
                "sample_id": event.data.get("sample_id", event.sample_id),
                "action": plan.get("action", ""),
                "attempt": event.data.get("attempt", 1),
                "stations": " ".join(plan.get("stations", ())),
                "target": plan.get("target", ""),
                "planned_start_s": plan.get("planned_start_s"),
                "planned_end_s": plan.get("planned_end_s"),
                "actual_start_s": event.lab_time_s,
                "actual_end_s": None,
                "error_code": None,
                "message": "",
            }
        )

    def _task_ended(self, event: StoredEvent) -> None:
        for row in reversed(self.tasks):
            if row["task_id"] == event.data.get("task_id"):
                row["actual_end_s"] = event.lab_time_s
                row["error_code"] = event.data.get("error_code")
                row["message"] = event.data.get("message", "")
                return


def tables_of(events: Iterable[StoredEvent]) -> RunTables:
    """Return the tables of a run's events."""
    tables = RunTables()
    for event in events:
        tables.add(event)
    return tables
