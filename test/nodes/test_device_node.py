"""A device node keeps its promises, whatever its driver does."""

import threading
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

from hp_lab_interfaces.action import SpinCoat
from hp_lab_interfaces.srv import EmergencyStop, FireAt
from lifecycle_msgs.srv import GetState
from ros_graph import ROOT, START_S, Graph
from std_srvs.srv import Trigger

from hp_lab.errors import Aborted, DeviceLost, ErrorCode
from hp_lab.nodes.device_node import DeviceNode
from hp_lab.nodes.goals import GoalSender
from hp_lab.nodes.job import Job
from hp_lab.nodes.lifecycle import LifecycleManager
from hp_lab.nodes.runtime import time_msg
from hp_lab.nodes.safety import SafetyNode

pytestmark = [pytest.mark.ros, pytest.mark.slow]
LAB = str(ROOT / "config" / "lab.yaml")


class Driver:
    """Records what it is told."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.log: list[str] = []

    def connect(self) -> None:
        self.log.append("connect")

    def close(self) -> None:
        self.log.append("close")

    def make_safe(self) -> None:
        self.log.append("safe")


class WaitingNode(DeviceNode):
    """Spins for the first step's duration; a speed of 13 loses the device."""

    action_type = SpinCoat
    action_name = "spin_coat"
    arms = True

    def make_driver(self, lab: Any) -> Driver:
        self.driver = Driver(self.clock)
        return self.driver

    def work(self, job: Job, result: SpinCoat.Result) -> None:
        if job.goal.steps[0].speed_rpm == 13:
            raise DeviceLost("port x: no answer")
        start_s = self.clock.now_s()
        if job.goal.arm:
            job.armed()
            start_s = job.gate.wait(job.goal.arm_timeout_s)
            self.clock.sleep(start_s - self.clock.now_s())
        if job.stop.wait(job.goal.steps[0].duration_s):
            raise Aborted("device: stopped")
        result.started = time_msg(start_s)
        result.trace_s = [self.clock.now_s() - START_S]


def goal(duration_s: float, *, rpm: float = 1000.0, **fields: Any) -> SpinCoat.Goal:
    made = SpinCoat.Goal(**fields)
    step = SpinCoat.Goal().steps
    from hp_lab_interfaces.msg import SpinStep

    made.steps = [*step, SpinStep(speed_rpm=float(rpm), duration_s=duration_s)]
    return made


@pytest.fixture
def device(graph: Graph) -> tuple[Graph, WaitingNode, GoalSender]:
    graph.add(SafetyNode, "safety")
    node = graph.add(WaitingNode, "coater", lab_file=LAB)
    sender = GoalSender(graph.client, graph.runtime, SpinCoat, "/coater/spin_coat")
    manager = LifecycleManager(graph.client, graph.runtime, ["coater"])
    graph.wait(lambda: sender.ready and not manager.missing())
    graph.run(manager.bring_up("coater"))
    return graph, node, sender


async def run(sender: GoalSender, message: SpinCoat.Goal, key: str = "a") -> Any:
    sent = await sender.start(message, key)
    return await sent.result(10_000.0)


def test_a_goal_waits_a_moment_for_its_server(graph: Graph, monkeypatch) -> None:
    graph.add(SafetyNode, "safety")
    sender = GoalSender(graph.client, graph.runtime, SpinCoat, "/coater/spin_coat")
    monkeypatch.setattr("hp_lab.nodes.goals._FOUND_S", 0.3)
    with pytest.raises(DeviceLost, match="no such action server"):
        graph.run(run(sender, goal(1.0)))
    monkeypatch.undo()
    looks, found = threading.Event(), sender._found

    def looking() -> bool:
        looks.set()
        return found()

    monkeypatch.setattr(sender, "_found", looking)
    sent = graph.runtime.spawn(run(sender, goal(1.0)))
    graph.wait(looks.is_set)
    graph.add(WaitingNode, "coater", lab_file=LAB)
    graph.wait(sent.done)
    # Nobody has brought the device up, which is what its node says.
    assert sent.result().error_code == ErrorCode.NOT_ACTIVE


def test_a_goal_takes_the_time_it_takes_on_the_laboratory_clock(device) -> None:
    graph, _, sender = device
    result = graph.run(run(sender, goal(3600.0)))
    assert result.error_code == ErrorCode.OK
    assert list(result.trace_s) == [3600.0]


def test_a_second_goal_is_told_why_it_cannot_be(device) -> None:
    graph, _, sender = device

    async def both() -> tuple[Any, Any]:
        first = await sender.start(goal(100.0), "a")
        await graph.runtime.sleep(10.0, "client")
        second = await run(sender, goal(1.0), "b")
        return await first.result(1000.0), second

    first, second = graph.run(both())
    assert first.error_code == ErrorCode.OK
    assert second.error_code == ErrorCode.BUSY
    assert "one goal at a time" in second.message


def test_cancel_stops_the_job_at_once(device) -> None:
    graph, _, sender = device

    async def cancelled() -> tuple[Any, float]:
        sent = await sender.start(goal(3600.0), "a")
        await graph.runtime.sleep(5.0, "client")
        await sent.cancel()
        result = await sent.result(1000.0)
        return result, graph.clock.now_s() - START_S

    result, after_s = graph.run(cancelled())
    assert result.error_code == ErrorCode.CANCELLED
    assert after_s == pytest.approx(5.0)


def test_an_armed_device_starts_at_the_fired_time(device) -> None:
    graph, _, sender = device
    fire = graph.client.create_client(FireAt, "/coater/fire")
    graph.wait(fire.service_is_ready)

    async def armed() -> Any:
        sent = await sender.start(goal(1.0, arm=True, arm_timeout_s=60.0), "a")
        assert await sent.armed(60.0)
        at = time_msg(START_S + 7.25)
        answer = await graph.runtime.call(fire, FireAt.Request(at=at), 5.0)
        assert answer.accepted, answer.message
        return await sent.result(100.0)

    result = graph.run(armed())
    assert result.error_code == ErrorCode.OK
    assert list(result.trace_s) == [pytest.approx(8.25)]


def test_firing_nothing_is_refused(device) -> None:
    graph, _, _ = device
    fire = graph.client.create_client(FireAt, "/coater/fire")
    graph.wait(fire.service_is_ready)
    call = graph.runtime.call(fire, FireAt.Request(), 5.0)
    answer = graph.run(call)
    assert not answer.accepted
    assert "nothing is armed" in answer.message


def test_an_unfired_device_gives_up_by_itself(device) -> None:
    graph, _, sender = device
    result = graph.run(run(sender, goal(1.0, arm=True, arm_timeout_s=30.0)))
    assert result.error_code == ErrorCode.NOT_FIRED


def test_the_emergency_stop_stops_the_job_and_is_latched(device) -> None:
    graph, node, sender = device
    stop = graph.client.create_client(EmergencyStop, "/safety/emergency_stop")
    reset = graph.client.create_client(Trigger, "/safety/reset")
    graph.wait(lambda: stop.service_is_ready() and reset.service_is_ready())

    async def stopped() -> tuple[Any, Any, Any]:
        sent = await sender.start(goal(3600.0), "a")
        request = EmergencyStop.Request(reason="smoke")
        await graph.runtime.call(stop, request, 5.0)
        first = await sent.result(10_000.0)
        refused = await run(sender, goal(1.0), "b")
        await graph.runtime.call(reset, Trigger.Request(), 5.0)
        return first, refused, None

    first, refused, _ = graph.run(stopped())
    assert first.error_code == ErrorCode.EMERGENCY_STOP
    assert "smoke" in first.message
    assert refused.error_code == ErrorCode.EMERGENCY_STOP
    assert refused.message.count("smoke") == 1
    assert "safe" in node.driver.log
    graph.wait(lambda: not node._stopped_by)
    assert graph.run(run(sender, goal(1.0), "c")).error_code == ErrorCode.OK


def test_a_lost_device_can_be_configured_again_without_a_restart(device) -> None:
    graph, node, sender = device
    lost = graph.run(run(sender, goal(1.0, rpm=13)))
    assert lost.error_code == ErrorCode.DEVICE_LOST
    assert node.driver.log[-1] == "close"
    state = graph.client.create_client(GetState, "/coater/get_state")
    graph.wait(state.service_is_ready)
    answer = graph.run(graph.runtime.call(state, GetState.Request(), 5.0))
    assert answer.current_state.label == "unconfigured"
    refused = graph.run(run(sender, goal(1.0), "b"))
    assert refused.error_code == ErrorCode.NOT_ACTIVE
    manager = LifecycleManager(graph.client, graph.runtime, ["coater"])
    graph.wait(lambda: not manager.missing())
    graph.run(manager.bring_up("coater"))
    assert graph.run(run(sender, goal(1.0), "c")).error_code == ErrorCode.OK


def test_no_token_is_left_when_nothing_runs(device) -> None:
    graph, _, sender = device
    for number in range(5):
        graph.run(run(sender, goal(60.0), f"k{number}"))
    graph.wait(lambda: graph.clock.stalled)


def test_parameters_that_are_read_once_are_fixed_and_limited(device) -> None:
    _, node, _ = device
    described = node.describe_parameter("heartbeat_timeout_s")
    assert described.read_only
    assert described.floating_point_range[0].from_value == 0.0
    assert described.floating_point_range[0].to_value == 3600.0
    assert described.description.endswith("[s]")
