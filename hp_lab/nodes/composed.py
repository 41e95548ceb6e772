"""The whole laboratory in one process, in virtual time.

The very nodes that otherwise run in processes of their own share one executor and one
clock here; they talk over DDS as always, and drivers and emulators exchange their wire
bytes over streams inside the process. Hours of laboratory pass in seconds, and a run
with a seed repeats itself exactly.
"""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import rclpy
from hp_lab_interfaces.action import RunCampaign
from hp_lab_interfaces.msg import CampaignState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from hp_lab.clock import LaboratoryStalled, VirtualClock
from hp_lab.lab_config import load_lab_config
from hp_lab.nodes import fast_dds
from hp_lab.nodes.bringup import LabOptions, node_table
from hp_lab.nodes.device_node import LATCHED
from hp_lab.nodes.goals import GoalSender
from hp_lab.nodes.lifecycle import LifecycleManager
from hp_lab.nodes.runtime import LabRuntime

_DISCOVERY_S = 20.0
_SPIN_S = 0.2
# Real time with nobody busy and nothing due after which nothing will happen any more;
# longer than any message within the process takes.
_STALL_S = 5.0


class ComposedLab:
    """A laboratory in this process.

    Args:
        options: ``inproc`` and ``emulated`` are taken for granted.
        start_s: Laboratory time at the start.
        domain_id: ROS domain; None is the environment's.
    """

    def __init__(
        self, options: LabOptions, *, start_s: float, domain_id: int | None = None
    ) -> None:
        self._options = options
        fast_dds.configure()
        self._context = Context()
        rclpy.init(
            context=self._context,
            domain_id=domain_id,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.clock = VirtualClock(start_s)
        self._executor = SingleThreadedExecutor(context=self._context)
        self.runtime = LabRuntime(self.clock, self._executor)
        self.nodes: dict[str, Any] = {}
        self._client = Node("hp_lab_client", context=self._context)
        self._executor.add_node(self._client)

    def __enter__(self) -> Self:
        """Start every node and bring the devices up."""
        lab = load_lab_config(self._options.lab_file)
        table = node_table(lab, self._options)
        for spec in table:
            overrides = [
                Parameter(name, value=value) for name, value in spec.parameters.items()
            ]
            node = spec.node_class()(
                spec.name,
                self.runtime,
                context=self._context,
                parameter_overrides=overrides,
            )
            self.nodes[spec.name] = node
            self._executor.add_node(node)
        managed = [spec.name for spec in table if spec.managed]
        manager = LifecycleManager(self._client, self.runtime, managed)
        self._sender = GoalSender(
            self._client, self.runtime, RunCampaign, "/campaign/run"
        )
        self._wait_until(lambda: not manager.missing() and self._sender.ready)

        async def bring_up() -> None:
            for name in managed:
                await manager.bring_up(name)

        self._finish(bring_up(), lambda: False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the devices safe and end the graph."""
        self.close()

    def close(self) -> None:
        """Leave the devices safe and end the graph; twice does nothing."""
        if not self._context.ok():
            return
        self._run_finishers()
        self.runtime.shutdown()
        self._executor.shutdown(timeout_sec=1.0)
        for node in [*self.nodes.values(), self._client]:
            node.destroy_node()
        rclpy.shutdown(context=self._context)

    def run_campaign(
        self,
        run_dir: Path,
        *,
        resume: bool = False,
        stop: Callable[[], bool] = lambda: False,
        person: bool = False,
    ) -> RunCampaign.Result:
        """Run the campaign of a run directory to its end.

        Args:
            run_dir: Prepared directory.
            resume: Go on with its journal.
            stop: Asked between two steps; True interrupts the campaign.
            person: Somebody is there who answers questions and ends pauses.

        Raises:
            LaboratoryStalled: Nothing happens any more.
        """

        async def run() -> RunCampaign.Result:
            goal = RunCampaign.Goal(run_dir=str(run_dir), resume=resume)
            sent = await self._sender.start(goal, "client")
            return await sent.result(float("inf"))

        return self._finish(run(), stop, person)

    def watch(self, on_state: Callable[[CampaignState], None]) -> None:
        """Report the campaign's state whenever it changes."""
        self._client.create_subscription(
            CampaignState, "/campaign/state", on_state, LATCHED
        )

    def spin(self, timeout_s: float = 0.0) -> None:
        """Handle what has arrived; for tests that look at the graph."""
        self._executor.spin_once(timeout_sec=timeout_s)

    def _finish(self, work: Any, stop: Callable[[], bool], person: bool = False) -> Any:
        task: Future = self.runtime.spawn(work)
        interrupted = False
        quiet_since_s = time.monotonic()
        while not task.done():
            self._executor.spin_once(timeout_sec=_SPIN_S)
            if stop() and not interrupted:
                interrupted = True
                self.runtime.spawn(self.nodes["campaign"].wind_down())
            if not self.clock.stalled:
                quiet_since_s = time.monotonic()
            elif time.monotonic() - quiet_since_s > _STALL_S:
                wanted = self.nodes["campaign"].waits_for
                if wanted and person:
                    continue
                msg = f"the laboratory does not go on: {self.clock.describe()}"
                if wanted:
                    msg = (
                        f"the campaign waits for a person ({wanted}); resume it in a "
                        "terminal and answer there from a second one"
                    )
                raise LaboratoryStalled(msg)
        return task.result()

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + _DISCOVERY_S
        while not ready():
            if time.monotonic() > deadline_s:
                msg = (
                    f"the laboratory's nodes do not find each other in {_DISCOVERY_S} s"
                )
                raise LaboratoryStalled(msg)
            self._executor.spin_once(timeout_sec=0.05)

    def _run_finishers(self) -> None:
        """Let every node end in a worker thread: drivers may wait for virtual time."""

        async def finish() -> None:
            # The emulators, which came first, go last.
            for node in reversed(self.nodes.values()):
                if hasattr(node, "finish"):
                    await self.runtime.in_worker(node.finish)

        self._finish(finish(), lambda: False)
