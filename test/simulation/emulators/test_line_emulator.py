"""What every line instrument does, and how its faults begin and end."""

import pytest

from hp_lab.errors import InvalidInput
from hp_lab.simulation.emulators.emulator import LineEmulator, SelfActing, number


class Echo(LineEmulator):
    def answer(self, line, now_s):
        return [(0.0, line)]


def data(replies):
    return b"".join(reply.data for reply in replies)


def test_lines_come_in_any_pieces():
    echo = Echo()
    assert data(echo.receive(b"a", 0.0)) == b""
    assert data(echo.receive(b"b\nc\nd", 1.0)) == b"ab\r\nc\r\n"
    assert data(echo.receive(b"\n", 2.0)) == b"d\r\n"


def test_a_new_connection_forgets_half_a_line():
    echo = Echo()
    echo.receive(b"half", 0.0)
    assert echo.connected(1.0) == []
    assert data(echo.receive(b"whole\n", 1.0)) == b"whole\r\n"
    assert echo.disconnected(2.0) is None


def test_a_mute_instrument_hears():
    echo = Echo()
    echo.inject("mute")
    assert echo.receive(b"a\n", 0.0) == []
    echo.clear()
    assert data(echo.receive(b"b\n", 0.0)) == b"b\r\n"


def test_noise_spoils_as_many_answers_as_told():
    echo = Echo()
    echo.inject("garbage", {"count": 2})
    said = [data(echo.receive(b"a\n", 0.0)) for _ in range(3)]
    assert said == [b"\xff\x7f?\r\n", b"\xff\x7f?\r\n", b"a\r\n"]
    assert echo.faults == {}


def test_a_slow_instrument_keeps_the_order_of_its_answers():
    echo = Echo()
    echo.inject("slow", {"delay_s": 3.0})
    first = echo.receive(b"a\n", 10.0)
    echo.clear()
    second = echo.receive(b"b\n", 11.0)
    assert [reply.at_s for reply in first + second] == [13.0, 13.0]
    assert echo.receive(b"c\n", 20.0)[0].at_s == 20.0


def test_a_fault_begins_when_it_was_told_to():
    echo = Echo()
    echo.inject("mute", {"at_s": 5.0})
    assert data(echo.receive(b"a\n", 4.9)) == b"a\r\n"
    assert echo.receive(b"a\n", 5.0) == []


def test_an_unknown_fault_names_the_known_ones():
    with pytest.raises(InvalidInput, match="mute, garbage, slow"):
        Echo().inject("on_fire")


def test_a_parameter_that_is_no_number_is_refused():
    with pytest.raises(InvalidInput, match="delay_s is 'soon'"):
        number({"delay_s": "soon"}, "delay_s", 1.0)


def test_a_plain_instrument_does_not_act_by_itself():
    assert not isinstance(Echo(), SelfActing)
    with pytest.raises(NotImplementedError):
        LineEmulator().receive(b"a\n", 0.0)
