"""The light box's lines, with a box that says what the test wants."""

import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices.spectrometer.light import LightBox
from hp_lab.errors import DeviceFault, DeviceLost, InvalidInput
from hp_lab.simulation.emulators.emulator import LineEmulator
from hp_lab.simulation.hosting import InProcessHost


class Scripted(LineEmulator):
    """Answers from a table and keeps the lines it heard."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers
        self.heard = []

    def answer(self, line, now_s):
        self.heard.append(line)
        return [(0.0, self.answers.get(line, "ok"))]


@pytest.fixture
def light():
    """Return a driver on a scripted box; laboratory time stands still."""
    clock = VirtualClock()
    clock.hold("test")
    with InProcessHost(clock) as host:

        def connect(**answers):
            box = Scripted({"?": "LAMP 0 LED 0 SHUTTER 0", **answers})
            address = host.offer("light-test", lambda: box)
            light = LightBox(address, clock.named("light"))
            light.open()
            return light, box

        yield connect
    clock.release("test")


def test_every_setting_has_its_line(light):
    driver, box = light()
    driver.set_lamp(True)
    driver.set_lamp(False)
    driver.set_led(1.0)
    driver.set_led(0.5)
    driver.open_shutter()
    driver.close_shutter()
    assert box.heard == [
        "LAMP 1",
        "LAMP 0",
        "LED 255",
        "LED 128",
        "SHUTTER 1",
        "SHUTTER 0",
    ]


def test_putting_out_leaves_nothing_on(light):
    driver, box = light()
    driver.put_out()
    assert sorted(box.heard) == ["LAMP 0", "LED 0", "SHUTTER 0"]


def test_the_state_is_read_from_its_line(light):
    driver, box = light()
    box.answers["?"] = "LAMP 1 LED 51 SHUTTER 1"
    assert driver.state() == (True, pytest.approx(0.2), True)


@pytest.mark.parametrize("level", [-0.1, 1.1, float("nan")])
def test_a_level_outside_its_range_is_refused_and_not_sent(light, level):
    driver, box = light()
    with pytest.raises(InvalidInput, match="must be 0 to 1"):
        driver.set_led(level)
    assert box.heard == []


def test_something_else_on_that_port_is_no_light_box(light):
    driver, box = light()
    box.answers["?"] = "Grbl 1.1h ['$' for help]"
    with pytest.raises(DeviceFault, match="not a light box"):
        driver.state()


def test_a_refusal_is_a_fault_with_the_boxs_words(light):
    driver, box = light()
    box.answers["LAMP 1"] = "err lamp door open"
    with pytest.raises(DeviceFault, match="answered 'err lamp door open' to 'LAMP 1'"):
        driver.set_lamp(True)


def test_noise_is_a_fault_and_the_conversation_is_found_again(light):
    driver, box = light()
    box.inject("garbage")
    with pytest.raises(DeviceFault, match="is not text"):
        driver.set_lamp(True)
    driver.set_lamp(True)
    assert box.heard == ["LAMP 1", "?", "LAMP 1"]


def test_a_closed_box_is_lost_and_can_be_opened_again(light):
    driver, _ = light()
    driver.close()
    driver.close()
    with pytest.raises(DeviceLost, match="connect first"):
        driver.state()
    driver.open()
    assert driver.state() == (False, 0.0, False)


def test_a_port_that_is_not_there_is_lost():
    with pytest.raises(DeviceLost, match="cannot be opened"):
        LightBox("inproc://nobody", VirtualClock().named("light")).open()
