"""What the robot's answers mean, with a robot that says what the test wants."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices.pipettor.robot_server import PATIENCE_S, RobotServer
from hp_lab.errors import Aborted, AmbiguousOutcome, DeviceFault, DeviceLost
from hp_lab.simulation.emulators.emulator import Reply
from hp_lab.simulation.hosting import InProcessHost


class Scripted:
    """Answers each request with the next line of its script; the last one stays."""

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []

    def connected(self, now_s):
        self._pending = b""
        return []

    def disconnected(self, now_s):
        pass

    def receive(self, data, now_s):
        self._pending += data
        head, end, body = self._pending.partition(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head.lower())
        if not end or len(body) < int(found[1] if found else 0):
            return []
        self._pending = b""
        method, path, _ = head.split(b"\r\n")[0].decode().split()
        self.requests.append((method, path, json.loads(body) if body else None))
        status, content = self.script.pop(0) if self.script[1:] else self.script[0]
        if content is None:
            return []
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        return [Reply(now_s, head + body)]


def command(status, **more):
    return 201, {"data": {"id": "c1", "status": status, **more}}


def error(status, error_id, detail="because"):
    return status, {"errors": [{"id": error_id, "title": "T", "detail": detail}]}


@pytest.fixture
def talk():
    clock = VirtualClock()

    def talk_to(script, work):
        robot = Scripted(*script)
        host = InProcessHost(clock)
        server = RobotServer(host.offer("scripted", lambda: robot), clock.named("p"))
        server.open()

        def body():
            try:
                return work(server, clock)
            finally:
                clock.release("test")

        clock.hold("test")
        with ThreadPoolExecutor(1) as thread:
            try:
                return thread.submit(body).result(timeout=20), robot
            finally:
                server.close()
                host.close()

    return talk_to


def execute(kind, **more):
    def work(server, clock):
        stop = clock.named("stop").signal()
        return server.execute("r1", kind, {"a": 1}, stop=stop, **more)

    return work


def test_a_command_goes_out_as_the_robot_wants_it(talk):
    result, robot = talk(
        [command("succeeded", result={"volume": 5.0})], execute("aspirate")
    )
    assert result == {"volume": 5.0}
    assert robot.requests == [
        (
            "POST",
            "/runs/r1/commands?waitUntilComplete=true&timeout=1000",
            {
                "data": {
                    "commandType": "aspirate",
                    "params": {"a": 1},
                    "intent": "setup",
                }
            },
        )
    ]


def test_a_command_that_still_runs_is_asked_for_until_it_has_ended(talk):
    script = [command("queued"), command("running"), command("succeeded")]
    _, robot = talk(script, execute("aspirate", expected_s=3.0))
    assert [request[:2] for request in robot.requests[1:]] == [
        ("GET", "/runs/r1/commands/c1"),
        ("GET", "/runs/r1/commands/c1"),
    ]


@pytest.mark.parametrize(
    ("kind", "script", "outcome", "text"),
    [
        ("dispense", [(200, None)], AmbiguousOutcome, "may or may not have happened"),
        ("moveToWell", [(200, None)], DeviceLost, "connection lost during POST"),
        ("dispense", [command("running"), (200, None)], AmbiguousOutcome, "dispense"),
        (
            "moveToWell",
            [command("running"), (200, None)],
            DeviceLost,
            "lost during GET",
        ),
        (
            "dispense",
            [command("running")],
            AmbiguousOutcome,
            "has not ended 60 s after",
        ),
        ("home", [command("running")], DeviceLost, "has not ended 60 s after"),
        ("dispense", [(500, {})], AmbiguousOutcome, "HTTP 500"),
        ("home", [(500, {})], DeviceFault, "refused POST .*: HTTP 500"),
        ("dispense", [(201, b"<html>")], AmbiguousOutcome, "not JSON"),
        ("home", [(201, b"<html>")], DeviceFault, "answered b'<html>'"),
        ("home", [(201, {"meta": 1})], DeviceFault, "answer without data"),
        ("home", [(201, [1])], DeviceFault, "refused POST"),
        ("dispense", [error(409, "RunStopped")], DeviceFault, "RunStopped: because"),
        ("dispense", [error(422, "InvalidRequest")], DeviceFault, "HTTP 422"),
        (
            "dispense",
            [command("failed", error={"errorType": "StallError", "detail": "stuck"})],
            DeviceFault,
            "dispense failed: StallError: stuck",
        ),
        ("dispense", [command("failed")], DeviceFault, "no errorType given"),
        (
            "dispense",
            [command("failed", error={"errorType": "RunStoppedError"})],
            Aborted,
            "RunStoppedError",
        ),
    ],
)
def test_what_went_wrong_decides_whether_it_may_be_repeated(
    talk, kind, script, outcome, text
):
    with pytest.raises(outcome, match=text):
        talk(script, execute(kind))


def test_a_hung_command_is_given_up_when_patience_ends(talk):
    def work(server, clock):
        start_s = clock.now_s()
        with pytest.raises(AmbiguousOutcome):
            execute("dispense", expected_s=5.0)(server, clock)
        return clock.now_s() - start_s

    waited_s, _ = talk([command("running")], work)
    assert 5.0 + PATIENCE_S < waited_s < 5.0 + PATIENCE_S + 2.0


def test_only_an_active_run_makes_way_for_a_new_one(talk):
    def create(server, clock):
        return server.create_run()

    runs = (
        200,
        {
            "data": [
                {"id": "old", "current": True, "status": "running"},
                {"id": "older", "current": False, "status": "stopped"},
            ]
        },
    )
    script = [
        error(409, "RunAlreadyActive"),
        runs,
        # It ended by itself in the meantime.
        error(409, "RunActionNotAllowed"),
        (201, {"data": {"id": "new"}}),
    ]
    run, robot = talk(script, create)
    assert run == "new"
    assert robot.requests[2] == (
        "POST",
        "/runs/old/actions",
        {"data": {"actionType": "stop"}},
    )
    with pytest.raises(DeviceFault, match="DoorOpen"):
        talk([error(409, "DoorOpen")], create)


def test_a_stop_that_is_refused_is_reported(talk):
    runs = 200, {"data": [{"id": "old", "current": True, "status": "idle"}]}
    with pytest.raises(DeviceFault, match="Forbidden"):
        talk([runs, error(403, "Forbidden")], lambda server, _: server.stop_current())


def test_without_a_connection_nothing_is_asked():
    server = RobotServer("inproc://nobody", VirtualClock().named("p"))
    with pytest.raises(DeviceLost, match="connect first"):
        server.health()
