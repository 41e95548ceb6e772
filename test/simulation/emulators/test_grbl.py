"""The emulated GRBL controller, as its documentation has it, and its motion."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.simulation.emulators.gcode import GcodeError, Modes, parse
from hp_lab.simulation.emulators.grbl import GrblEmulator
from hp_lab.simulation.emulators.planner import Limits, MotionPlanner

TRAVEL = (800.0, 500.0, 100.0)
BANNER = "\r\nGrbl 1.1h ['$' for help]\r\n"
LOCKED = BANNER + "[MSG:'$H'|'$X' to unlock]\r\n"


def said(replies):
    return b"".join(reply.data for reply in replies).decode()


class Bench:
    """A controller and the time; waking it when it is due."""

    def __init__(self):
        self.grbl = GrblEmulator(TRAVEL)
        self.now_s = 0.0
        self.greeting = said(self.grbl.connected(0.0))

    def send(self, data):
        return said(self.grbl.receive(data.encode("latin-1"), self.now_s))

    def wait(self, duration_s):
        """Let time pass, waking it when it is due; return what it said."""
        end_s, heard = self.now_s + duration_s, ""
        while (due_s := self.grbl.due_s()) is not None and due_s <= end_s:
            self.now_s = due_s
            heard += said(self.grbl.wake(due_s))
        self.now_s = end_s
        return heard

    def home(self):
        assert self.send("$H\n") == ""
        assert self.wait(60.0) == "ok\r\n"
        return self

    def state(self):
        return self.send("?").strip("<").partition("|")[0]


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def homed():
    return Bench().home()


def test_it_greets_and_is_locked_until_it_is_homed(bench):
    assert bench.greeting == LOCKED
    assert bench.send("?").startswith("<Alarm|MPos:0.000,0.000,0.000|FS:0,0")
    assert bench.send("G0 X-5\n") == "error:9\r\n"
    bench.home()
    assert bench.send("?").startswith("<Idle|MPos:-2.000,-2.000,-2.000|FS:0,0")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("", "ok"),
        ("(comment)", "error:1"),
        ("; comment", "ok"),
        ("g21 g90", "ok"),
        ("G0", "ok"),
        ("5", "error:1"),
        ("X", "error:2"),
        ("$Q", "error:3"),
        ("G1 X-5 F-1", "error:4"),
        ("G2 X-5 Y-5 I1", "error:20"),
        ("G90 G91", "error:21"),
        ("G1 X-5", "error:22"),
        ("G1.5", "error:23"),
        ("X-5 X-6", "error:25"),
        ("G53", "error:26"),
        ("G4", "error:28"),
        ("G4 P-1", "error:4"),
        ("G4 P1 X-5", "error:31"),
        ("G0 X-5 P3", "error:36"),
        ("M7", "error:20"),
        ("M5", "ok"),
        ("G54 G17 G94 G40 G49 G61 G80", "ok"),
        ("N5 G21", "ok"),
        ("G1 X-5 F600" + " " * 60 + "Y-5", "ok"),
        ("G1 X-" + "5" * 90, "error:11"),
        ("$J=X-5", "error:22"),
        ("$J=F100", "error:26"),
        ("$J=G1 X-5 F100", "error:16"),
        ("$J=X5 F100", "error:15"),
        ("$J X5", "error:3"),
        ("$5=x", "error:2"),
        ("$99=1", "error:3"),
        ("$24=-1", "error:4"),
        ("$X", "ok"),
    ],
)
def test_lines_and_answers(homed, line, answer):
    assert homed.send(line + "\n") == answer + "\r\n"


def test_settings_are_listed_changed_and_refused_while_it_moves(homed):
    listed = homed.send("$$\n")
    assert "$22=1\r\n" in listed
    assert "$110=12000.000\r\n" in listed
    assert homed.send("$110=6000\n") == "ok\r\n"
    assert "$110=6000.000" in homed.send("$$\n")
    homed.send("G0 X-700\n")
    assert homed.send("$$\n") == "error:8\r\n"
    assert homed.send("$110=1\n") == "error:8\r\n"
    assert homed.send("$G\n").endswith("ok\r\n")
    homed.wait(60.0)
    assert homed.send("$22=0\n") == "ok\r\n"
    assert homed.send("$20=1\n") == "error:10\r\n"
    assert homed.send("$H\n") == "error:5\r\n"


def test_it_reports_what_it_is_and_how_it_stands(homed):
    homed.send("G91 G1 X-1 F600\n")
    homed.wait(5.0)
    assert homed.send("$G\n") == (
        "[GC:G1 G54 G17 G21 G91 G94 M5 M9 T0 F600 S0]\r\nok\r\n"
    )
    assert homed.send("$I\n") == "[VER:1.1h.20190830:]\r\n[OPT:V,15,128]\r\nok\r\n"
    assert "[G54:0.000,0.000,0.000]" in homed.send("$#\n")
    assert homed.send("$N\n") == "$N0=\r\n$N1=\r\nok\r\n"
    assert homed.send("$\n").startswith("[HLP:")
    reports = [homed.send("?") for _ in range(10)]
    assert sum("WCO:" in report for report in reports) == 1
    assert sum("Ov:100,100,100" in report for report in reports) == 1
    homed.send("$10=3\n")
    assert "|Bf:15,128|" in homed.send("?")


def test_ok_means_queued_and_a_dwell_waits(homed):
    assert homed.send("G53 G0 X-402\n") == "ok\r\n"
    assert homed.state() == "Run"
    assert homed.send("G4 P0.01\n") == ""
    # 400 mm at 200 mm/s and 500 mm/s^2.
    assert homed.grbl.due_s() - homed.now_s == pytest.approx(2.41)
    assert homed.wait(2.40) == ""
    assert homed.state() == "Idle"
    assert homed.wait(0.02) == "ok\r\n"
    assert homed.grbl.position_mm(homed.now_s) == pytest.approx((398, 498, 98))


def test_a_feed_takes_its_time_and_axes_keep_their_limits(homed):
    homed.send("G53 G1 Y-102 F600\nG4 P0\n")
    assert homed.grbl.due_s() - homed.now_s == pytest.approx(100 / 10 + 10 / 500)
    homed.wait(20.0)
    homed.send("G53 G1 Z-52 F90000\nG4 P0\n")
    assert homed.grbl.due_s() - homed.now_s == pytest.approx(50 / 50 + 50 / 200)


def test_relative_inches_and_implicit_motion(homed):
    homed.send("G91 G20 G0 X-1\nY-1\nG90 G21\n")
    homed.wait(10.0)
    assert homed.grbl.position_mm(homed.now_s) == pytest.approx(
        (798 - 25.4, 498 - 25.4, 98)
    )
    homed.send("G91\nG53 G0 X-100\nM2\n")
    homed.wait(10.0)
    assert homed.grbl.position_mm(homed.now_s)[0] == pytest.approx(700.0)
    assert "G90" in homed.send("$G\n")


def test_a_full_queue_delays_the_ok(homed):
    heard = "".join(homed.send(f"G0 X-{10 * n}\n") for n in range(1, 17))
    assert heard.count("ok") == 15
    assert homed.wait(60.0).count("ok") == 1


def test_lines_beyond_the_buffer_are_lost(homed):
    homed.send("G0 X-700\nG4 P1\n")
    homed.send("G0 X-5.000\n" * 30)
    assert homed.wait(600.0).count("ok") <= 2 + 128 // 11


def test_a_hold_brakes_keeps_the_position_and_goes_on(homed):
    homed.send("G53 G0 X-402\nG4 P0.01\n")
    homed.wait(1.0)
    homed.send("!")
    assert homed.state() == "Hold:1"
    assert homed.grbl.due_s() is None
    homed.wait(0.5)
    assert homed.state() == "Hold:0"
    where = homed.grbl.position_mm(homed.now_s)
    # 200 mm/s are braked at 500 mm/s^2 over 40 mm.
    assert where[0] == pytest.approx(798 - (200 - 40) - 40)
    assert homed.send("G0 X-1\n") == ""
    homed.wait(100.0)
    assert homed.grbl.position_mm(homed.now_s) == pytest.approx(where)
    homed.send("~")
    assert homed.wait(30.0) == "ok\r\nok\r\n"
    assert homed.grbl.position_mm(homed.now_s)[0] == pytest.approx(799.0)


def test_a_reset_at_rest_keeps_the_position_and_in_motion_loses_it(homed):
    homed.send("G53 G0 X-402\n")
    homed.wait(1.0)
    homed.send("!")
    homed.wait(1.0)
    assert homed.send("\x18") == BANNER
    assert homed.state() == "Idle"
    homed.send("G53 G0 X-700\n")
    homed.wait(0.5)
    replies = homed.grbl.receive(b"\x18", homed.now_s)
    assert said(replies) == "ALARM:3\r\n" + LOCKED
    assert replies[-1].at_s == homed.now_s + 0.5
    homed.wait(1.0)
    assert homed.state() == "Alarm"
    assert homed.send("$X\n") == "[MSG:Caution: Unlocked]\r\nok\r\n"
    assert homed.state() == "Idle"


def test_a_reset_while_homing_is_an_alarm(bench):
    bench.send("$H\n")
    bench.wait(3.0)
    assert bench.send("?") == "", "it does not report while it homes"
    assert bench.send("\x18") == "ALARM:6\r\n" + LOCKED
    assert bench.wait(60.0) == "", "the ok that was due never comes"


def test_a_target_beyond_the_travel_stops_everything_until_a_reset(homed):
    assert homed.send("G53 G0 X1\n") == "ALARM:2\r\n[MSG:Reset to continue]\r\n"
    assert homed.send("?") == ""
    assert homed.send("$X\n") == ""
    assert homed.send("\x18") == LOCKED


def test_a_jog_can_be_cancelled_and_blocks_commands(homed):
    assert homed.send("$J=G91 X-400 F6000\n") == "ok\r\n"
    assert homed.state() == "Jog"
    assert homed.send("G0 X-5\n") == "error:9\r\n"
    homed.wait(1.0)
    homed.send("\x85")
    homed.wait(1.0)
    assert homed.state() == "Idle"
    x = homed.grbl.position_mm(homed.now_s)[0]
    assert 600.0 < x < 798.0
    homed.send("G0 X-700\n")
    assert homed.send("$J=X-5 F100\n") == "error:8\r\n"


def test_a_door_holds_and_a_check_moves_nothing(homed):
    homed.send("G0 X-700\n")
    homed.wait(0.5)
    homed.send("\x84")
    assert homed.state() == "Door:2"
    homed.wait(5.0)
    assert homed.state() == "Door:0"
    homed.send("~")
    homed.wait(10.0)
    assert homed.state() == "Idle"
    assert homed.send("$C\n") == "[MSG:Enabled]\r\nok\r\n"
    assert homed.send("G0 X-5\n") == "ok\r\n"
    assert homed.state() == "Check"
    assert homed.send("$C\n") == "[MSG:Disabled]\r\nok\r\n"
    assert homed.grbl.position_mm(homed.now_s)[0] == pytest.approx(100.0)


def test_sleep_ends_with_a_reset(homed):
    assert homed.send("$SLP\n") == "ok\r\n[MSG:Sleeping]\r\n"
    assert homed.state() == "Sleep"
    assert homed.send("G0 X-5\n") == ""
    assert homed.send("\x18") == LOCKED


def test_opening_the_port_resets_and_forgets_the_position(homed):
    homed.send("G0 X-700\n")
    homed.wait(10.0)
    assert said(homed.grbl.connected(homed.now_s)) == LOCKED
    assert homed.send("?").startswith("<Alarm|MPos:0.000,0.000,0.000")
    assert homed.grbl.position_mm(homed.now_s)[0] == pytest.approx(100.0)
    assert not homed.grbl.state(homed.now_s)["homed"]


def test_faults_of_the_machine(homed):
    homed.grbl.inject("homing_fails")
    assert homed.send("$H\n") == ""
    assert homed.wait(120.0).startswith("ALARM:9\r\n")
    homed.home()
    homed.grbl.inject("lost_steps", {"x_mm": 3.0})
    homed.send("G53 G0 X-402\n")
    homed.wait(10.0)
    assert homed.send("?").startswith("<Idle|MPos:-402.000")
    assert homed.grbl.position_mm(homed.now_s)[0] == pytest.approx(401.0)
    homed.grbl.inject("hard_limit")
    assert homed.send("G0 X-5\n") == "ALARM:1\r\n[MSG:Reset to continue]\r\n"
    assert homed.send("\x18") == LOCKED
    homed.home()
    assert homed.grbl.position_mm(homed.now_s) == pytest.approx((798, 498, 98))


@pytest.mark.parametrize("text", ["G1", "X5", "G53G0X1Y2Z3", "G4P.5", "F100", ""])
def test_parsing_never_changes_the_modes_it_was_given(text):
    modes = Modes()
    block = parse(text, modes)
    assert modes == Modes()
    assert set(block.axes) <= set("XYZ")


@given(st.text("GMXYZFPNST0123456789.-+ ", max_size=20))
def test_any_text_is_a_block_or_a_numbered_refusal(text):
    number = 0
    try:
        parse("".join(text.split()), Modes())
    except GcodeError as error:
        number = error.number
    assert 0 <= number <= 38


PLACE = st.tuples(st.floats(-100, 0), st.floats(-100, 0), st.floats(-100, 0))


@settings(max_examples=50)
@given(
    st.lists(st.tuples(PLACE, st.floats(1, 200)), min_size=1, max_size=4),
    st.floats(0.0, 1.0),
    st.floats(0.1, 60.0),
)
def test_motion_has_no_jumps_keeps_its_speed_and_arrives_whatever_held_it(
    moves, held_at, held_for
):
    limits = Limits((200.0, 200.0, 50.0), (500.0, 500.0, 200.0))
    planner = MotionPlanner((0.0, 0.0, 0.0))
    for target, feed in moves:
        speed, acceleration = limits.towards(planner.goal(), target, feed)
        planner.add(0.0, target, speed, acceleration)
    hold_s = planner.end_s() * held_at
    planner.hold(hold_s)
    # Braking takes at most top speed over acceleration.
    assert not planner.moves_at(hold_s + 200.0 / 200.0 + 1e-6)
    stood = planner.position_at(hold_s + 50.0)
    planner.resume(hold_s + held_for)
    end_s = planner.end_s()
    last, last_s = planner.position_at(hold_s), hold_s
    for step in range(1, 41):
        now_s = hold_s + (end_s - hold_s) * step / 40 if end_s > hold_s else hold_s
        here = planner.position_at(now_s)
        allowed = math.sqrt(2 * 200.0**2 + 50.0**2) * (now_s - last_s) + 1e-6
        assert math.dist(here, last) <= allowed
        last, last_s = here, now_s
    assert last == pytest.approx(moves[-1][0], abs=1e-6)
    assert all(-100.0 - 1e-6 <= axis <= 1e-6 for axis in stood)
