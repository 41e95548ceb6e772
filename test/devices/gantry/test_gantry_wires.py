"""The bytes of GRBL and gripper, as their documentation has them."""

import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices.gantry.grbl import GrblController
from hp_lab.devices.gantry.gripper import ServoGripper
from hp_lab.errors import Aborted, DeviceFault, DeviceLost

GREETING = b"\r\nGrbl 1.1h ['$' for help]\r\n[MSG:'$H'|'$X' to unlock]\r\n"
INFO = (b"$I\n", b"[VER:1.1h.20190830:]\r\n[OPT:V,15,128]\r\nok\r\n")


@pytest.fixture
def stop():
    return VirtualClock().named("stop").signal()


@pytest.fixture
def grbl_on(dialogue):
    """Return a function that opens a controller on a dialogue."""

    def start(*exchanges, greeting=GREETING, before=()):
        port = dialogue(*before, INFO, *exchanges, greeting=greeting)
        controller = GrblController(port, VirtualClock().named("x"), 1.0)
        controller.open()
        return controller

    return start


def test_the_greeting_is_awaited_and_the_version_asked(grbl_on):
    assert grbl_on().version == "1.1h.20190830"


def test_a_board_that_does_not_greet_is_reset(grbl_on):
    assert grbl_on(greeting=b"", before=[(b"\x18", GREETING)]).in_step


def test_messages_between_the_answers_are_not_answers(grbl_on):
    controller = grbl_on(
        (
            b"G21 G90\n",
            b"[MSG:Caution: Unlocked]\r\n<Idle|MPos:0,0,0|FS:0,0>\r\nok\r\n",
        ),
        (b"$$\n", b"$13=0\r\n$22=1\r\n$130=800.000\r\nok\r\n"),
    )
    assert len(controller.command("G21 G90")) == 2
    assert controller.settings() == {13: 0.0, 22: 1.0, 130: 800.0}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"error:9\r\n", "error 9 .it is locked"),
        (b"error:99\r\n", "error 99; |error 99$"),
        (b"ALARM:2\r\n[MSG:Reset to continue]\r\n", "alarm 2 .the target is beyond"),
        (GREETING, "reset by itself"),
    ],
)
def test_refusals_alarms_and_resets_are_faults(grbl_on, stop, answer, message):
    controller = grbl_on((b"G53 G1 X-5.000 Z-1.500 F600.0\n", answer))
    with pytest.raises(DeviceFault, match=message):
        controller.move((-5.0, None, -1.5), 600.0, stop=stop, timeout_s=5.0)


def test_a_move_is_queued_and_then_awaited(grbl_on, stop):
    controller = grbl_on(
        (b"G53 G1 X-5.000 Y-0.125 F6000.0\n", b"ok\r\n"), (b"G4 P0.01\n", b"ok\r\n")
    )
    controller.move((-5.0, -0.125, None), 6000.0, stop=stop, timeout_s=5.0)
    assert controller.in_step


@pytest.mark.parametrize(
    ("report", "state", "moves", "place"),
    [
        (b"<Idle|MPos:0.000,0.000,0.000|FS:0,0>", "Idle", False, (0.0, 0.0, 0.0)),
        (
            b"<Run|MPos:-1.500,2.000,-3.250|Bf:15,128|FS:500,0|WCO:0.000,1.500,7.000>",
            "Run",
            True,
            (-1.5, 2.0, -3.25),
        ),
        (b"<Hold:1|MPos:1,2,3|FS:9,0>", "Hold", True, (1.0, 2.0, 3.0)),
        (b"<Hold:0|MPos:1,2,3|FS:0,0|Pn:XYZ>", "Hold", False, (1.0, 2.0, 3.0)),
        (b"<Door:3|MPos:1,2,3|FS:0,0>", "Door", True, (1.0, 2.0, 3.0)),
        (b"<Alarm|MPos:1,2,3|FS:0,0>", "Alarm", False, (1.0, 2.0, 3.0)),
    ],
)
def test_status_reports_are_read(grbl_on, report, state, moves, place):
    status = grbl_on((b"?", report + b"\r\n")).status()
    assert (status.state, status.moves, status.machine_mm) == (state, moves, place)


def test_a_noisy_report_is_asked_again(grbl_on):
    good = (b"?", b"<Idle|MPos:1,2,3|FS:0,0>\r\n")
    controller = grbl_on((b"?", b"<Idle|MP\xff\r\n"), good, (b"?", b"<oops>\r\n"), good)
    assert controller.status().state == "Idle"
    assert controller.status().state == "Idle"
    assert controller.in_step


def test_a_stop_brakes_waits_resets_and_keeps_the_position(grbl_on):
    controller = grbl_on(
        (b"!", b""),
        (b"?", b"<Hold:0|MPos:1,2,3|FS:0,0>\r\n"),
        (b"\x18", b"\r\nGrbl 1.1h ['$' for help]\r\n"),
        (b"?", b"<Idle|MPos:1,2,3|FS:0,0>\r\n"),
    )
    assert controller.stop()


def test_a_stop_while_homing_loses_the_position(grbl_on):
    controller = grbl_on(
        (b"!", b""),
        (b"?", b""),
        (b"\x18", b"ALARM:6\r\n" + GREETING),
        (b"?", b"<Alarm|MPos:1,2,3|FS:0,0>\r\n"),
    )
    assert not controller.stop()


def test_after_a_missing_answer_nothing_is_asked_before_a_stop(grbl_on, stop):
    controller = grbl_on((b"G21\n", b""))
    with pytest.raises(DeviceLost):
        controller.command("G21")
    assert not controller.rests()
    with pytest.raises(DeviceFault, match="stop it first"):
        controller.command("G90")
    with pytest.raises(DeviceFault, match="stop it first"):
        controller.home(stop=stop, timeout_s=1.0)


def test_a_raised_stop_ends_the_wait_at_once(grbl_on, stop):
    controller = grbl_on((b"$H\n", b""))
    stop.set()
    with pytest.raises(Aborted):
        controller.home(stop=stop, timeout_s=60.0)
    assert not controller.in_step


@pytest.fixture
def gripper_on(dialogue):
    """Return a function that opens a gripper on a dialogue."""

    def start(*exchanges):
        port = dialogue(*exchanges)
        gripper = ServoGripper(port, VirtualClock().named("x"), 1.0)
        gripper.open()
        return gripper

    return start


def test_a_gripper_moves_and_weighs(gripper_on):
    gripper = gripper_on(
        (b"l\n", b"0.02\r\n"), (b"S1100 600\n", b"ok\r\n"), (b"l\n", b"2.00\r\n")
    )
    gripper.move(1100.0, 600.0, 1.0)
    assert gripper.load() == 2.0


def test_a_board_that_boots_is_asked_again(gripper_on):
    gripper_on((b"l\n", b""), (b"l\n", b""), (b"l\n", b"0.02\r\n"))


def test_a_move_is_sent_once_and_a_load_asked_twice(gripper_on):
    gripper = gripper_on(
        (b"l\n", b"0.02\r\n"),
        (b"S1100 600\n", b"no\r\n"),
        (b"l\n", b"what\r\n"),
        (b"l\n", b"0.02\r\n"),
    )
    with pytest.raises(DeviceFault, match="not ok"):
        gripper.move(1100.0, 600.0, 1.0)
    assert gripper.load() == 0.02


def test_a_board_that_does_not_stop_talking_is_lost(gripper_on):
    chatter = b"what\r\n" * 20
    gripper = gripper_on((b"l\n", b"0.02\r\n"), (b"l\n", chatter))
    with pytest.raises(DeviceLost, match="does not stop talking"):
        gripper.load()
    gripper.close()
    with pytest.raises(DeviceLost, match="connect first"):
        gripper.load()


def test_noise_before_the_greeting_is_dropped(grbl_on):
    assert grbl_on(greeting=b"\xff\xfe\r\n" + GREETING).in_step


def test_a_stop_goes_on_when_a_report_is_noise(grbl_on):
    controller = grbl_on(
        (b"!", b""),
        (b"?", b"<oops>\r\n"),
        (b"?", b"<Hold:0|MPos:1,2,3|FS:0,0>\r\n"),
        (b"\x18", GREETING),
        (b"?", b"<Idle|MPos:1,2,3|FS:0,0>\r\n"),
    )
    controller._clock = Patient()
    assert controller.stop()


def test_a_controller_that_does_not_greet_after_a_reset_is_lost(grbl_on):
    controller = grbl_on(
        (b"!", b""), (b"?", b"<Idle|MPos:1,2,3|FS:0,0>\r\n"), (b"\x18", b"")
    )
    with pytest.raises(DeviceLost, match="switch it off"):
        controller.stop()


class Patient:
    """A clock on which waiting costs nothing."""

    def now_s(self):
        return 0.0

    def sleep(self, duration_s):
        """Return at once."""
