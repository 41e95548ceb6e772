import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hp_lab.devices.pipettor.deck import Deck
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import load_lab_config
from hp_lab.simulation.emulators.opentrons import LATENCY_S, OpentronsRobot

CONFIG = load_lab_config(Path(__file__).parents[3] / "config" / "lab.yaml").pipettor
DECK = Deck(CONFIG)
DEFINITIONS = {name: DECK.definition(name) for name in CONFIG.labware}
START_S = 1000.0


@dataclass
class FakeWorld:
    events: list = field(default_factory=list)

    def aspirate(self, now_s, mount, well, volume_ul):
        self.events.append(("aspirate", now_s, mount, well, volume_ul))

    def dispense(self, now_s, mount, well, volume_ul, rate_ul_s):
        self.events.append(("dispense", now_s, mount, well, volume_ul, rate_ul_s))

    def drop_tip(self, now_s, mount):
        self.events.append(("drop_tip", now_s, mount))


def request(method, path, body=None, *, version=b"3"):
    """Return one HTTP request, byte for byte as a client sends it."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: ot2:31950\r\n".encode()
    if version is not None:
        head += b"Opentrons-Version: " + version + b"\r\n"
    if content:
        head += b"Content-Type: application/json\r\n"
        head += b"Content-Length: %d\r\n" % len(content)
    return head + b"\r\n" + content


def parsed(data):
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


class Client:
    """Speaks to the robot over one connection and wakes it when it is due."""

    def __init__(self, robot, now_s=START_S):
        self.session = robot.session()
        self.session.connected(now_s)
        self.now_s = now_s
        self.run = ""
        self.pipettes = {}

    def ask(self, method, path, body=None):
        """Return status and content of the answer; time goes on until it leaves."""
        replies = self.session.receive(request(method, path, body), self.now_s)
        while not replies:
            self.now_s = self.session.due_s()
            assert self.now_s is not None, "the robot will never answer"
            replies = self.session.wake(self.now_s)
        (reply,) = replies
        self.now_s = max(self.now_s, reply.at_s)
        return parsed(reply.data)

    def let_run(self, until_s):
        while (due_s := self.session.due_s()) is not None and due_s <= until_s:
            self.session.wake(due_s)
        self.now_s = until_s

    def command(self, kind, wait=True, intent="setup", **params):
        query = "?waitUntilComplete=true" if wait else ""
        status, content = self.ask(
            "POST",
            f"/runs/{self.run}/commands{query}",
            {"data": {"commandType": kind, "params": params, "intent": intent}},
        )
        assert status == 201, content
        return content["data"]

    def start(self, homed=True):
        """Begin a run in which pipettes and labware are loaded."""
        self.run = self.ask("POST", "/runs")[1]["data"]["id"]
        for mount, pipette in CONFIG.mounts.items():
            self.pipettes[mount] = self.command(
                "loadPipette", mount=mount, pipetteName=pipette.name
            )["result"]["pipetteId"]
        for name, labware in CONFIG.labware.items():
            definition = DEFINITIONS[name]
            path = f"/runs/{self.run}/labware_definitions"
            assert self.ask("POST", path, {"data": definition})[0] == 201
            loaded = self.command(
                "loadLabware",
                location={"slotName": str(labware.slot)},
                loadName=definition["parameters"]["loadName"],
                namespace=definition["namespace"],
                version=definition["version"],
                labwareId=name,
            )
            assert loaded["status"] == "succeeded", loaded
        if homed:
            self.command("home")
        return self

    def tip(self, mount="left", well="A1"):
        return self.command(
            "pickUpTip",
            pipetteId=self.pipettes[mount],
            labwareId="tips_1",
            wellName=well,
        )

    def stroke(self, kind, well, volume, mount="left", rate=100.0, **more):
        labware, _, name = well.partition("/")
        return self.command(
            kind,
            pipetteId=self.pipettes[mount],
            labwareId=labware,
            wellName=name,
            volume=volume,
            flowRate=rate,
            **more,
        )


@pytest.fixture
def world():
    return FakeWorld()


@pytest.fixture
def robot(world):
    return OpentronsRobot(world, CONFIG)


def error_of(command):
    assert command["status"] == "failed"
    return command["error"]["errorType"]


def test_health_is_answered_at_once_with_the_bytes_of_http(robot):
    (reply,) = robot.session().receive(request("GET", "/health"), START_S)
    assert reply.at_s == START_S
    assert reply.data.startswith(b"HTTP/1.1 200 \r\n")
    assert b"Content-Type: application/json\r\n" in reply.data
    status, content = parsed(reply.data)
    assert (status, content["api_version"]) == (200, "8.2.0")


def test_pipettes_are_those_of_the_laboratory(robot):
    status, content = Client(robot).ask("GET", "/pipettes")
    assert status == 200
    assert {mount: item["name"] for mount, item in content.items()} == {
        "left": "p300_single_gen2",
        "right": "p300_single_gen2",
    }


def test_a_request_means_the_same_in_any_pieces(robot):
    whole = robot.session().receive(request("GET", "/pipettes"), START_S)
    session = robot.session()
    pieces = []
    for byte in request("GET", "/pipettes"):
        # An empty chunk between two bytes is not the end of the conversation.
        pieces += session.receive(b"", START_S)
        pieces += session.receive(bytes([byte]), START_S)
    assert pieces == whole


def test_requests_in_one_chunk_are_answered_in_their_order(robot):
    data = request("GET", "/health") + request("GET", "/modules")
    first, second = robot.session().receive(data, START_S)
    assert "api_version" in parsed(first.data)[1]
    assert parsed(second.data)[1] == {"data": []}


def test_an_answer_that_waits_holds_up_the_one_behind_it(robot):
    client = Client(robot).start()
    body = {"data": {"commandType": "home", "params": {}}}
    path = f"/runs/{client.run}/commands?waitUntilComplete=true"
    data = request("POST", path, body) + request("GET", "/health")
    assert client.session.receive(data, client.now_s) == []
    client.session.wake(client.session.due_s())
    replies = client.session.wake(client.session.due_s())
    assert parsed(replies[0].data)[1]["data"]["status"] == "succeeded"
    assert "api_version" in parsed(replies[1].data)[1]


@pytest.mark.parametrize(
    ("data", "status", "error_id"),
    [
        (request("GET", "/health", version=None), 422, "InvalidRequest"),
        (request("GET", "/nowhere"), 404, "NotFound"),
        (request("GET", "/runs/none"), 404, "RunNotFound"),
        (b"nonsense\r\n\r\n", 400, "BadRequest"),
        (
            (
                b"POST /runs HTTP/1.1\r\nHost: a\r\nOpentrons-Version: 3\r\n"
                b"Content-Length: 3\r\n\r\n{x}"
            ),
            422,
            "InvalidRequest",
        ),
    ],
)
def test_what_cannot_be_answered_is_an_error_of_http(robot, data, status, error_id):
    (reply,) = robot.session().receive(data, START_S)
    found, content = parsed(reply.data)
    assert (found, content["errors"][0]["id"]) == (status, error_id)


def test_a_command_begins_a_latency_later_and_answers_at_its_end(robot):
    client = Client(robot).start()
    start_s = client.now_s
    done = client.command("home")
    assert done["status"] == "succeeded"
    assert client.now_s - start_s == pytest.approx(LATENCY_S + 8.0)


def test_an_answer_leaves_when_its_time_is_over_though_the_command_runs(robot):
    client = Client(robot).start()
    start_s = client.now_s
    status, content = client.ask(
        "POST",
        f"/runs/{client.run}/commands?waitUntilComplete=true&timeout=1500",
        {"data": {"commandType": "home", "params": {}}},
    )
    assert (status, content["data"]["status"]) == (201, "running")
    assert client.now_s - start_s == pytest.approx(1.5)


def test_commands_run_one_after_the_other(robot):
    client = Client(robot).start()
    first = client.command("home", wait=False)
    second = client.command("home", wait=False)
    assert [first["status"], second["status"]] == ["queued", "queued"]

    def status(command):
        path = f"/runs/{client.run}/commands/{command['id']}"
        return client.ask("GET", path)[1]["data"]["status"]

    client.let_run(client.now_s + 1.0)
    assert [status(first), status(second)] == ["running", "queued"]
    client.let_run(client.now_s + 8.0)
    assert [status(first), status(second)] == ["succeeded", "running"]
    client.let_run(client.now_s + 8.0)
    assert status(second) == "succeeded"


def test_liquid_moves_when_the_tip_is_there_and_at_the_rate_asked_for(robot, world):
    client = Client(robot).start()
    client.tip()
    start_s = client.now_s
    client.stroke("aspirate", "stocks/A1", 100.0)
    client.stroke("dispense", "mix/B2", 100.0, rate=50.0)
    (_, taken_s, *taken), (_, given_s, *given) = world.events
    assert taken == ["left", "stocks/A1", 100.0]
    assert given == ["left", "mix/B2", 100.0, 50.0]
    assert start_s + LATENCY_S < taken_s < given_s
    # The dispense answers when the last liquid has left the tip.
    assert client.now_s == pytest.approx(given_s + 2.0)


def test_a_dispense_in_place_starts_a_latency_after_its_request(robot, world):
    client = Client(robot).start()
    client.tip()
    client.stroke("aspirate", "stocks/A1", 80.0)
    client.command(
        "moveToWell", pipetteId="pipette-left", labwareId="spin_chuck", wellName="A1"
    )
    sent_s = client.now_s
    client.command("dispenseInPlace", pipetteId="pipette-left", volume=80, flowRate=200)
    assert world.events[-1] == (
        "dispense",
        pytest.approx(sent_s + LATENCY_S),
        "left",
        "spin_chuck/A1",
        80.0,
        200.0,
    )


def test_coordinates_and_wells_lead_to_the_same_place(robot, world):
    client = Client(robot).start()
    client.tip()
    client.stroke("aspirate", "stocks/A1", 60.0)
    for place in ("mix/C5", "solvents/B3", "spin_chuck/A1"):
        x, y = DECK.center_mm(place)
        client.command(
            "moveToCoordinates",
            pipetteId="pipette-left",
            coordinates={"x": x, "y": y, "z": 50.0},
        )
        client.command(
            "dispenseInPlace", pipetteId="pipette-left", volume=20.0, flowRate=100.0
        )
        assert world.events[-1][3] == place


def test_a_tip_beside_every_well_loses_its_liquid(robot, world):
    client = Client(robot).start()
    client.tip()
    client.stroke("aspirate", "stocks/A1", 60.0)
    # Slot 9 is empty.
    client.command(
        "moveToCoordinates",
        pipetteId="pipette-left",
        coordinates={"x": 330.0, "y": 220.0, "z": 50.0},
    )
    client.command(
        "dispenseInPlace", pipetteId="pipette-left", volume=60.0, flowRate=100.0
    )
    assert [event[0] for event in world.events] == ["aspirate"]


def test_the_other_mount_hangs_beside_the_one_that_moved(robot, world):
    client = Client(robot).start()
    client.tip("left", "A1")
    client.tip("right", "A2")
    client.stroke("aspirate", "stocks/A1", 60.0, mount="right")
    client.command(
        "moveToWell", pipetteId="pipette-left", labwareId="spin_chuck", wellName="A1"
    )
    client.command(
        "dispenseInPlace", pipetteId="pipette-right", volume=60.0, flowRate=100.0
    )
    assert "dispense" not in [event[0] for event in world.events]


def test_errors_of_tips_and_volumes_are_the_robots(robot):
    client = Client(robot).start()
    assert error_of(client.stroke("aspirate", "stocks/A1", 50.0)) == (
        "TipNotAttachedError"
    )
    assert client.tip()["status"] == "succeeded"
    assert error_of(client.tip(well="A2")) == "TipAttachedError"
    full = client.stroke("aspirate", "stocks/A1", 400.0)
    assert error_of(full) == "InvalidAspirateVolumeError"
    assert full["error"]["detail"] == (
        "Cannot aspirate 400.0 µL when only 300.0 is available in the tip."
    )
    client.stroke("aspirate", "stocks/A1", 50.0)
    assert error_of(client.stroke("dispense", "mix/A1", 60.0)) == (
        "InvalidDispenseVolumeError"
    )
    assert error_of(client.stroke("dispense", "mix/Z9", 50.0)) == (
        "WellDoesNotExistError"
    )
    assert error_of(client.stroke("dispense", "none/A1", 50.0)) == (
        "LabwareNotLoadedError"
    )
    trash = {"pipetteId": "pipette-left", "addressableAreaName": "fixedTrash"}
    client.command("moveToAddressableAreaForDropTip", **trash)
    assert client.command("dropTipInPlace", **trash)["status"] == "succeeded"
    assert error_of(client.command("dropTipInPlace", **trash)) == "TipNotAttachedError"


def test_nothing_moves_before_homing(robot):
    client = Client(robot).start(homed=False)
    assert error_of(client.tip()) == "MustHomeError"


def test_a_tip_of_an_earlier_run_is_in_the_way_until_it_is_forced_off(robot, world):
    client = Client(robot).start()
    client.tip()
    client.start()
    assert error_of(client.tip(well="A2")) == "TipAttachedError"
    trash = {"pipetteId": "pipette-left", "addressableAreaName": "fixedTrash"}
    client.command("moveToAddressableAreaForDropTip", **trash)
    assert error_of(client.command("dropTipInPlace", **trash)) == "TipNotAttachedError"
    client.command("unsafe/dropTipInPlace", pipetteId="pipette-left")
    assert world.events[-1][0] == "drop_tip"
    assert client.tip(well="A2")["status"] == "succeeded"


def test_a_stop_ends_the_motion_and_the_run(robot, world):
    client = Client(robot).start()
    client.tip()
    client.stroke("aspirate", "stocks/A1", 50.0)
    waiting = client.stroke("dispense", "mix/A1", 50.0, wait=False)
    client.let_run(client.now_s + 0.5)
    other = Client(robot, client.now_s)
    path = f"/runs/{client.run}/actions"
    assert other.ask("POST", path, {"data": {"actionType": "stop"}})[0] == 201
    client.let_run(client.now_s + 60.0)
    ended = client.ask("GET", f"/runs/{client.run}/commands/{waiting['id']}")[1]["data"]
    assert error_of(ended) == "RunStoppedError"
    assert [event[0] for event in world.events] == ["aspirate"]
    body = {"data": {"commandType": "home", "params": {}}}
    status, content = client.ask("POST", f"/runs/{client.run}/commands", body)
    assert (status, content["errors"][0]["id"]) == (409, "RunStopped")
    status, content = other.ask("POST", path, {"data": {"actionType": "stop"}})
    assert (status, content["errors"][0]["id"]) == (409, "RunActionNotAllowed")


def test_who_waits_for_a_stopped_command_hears_of_it(robot):
    client = Client(robot).start()
    body = {"data": {"commandType": "home", "params": {}}}
    path = f"/runs/{client.run}/commands?waitUntilComplete=true"
    assert client.session.receive(request("POST", path, body), client.now_s) == []
    stop = {"data": {"actionType": "stop"}}
    Client(robot, client.now_s + 1.0).ask("POST", f"/runs/{client.run}/actions", stop)
    (reply,) = client.session.wake(client.now_s + 1.0)
    assert error_of(parsed(reply.data)[1]["data"]) == "RunStoppedError"


def test_protocol_commands_wait_for_play_and_setup_ends_with_it(robot):
    client = Client(robot).start()
    waiting = client.command("home", wait=False, intent="protocol")
    client.let_run(client.now_s + 60.0)
    path = f"/runs/{client.run}/commands/{waiting['id']}"
    assert client.ask("GET", path)[1]["data"]["status"] == "queued"
    client.ask("POST", f"/runs/{client.run}/actions", {"data": {"actionType": "play"}})
    client.let_run(client.now_s + 60.0)
    assert client.ask("GET", path)[1]["data"]["status"] == "succeeded"
    status, content = client.ask(
        "POST",
        f"/runs/{client.run}/commands",
        {"data": {"commandType": "home", "params": {}, "intent": "setup"}},
    )
    assert (status, content["errors"][0]["id"]) == (409, "CommandNotAllowed")


def test_a_new_run_needs_an_idle_robot(robot):
    client = Client(robot).start()
    client.command("home", wait=False)
    status, content = client.ask("POST", "/runs")
    assert (status, content["errors"][0]["id"]) == (409, "RunAlreadyActive")


def test_a_run_can_be_looked_at_listed_and_deleted(robot):
    client = Client(robot).start()
    run = client.ask("GET", f"/runs/{client.run}")[1]["data"]
    assert (run["status"], run["current"]) == ("idle", True)
    assert len(client.ask("GET", "/runs")[1]["data"]) == 1
    count = client.ask("GET", f"/runs/{client.run}/commands")[1]["meta"]["totalLength"]
    assert count == len(CONFIG.labware) + len(CONFIG.mounts) + 1
    assert client.ask("DELETE", f"/runs/{client.run}")[0] == 200
    assert client.ask("GET", f"/runs/{client.run}")[0] == 404


def test_robot_home_answers_when_it_stands(robot):
    client = Client(robot)
    assert client.ask("POST", "/robot/home", {"target": "robot"})[0] == 200
    assert client.now_s - START_S == pytest.approx(8.0)
    assert robot.state(client.now_s)["homed"]


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("levitate", {}),
        ("pickUpTip", {"pipetteId": "a"}),
        ("aspirateInPlace", {"pipetteId": "a", "volume": -1.0, "flowRate": 1.0}),
        ("dispenseInPlace", {"pipetteId": "a", "volume": 1.0, "flowRate": 0.0}),
        ("dispenseInPlace", {"pipetteId": "a", "volume": True, "flowRate": 1.0}),
    ],
)
def test_malformed_commands_are_refused_before_they_are_queued(robot, kind, params):
    client = Client(robot).start()
    body = {"data": {"commandType": kind, "params": params}}
    status, content = client.ask("POST", f"/runs/{client.run}/commands", body)
    assert (status, content["errors"][0]["id"]) == (422, "InvalidRequest")


def test_the_world_hears_of_events_in_the_order_of_time(robot, world):
    client = Client(robot).start()
    for mount, well in (("left", "A1"), ("right", "A2")):
        client.tip(mount, well)
        client.stroke("aspirate", "stocks/A1", 100.0, mount=mount)
        client.stroke("dispense", "mix/A1", 60.0, mount=mount)
        client.stroke("dispense", "mix/H12", 40.0, mount=mount)
        client.command("unsafe/dropTipInPlace", pipetteId=client.pipettes[mount])
    times_s = [event[1] for event in world.events]
    assert len(times_s) == 8
    assert times_s == sorted(times_s)


def test_an_injected_error_hits_the_next_command_of_its_kind_once(robot):
    client = Client(robot).start()
    robot.inject(
        "robot_error",
        {"command": "pickUpTip", "error_type": "PickUpFailed", "detail": "slipped"},
    )
    assert client.command("home")["status"] == "succeeded"
    failed = client.tip()
    assert (error_of(failed), failed["error"]["detail"]) == ("PickUpFailed", "slipped")
    assert client.tip()["status"] == "succeeded"


def test_a_plunger_that_moves_too_little_moves_too_little(robot, world):
    client = Client(robot).start()
    client.tip()
    robot.inject("wrong_volume", {"factor": 0.5})
    client.stroke("aspirate", "stocks/A1", 100.0)
    assert world.events[-1][4] == 50.0


@pytest.mark.parametrize("fault", ["no_tip", "lost_tip"])
def test_without_a_tip_no_liquid_moves_and_the_robot_does_not_notice(
    robot, world, fault
):
    client = Client(robot).start()
    if fault == "no_tip":
        robot.inject(fault)
    client.tip()
    if fault == "lost_tip":
        robot.inject(fault)
    assert client.stroke("aspirate", "stocks/A1", 100.0)["status"] == "succeeded"
    assert "aspirate" not in [event[0] for event in world.events]


def test_faults_of_the_connection(robot):
    client = Client(robot)
    robot.inject("slow", {"delay_s": 2.0})
    client.ask("GET", "/health")
    assert client.now_s == START_S + 2.0
    robot.clear()
    robot.inject("server_error", {"status": 503})
    assert client.ask("GET", "/health")[0] == 503
    assert client.ask("GET", "/health")[0] == 200
    robot.inject("mute")
    assert client.session.receive(request("POST", "/runs"), client.now_s) == []
    robot.clear()
    client = Client(robot)
    assert len(client.ask("GET", "/runs")[1]["data"]) == 1, "mute hears everything"
    robot.inject("deaf")
    assert client.session.receive(request("POST", "/runs"), client.now_s) == []
    robot.clear()
    client = Client(robot)
    assert len(client.ask("GET", "/runs")[1]["data"]) == 1, "deaf hears nothing"
    robot.inject("garbage")
    (reply,) = client.session.receive(request("GET", "/health"), client.now_s)
    assert not reply.data.startswith(b"HTTP")


def test_a_late_start_delays_the_liquid(robot, world):
    client = Client(robot).start()
    client.tip()
    client.stroke("aspirate", "stocks/A1", 50.0)
    client.command(
        "moveToWell", pipetteId="pipette-left", labwareId="spin_chuck", wellName="A1"
    )
    robot.inject("late_start", {"delay_s": 0.3})
    sent_s = client.now_s
    client.command("dispenseInPlace", pipetteId="pipette-left", volume=50, flowRate=50)
    assert world.events[-1][1] == pytest.approx(sent_s + LATENCY_S + 0.3)


def test_an_unknown_fault_is_refused(robot):
    with pytest.raises(InvalidInput, match="no fault 'gremlins'; there are mute"):
        robot.inject("gremlins")


def test_a_fault_begins_at_its_time(robot):
    client = Client(robot)
    robot.inject("server_error", {"at_s": START_S + 10.0})
    assert client.ask("GET", "/health")[0] == 200
    client.now_s = START_S + 10.0
    assert client.ask("GET", "/health")[0] == 500


def test_the_robot_goes_on_when_the_connection_ends(robot, world):
    client = Client(robot).start()
    client.tip()
    client.stroke("aspirate", "stocks/A1", 50.0, wait=False)
    client.session.disconnected(client.now_s)
    client.let_run(client.now_s + 60.0)
    assert [event[0] for event in world.events] == ["aspirate"]


def test_the_state_is_what_the_robot_really_does(robot):
    client = Client(robot).start()
    client.tip(well="B3")
    client.command("home", wait=False)
    state = robot.state(client.now_s + 1.0)
    assert state["running"] == "home"
    assert (state["tip_left"], state["tip_right"]) == ("tips_1/B3", None)
    assert state["run_status"] == "idle"
    robot.inject("mute")
    assert robot.state(client.now_s + 1.0)["faults"] == "mute"
