from dataclasses import dataclass, field

import pytest

from hp_lab.errors import InvalidInput
from hp_lab.simulation.emulators.light import LightBox

START_S = 1000.0


@dataclass
class FakeWorld:
    events: list = field(default_factory=list)

    def set_light(self, now_s, light, level):
        self.events.append((now_s, light, level))


@pytest.fixture
def world():
    return FakeWorld()


@pytest.fixture
def box(world):
    return LightBox(world)


def said(box, sent, now_s=START_S):
    replies = box.receive(sent, now_s)
    assert all(reply.at_s == now_s for reply in replies)
    return b"".join(reply.data for reply in replies)


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"LAMP 1\n", b"ok\r\n"),
        (b"LED 255\n", b"ok\r\n"),
        (b"SHUTTER 1\n", b"ok\r\n"),
        (b"?\n", b"LAMP 0 LED 0 SHUTTER 0\r\n"),
        (b"LAMP 2\n", b"err LAMP takes 0 to 1\r\n"),
        (b"LED 256\n", b"err LED takes 0 to 255\r\n"),
        (b"LED -1\n", b"err LED takes 0 to 255\r\n"),
        (b"LED\n", b"err LED takes 0 to 255\r\n"),
        (b"LASER 1\n", b"err no command 'LASER'\r\n"),
    ],
)
def test_each_line_has_its_reply(box, sent, reply):
    assert said(box, sent) == reply


def test_the_state_line_says_what_was_commanded(box):
    said(box, b"LAMP 1\nLED 128\nSHUTTER 1\n")
    assert said(box, b"?\n") == b"LAMP 1 LED 128 SHUTTER 1\r\n"


def test_the_world_hears_of_changes_once_and_as_shares(box, world):
    said(box, b"LED 51\n")
    said(box, b"LED 51\n", START_S + 1.0)
    said(box, b"SHUTTER 1\n", START_S + 2.0)
    assert world.events == [(START_S, "led", 0.2), (START_S + 2.0, "shutter", 1.0)]


def test_a_refused_line_changes_nothing(box, world):
    said(box, b"LED 256\n")
    assert world.events == []


@pytest.mark.parametrize(
    ("fault", "line", "light"),
    [("lamp_dead", b"LAMP 1\n", "lamp"), ("led_dead", b"LED 255\n", "led")],
)
def test_a_dead_light_says_ok_and_stays_dark(box, world, fault, line, light):
    box.inject(fault)
    assert said(box, line) == b"ok\r\n"
    assert world.events == []
    assert box.state(START_S)[light] == 0.0
    box.clear()
    # Whoever repairs it finds it switched on.
    assert box.state(START_S + 1.0)[light] == 1.0


def test_a_stuck_shutter_stays_where_it_is(box, world):
    said(box, b"SHUTTER 1\n")
    box.inject("shutter_stuck")
    assert said(box, b"SHUTTER 0\n") == b"ok\r\n"
    assert said(box, b"?\n") == b"LAMP 0 LED 0 SHUTTER 0\r\n"
    assert box.state(START_S)["shutter"] == 1.0
    assert box.state(START_S)["faults"] == "shutter_stuck"


def test_a_fault_that_begins_later_puts_a_burning_lamp_out(box, world):
    said(box, b"LAMP 1\n")
    box.inject("lamp_dead", {"at_s": START_S + 10.0})
    assert box.state(START_S + 5.0)["lamp"] == 1.0
    assert box.state(START_S + 10.0)["lamp"] == 0.0


def test_an_unknown_fault_is_refused(box):
    with pytest.raises(InvalidInput, match="lamp_dead"):
        box.inject("gremlins")
