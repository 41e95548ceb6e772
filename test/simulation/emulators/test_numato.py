"""The emulated relay board, as the vendor's examples have it."""

import pytest

from hp_lab.simulation.emulators.numato import NumatoEmulator


class Valve:
    def __init__(self):
        self.log = []

    def set_vacuum(self, now_s, on):
        self.log.append((now_s, on))


@pytest.fixture
def world():
    return Valve()


@pytest.fixture
def board(world):
    return NumatoEmulator(world)


def ask(board, command, now_s=0.0, ending="\r"):
    replies = board.receive((command + ending).encode(), now_s)
    return b"".join(reply.data for reply in replies).decode()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("ver", "ver\n\r00000008\n\r>"),
        ("id get", "id get\n\r00000000\n\r>"),
        ("relay read 0", "relay read 0\n\roff\n\r>"),
        ("relay on A", "relay on A\n\r>"),
        ("relay readall", "relay readall\n\r0000\n\r>"),
        ("gpio read 0", "gpio read 0\n\r1\n\r>"),
        ("gpio read 1", "gpio read 1\n\r0\n\r>"),
        ("gpio readall", "gpio readall\n\r01\n\r>"),
        ("adc read 0", "adc read 0\n\r0\n\r>"),
        ("relay on G", "relay on G\n\r>"),
        ("relay on", "relay on\n\r>"),
        ("relay", "relay\n\r>"),
        ("gpio read F", "gpio read F\n\r>"),
        ("dance", "dance\n\r>"),
        ("", "\n\r>"),
    ],
)
def test_commands_and_answers(board, command, answer):
    assert ask(board, command) == answer


def test_line_feeds_are_ignored(board):
    assert ask(board, "\nver", ending="\n\r").endswith("00000008\n\r>")


def test_the_identity_can_be_set(board):
    ask(board, "id set spinner1")
    assert ask(board, "id get") == "id get\n\rspinner1\n\r>"


def test_the_vacuum_comes_after_the_valve_and_goes_after_it(board, world):
    ask(board, "relay on 0", 10.0)
    seen = [ask(board, "gpio read 1", t)[-4] for t in (10.0, 10.39, 10.41)]
    assert seen == ["0", "0", "1"]
    ask(board, "relay off 0", 20.0)
    seen = [ask(board, "gpio read 1", t)[-4] for t in (20.0, 20.79, 20.81)]
    assert seen == ["1", "1", "0"]
    assert world.log == [(10.0, True), (20.0, False)]


def test_a_valve_opened_and_closed_at_once_gives_no_vacuum(board):
    ask(board, "relay on 0", 10.0)
    ask(board, "relay off 0", 10.1)
    assert ask(board, "gpio read 1", 10.2)[-4] == "0"


def test_reset_switches_everything_off(board, world):
    ask(board, "relay on 0", 1.0)
    ask(board, "relay on 3", 1.0)
    assert ask(board, "relay readall", 1.0) == "relay readall\n\r0009\n\r>"
    ask(board, "reset", 2.0)
    assert ask(board, "relay readall", 2.0) == "relay readall\n\r0000\n\r>"
    assert world.log[-1] == (2.0, False)


def test_other_pins_can_be_set(board):
    ask(board, "gpio set 5")
    assert ask(board, "gpio readall") == "gpio readall\n\r21\n\r>"
    ask(board, "gpio clear 5")
    assert ask(board, "gpio read 5")[-4] == "0"


def test_faults_of_valve_and_switches(board, world):
    board.inject("lid_open")
    assert ask(board, "gpio read 0")[-4] == "0"
    ask(board, "relay on 0", 1.0)
    board.inject("no_vacuum", {"at_s": 5.0})
    assert ask(board, "gpio read 1", 4.9)[-4] == "1"
    assert ask(board, "gpio read 1", 5.0)[-4] == "0"
    assert world.log[-1] == (5.0, False)
    board.inject("vacuum_stuck")
    ask(board, "relay off 0", 6.0)
    assert board.state(60.0)["vacuum"]
    board.inject("relay_stuck")
    ask(board, "relay on 0", 61.0)
    assert ask(board, "relay read 0", 61.0) == "relay read 0\n\roff\n\r>"
    board.inject("garbage")
    assert board.receive(b"ver\r", 62.0)[0].data == b"\xff\x7f?\n\r>"
