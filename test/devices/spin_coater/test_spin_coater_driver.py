"""The spin coater's driver against its emulators, in virtual time."""

import pytest

from hp_lab.devices.armed import FireGate
from hp_lab.devices.spin_coater.driver import OdriveSpinCoater, SpinSettings
from hp_lab.errors import (
    Aborted,
    DeviceError,
    DeviceFault,
    DeviceLost,
    InterlockOpen,
    InvalidInput,
    LaboratoryBusy,
    NotFired,
)
from hp_lab.lab_config import SpinCoater
from hp_lab.recipes.steps import SpinStep
from hp_lab.simulation.emulators.numato import NumatoEmulator
from hp_lab.simulation.emulators.odrive import OdriveEmulator

START_S = 1_800_000_000.0
LIMITS = SpinCoater(motor_port="", relay_port="")
TWO_STEPS = [
    SpinStep(speed_rpm=1000.0, acceleration_rpm_s=500.0, duration_s=4.0),
    SpinStep(speed_rpm=4000.0, acceleration_rpm_s=2000.0, duration_s=8.0),
]


class Rig:
    def __init__(self, bench, *, settings=None, calibrated=True):
        self.bench = bench
        self.motor = OdriveEmulator(bench.world, calibrated=calibrated)
        self.board = NumatoEmulator(bench.world)
        self.driver = OdriveSpinCoater(
            bench.host.offer("odrive", lambda: self.motor),
            bench.host.offer("relay", lambda: self.board),
            bench.clock.named("spin_coater"),
            LIMITS,
            settings,
        )
        bench.run(self.driver.connect)
        self.stop = bench.signal()
        self.readings = []
        self.gate = FireGate(bench.clock.named("spin_coater"), "spin_coater", 0.1)

    def spin(self, steps=TWO_STEPS, **options):
        options = {"gate": None, "on_reading": self.readings.append, **options}
        return self.bench.run(
            lambda: self.driver.spin(steps, stop=self.stop, **options)
        )

    def rpm(self):
        return self.motor.state(self.bench.now_s())["rpm"]

    def assert_safe(self):
        state = self.motor.state(self.bench.now_s())
        assert abs(state["rpm"]) <= 5.0
        assert state["axis_state"] == 1
        assert not self.board.state(self.bench.now_s())["vacuum_valve"]
        assert not self.bench.world.vacuum


@pytest.fixture
def rig(bench):
    return Rig(bench)


def changes(bench, what):
    return [entry for entry in bench.world.log if entry[1] == what]


def test_a_program_runs_at_its_exact_speeds_and_times(rig, bench):
    result = rig.spin()
    spins = changes(bench, "chuck")
    assert [(entry[3], entry[4]) for entry in spins] == [
        pytest.approx((1000.0, 500.0)),
        pytest.approx((4000.0, 2000.0)),
        pytest.approx((0.0, 5000.0)),
    ]
    begun = [entry[0] - result.started_s for entry in spins]
    assert begun == pytest.approx([0.0, 4.0, 12.0], abs=1e-5)
    assert result.stopped_s - result.started_s == pytest.approx(12.8, abs=0.11)
    rig.assert_safe()


@pytest.mark.parametrize("speed_rpm", [4000.0, 3999.0, 1234.5, 200.0])
def test_a_speed_is_never_cut_to_whole_turns(rig, bench, speed_rpm):
    rig.spin([SpinStep(speed_rpm=speed_rpm, acceleration_rpm_s=900.0, duration_s=6.0)])
    assert changes(bench, "chuck")[0][3] == pytest.approx(speed_rpm, rel=1e-8)


def test_the_trace_is_measured_ten_times_a_second(rig):
    result = rig.spin()
    spinning = [r for r in rig.readings if r.phase == "spinning"]
    assert len(spinning) == pytest.approx(120, abs=3)
    for reading in spinning:
        at_s = reading.elapsed_s
        ramp = min(1000.0, 500.0 * at_s)
        if at_s > 4.0:
            ramp = min(4000.0, 1000.0 + 2000.0 * (at_s - 4.0))
        assert reading.speed_rpm == pytest.approx(ramp, abs=1.0)
    assert [r.speed_rpm for r in rig.readings] == list(result.trace_rpm)
    assert [r.elapsed_s for r in rig.readings] == list(result.trace_s)
    assert rig.readings[-1].phase == "stopping"


def test_vacuum_comes_before_the_spin_and_goes_after_the_standstill(rig, bench):
    result = rig.spin()
    on, off = changes(bench, "vacuum")
    assert on[2]
    assert not off[2]
    assert result.started_s - on[0] >= 0.4
    assert off[0] >= result.stopped_s
    assert bench.world.chuck_rpm(off[0]) == 0.0


def test_the_chuck_stops_at_the_angle_of_the_gripper(bench):
    rig = Rig(bench, settings=SpinSettings(park_turns=0.25))
    rig.spin()
    assert rig.motor.state(bench.now_s())["turns"] % 1.0 == pytest.approx(
        0.25, abs=1e-3
    )


def test_it_starts_at_the_fired_time_to_the_millisecond(rig, bench):
    armed = []

    def on_armed():
        armed.append(bench.now_s())
        assert rig.board.state(bench.now_s())["vacuum"]
        assert rig.motor.state(bench.now_s())["axis_state"] == 8

    bench.at(47.3, lambda: rig.gate.fire(START_S + 50.123456))
    result = rig.spin(gate=rig.gate, on_armed=on_armed)
    assert len(armed) == 1
    assert result.started_s == pytest.approx(START_S + 50.123456, abs=1e-5)
    assert changes(bench, "chuck")[0][0] == pytest.approx(result.started_s, abs=1e-5)


def test_a_late_shot_with_the_shortest_lead_is_still_on_time(rig, bench):
    bench.at(20.0, lambda: rig.gate.fire(START_S + 20.11))
    result = rig.spin(gate=rig.gate)
    assert result.started_s == pytest.approx(START_S + 20.11, abs=1e-5)


def test_a_coater_that_is_not_fired_gives_up_safely(rig, bench):
    with pytest.raises(NotFired, match="30 s"):
        rig.spin(gate=rig.gate, arm_timeout_s=30.0)
    assert bench.now_s() < START_S + 35.0
    assert changes(bench, "chuck") == []
    rig.assert_safe()


@pytest.mark.parametrize("how", ["stop", "abort"])
def test_an_armed_coater_gives_up_within_a_poll(rig, bench, how):
    bench.at(12.34, rig.stop.set if how == "stop" else rig.gate.abort)
    with pytest.raises(Aborted):
        rig.spin(gate=rig.gate)
    assert bench.now_s() < START_S + 12.34 + 1.5
    assert changes(bench, "chuck") == []
    rig.assert_safe()


@pytest.mark.parametrize("after_s", [0.0, 0.2, 1.0, 3.0, 5.0, 7.9, 8.9])
def test_within_five_seconds_of_a_stop_the_chuck_stands(bench, after_s):
    rig = Rig(bench)
    fast = [
        SpinStep(speed_rpm=9000.0, acceleration_rpm_s=5000.0, duration_s=4.0),
        SpinStep(speed_rpm=6000.0, acceleration_rpm_s=2000.0, duration_s=4.0),
    ]
    bench.at(after_s, rig.stop.set)
    bench.at(after_s + 5.0, lambda: setattr(rig, "rpm_then", rig.rpm()))
    if after_s < 8.3:
        with pytest.raises(Aborted):
            rig.spin(fast)
        assert bench.now_s() < START_S + after_s + 5.0
    else:
        rig.spin(fast)
    bench.wait(10.0)
    assert abs(rig.rpm_then) <= 5.0
    rig.assert_safe()
    for _, _, from_rpm, to_rpm, rate in changes(bench, "chuck")[-1:]:
        assert (to_rpm, rate) == pytest.approx((0.0, 5000.0)), from_rpm


@pytest.mark.parametrize(
    ("device", "fault", "message"),
    [
        ("board", "lid_open", "lid is open at"),
        ("board", "no_vacuum", "vacuum lost at"),
        ("motor", "overcurrent", "axis0.motor.error 0x1000"),
        ("motor", "drag", "instead of 4000 rpm"),
    ],
)
def test_what_goes_wrong_while_it_spins_brings_it_to_a_stand(
    rig, bench, device, fault, message
):
    emulator = getattr(rig, device)
    bench.at(8.0, lambda: emulator.inject(fault))
    with pytest.raises((InterlockOpen, DeviceFault), match=message):
        rig.spin()
    # A motor that has let go runs out by itself, the others are braked.
    limit_s = 10.0 if fault == "overcurrent" else 5.0
    assert bench.now_s() < START_S + 8.0 + limit_s
    rig.assert_safe()


@pytest.mark.parametrize(
    ("fault", "message"), [("lid_open", "close it to spin"), ("no_vacuum", "no vacuum")]
)
def test_nothing_turns_without_lid_and_vacuum(rig, bench, fault, message):
    rig.board.inject(fault)
    with pytest.raises(InterlockOpen, match=message):
        rig.spin()
    assert changes(bench, "chuck") == []
    rig.assert_safe()
    rig.board.clear()
    rig.spin()


def test_the_lid_is_watched_while_armed(rig, bench):
    bench.at(10.0, lambda: rig.board.inject("lid_open"))
    with pytest.raises(InterlockOpen, match="lid"):
        rig.spin(gate=rig.gate)
    assert bench.now_s() < START_S + 12.0
    rig.assert_safe()


def test_vacuum_that_does_not_go_is_told_before_the_gripper_pulls(rig):
    rig.board.inject("vacuum_stuck")
    with pytest.raises(DeviceFault, match="still vacuum"):
        rig.spin()


def test_a_relay_that_does_not_move_is_a_fault(rig):
    rig.board.inject("relay_stuck")
    with pytest.raises(DeviceFault, match="does not go on"):
        rig.spin()


def test_a_motor_that_falls_mute_is_stopped_by_its_watchdog(rig, bench):
    bench.at(8.05, lambda: rig.motor.inject("mute"))
    with pytest.raises(DeviceLost) as caught:
        rig.spin()
    assert "could not be seen to stand" in caught.value.__notes__[0]
    # It hears the brake command all the same.
    bench.wait(3.0)
    assert rig.rpm() == 0.0
    # Nobody saw it stand, so the substrate is held.
    assert rig.board.state(bench.now_s())["vacuum_valve"]
    rig.motor.clear()
    bench.run(rig.driver.make_safe)
    rig.assert_safe()


def test_when_the_computer_goes_the_watchdog_lets_the_motor_go(rig, bench):
    bench.at(8.0, lambda: bench.host.unplug("odrive"))
    with pytest.raises(DeviceLost):
        rig.spin()
    assert rig.rpm() == pytest.approx(4000.0)
    bench.wait(2.0)
    assert rig.rpm() < 4000.0
    bench.wait(10.0)
    assert rig.rpm() == 0.0
    assert changes(bench, "chuck")[-1][3] == 0.0
    bench.host.plug("odrive")
    rig.driver.close()
    bench.run(rig.driver.connect)
    bench.run(rig.driver.make_safe)
    rig.readings.clear()
    rig.spin()
    rig.assert_safe()


def test_a_board_that_falls_mute_stops_the_spin_and_keeps_the_vacuum(rig, bench):
    bench.at(8.05, lambda: rig.board.inject("mute"))
    with pytest.raises(DeviceLost):
        rig.spin()
    assert rig.rpm() == pytest.approx(0.0, abs=5.0)
    assert rig.board.state(bench.now_s())["vacuum_valve"]


@pytest.mark.parametrize("device", ["motor", "board"])
def test_one_noisy_answer_is_asked_again(rig, bench, device):
    emulator = getattr(rig, device)
    for after_s in (0.0, 0.45, 3.0, 9.0):
        bench.at(after_s, lambda: emulator.inject("garbage"))
    rig.spin()
    rig.assert_safe()


def test_late_answers_are_not_taken_for_others(rig, bench):
    bench.at(8.01, lambda: rig.motor.inject("slow", {"delay_s": 0.7}))
    bench.at(8.2, rig.motor.clear)
    with pytest.raises(DeviceLost):
        rig.spin()
    rig.assert_safe()
    rig.readings.clear()
    rig.spin()
    assert max(r.speed_rpm for r in rig.readings) == pytest.approx(4000.0, abs=1.0)


def test_an_uncalibrated_motor_is_calibrated_by_the_first_job(bench):
    rig = Rig(bench, calibrated=False)
    result = rig.spin()
    assert result.started_s >= START_S + 12.0
    began_s = bench.now_s()
    assert rig.spin().started_s - began_s < 2.0


def test_calibration_can_be_prepared_fail_and_be_stopped(make_bench):
    bench = make_bench()
    rig = Rig(bench, calibrated=False)
    rig.motor.inject("calibration_fails")
    with pytest.raises(DeviceFault, match=r"axis0.motor.error 0x1"):
        bench.run(lambda: rig.driver.prepare(rig.stop))
    bench.run(lambda: rig.driver.prepare(rig.stop))
    assert rig.motor.state(bench.now_s())["calibrated"]
    began_s = bench.now_s()
    bench.run(lambda: rig.driver.prepare(rig.stop))
    assert bench.now_s() == began_s
    stopped = Rig(make_bench(), calibrated=False)
    stopped.bench.at(3.0, stopped.stop.set)
    with pytest.raises(Aborted):
        stopped.bench.run(lambda: stopped.driver.prepare(stopped.stop))
    assert stopped.bench.now_s() < START_S + 5.0


def test_an_open_lid_prevents_calibration(bench):
    rig = Rig(bench, calibrated=False)
    rig.board.inject("lid_open")
    with pytest.raises(InterlockOpen, match="calibrate"):
        rig.spin()


def test_make_safe_may_be_repeated_and_works_beside_a_job(rig, bench):
    bench.run(rig.driver.make_safe)
    bench.run(rig.driver.make_safe)
    rig.assert_safe()

    def spin():
        with pytest.raises(DeviceError):
            rig.driver.spin(
                TWO_STEPS, gate=None, stop=rig.stop, on_reading=rig.readings.append
            )

    def interrupt():
        bench.clock.named("safety").sleep(8.0)
        rig.stop.set()
        rig.driver.make_safe()
        rig.assert_safe()

    began_s = bench.now_s()
    bench.run(spin, interrupt)
    assert bench.now_s() < began_s + 13.0


def test_one_job_at_a_time(rig, bench):
    def second():
        bench.clock.named("second").sleep(6.0)
        with pytest.raises(LaboratoryBusy, match="spin"):
            rig.driver.prepare(rig.stop)
        rig.stop.set()

    def first():
        with pytest.raises(Aborted):
            rig.driver.spin(
                TWO_STEPS, gate=None, stop=rig.stop, on_reading=lambda _: None
            )

    bench.run(first, second)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ((9001.0, 500.0, 5.0), "outside 200 to 9000"),
        ((199.0, 500.0, 5.0), "outside 200 to 9000"),
        ((float("nan"), 500.0, 5.0), "speed_rpm is nan"),
        ((1000.0, 49.0, 5.0), "outside 50 to 5000"),
        ((1000.0, 500.0, 0.0), "duration_s above 0"),
        ((1000.0, 500.0, float("inf")), "duration_s above 0"),
    ],
)
def test_a_program_outside_the_limits_is_refused_before_anything_happens(
    rig, bench, step, message
):
    speed_rpm, acceleration_rpm_s, duration_s = step
    with pytest.raises(InvalidInput, match=message):
        rig.spin(
            [
                SpinStep(
                    speed_rpm=speed_rpm,
                    acceleration_rpm_s=acceleration_rpm_s,
                    duration_s=duration_s,
                )
            ]
        )
    with pytest.raises(InvalidInput, match="at least one"):
        rig.spin([])
    assert bench.world.log == []


def test_it_says_who_it_is_and_is_lost_without_its_ports(bench):
    rig = Rig(bench)
    assert rig.driver.identity() == "ODrive 2061339E4E31, relay board 00000008"
    rig.driver.close()
    rig.driver.close()
    with pytest.raises(DeviceLost, match="connect first"):
        rig.driver.identity()
    with pytest.raises(DeviceLost, match="connect first"):
        rig.driver.make_safe()
    bench.host.unplug("relay")
    with pytest.raises(DeviceLost):
        bench.run(rig.driver.connect)


def test_two_runs_are_alike_to_the_last_digit(make_bench):
    def story():
        bench = make_bench()
        rig = Rig(bench, calibrated=False)
        bench.at(47.3, lambda: rig.gate.fire(START_S + 50.1))
        result = rig.spin(gate=rig.gate)
        return result, bench.world.log, bench.now_s(), bench.clock.jumps

    assert story() == story()


def test_a_start_that_comes_too_late_is_a_fault(rig, bench):
    # The relay board hangs at the last look before the start.
    bench.at(9.5, lambda: rig.gate.fire(START_S + 10.1))
    bench.at(9.4, lambda: rig.board.inject("slow", {"delay_s": 0.45}))
    bench.at(10.5, rig.board.clear)
    with pytest.raises(DeviceFault, match=r"would start 0\.\d+ s after its time"):
        rig.spin(gate=rig.gate)
    assert changes(bench, "chuck") == []
    rig.assert_safe()


def test_a_shot_at_the_last_moment_of_being_armed_counts(rig, bench):
    armed = []
    fire_at = []

    def on_armed():
        armed.append(bench.now_s())
        fire_at.append(armed[0] + 30.0 + 1.0)

    def look(timeout_s):
        if bench.now_s() - armed[0] >= 30.0 - 1e-6 and not rig.gate._closed:
            rig.gate.fire(fire_at[0])
        return poll(timeout_s)

    poll = rig.gate.poll
    rig.gate.poll = look
    result = rig.spin(gate=rig.gate, on_armed=on_armed, arm_timeout_s=30.3)
    assert result.started_s == pytest.approx(fire_at[0], abs=1e-5)


def test_a_stuck_encoder_keeps_the_vacuum_on(bench):
    rig = Rig(bench, settings=SpinSettings(stand_s=5.0))
    bench.at(8.0, lambda: rig.motor.inject("encoder_stuck"))
    with pytest.raises(DeviceFault, match="still turns") as caught:
        rig.spin()
    assert "could not be seen to stand" in caught.value.__notes__[0]
    assert rig.board.state(bench.now_s())["vacuum_valve"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("w axis0.requested_state 8", "does not go into closed loop"),
        ("w axis0.requested_state 1", "does not switch off"),
        ("t 0", "does not turn to 0.3 turns"),
        ("w axis0.requested_state 3", "calibration failed"),
        ("sc", "errors cannot be cleared"),
    ],
)
def test_a_controller_that_ignores_a_command_is_a_fault(bench, broken, message):
    rig = Rig(
        bench,
        settings=SpinSettings(stand_s=5.0, park_turns=0.3),
        calibrated="state 3" not in broken,
    )
    if broken == "sc":
        bench.run(lambda: rig.motor.receive(b"w axis0.error 64\n", bench.now_s()))
    answer = rig.motor.answer

    def deaf(line, now_s):
        return [] if line.startswith(broken) else answer(line, now_s)

    rig.motor.answer = deaf
    with pytest.raises(DeviceFault, match=message):
        rig.spin()


def test_a_calibration_without_end_is_a_fault(bench):
    rig = Rig(bench, settings=SpinSettings(calibration_s=5.0), calibrated=False)
    with pytest.raises(DeviceFault, match="calibration does not end"):
        rig.spin()


def test_a_chuck_may_be_left_where_it_stops(bench):
    rig = Rig(bench, settings=SpinSettings(park_turns=None))
    result = rig.spin()
    assert changes(bench, "vacuum")[-1][0] == pytest.approx(result.stopped_s, abs=1e-5)
