"""The bytes of ODrive and relay board, as their documentation has them."""

import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices.spin_coater.numato import RelayBoard
from hp_lab.devices.spin_coater.odrive import OdriveAxis, with_checksum
from hp_lab.errors import DeviceFault, DeviceLost


def sent(text):
    return with_checksum(text).encode() + b"\n"


def said(text):
    return with_checksum(text).encode() + b"\r\n"


INFO = (
    b"\n" + sent("i"),
    said("unknown command")
    + said("Hardware version: 3.6-24V")
    + said("Firmware version: 0.5.6")
    + said("Serial number: 2061339E4E31"),
)


@pytest.fixture
def axis_on(dialogue):
    """Return a function that opens an axis on a dialogue."""

    def start(*exchanges):
        axis = OdriveAxis(dialogue(INFO, *exchanges), VirtualClock().named("x"), 0.5)
        axis.open()
        return axis

    return start


def test_the_checksum_is_that_of_the_documentation():
    assert with_checksum("r vbus_voltage ") == "r vbus_voltage *93"


def test_the_axis_says_who_it_is_and_how_it_turns(axis_on):
    axis = axis_on(
        (sent("f 0"), said("1.500000 66.666664")),
        (sent("r axis0.current_state"), said("8")),
        (sent("r axis0.error"), said("2048")),
    )
    assert axis.serial_number == "2061339E4E31"
    assert axis.feedback() == (1.5, 66.666664)
    assert axis.state() == 8
    assert axis.axis_error() == 0x800


def test_commands_carry_checksums_and_are_not_answered(axis_on):
    axis = axis_on(
        (sent("v 0 66.6666667 0"), b""),
        (sent("t 0 12.25"), b""),
        (sent("u 0"), b""),
        (sent("sc"), b""),
        (sent("w axis0.requested_state 8"), b""),
        (
            sent("w axis0.controller.config.input_mode 2")
            + sent("w axis0.controller.config.vel_ramp_rate 33.3333333"),
            b"",
        ),
    )
    axis.turn_at(4000.0 / 60.0)
    axis.turn_to(12.25)
    axis.feed()
    axis.clear_errors()
    axis.request(8)
    axis.set_ramp(2000.0 / 60.0)


def test_a_setting_is_read_back_and_sent_again_once(axis_on):
    write = (sent("w axis0.config.watchdog_timeout 2"), b"")
    axis = axis_on(
        write,
        (sent("r axis0.config.watchdog_timeout"), said("0.000000")),
        write,
        (sent("r axis0.config.watchdog_timeout"), said("2.000000")),
        (sent("u 0"), b""),
        (sent("w axis0.config.enable_watchdog 1"), b""),
        (sent("r axis0.config.enable_watchdog"), said("1")),
    )
    axis.set_watchdog(2.0)


def test_a_setting_that_stays_is_a_fault(axis_on):
    once = [
        (sent("w axis0.controller.config.vel_limit 180"), b""),
        (sent("r axis0.controller.config.vel_limit"), said("2.000000")),
    ]
    with pytest.raises(DeviceFault, match="stays 2"):
        axis_on(*once, *once).set("axis0.controller.config.vel_limit", 180.0)


@pytest.mark.parametrize(
    "noise",
    [b"0.0 66.6*12\r\n", b"0.0 66.6\r\n", said("invalid property"), b"\xff\r\n"],
)
def test_noise_is_asked_again_after_finding_the_conversation(axis_on, noise):
    axis = axis_on((sent("f 0"), noise), INFO, (sent("f 0"), said("0.0 66.6")))
    assert axis.feedback() == (0.0, 66.6)


def test_a_late_answer_is_dropped(axis_on):
    late = (INFO[0], said("0.0 1.0") + INFO[1])
    axis = axis_on((sent("f 0"), b""), late, (sent("f 0"), said("0.0 66.6")))
    with pytest.raises(DeviceLost):
        axis.feedback()
    assert axis.feedback() == (0.0, 66.6)


VER = (b"\rver\r", b"\n\r>ver\n\r00000008\n\r>")


@pytest.fixture
def board_on(dialogue):
    """Return a function that opens a relay board on a dialogue."""

    def start(*exchanges):
        board = RelayBoard(dialogue(VER, *exchanges), VirtualClock().named("x"), 0.5)
        board.open()
        return board

    return start


def test_a_relay_is_switched_and_checked(board_on):
    board = board_on(
        (b"relay on A\r", b"relay on A\n\r>"),
        (b"relay read A\r", b"relay read A\n\ron\n\r>"),
        (b"relay off 0\r", b"relay off 0\n\r>"),
        (b"relay read 0\r", b"relay read 0\n\roff\n\r>"),
    )
    assert board.version == "00000008"
    board.switch(10, True)
    board.switch(0, False)


def test_inputs_are_read_past_the_echoed_channel(board_on):
    board = board_on(
        (b"gpio read 0\r", b"gpio read 0\n\r1\n\r>"),
        (b"gpio read 1\r", b"gpio read 1\n\r0\n\r>"),
    )
    assert board.input(0)
    assert not board.input(1)


@pytest.mark.parametrize(
    "noise",
    [b"gpio read 1\n\r1\n\r>", b"gpio read 0\n\r7\n\r>", b"\xff\n\r>", b"\n\r>"],
)
def test_an_answer_to_something_else_is_asked_again(board_on, noise):
    board = board_on(
        (b"gpio read 0\r", noise), VER, (b"gpio read 0\r", b">gpio read 0\n\r1\n\r>")
    )
    assert board.input(0)


def test_a_relay_that_stays_is_a_fault(board_on):
    once = [
        (b"relay on 0\r", b"relay on 0\n\r>"),
        (b"relay read 0\r", b"relay read 0\n\roff\n\r>"),
    ]
    with pytest.raises(DeviceFault, match="does not go on"):
        board_on(*once, *once).switch(0, True)
