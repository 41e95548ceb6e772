"""One campaign under way: events into the journal, commands out to the laboratory.

Everything is decided by ``orchestration.step``; here it is only carried out. One
coroutine decides, one a task acts; what a task found becomes an event, and the deciding
coroutine looks again.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

from hp_lab.errors import HpLabError, InventoryError
from hp_lab.nodes.planner_client import PlannerClient
from hp_lab.nodes.runtime import LabRuntime, Latch
from hp_lab.nodes.task_goals import intent_of
from hp_lab.nodes.task_runner import TaskRunner
from hp_lab.orchestration.commands import (
    AnalyseFilm,
    AskPerson,
    Command,
    EndCampaign,
    EndSample,
    MakeBlank,
    MakeSample,
    PlanTasks,
    RequestProposals,
    StartTask,
    WakeAt,
)
from hp_lab.orchestration.events import (
    CampaignEnded,
    Event,
    Interrupted,
    Paused,
    ProposalsRequested,
    QuestionAnswered,
    QuestionAsked,
    Restarted,
    Resumed,
    SampleEnded,
    TasksPlanned,
    event_data,
)
from hp_lab.orchestration.fold import apply
from hp_lab.orchestration.preparation import Preparation
from hp_lab.orchestration.replay import replay
from hp_lab.orchestration.state import CampaignState, Task
from hp_lab.orchestration.step import decide
from hp_lab.store.journal import Journal
from hp_lab.store.readings import Readings

# Running tasks give up within this laboratory time.
_LEAVE_S = 60.0
_ENDED = frozenset({"done", "cancelled", "failed", "interrupted"})
OnChange = Callable[[CampaignState, Event | None], None]


class CampaignRun:
    """Runs a campaign to its end.

    Args:
        runtime: The process's runtime.
        preparation: Recipes, plans and analyses for this campaign.
        journal: Open for writing; its state is taken up.
        runner: Sends the tasks' actions.
        planner: Asks the planner node.
        on_change: Told the state after every event.
    """

    def __init__(
        self,
        runtime: LabRuntime,
        preparation: Preparation,
        journal: Journal,
        runner: TaskRunner,
        planner: PlannerClient,
        on_change: OnChange,
    ) -> None:
        self._runtime = runtime
        self._preparation = preparation
        self._journal = journal
        self._readings = Readings(journal)
        self._runner = runner
        self._planner = planner
        self._on_change = on_change
        self._latch = Latch(runtime, "campaign")
        self._changed = True
        self._working = 0
        self._problem: HpLabError | None = None
        self.state = replay(journal)

    async def run(self) -> CampaignState:
        """Begin, or go on, and return the state at the end.

        Raises:
            HpLabError: The campaign cannot go on; the journal holds what happened.
        """
        if self.state.status == "idle":
            for event in self._preparation.first_events():
                self._record(event)
        elif self.state.status not in {"done", "cancelled", "failed"}:
            self._record(Restarted())
        while True:
            self._changed = False
            wake_s = await self._carry_out()
            if self._problem is not None:
                await self._runner.cancel_all()
                await self._latch.wait_for(lambda: not self._working, _LEAVE_S)
                raise self._problem
            if self.state.status in _ENDED and not self._working:
                return self.state
            if not self._changed:
                wait_s = max(0.0, wake_s - self._runtime.clock.now_s())
                await self._latch.wait_for(lambda: self._changed, wait_s)

    def pause(self, reason: str, *, planner_failed: bool = False) -> None:
        """Start nothing new."""
        if self.state.status == "running":
            self._record(Paused(reason=reason, planner_failed=planner_failed))

    def resume(self) -> None:
        """Go on after a pause."""
        if self.state.status == "paused":
            self._record(Resumed())

    def answer(self, question_id: str, answer: str) -> bool:
        """Take a person's answer; return whether it fits an open question."""
        question = self.state.question
        if question is None or question.question_id != question_id:
            return False
        self._record(
            QuestionAnswered.model_validate(
                {"question_id": question_id, "answer": answer}
            )
        )
        return True

    async def interrupt(self, reason: str) -> None:
        """Stop what is under way so that a later program can go on."""
        if self.state.status in {"running", "paused"}:
            self._record(Interrupted(reason=reason))
            await self._runner.cancel_all()

    async def cancel(self, reason: str) -> None:
        """End the campaign for good."""
        if self.state.status in {"running", "paused"}:
            self._record(CampaignEnded(status="cancelled", message=reason))
            await self._runner.cancel_all()

    async def _carry_out(self) -> float:
        """Do what the state asks for; return when to look again at the latest."""
        while True:
            now_s = self._runtime.clock.now_s()
            commands = decide(self.state, now_s)
            if not commands:
                return float("inf")
            for command in commands:
                if isinstance(command, WakeAt):
                    return command.when_s
                await self._do(command)

    async def _do(self, command: Command) -> None:
        match command:
            case RequestProposals():
                self._request(command.count)
            case StartTask():
                self._start(self.state.tasks[command.task_id])
            case WakeAt():
                return
            case _:
                before = self.state
                work = partial(self._outcome, command, before)
                try:
                    event = await self._runtime.in_worker(work)
                except InventoryError as error:
                    self.pause(str(error))
                    return
                if isinstance(event, TasksPlanned) and self.state is not before:
                    # Something happened meanwhile; the plan is made anew.
                    return
                self._record(event)

    def _outcome(self, command: Command, state: CampaignState) -> Event:
        """Return the event of a command that is a computation only."""
        prepare = self._preparation
        match command:
            case MakeBlank():
                return prepare.blank(state)
            case MakeSample():
                return prepare.sample(state, command.candidate_id)
            case PlanTasks():
                return prepare.plan(state, self._runtime.clock.now_s())
            case AnalyseFilm():
                return prepare.analyse(state, command.sample_id, self._readings)
            case EndSample():
                return SampleEnded.model_validate(asdict(command))
            case AskPerson():
                failed = sum(t.status == "failed" for t in state.tasks.values())
                question_id = f"{command.task_id}.{failed}"
                return QuestionAsked(
                    question_id=question_id, task_id=command.task_id, text=command.text
                )
            case EndCampaign():
                return CampaignEnded.model_validate(asdict(command))
            case _:
                msg = f"no rule for command {command}"
                raise AssertionError(msg)

    def _start(self, task: Task) -> None:
        sample = self.state.samples[task.data.sample_id]
        before = self.state
        try:
            intent = intent_of(task, sample, before)
        except InventoryError as error:
            self.pause(str(error))
            return
        # Intent first: from here on the action may have happened.
        self._record(intent)
        self._working += 1
        self._runtime.spawn(self._act(task, before))

    async def _act(self, task: Task, before: CampaignState) -> None:
        # In virtual time starts of one instant follow each other by task.
        await self._runtime.sleep(0.0, task.data.task_id)
        try:
            ended = await self._runner.run(task, before, self._readings)
            self._record(ended)
        except Exception as error:  # noqa: BLE001 - raised by the deciding coroutine
            self._problem = _as_problem(error)
        finally:
            self._working -= 1
            self._look_again()

    def _request(self, count: int) -> None:
        seed = self.state.seed * 1_000_003 + self.state.asked
        self._record(ProposalsRequested(count=count, seed=seed))
        self._working += 1
        self._runtime.spawn(self._ask_planner(count, seed))

    async def _ask_planner(self, count: int, seed: int) -> None:
        await self._runtime.sleep(0.0, "planner")
        try:
            proposed = await self._planner.propose(
                self.state, self._preparation, self._readings, count, seed
            )
            self._record(proposed)
        except HpLabError as error:
            self.pause(f"the planner gave no proposals: {error}", planner_failed=True)
        except Exception as error:  # noqa: BLE001 - raised by the deciding coroutine
            self._problem = _as_problem(error)
        finally:
            self._working -= 1
            self._look_again()

    def _record(self, event: Event) -> None:
        now_s = self._runtime.clock.now_s()
        self._journal.append(
            event.kind,
            event_data(event),
            lab_time_s=now_s,
            wall_time=datetime.now(UTC),  # noqa: TID251 - the one stamp of real time
            sample_id=getattr(event, "sample_id", ""),
        )
        self.state = apply(self.state, event, now_s)
        self._on_change(self.state, event)
        self._look_again()

    def _look_again(self) -> None:
        self._changed = True
        self._latch.notify()


def _as_problem(error: Exception) -> HpLabError:
    if isinstance(error, HpLabError):
        return error
    problem = HpLabError(f"campaign: internal error {error!r}")
    problem.__cause__ = error
    return problem
