"""The emulated gripper: jaws that move in time and hold what is there."""

import pytest

from hp_lab.simulation.emulators.gripper import GripperEmulator


class Shelf:
    def __init__(self):
        self.log = []
        self.full = True

    def close_gripper(self, now_s, at_mm):
        self.log.append((now_s, "close", at_mm))
        held, self.full = self.full, False
        return held

    def open_gripper(self, now_s, at_mm):
        self.log.append((now_s, "open", at_mm))


@pytest.fixture
def world():
    return Shelf()


@pytest.fixture
def gripper(world):
    return GripperEmulator(world, lambda now_s: (now_s, 0.0, 0.0))


def said(replies):
    return b"".join(reply.data for reply in replies).decode()


def move(gripper, pulse_us, now_s, rate=700.0):
    assert gripper.receive(f"S{pulse_us} {rate}\n".encode(), now_s) == []
    end_s = gripper.due_s()
    assert said(gripper.wake(end_s)) == "ok\r\n"
    return end_s


def test_a_move_is_answered_when_the_jaws_are_there(gripper, world):
    end_s = move(gripper, 1300, 10.0)
    assert end_s == pytest.approx(11.0)
    assert world.log == [(end_s, "close", (end_s, 0.0, 0.0))]
    assert gripper.due_s() is None


def test_the_load_tells_whether_something_is_held(gripper):
    assert said(gripper.receive(b"l\n", 0.0)) == "0.02\r\n"
    end_s = move(gripper, 1100, 0.0)
    assert said(gripper.receive(b"l\n", end_s)) == "2.02\r\n"
    assert gripper.state(end_s)["holds"]
    end_s = move(gripper, 1900, end_s)
    assert said(gripper.receive(b"l\n", end_s)) == "0.02\r\n"
    end_s = move(gripper, 1100, end_s)
    assert said(gripper.receive(b"l\n", end_s)) == "0.02\r\n", "the shelf is empty"


def test_lines_wait_while_the_jaws_move(gripper):
    assert gripper.receive(b"S1300 700\nl\n", 0.0) == []
    assert said(gripper.wake(gripper.due_s())) == "ok\r\n0.02\r\n"
    assert gripper.wake(99.0) == []


@pytest.mark.parametrize("line", ["S", "S1300", "S1300 0", "x", "", "S-3 5"])
def test_nonsense_gets_silence(gripper, line):
    assert gripper.receive(line.encode() + b"\n", 0.0) == []
    assert gripper.due_s() is None


def test_reconnecting_keeps_the_hold(gripper):
    end_s = move(gripper, 1100, 0.0)
    assert gripper.connected(end_s) == []
    assert gripper.state(end_s)["holds"]


def test_faults_of_the_jaws(gripper, world):
    gripper.inject("misses")
    end_s = move(gripper, 1100, 0.0)
    assert not gripper.state(end_s)["holds"]
    assert world.log == []
    end_s = move(gripper, 1100, move(gripper, 1900, end_s))
    assert gripper.state(end_s)["holds"]
    gripper.inject("sticks")
    end_s = move(gripper, 1900, end_s)
    assert gripper.state(end_s)["holds"]
    assert gripper.state(end_s)["load"] > 1.0
    end_s = move(gripper, 1100, end_s)
    assert gripper.state(end_s)["holds"], "it closes on what sticks to it"
    gripper.inject("drops", {"at_s": end_s + 5.0})
    assert gripper.due_s() == end_s + 5.0
    gripper.wake(end_s + 5.0)
    assert world.log[-1][:2] == (end_s + 5.0, "open")
    gripper.inject("load_stuck", {"value": 7.0})
    assert said(gripper.receive(b"l\n", 99.0)) == "7.00\r\n"


def test_what_was_held_when_it_was_switched_off_is_held_afterwards(world):
    gripper = GripperEmulator(world, lambda now_s: (now_s, 0.0, 0.0), holds=True)
    assert gripper.state(0.0)["holds"]
    assert gripper.state(0.0)["load"] > 1.0
    end_s = move(gripper, 1900, 0.0)
    assert world.log[0][:2] == (end_s, "open")
