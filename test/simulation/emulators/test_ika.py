"""The emulated hotplate, command by command, as the manuals have them."""

import pytest

from hp_lab.simulation.emulators.ika import RCT_DIGITAL, IkaEmulator


class Plate:
    """A plate whose temperature is whatever it is set to, at once."""

    def __init__(self):
        self.log = []
        self.surface_c = 98.74

    def set_plate(self, now_s, plate, setpoint_c):
        self.log.append((now_s, plate, setpoint_c))

    def plate_c(self, now_s, plate):
        return self.surface_c


@pytest.fixture
def world():
    return Plate()


@pytest.fixture
def ika(world):
    return IkaEmulator(world, "hotplate")


def ask(emulator, command, now_s=0.0):
    replies = emulator.receive(command.encode() + b"\r\n", now_s)
    assert all(reply.at_s == now_s for reply in replies)
    return b"".join(reply.data for reply in replies).decode()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("IN_NAME", "C-MAG HS7\r\n"),
        ("IN_TYPE", "C-MAG HS7\r\n"),
        ("IN_SOFTWARE", "\r\n"),
        ("IN_PV_1", "25.0 1\r\n"),
        ("IN_PV_2", "98.7 2\r\n"),
        ("IN_PV_4", "0.0 4\r\n"),
        ("IN_PV_5", "0.0 5\r\n"),
        ("IN_SP_1", "0.0 1\r\n"),
        ("IN_SP_3", "550.0 3\r\n"),
        ("IN_SP_4", "0.0 4\r\n"),
        ("STATUS_1", "12 1\r\n"),
        ("OUT_SP_12@60", "60.0\r\n"),
        ("OUT_SP_42@300", "300.0\r\n"),
        ("OUT_WD1@20", "20\r\n"),
        ("OUT_WD2@1500", "1500\r\n"),
        ("IN_NAME ", "C-MAG HS7\r\n"),
        ("in_name", ""),
        ("IN_PV_9", ""),
        ("", ""),
        ("OUT_SP_1 x", ""),
        ("OUT_WD1@19", ""),
        ("OUT_WD2@1501", ""),
        ("START_1", ""),
    ],
)
def test_commands_and_answers(ika, command, answer):
    assert ask(ika, command) == answer


def test_answers_may_end_in_a_blank(world):
    ika = IkaEmulator(world, "hotplate", model=RCT_DIGITAL, trailing_blank=True)
    assert ask(ika, "IN_NAME") == "RCT digital \r\n"
    assert ask(ika, "IN_SP_3") == "360.0 3 \r\n"


def test_the_name_can_be_changed_to_six_letters(ika):
    ask(ika, "OUT_NAME plate-one")
    assert ask(ika, "IN_NAME") == "plate-\r\n"


def test_the_world_hears_of_the_heater_only_when_it_changes(ika, world):
    for now_s, command in enumerate(
        ["OUT_SP_1 80", "START_1", "START_1", "OUT_SP_1 90.5", "STOP_1", "STOP_1"]
    ):
        ask(ika, command, float(now_s))
    assert world.log == [
        (1.0, "hotplate", 80.0),
        (3.0, "hotplate", 90.5),
        (4.0, "hotplate", None),
    ]
    assert ask(ika, "IN_SP_1") == "90.5 1\r\n"


@pytest.mark.parametrize("value", ["-1", "501", "nan"])
def test_a_set_point_outside_the_range_is_not_taken(ika, value):
    ask(ika, "OUT_SP_1 80")
    ask(ika, f"OUT_SP_1 {value}")
    assert ask(ika, "IN_SP_1") == "80.0 1\r\n"


def test_the_motor_stirs(ika):
    ask(ika, "OUT_SP_4 300")
    assert ask(ika, "IN_PV_4") == "0.0 4\r\n"
    ask(ika, "START_4")
    assert ask(ika, "IN_PV_4") == "300.0 4\r\n"
    assert ask(ika, "STATUS_4") == "11 4\r\n"
    ask(ika, "STOP_4")
    assert ika.state(0.0)["stir_rpm"] == 0.0


def test_reset_ends_remote_operation(ika):
    ask(ika, "OUT_SP_1 80")
    ask(ika, "START_1")
    ask(ika, "RESET")
    assert not ika.state(0.0)["heater_on"]


def heating(ika, watchdog):
    for command in ("OUT_SP_1 120", "START_1", "OUT_SP_12@40", watchdog):
        ask(ika, command)


def test_watchdog_one_switches_off_and_locks_until_it_is_switched_off_and_on(ika):
    heating(ika, "OUT_WD1@20")
    assert ika.due_s() == 20.0
    ask(ika, "OUT_WD1@20", 15.0)
    assert ika.due_s() == 35.0
    assert ika.wake(34.9) == []
    assert ika.state(34.9)["heater_on"]
    assert ika.wake(35.0) == []
    assert not ika.state(35.0)["heater_on"]
    assert ika.state(35.0)["display"] == "Er 2"
    assert ika.due_s() is None
    for command in ("START_1", "OUT_SP_1 50", "OUT_WD2@0", "OUT_WD1@20"):
        ask(ika, command, 40.0)
    assert not ika.state(40.0)["heater_on"]
    assert ask(ika, "IN_SP_1", 40.0) == "120.0 1\r\n"
    ika.power_cycle(50.0)
    ask(ika, "START_1", 50.0)
    assert ika.state(50.0)["heater_on"]


def test_watchdog_two_falls_back_and_can_be_ended(ika, world):
    heating(ika, "OUT_WD2@30")
    assert ask(ika, "IN_PV_2", 29.0) == "98.7 2\r\n"
    assert ask(ika, "IN_SP_1", 30.0) == "40.0 1\r\n"
    assert world.log[-1] == (30.0, "hotplate", 40.0)
    assert ika.state(30.0)["display"] == "WD"
    assert ask(ika, "OUT_WD2@0", 31.0) == "0\r\n"
    assert ika.state(31.0)["display"] == ""
    assert ika.due_s() is None


def test_watchdog_one_cannot_be_ended(ika):
    heating(ika, "OUT_WD1@30")
    ask(ika, "OUT_WD2@0")
    ask(ika, "RESET")
    assert ika.due_s() == 30.0


def test_faults_of_the_plate(ika, world):
    ika.inject("stuck_reading")
    assert ask(ika, "IN_PV_2") == "98.7 2\r\n"
    world.surface_c = 50.0
    assert ask(ika, "IN_PV_2") == "98.7 2\r\n"
    ika.clear()
    assert ask(ika, "IN_PV_2") == "50.0 2\r\n"
    ika.inject("sensor_offset", {"offset_k": -3.0})
    assert ask(ika, "IN_PV_2") == "47.0 2\r\n"
    ika.clear()
    heating(ika, "OUT_WD2@30")
    ika.inject("safety_cutout")
    assert not ika.state(1.0)["heater_on"]
    assert ika.state(1.0)["display"] == "E 24"
    ask(ika, "START_1", 1.0)
    assert world.log[-1][2] is None
    ika.clear()
    ika.inject("loses_setpoint")
    ask(ika, "START_1", 2.0)
    assert ask(ika, "IN_SP_1", 2.0) == "0.0 1\r\n"
    ika.inject("ignores_setpoint")
    ask(ika, "OUT_SP_1 70", 2.0)
    assert ask(ika, "IN_SP_1", 2.0) == "0.0 1\r\n"
    ika.inject("ignores_stop")
    ask(ika, "STOP_1", 2.0)
    assert ika.state(2.0)["heater_on"]
    ika.inject("watchdog_trip")
    assert ika.state(3.0)["display"] == "WD"
    assert "ignores_stop" in ika.state(3.0)["faults"]
