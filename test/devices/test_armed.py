"""A gate fires once, at one time, or not at all."""

import threading

import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices.armed import FireGate
from hp_lab.errors import Aborted, InvalidInput, NotFired

START_S = 1_000.0


@pytest.fixture
def clock():
    """Return a clock on which the test itself holds a token."""
    clock = VirtualClock(START_S)
    clock.hold("test")
    return clock


def gate(clock, lead_s=0.5):
    return FireGate(clock.named("coater"), "coater", lead_s)


def test_a_fired_gate_gives_the_time_at_once(clock):
    armed = gate(clock)
    armed.fire(START_S + 3.0)
    assert armed.wait(60.0) == START_S + 3.0
    assert armed.poll(60.0) == START_S + 3.0
    assert clock.now_s() == START_S


def test_a_gate_wakes_who_waits_when_it_is_fired(clock):
    armed = gate(clock)

    def fire():
        armed.fire(START_S + 30.0)
        clock.release("campaign")

    clock.call_at(START_S + 20.0, "campaign", fire)
    assert armed.wait(60.0) == START_S + 30.0
    assert clock.now_s() == START_S + 20.0


@pytest.mark.parametrize(
    "ahead_s", [0.499, 0.0, -1.0, float("nan"), float("inf"), float("-inf")]
)
def test_a_time_that_cannot_be_kept_is_refused_and_the_gate_stays_open(clock, ahead_s):
    armed = gate(clock)
    with pytest.raises(InvalidInput, match="later time"):
        armed.fire(START_S + ahead_s)
    armed.fire(START_S + 0.5)
    assert armed.wait(1.0) == START_S + 0.5


def test_a_gate_fires_once(clock):
    armed = gate(clock)
    armed.fire(START_S + 3.0)
    with pytest.raises(InvalidInput, match="already"):
        armed.fire(START_S + 4.0)
    armed.abort()
    assert armed.wait(1.0) == START_S + 3.0


def test_nobody_can_fire_a_device_that_has_given_up(clock):
    armed = gate(clock)
    with pytest.raises(NotFired, match="60 s"):
        armed.wait(60.0)
    assert clock.now_s() == START_S + 60.0
    with pytest.raises(InvalidInput, match="arm it again"):
        armed.fire(START_S + 90.0)


def test_nobody_can_fire_an_aborted_device(clock):
    armed = gate(clock)
    armed.abort()
    with pytest.raises(InvalidInput, match="arm it again"):
        armed.fire(START_S + 90.0)
    with pytest.raises(Aborted):
        armed.wait(60.0)
    with pytest.raises(Aborted):
        armed.poll(60.0)
    assert clock.now_s() == START_S


def test_polling_leaves_the_gate_open_until_it_is_closed(clock):
    armed = gate(clock)
    assert armed.poll(0.25) is None
    assert clock.now_s() == START_S + 0.25
    armed.fire(START_S + 9.0)
    assert armed.close(0.25) == START_S + 9.0


def test_fire_and_time_out_agree_however_they_race():
    for _ in range(50):
        clock = VirtualClock(START_S)
        clock.hold("test")
        armed = gate(clock, lead_s=0.0)
        fired = []

        def fire(armed=armed, fired=fired):
            try:
                armed.fire(START_S + 100.0)
            except InvalidInput:
                fired.append(False)
            else:
                fired.append(True)

        thread = threading.Thread(target=fire)
        thread.start()
        try:
            armed.close(0.0)
        except NotFired:
            started = False
        else:
            started = True
        thread.join()
        assert fired == [started]
