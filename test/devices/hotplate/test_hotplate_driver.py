"""The hotplate's driver against its emulator, in virtual time."""

import itertools

import pytest

from hp_lab.devices.hotplate.driver import HotplateSettings, IkaHotplate
from hp_lab.devices.hotplate.guard import GuardLimits
from hp_lab.errors import (
    Aborted,
    DeviceError,
    DeviceFault,
    DeviceLost,
    InvalidInput,
    LaboratoryBusy,
)
from hp_lab.lab_config import Hotplate
from hp_lab.recipes.steps import AnnealSegment
from hp_lab.simulation.emulators.ika import RCT_DIGITAL, IkaEmulator

LIMITS = Hotplate(port="", positions=["hotplate/1"], max_c=300, max_ramp_k_min=15)
ANNEAL_100 = [AnnealSegment(temperature_c=100.0, hold_s=600.0)]


class Rig:
    def __init__(self, bench, *, settings=None, **emulator):
        self.bench = bench
        self.emulator = IkaEmulator(bench.world, "hotplate", **emulator)
        port = bench.host.offer("hotplate", lambda: self.emulator)
        self.driver = IkaHotplate(port, bench.clock.named("hotplate"), LIMITS, settings)
        bench.run(self.driver.connect)
        self.stop = bench.signal()
        self.readings = []

    def anneal(self, profile=ANNEAL_100, **options):
        return self.bench.run(
            lambda: self.driver.anneal(
                profile, stop=self.stop, on_reading=self.readings.append, **options
            )
        )

    def state(self):
        return self.emulator.state(self.bench.now_s())

    def is_off(self):
        state = self.state()
        return not state["heater_on"] and state["setpoint_c"] == 0.0


@pytest.fixture
def rig(bench):
    return Rig(bench)


def test_a_hold_counts_from_reaching_the_temperature(rig, bench):
    result = rig.anneal()
    reached = next(r for r in rig.readings if abs(r.temperature_c - 100.0) <= 2.0)
    held_s = result.ended_s - (result.started_s + reached.elapsed_s)
    assert held_s == pytest.approx(600.0, abs=1e-6)
    # 75 K at 15 K/min take 300 s before the controller eases off.
    assert 290.0 < reached.elapsed_s < 360.0
    assert result.worst_deviation_k <= 2.0
    assert result.started_s == pytest.approx(bench.now_s() - result.trace_s[-1])
    assert len(result.trace_s) == len(result.trace_c) == len(rig.readings)
    assert all(b > a for a, b in itertools.pairwise(result.trace_s))
    phases = [r.phase for r in rig.readings]
    assert phases == sorted(phases)
    assert set(phases) == {"heating", "holding"}


def test_the_trace_is_what_the_sensor_read_when_it_says(rig, bench):
    truth = []
    rig.bench.run(
        lambda: rig.driver.anneal(
            ANNEAL_100,
            stop=rig.stop,
            on_reading=lambda r: truth.append(
                (bench.now_s(), bench.world.plate_c(bench.now_s(), "hotplate"), r)
            ),
        )
    )
    for now_s, plate_c, reading in truth:
        assert reading.temperature_c == pytest.approx(plate_c, abs=0.051)
        assert reading.elapsed_s == pytest.approx(now_s - truth[0][0], abs=1e-6)


def test_the_heater_is_off_afterwards_and_the_watchdog_ended(rig):
    rig.anneal()
    assert rig.is_off()
    assert rig.state()["watchdog_s"] == 0.0


def test_a_ramp_moves_the_set_point_and_the_plate_follows(rig):
    profile = [
        AnnealSegment(temperature_c=60.0, hold_s=120.0),
        AnnealSegment(temperature_c=120.0, hold_s=60.0, ramp_k_min=6.0),
    ]
    result = rig.anneal(profile)
    ramp = [r for r in rig.readings if 62.0 < r.setpoint_c < 118.0]
    for first, second in itertools.pairwise(ramp):
        rate = (second.setpoint_c - first.setpoint_c) / (
            second.elapsed_s - first.elapsed_s
        )
        assert rate * 60.0 == pytest.approx(6.0, rel=0.5)
    long = (ramp[-1].setpoint_c - ramp[0].setpoint_c) / (
        ramp[-1].elapsed_s - ramp[0].elapsed_s
    )
    assert long * 60.0 == pytest.approx(6.0, rel=0.01)
    assert max(abs(r.temperature_c - r.setpoint_c) for r in ramp) < 3.0
    assert result.worst_deviation_k <= 2.0


def test_a_plate_cools_to_a_lower_segment(rig):
    profile = [
        AnnealSegment(temperature_c=120.0, hold_s=60.0),
        AnnealSegment(temperature_c=70.0, hold_s=60.0),
    ]
    rig.anneal(profile)
    assert "cooling" in {r.phase for r in rig.readings}
    assert rig.readings[-1].temperature_c == pytest.approx(70.0, abs=2.0)


def test_a_plate_can_be_kept_hot_for_the_next_film(rig, bench):
    rig.anneal(then_hold_c=100.0)
    assert rig.driver.held_c == 100.0
    bench.wait(1200.0)
    rig.bench.run(rig.driver.keep_alive)
    bench.wait(1200.0)
    assert rig.state()["heater_on"]
    rig.readings.clear()
    result = rig.anneal()
    assert result.trace_c[0] == pytest.approx(100.0, abs=1.0)
    assert result.ended_s - result.started_s == pytest.approx(600.0, abs=1e-6)
    assert rig.is_off()


def test_a_hot_plate_that_nobody_wants_cools_by_itself(rig, bench):
    bench.run(
        lambda: rig.driver.preheat(100.0, stop=rig.stop, on_reading=rig.readings.append)
    )
    assert rig.readings[-1].temperature_c == pytest.approx(100.0, abs=2.0)
    bench.wait(1500.0 + 1800.0)
    assert rig.state()["setpoint_c"] == 25.0
    assert rig.state()["plate_c"] < 30.0
    # The next film is annealed all the same.
    assert rig.anneal().worst_deviation_k <= 2.0


def test_a_forgotten_set_point_is_sent_again(bench):
    rig = Rig(bench)
    rig.emulator.inject("loses_setpoint")
    assert rig.anneal().worst_deviation_k <= 2.0


@pytest.mark.parametrize("after_s", [0.0, 5.3, 250.0, 500.0])
def test_within_five_seconds_of_a_stop_the_heater_is_off(bench, after_s):
    rig = Rig(bench)
    bench.at(after_s, rig.stop.set)
    with pytest.raises(Aborted):
        rig.anneal()
    assert bench.now_s() <= 1_800_000_000.0 + after_s + 1.0
    assert rig.is_off()


def test_the_watchdog_is_fed_during_a_job_and_acts_when_the_computer_has_gone(
    rig, bench
):
    class Crash(BaseException):
        pass

    def die(reading):
        if reading.elapsed_s > 400.0:
            # As if the process ended: nothing is sent any more.
            bench.host.unplug("hotplate")
            raise Crash

    with pytest.raises(Crash) as caught:
        bench.run(lambda: rig.driver.anneal(ANNEAL_100, stop=rig.stop, on_reading=die))
    assert "watchdog acts within 60 s" in caught.value.__notes__[0]
    assert rig.state()["setpoint_c"] == 100.0
    bench.wait(61.0)
    assert rig.state()["setpoint_c"] == 25.0
    assert rig.state()["display"] == "WD"


def test_a_watchdog_that_needs_a_person_ends_the_job(bench):
    rig = Rig(bench, settings=HotplateSettings(watchdog_mode=1))
    bench.at(400.0, lambda: rig.emulator.inject("watchdog_trip"))
    with pytest.raises(DeviceError):
        rig.anneal()
    assert not rig.state()["heater_on"]
    assert rig.state()["display"] == "Er 2"
    rig.emulator.power_cycle(bench.now_s())
    assert rig.anneal().worst_deviation_k <= 2.0


def test_a_mute_plate_costs_its_timeout_and_is_told_to_be_off(rig, bench):
    bench.at(100.2, lambda: rig.emulator.inject("mute"))
    with pytest.raises(DeviceLost, match="no answer") as caught:
        rig.anneal()
    # One second for the reading, and one for the attempt to see the heater off.
    assert bench.now_s() == pytest.approx(1_800_000_000.0 + 101.0 + 2.0, abs=0.2)
    assert "could not be seen to be off" in caught.value.__notes__[0]
    assert not rig.state()["heater_on"]


def test_one_noisy_answer_is_asked_again(rig):
    rig.emulator.inject("garbage", {"at_s": 1_800_000_100.0})
    assert rig.anneal().worst_deviation_k <= 2.0


def test_lasting_noise_ends_the_job_safely(rig):
    rig.emulator.inject("garbage", {"at_s": 1_800_000_100.0, "count": 9})
    with pytest.raises((DeviceFault, DeviceLost)):
        rig.anneal()
    assert not rig.state()["heater_on"]


def test_a_late_answer_is_never_a_temperature_of_now(rig, bench):
    # One answer late by 2.5 s, while the plate heats at 15 K/min.
    bench.at(99.5, lambda: rig.emulator.inject("slow", {"delay_s": 2.5}))
    bench.at(100.5, rig.emulator.clear)
    with pytest.raises(DeviceLost):
        rig.anneal()
    bench.run(rig.driver.make_safe)
    rig.readings.clear()
    truth = []
    bench.run(
        lambda: rig.driver.anneal(
            ANNEAL_100,
            stop=rig.stop,
            on_reading=lambda r: truth.append(
                (r.temperature_c, bench.world.plate_c(bench.now_s(), "hotplate"))
            ),
        )
    )
    assert all(seen == pytest.approx(true, abs=0.051) for seen, true in truth)


@pytest.mark.parametrize(
    ("fault", "parameters", "message"),
    [
        ("stuck_reading", {}, "not come nearer"),
        ("stuck_reading", {"value_c": 480.0}, "cannot be"),
        ("sensor_offset", {"offset_k": -80.0}, "cannot be"),
        ("safety_cutout", {}, "not come nearer"),
        ("ignores_setpoint", {}, "keeps another set point"),
    ],
)
def test_a_plate_that_lies_or_fails_ends_the_job_with_the_heater_off(
    bench, fault, parameters, message
):
    rig = Rig(bench)
    bench.at(100.5, lambda: rig.emulator.inject(fault, parameters))
    with pytest.raises(DeviceFault, match=message):
        rig.anneal([AnnealSegment(temperature_c=150.0, hold_s=600.0, ramp_k_min=14.0)])
    assert bench.now_s() < 1_800_000_000.0 + 700.0
    assert not rig.state()["heater_on"]


def test_a_runaway_is_stopped(bench, rig):
    bench.at(500.0, lambda: bench.world.set_plate(bench.now_s(), "hotplate", 200.0))
    with pytest.raises(DeviceFault, match="above 115"):
        rig.anneal()
    assert not rig.state()["heater_on"]


def test_a_stop_that_is_lost_still_leaves_the_plate_cold(rig, bench):
    rig.emulator.inject("ignores_stop")
    rig.anneal()
    bench.wait(3600.0)
    assert rig.state()["plate_c"] == pytest.approx(25.0, abs=0.1)


def test_make_safe_may_be_repeated_and_interrupts_what_does_not_stop(rig, bench):
    bench.run(rig.driver.make_safe)
    bench.run(rig.driver.make_safe)

    def anneal():
        with pytest.raises((Aborted, DeviceFault)):
            rig.driver.anneal(ANNEAL_100, stop=rig.stop, on_reading=lambda _: None)

    def interrupt():
        bench.clock.named("safety").sleep(100.0)
        rig.driver.make_safe()
        assert rig.is_off()
        assert bench.now_s() < 1_800_000_000.0 + 105.0
        rig.stop.set()

    bench.run(anneal, interrupt)
    assert rig.is_off()


def test_one_job_at_a_time(rig, bench):
    def second():
        bench.clock.named("second").sleep(10.0)
        with pytest.raises(LaboratoryBusy, match="anneal"):
            rig.driver.preheat(50.0, stop=rig.stop, on_reading=lambda _: None)
        rig.stop.set()

    def first():
        with pytest.raises(Aborted):
            rig.driver.anneal(ANNEAL_100, stop=rig.stop, on_reading=lambda _: None)

    bench.run(first, second)


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ({"temperature_c": 301.0, "hold_s": 1.0}, "outside 25 to 300 C"),
        ({"temperature_c": 24.9, "hold_s": 1.0}, "outside 25 to 300 C"),
        ({"temperature_c": float("nan"), "hold_s": 1.0}, "segment 1"),
        ({"temperature_c": 100.0, "hold_s": -1.0}, "give 0 or more"),
        ({"temperature_c": 100.0, "hold_s": float("inf")}, "give 0 or more"),
        ({"temperature_c": 100.0, "hold_s": 1.0, "ramp_k_min": 15.1}, "0 to 15"),
    ],
)
def test_a_profile_outside_the_limits_is_refused_before_anything_happens(
    rig, bench, segment, message
):
    with pytest.raises(InvalidInput, match=message):
        rig.anneal([AnnealSegment(**segment)])
    with pytest.raises(InvalidInput, match="at least one"):
        rig.anneal([])
    with pytest.raises(InvalidInput, match="then_hold_c"):
        rig.anneal(then_hold_c=400.0)
    assert bench.world.log == []
    assert bench.now_s() == 1_800_000_000.0


def test_the_safety_circuit_lowers_the_limit(bench):
    rig = Rig(bench, model=RCT_DIGITAL)
    assert rig.driver.identity() == "RCT digital"
    assert rig.driver._max_c == 300.0
    rig.driver._max_c = 200.0
    with pytest.raises(InvalidInput, match="25 to 200 C"):
        rig.anneal([AnnealSegment(temperature_c=201.0, hold_s=0.0)])


def test_a_plate_that_is_not_connected_or_mute_is_lost(bench):
    emulator = IkaEmulator(bench.world, "hotplate")
    port = bench.host.offer("hotplate", lambda: emulator)
    driver = IkaHotplate(port, bench.clock.named("hotplate"), LIMITS)
    with pytest.raises(DeviceLost, match="connect first"):
        driver.identity()
    with pytest.raises(DeviceLost, match="connect first"):
        driver.make_safe()
    emulator.inject("mute")
    with pytest.raises(DeviceLost, match="no answer"):
        bench.run(driver.connect)
    emulator.clear()
    bench.run(driver.connect)
    driver.close()
    driver.close()


@pytest.mark.parametrize("trailing_blank", [False, True])
def test_both_layouts_of_replies_are_understood(bench, trailing_blank):
    rig = Rig(bench, trailing_blank=trailing_blank)
    assert rig.driver.identity() == "C-MAG HS7"
    assert rig.anneal().worst_deviation_k <= 2.0


def test_two_runs_are_alike_to_the_last_digit(make_bench):
    def story():
        bench = make_bench()
        rig = Rig(bench)
        result = rig.anneal(then_hold_c=60.0)
        return result, bench.world.log, bench.now_s()

    assert story() == story()


def test_a_plate_that_cannot_get_there_is_a_fault(bench):
    guard = GuardLimits(reach_s=100.0)
    rig = Rig(bench, settings=HotplateSettings(guard=guard))
    with pytest.raises(DeviceFault, match="was to be reached"):
        rig.anneal()
    assert bench.now_s() < 1_800_000_000.0 + 110.0
    assert not rig.state()["heater_on"]


def test_a_plate_that_says_only_its_name_is_not_connected(bench):
    rig = Rig(bench)
    rig.driver.close()
    answer = rig.emulator.answer
    rig.emulator.answer = lambda line, now_s: (
        [] if line == "IN_SP_3" else answer(line, now_s)
    )
    with pytest.raises(DeviceLost):
        bench.run(rig.driver.connect)
    with pytest.raises(DeviceLost, match="connect first"):
        rig.driver.identity()


def test_keeping_a_cold_plate_alive_says_nothing(rig, bench):
    rig.emulator.inject("mute")
    bench.run(rig.driver.keep_alive)
    assert bench.now_s() == 1_800_000_000.0


def test_a_ramp_may_end_between_two_polls(bench):
    rig = Rig(bench, settings=HotplateSettings(poll_s=7.0))
    segment = AnnealSegment(temperature_c=40.0, hold_s=33.3, ramp_k_min=11.1)
    result = rig.anneal([segment])
    assert result.trace_c[-1] == pytest.approx(40.0, abs=2.0)
