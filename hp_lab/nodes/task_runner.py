"""Sends a task's actions to the device nodes and waits for their outcome."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
from hp_lab_interfaces.action import (
    AcquireSpectrum,
    Anneal,
    MoveSample,
    SpinCoat,
    TransferLiquids,
)
from hp_lab_interfaces.msg import DeckState as DeckStateMsg
from hp_lab_interfaces.srv import FireAt
from rclpy.node import Node

from hp_lab.errors import ErrorCode, HpLabError
from hp_lab.nodes.convert import spectrum_from_msg
from hp_lab.nodes.goals import GoalRun, GoalSender
from hp_lab.nodes.runtime import LabRuntime, Latch, seconds_of, time_msg
from hp_lab.nodes.task_goals import (
    anneal_goal,
    deck_data,
    deck_msg,
    drop_goal,
    measure_goal,
    mix_goal,
    spin_goal,
)
from hp_lab.orchestration.events import TaskEnded
from hp_lab.orchestration.state import CampaignState, Sample, Task
from hp_lab.recipes import steps
from hp_lab.store.readings import Readings, Trace

# An action may take this much longer than planned before its device counts as lost.
_PATIENCE = 3.0
_PATIENCE_S = 900.0
_SERVICE_TIMEOUT_S = 10.0
# Between the moment both devices are armed and the start of the spin.
_FIRE_LEAD_S = 1.0


class TaskRunner:
    """Runs tasks on the laboratory's devices.

    Args:
        node: The node that sends the goals.
        runtime: Its process's runtime.
        hotplates: Names of the hotplate nodes.
    """

    def __init__(
        self, node: Node, runtime: LabRuntime, hotplates: Sequence[str]
    ) -> None:
        self._runtime = runtime
        sender = partial(GoalSender, node, runtime)
        self._pipettor = sender(TransferLiquids, "/pipettor/transfer")
        self._coater = sender(SpinCoat, "/spin_coater/spin_coat")
        self._gantry = sender(MoveSample, "/gantry/move_sample")
        self._spectrometer = sender(AcquireSpectrum, "/spectrometer/acquire")
        self._hotplates = {
            name: sender(Anneal, f"/{name}/anneal") for name in hotplates
        }
        self._fire = {
            name: node.create_client(FireAt, f"/{name}/fire")
            for name in ("pipettor", "spin_coater")
        }
        self._under_way: dict[str, list[GoalRun]] = defaultdict(list)
        self._rests: dict[str, Latch] = {}
        self._cancelled = False

    def begin(self) -> None:
        """Take tasks again after a cancellation."""
        self._cancelled = False

    def missing(self) -> list[str]:
        """Return the action servers that cannot be reached."""
        senders = {
            "pipettor": self._pipettor,
            "spin_coater": self._coater,
            "gantry": self._gantry,
            "spectrometer": self._spectrometer,
            **self._hotplates,
        }
        return [name for name, sender in senders.items() if not sender.ready]

    async def run(
        self, task: Task, state: CampaignState, readings: Readings
    ) -> TaskEnded:
        """Do a task; every outcome, errors too, is the returned event.

        Args:
            task: What is done.
            state: The campaign's state before its start was recorded.
            readings: Where raw readings are stored.
        """
        data = task.data
        sample = state.samples[data.sample_id]
        try:
            match data.action:
                case "move":
                    ended = await self._move(task, sample)
                case "mix":
                    ended = await self._mix(task, sample, deck_msg(state))
                case "spin_coat":
                    ended = await self._spin_coat(
                        task, sample, deck_msg(state), readings
                    )
                case "anneal":
                    ended = await self._anneal(task, sample, readings)
                case "measure":
                    ended = await self._measure(task, sample, readings)
                case "rest":
                    ended = await self._rest(task, sample)
                case _:
                    ended = self._ended(task, message=f"no {data.action} station yet")
        except HpLabError as error:
            ended = self._ended(task, error_code=int(error.code), message=str(error))
        except TimeoutError as error:
            code = int(ErrorCode.DEVICE_LOST)
            ended = self._ended(task, error_code=code, message=str(error))
        finally:
            for run in self._under_way.pop(data.task_id, []):
                # After an error none of the task's devices stays armed or at work.
                await run.cancel()
        return ended

    async def cancel_all(self) -> None:
        """Ask every device to give up what it does for a task."""
        self._cancelled = True
        for latch in self._rests.values():
            latch.notify()
        for runs in list(self._under_way.values()):
            for run in list(runs):
                # Side by side: one server that is gone does not hold up the others.
                self._runtime.spawn(run.cancel())

    def _ended(self, task: Task, **fields: object) -> TaskEnded:
        return TaskEnded.model_validate(
            {
                "task_id": task.data.task_id,
                "sample_id": task.data.sample_id,
                "error_code": 0,
                **fields,
            }
        )

    def _patience_s(self, task: Task) -> float:
        planned_s = task.data.planned_end_s - task.data.planned_start_s
        return _PATIENCE * planned_s + _PATIENCE_S

    async def _start(
        self, task: Task, sender: GoalSender, goal: object, suffix: str = ""
    ) -> GoalRun:
        run = await sender.start(goal, f"{task.data.task_id}{suffix}")
        self._under_way[task.data.task_id].append(run)
        if self._cancelled:
            await run.cancel()
        return run

    async def _move(self, task: Task, sample: Sample) -> TaskEnded:
        goal = MoveSample.Goal(
            sample_id=sample.sample_id, source=sample.location, target=task.data.target
        )
        run = await self._start(task, self._gantry, goal)
        result = await run.result(self._patience_s(task))
        return self._ended(
            task,
            error_code=result.error_code,
            message=result.message,
            location=result.location,
        )

    async def _mix(self, task: Task, sample: Sample, deck: DeckStateMsg) -> TaskEnded:
        step = sample.recipe.steps[task.data.step]
        if not isinstance(step, steps.Mix):
            raise TypeError(step)
        goal = mix_goal(sample, step, deck)
        run = await self._start(task, self._pipettor, goal)
        result = await run.result(self._patience_s(task))
        return self._ended(
            task,
            error_code=result.error_code,
            message=result.message,
            deck=deck_data(result.deck),
        )

    async def _spin_coat(
        self, task: Task, sample: Sample, deck: DeckStateMsg, readings: Readings
    ) -> TaskEnded:
        step = sample.recipe.steps[task.data.step]
        if not isinstance(step, steps.SpinCoat):
            raise TypeError(step)
        patience_s = self._patience_s(task)
        spin = await self._start(
            task, self._coater, spin_goal(sample, step, patience_s), "/spin"
        )
        drops = None
        if step.drops:
            goal = drop_goal(sample, step, deck, patience_s)
            drops = await self._start(task, self._pipettor, goal, "/drop")
        armed = await spin.armed(patience_s) and (
            drops is None or await drops.armed(patience_s)
        )
        refused = ""
        if armed:
            refused = await self._fire_both(step, drops is not None)
        if refused or not armed:
            await spin.cancel()
            if drops is not None:
                await drops.cancel()
        spun = await spin.result(patience_s)
        dropped = await drops.result(patience_s) if drops is not None else None
        reading = _append_trace(readings, task, spun, "speed_rpm", spun.trace_rpm)
        # The one that failed first says why; the other was only cancelled.
        failed = [r for r in (dropped, spun) if r is not None and r.error_code]
        failed.sort(key=lambda r: r.error_code == ErrorCode.CANCELLED)
        facts = {"spin_started_s": seconds_of(spun.started)} if not failed else {}
        if dropped is not None and not failed:
            for index, at in enumerate(dropped.drop_times):
                facts[f"drop_{index}_offset_s"] = round(
                    seconds_of(at) - seconds_of(spun.started), 6
                )
        return self._ended(
            task,
            error_code=failed[0].error_code if failed else 0,
            message=refused or (failed[0].message if failed else ""),
            readings=[reading] if reading else [],
            deck=deck_data(dropped.deck) if dropped is not None else None,
            facts=facts,
        )

    async def _fire_both(self, step: steps.SpinCoat, with_drops: bool) -> str:
        """Fire robot and coater for one time; return why one of them refused."""
        earliest_s = min([0.0, *(d.offset_s for d in step.drops)])
        at = time_msg(self._runtime.clock.now_s() + _FIRE_LEAD_S - earliest_s)
        # The robot first: without its drop the spin is pointless.
        for name in ("pipettor", "spin_coater") if with_drops else ("spin_coater",):
            answer = await self._runtime.call(
                self._fire[name], FireAt.Request(at=at), _SERVICE_TIMEOUT_S
            )
            if not answer.accepted:
                return str(answer.message)
        return ""

    async def _anneal(
        self, task: Task, sample: Sample, readings: Readings
    ) -> TaskEnded:
        step = sample.recipe.steps[task.data.step]
        if not isinstance(step, steps.Anneal):
            raise TypeError(step)
        goal = anneal_goal(sample, step, task.data.target)
        run = await self._start(task, self._hotplates[task.data.device], goal)
        result = await run.result(self._patience_s(task))
        reading = _append_trace(readings, task, result, "temperature_c", result.trace_c)
        return self._ended(
            task,
            error_code=result.error_code,
            message=result.message,
            readings=[reading] if reading else [],
            facts={"worst_deviation_k": result.worst_deviation_k},
        )

    async def _measure(
        self, task: Task, sample: Sample, readings: Readings
    ) -> TaskEnded:
        step = sample.recipe.steps[task.data.step]
        if not isinstance(step, steps.Measure):
            raise TypeError(step)
        goal = measure_goal(sample, step)
        run = await self._start(task, self._spectrometer, goal)
        result = await run.result(self._patience_s(task))
        # Raw first: the readings are stored before anybody looks at them.
        stored = [
            readings.append_spectrum(spectrum_from_msg(message))
            for message in result.spectra
        ]
        return self._ended(
            task,
            error_code=result.error_code,
            message=result.message,
            readings=stored,
        )

    async def _rest(self, task: Task, sample: Sample) -> TaskEnded:
        step = sample.recipe.steps[task.data.step]
        if not isinstance(step, steps.Rest):
            raise TypeError(step)
        latch = self._rests.setdefault(
            task.data.task_id, Latch(self._runtime, task.data.task_id)
        )
        stopped = await latch.wait_for(lambda: self._cancelled, step.duration_s)
        del self._rests[task.data.task_id]
        return self._ended(task, error_code=int(ErrorCode.CANCELLED) if stopped else 0)


def _append_trace(
    readings: Readings,
    task: Task,
    result: Anneal.Result | SpinCoat.Result,
    quantity: str,
    values: Sequence[float],
) -> int:
    """Store what the device measured meanwhile; 0 when it measured nothing."""
    if not len(values):
        return 0
    return readings.append_trace(
        Trace(
            kind=task.data.action,
            sample_id=task.data.sample_id,
            arrays={
                "time_s": np.asarray(result.trace_s, dtype=np.float64),
                quantity: np.asarray(values, dtype=np.float64),
            },
            taken_s=seconds_of(result.started),
        )
    )
