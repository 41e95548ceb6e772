"""The bytes of the NAMUR line, as the manuals have them."""

import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices.hotplate.guard import GuardLimits, PlateGuard
from hp_lab.devices.hotplate.namur import NamurHotplate
from hp_lab.errors import DeviceFault, DeviceLost

OPEN = (b"\r\n", b"")
NAME = (b"IN_NAME\r\n", b"C-MAG HS7\r\n")


@pytest.fixture
def plate_on(dialogue):
    """Return a function that opens a plate on a dialogue."""

    def start(*exchanges):
        clock = VirtualClock().named("hotplate")
        plate = NamurHotplate(dialogue(OPEN, NAME, *exchanges), clock, 1.0)
        plate.open()
        return plate

    return start


def test_readings_are_asked_one_by_one(plate_on):
    plate = plate_on(
        (b"IN_PV_2\r\n", b"98.7 2\r\n"),
        (b"IN_SP_1\r\n", b"150.0 1 \r\n"),
        (b"IN_SP_3\r\n", b"550.0 3 \r \n"),
    )
    assert plate.name == "C-MAG HS7"
    assert (plate.surface_c(), plate.setpoint_c(), plate.safety_c()) == (98.7, 150, 550)


def test_commands_are_sent_without_waiting_for_an_answer(plate_on):
    plate = plate_on(
        (b"OUT_SP_1 80.0\r\n", b""), (b"START_1\r\n", b""), (b"STOP_1\r\n", b"")
    )
    plate.set_temperature(80.0)
    plate.start_heater()
    plate.stop_heater()


def test_the_watchdog_echoes_what_it_was_set_to(plate_on):
    plate = plate_on(
        (b"OUT_SP_12@25.0\r\n", b"25.0\r\n"),
        (b"OUT_WD2@60\r\n", b"60\r\n"),
        (b"OUT_WD1@1500\r\n", b"1500\r\n"),
        (b"OUT_WD2@0\r\n", b"0\r\n"),
    )
    plate.set_fallback(25.0)
    plate.watch(2, 60.0)
    plate.watch(1, 1500.0)
    plate.watch(2, 0)


def test_a_wrong_echo_is_a_fault(plate_on):
    wrong = (b"OUT_WD2@60\r\n", b"20\r\n")
    with pytest.raises(DeviceFault, match="answered by '20'"):
        plate_on(wrong, NAME, wrong).watch(2, 60.0)


@pytest.mark.parametrize(
    "noise", [b"98.7 1\r\n", b"98.7\r\n", b"\r\n", b"ninety 2\r\n", b"\xff\xfe 2\r\n"]
)
def test_noise_is_asked_again_once_the_conversation_is_found(plate_on, noise):
    plate = plate_on((b"IN_PV_2\r\n", noise), NAME, (b"IN_PV_2\r\n", b"98.7 2\r\n"))
    assert plate.surface_c() == 98.7


def test_noise_twice_is_a_fault(plate_on):
    noise = (b"IN_PV_2\r\n", b"98.7 1\r\n")
    with pytest.raises(DeviceFault, match="channel 2"):
        plate_on(noise, NAME, noise).surface_c()


def test_silence_is_not_asked_again_and_late_readings_are_dropped(plate_on):
    late = (b"IN_NAME\r\n", b"20.0 2\r\n21.0 2\r\nC-MAG HS7\r\n")
    plate = plate_on((b"IN_PV_2\r\n", b""), late, (b"IN_PV_2\r\n", b"98.7 2\r\n"))
    with pytest.raises(DeviceLost):
        plate.surface_c()
    assert plate.surface_c() == 98.7


def test_an_instrument_without_a_name_is_a_fault(dialogue):
    clock = VirtualClock().named("hotplate")
    port = dialogue(OPEN, (b"IN_NAME\r\n", b"25.0 1\r\n"), (b"IN_NAME\r\n", b""))
    with pytest.raises((DeviceFault, DeviceLost)):
        NamurHotplate(port, clock, 1.0).open()


GUARD = GuardLimits()


def test_a_plate_that_comes_nearer_is_left_alone():
    guard = PlateGuard(GUARD)
    for second in range(600):
        guard.take(float(second), 25.0 + second * 0.01, 100.0)
    guard.take(600.0, 31.0, 100.0)
    guard.take(719.0, 31.0, 100.0)
    with pytest.raises(DeviceFault, match="not come nearer"):
        guard.take(721.0, 31.0, 100.0)


def test_a_plate_that_moves_away_is_not_following():
    guard = PlateGuard(GUARD)
    for second in range(120):
        guard.take(float(second), 80.0 - second * 0.05, 120.0)
    with pytest.raises(DeviceFault, match="not come nearer"):
        guard.take(120.0, 74.0, 120.0)


def test_a_plate_may_begin_a_segment_above_its_target():
    guard = PlateGuard(GUARD)
    guard.take(0.0, 150.0, 150.0)
    guard.begin_segment()
    guard.take(1.0, 149.9, 60.0)
    with pytest.raises(DeviceFault, match="above 165"):
        guard.take(10.0, 166.0, 60.0)


@pytest.mark.parametrize("reading_c", [-21.0, 651.0, float("nan")])
def test_what_no_surface_reads_is_implausible(reading_c):
    guard = PlateGuard(GUARD)
    assert not guard.is_plausible(0.0, reading_c)
    with pytest.raises(DeviceFault, match="cannot be"):
        guard.take(0.0, reading_c, 25.0)
