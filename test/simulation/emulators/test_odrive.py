"""The emulated ODrive, line by line, and the closed form of its motion."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.simulation.emulators.odrive import OdriveEmulator, checksum_of
from hp_lab.simulation.emulators.rotor import Motion, Ramp


class Chuck:
    def __init__(self):
        self.log = []

    def set_chuck_speed(self, now_s, from_rpm, to_rpm, acceleration_rpm_s):
        self.log.append((now_s, from_rpm, to_rpm, acceleration_rpm_s))


@pytest.fixture
def world():
    return Chuck()


@pytest.fixture
def odrive(world):
    return OdriveEmulator(world, calibrated=True)


def ask(emulator, line, now_s=0.0):
    replies = emulator.receive(line.encode() + b"\n", now_s)
    assert all(reply.at_s == now_s for reply in replies)
    return b"".join(reply.data for reply in replies).decode()


def spin(odrive, turns_s, ramp=33.0, now_s=0.0):
    for line in (
        "w axis0.controller.config.control_mode 2",
        "w axis0.controller.config.input_mode 2",
        "w axis0.controller.config.vel_limit 200",
        f"w axis0.controller.config.vel_ramp_rate {ramp}",
        "w axis0.requested_state 8",
        f"v 0 {turns_s}",
    ):
        assert ask(odrive, line, now_s) == ""


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("r vbus_voltage", "24.050000\r\n"),
        ("r vbus_voltage *93", f"24.050000*{checksum_of('24.050000')}\r\n"),
        ("r vbus_voltage *94", ""),
        ("r vbus_voltage ; how much?", "24.050000\r\n"),
        ("r axis0.motor.is_calibrated", "1\r\n"),
        ("r axis0.current_state", "1\r\n"),
        ("r axis0.nothing", "invalid property\r\n"),
        ("r", "invalid command format\r\n"),
        ("w axis0.nothing 1", "invalid property\r\n"),
        ("w vbus_voltage 1", "not implemented\r\n"),
        ("w axis0.controller.config.vel_limit", "not implemented\r\n"),
        ("w", "invalid command format\r\n"),
        ("f 0", "0.000000 0.000000\r\n"),
        ("f 1", "0.000000 0.000000\r\n"),
        ("f 2", "invalid motor 2\r\n"),
        ("f", "invalid command format\r\n"),
        ("v 0", "invalid command format\r\n"),
        ("v 2 1", "invalid motor 2\r\n"),
        ("v 1 5", ""),
        ("u 0", ""),
        ("esl 0 4096", "encoder set to 4096\r\n"),
        ("ex", "invalid command format\r\n"),
        ("xyzzy", "unknown command\r\n"),
        ("", "unknown command\r\n"),
        ("sx", ""),
    ],
)
def test_lines_and_answers(odrive, line, answer):
    assert ask(odrive, line) == answer


def test_it_tells_its_versions_and_helps(odrive):
    assert ask(odrive, "i").splitlines() == [
        "Hardware version: 3.6-24V",
        "Firmware version: 0.5.6",
        "Serial number: 2061339E4E31",
    ]
    assert "Velocity: v axis vel I-ff" in ask(odrive, "h")


def test_carriage_return_line_feed_is_a_line_and_an_empty_one(odrive):
    replies = odrive.receive(b"f 0\r\n", 0.0)
    assert [reply.data for reply in replies] == [
        b"0.000000 0.000000\r\n",
        b"unknown command\r\n",
    ]
    assert odrive.receive(b"f 0!", 0.0)[0].data == b"0.000000 0.000000\r\n"


def test_values_are_cut_to_nine_characters(odrive):
    ask(odrive, "w axis0.controller.config.vel_limit 1234567.25")
    assert ask(odrive, "r axis0.controller.config.vel_limit") == "1234567.2\r\n"


def test_the_speed_ramps_as_the_setting_says(odrive, world):
    spin(odrive, 50.0, ramp=2000.0 / 60.0)
    speeds = [float(ask(odrive, "f 0", t).split()[1]) * 60 for t in (0.5, 1.0, 1.5, 9)]
    assert speeds == pytest.approx([1000.0, 2000.0, 3000.0, 3000.0], abs=1e-3)
    assert world.log == [(0.0, 0.0, 3000.0, pytest.approx(2000.0))]


def test_a_speed_above_the_limit_is_not_reached(odrive):
    spin(odrive, 50.0)
    ask(odrive, "w axis0.controller.config.vel_limit 20")
    assert odrive.state(60.0)["rpm"] == pytest.approx(1200.0)


def test_an_uncalibrated_motor_does_not_close_its_loop(world):
    odrive = OdriveEmulator(world)
    ask(odrive, "w axis0.requested_state 8")
    assert ask(odrive, "r axis0.current_state") == "1\r\n"
    assert ask(odrive, "r axis0.error") == "1\r\n"
    ask(odrive, "w axis0.requested_state 3")
    assert ask(odrive, "r axis0.current_state") == "1\r\n", "the error is not cleared"
    ask(odrive, "sc")
    ask(odrive, "w axis0.requested_state 3")
    states = [ask(odrive, "r axis0.current_state", t).strip() for t in (1, 5, 11.9, 12)]
    assert states == ["4", "7", "7", "1"]
    assert ask(odrive, "r axis0.encoder.is_ready", 12.0) == "1\r\n"
    ask(odrive, "w axis0.requested_state 8", 12.0)
    assert ask(odrive, "r axis0.current_state", 12.0) == "8\r\n"
    ask(odrive, "w axis0.requested_state 11", 12.0)
    assert ask(odrive, "r axis0.error", 12.0) == "1\r\n"


def test_a_calibration_can_be_ended_and_can_fail(world):
    odrive = OdriveEmulator(world)
    ask(odrive, "w axis0.requested_state 3")
    ask(odrive, "w axis0.requested_state 1", 5.0)
    assert ask(odrive, "r axis0.motor.is_calibrated", 20.0) == "0\r\n"
    odrive.inject("calibration_fails")
    ask(odrive, "w axis0.requested_state 3", 20.0)
    assert ask(odrive, "r axis0.error", 40.0) == "64\r\n"
    assert ask(odrive, "r axis0.motor.error", 40.0) == "1\r\n"


def test_the_watchdog_lets_the_motor_go_unless_it_is_fed(odrive, world):
    ask(odrive, "w axis0.config.watchdog_timeout 0.5")
    ask(odrive, "u 0")
    ask(odrive, "w axis0.config.enable_watchdog 1")
    spin(odrive, 50.0)
    for tenth in range(40):
        ask(odrive, "u 0", tenth / 10)
    ask(odrive, "f 0", 4.0)
    assert odrive.due_s() == pytest.approx(4.4)
    assert odrive.wake(4.4) == []
    assert ask(odrive, "r axis0.error", 4.4) == "2048\r\n"
    assert ask(odrive, "r axis0.current_state", 4.4) == "1\r\n"
    assert world.log[-1] == (4.4, pytest.approx(3000.0), 0.0, pytest.approx(600.0))
    ask(odrive, "sc", 5.0)
    assert ask(odrive, "r axis0.error", 5.1) == "2048\r\n", "not fed, it trips again"
    ask(odrive, "u 0", 5.1)
    ask(odrive, "sc", 5.1)
    assert ask(odrive, "r axis0.error", 5.2) == "0\r\n"


def test_a_watchdog_enabled_without_feeding_trips_at_once(odrive):
    ask(odrive, "w axis0.config.watchdog_timeout 0.5")
    ask(odrive, "w axis0.config.enable_watchdog 1")
    assert ask(odrive, "r axis0.error", 0.01) == "2048\r\n"


def test_settings_survive_a_reboot_only_when_saved(odrive):
    name = "axis0.motor.config.current_lim"
    ask(odrive, f"w {name} 30")
    ask(odrive, "sr")
    assert ask(odrive, f"r {name}") == "10.000000\r\n"
    ask(odrive, f"w {name} 30")
    ask(odrive, "ss")
    ask(odrive, "sr")
    assert ask(odrive, f"r {name}") == "30.000000\r\n"
    ask(odrive, "se")
    ask(odrive, "sr")
    assert ask(odrive, f"r {name}") == "10.000000\r\n"
    assert ask(odrive, "r axis0.motor.is_calibrated") == "0\r\n"


def test_a_trapezoid_ends_where_it_was_told(odrive, world):
    spin(odrive, 10.0)
    ask(odrive, "v 0 0", 5.0)
    for name, value in (("vel_limit", 1), ("accel_limit", 4), ("decel_limit", 4)):
        ask(odrive, f"w axis0.trap_traj.config.{name} {value}", 10.0)
    position = float(ask(odrive, "f 0", 10.0).split()[0])
    told = len(world.log)
    ask(odrive, f"t 0 {position + 2}", 10.0)
    assert ask(odrive, "r axis0.controller.config.input_mode", 10.0) == "5\r\n"
    assert float(ask(odrive, "f 0", 11.125).split()[0]) == pytest.approx(position + 1)
    now, speed = ask(odrive, "f 0", 12.25).split()
    assert float(now) == pytest.approx(position + 2, abs=1e-5)
    assert float(speed) == 0.0
    assert len(world.log) == told, "too slow to move liquid"


def test_a_position_asked_for_at_speed_brakes_first(odrive):
    spin(odrive, 10.0)
    ask(odrive, "p 0 3.5", 5.0)
    for second in range(6, 12):
        ask(odrive, "f 0", float(second))
    assert odrive.state(12.0)["turns"] == pytest.approx(3.5, abs=1e-6)
    assert float(ask(odrive, "r axis0.encoder.pos_circular", 12.0)) == pytest.approx(
        0.5
    )
    ask(odrive, "q 0 4.5 2", 12.0)
    assert odrive.state(20.0)["turns"] == pytest.approx(4.5, abs=1e-6)


def test_torque_turns_the_motor_up_to_its_limit(odrive):
    spin(odrive, 0.0)
    ask(odrive, "w axis0.controller.config.vel_limit 5")
    ask(odrive, "c 0 0.05")
    assert odrive.state(10.0)["rpm"] == pytest.approx(300.0)
    ask(odrive, "c 0 -0.05", 10.0)
    assert odrive.state(20.0)["rpm"] == pytest.approx(-300.0)


def test_inputs_can_be_written_as_properties(odrive):
    spin(odrive, 0.0)
    ask(odrive, "w axis0.controller.input_vel 10")
    assert odrive.state(10.0)["rpm"] == pytest.approx(600.0)
    ask(odrive, "w axis0.controller.input_pos 3")
    assert ask(odrive, "r axis0.controller.input_pos") == "3.000000\r\n"
    ask(odrive, "w axis0.error 4")
    assert ask(odrive, "r axis0.error") == "4\r\n"


def test_faults_of_the_motor(odrive):
    spin(odrive, 50.0)
    odrive.inject("encoder_stuck")
    frozen = ask(odrive, "f 0", 1.0)
    assert ask(odrive, "f 0", 2.0) == frozen
    odrive.clear()
    assert ask(odrive, "f 0", 2.0) != frozen
    odrive.inject("drag", {"fraction": 0.5})
    ask(odrive, "u 0", 3.0)
    assert odrive.state(9.0)["rpm"] == pytest.approx(1500.0)
    odrive.inject("overcurrent", {"at_s": 10.0})
    assert odrive.state(9.9)["axis_state"] == 8
    assert odrive.state(10.0)["axis_error"] == 0x40
    assert ask(odrive, "r axis0.motor.error", 10.0) == "4096\r\n"


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(0.05, 5), st.floats(-80, 80), st.floats(1, 300)),
        min_size=1,
        max_size=6,
    )
)
def test_the_position_is_the_integral_of_the_speed(changes):
    motion = Motion((Ramp(0.0, 0.0, 0.0, 0.0, 1.0),))
    now_s = 0.0
    turned = 0.0
    for duration_s, target, acceleration in changes:
        motion = motion.to_speed(now_s, target, acceleration)
        steps = 100
        for step in range(steps):
            middle_s = now_s + (step + 0.5) * duration_s / steps
            turned += motion.speed_at(middle_s) * duration_s / steps
        now_s += duration_s
        assert motion.position_at(now_s) == pytest.approx(turned, abs=0.5)


@settings(max_examples=50)
@given(st.floats(-5, 5), st.floats(0.1, 3), st.floats(0.5, 10))
def test_a_trapezoid_keeps_its_limits_and_arrives(target, limit, acceleration):
    motion = Motion((Ramp(0.0, 0.0, 0.0, 0.0, 1.0),))
    motion = motion.to_position(0.0, target, limit, acceleration)
    end_s = motion.ramps[-1].at_s + motion.ramps[-1].duration_s
    assert motion.position_at(end_s + 1.0) == pytest.approx(target, abs=1e-9)
    assert motion.speed_at(end_s + 1.0) == 0.0
    for share in range(50):
        assert abs(motion.speed_at(end_s * share / 50)) <= limit * (1 + 1e-9)
    assert math.isfinite(end_s)
