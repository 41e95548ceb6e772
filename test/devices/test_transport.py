"""Lines over serial ports: whole, in step, and lost when they are lost."""

import os
import termios
import threading
import tty

import pytest
import serial

from hp_lab.clock import VirtualClock
from hp_lab.devices import transport
from hp_lab.devices.transport import SerialLine, open_inproc, open_serial
from hp_lab.errors import DeviceFault, DeviceLost, InvalidConfig

START_S = 1_000.0


class Script:
    """A byte stream that answers each written line as told, on a virtual clock.

    Answers are (delay in seconds, bytes); what is not asked for is never said.
    """

    def __init__(self, clock, answers):
        self.clock = clock.named("script")
        self.answers = {question: list(said) for question, said in answers.items()}
        self.sent = []
        self.wire = []
        self.closed = False

    def write(self, data):
        if self.closed:
            raise BrokenPipeError
        self.sent.append(data)
        queue = self.answers.get(data.decode().strip(), [])
        if queue:
            for delay_s, said in queue.pop(0):
                self.wire.append((self.clock.now_s() + delay_s, said))

    def read(self, size, timeout_s):
        deadline_s = self.clock.now_s() + timeout_s
        while True:
            now_s = self.clock.now_s()
            for index, (at_s, said) in enumerate(self.wire):
                if at_s <= now_s + 1e-6:
                    del self.wire[index]
                    return said
            next_s = min([deadline_s, *(at_s for at_s, _ in self.wire)])
            if next_s <= now_s:
                return b""
            self.clock.sleep(next_s - now_s)

    def close(self):
        self.closed = True


@pytest.fixture
def clock():
    clock = VirtualClock(START_S)
    clock.hold("test")
    return clock


@pytest.fixture
def converse(clock):
    """Return a function that opens a line to a script."""
    names = []

    def start(answers, **settings):
        script = Script(clock, answers)
        name = f"script-{len(names)}"
        names.append(name)
        transport.offer_stream(name, lambda: script)
        return script, SerialLine(f"inproc://{name}", baudrate=9600, **settings)

    yield start
    for name in names:
        transport.withdraw_stream(name)


def test_a_line_is_sent_with_its_ending_and_received_without(converse):
    script, line = converse({"IN_PV_2": [[(0.0, b"98.7 2 \r\n")]]})
    assert line.ask("IN_PV_2") == "98.7 2"
    line.send_bytes(b"?")
    assert script.sent == [b"IN_PV_2\r\n", b"?"]


def test_a_mute_device_costs_exactly_its_timeout(converse, clock):
    _, line = converse({}, timeout_s=2.0)
    with pytest.raises(DeviceLost, match=r"no answer in 2 s, nothing came"):
        line.ask("IN_PV_2")
    assert clock.now_s() == pytest.approx(START_S + 2.0, abs=1e-6)
    assert not line.in_step


def test_half_a_line_is_no_answer(converse):
    _, line = converse({"x": [[(0.0, b"98.")]]})
    with pytest.raises(DeviceLost, match=r"only b'98\.' came"):
        line.ask("x")


def test_a_line_may_come_in_pieces_and_over_several_polls(converse, clock):
    _, line = converse({"x": [[(0.0, b"a"), (1.5, b"b\r"), (1.6, b"\nc\n")]]})
    line.send("x")
    assert line.poll(1.0) is None
    assert line.poll(1.0) == "ab"
    assert line.poll(1.0) == "c"
    assert clock.now_s() == pytest.approx(START_S + 1.6, abs=1e-5)


@pytest.mark.parametrize("noise", [b"\xff\x7f?\r\n", b"x" * 600])
def test_noise_is_a_fault_and_ends(converse, noise):
    _, line = converse({"x": [[(0.0, noise)]]})
    with pytest.raises(DeviceFault, match="not text"):
        line.ask("x")
    assert not line.in_step


def test_what_waits_from_earlier_is_dropped_before_a_question(converse):
    _, line = converse({"x": [[(0.0, b"1\n"), (0.0, b"2\n")], [(0.0, b"3\n")]]})
    assert line.ask("x") == "1"
    assert line.ask("x") == "3"


def test_a_late_answer_is_never_taken_for_the_next(converse, clock):
    # Every answer is 2.5 s late: two failed questions leave two readings on the wire.
    slow = [[(2.5, b"20.0 2\n")], [(2.5, b"21.0 2\n")], [(0.0, b"99.0 2\n")]]
    _, line = converse({"IN_PV_2": slow, "IN_NAME": [[(2.4, b"C-MAG HS7\n")]]})
    for _ in range(2):
        with pytest.raises(DeviceLost):
            line.ask("IN_PV_2")
    line.resynchronise("IN_NAME", lambda answer: answer == "C-MAG HS7")
    assert line.in_step
    assert line.ask("IN_PV_2") == "99.0 2"
    assert clock.now_s() == pytest.approx(START_S + 4.4, abs=1e-5)


def test_a_conversation_that_cannot_be_found_again_is_lost(converse):
    chatter = [(0.0, b"noise\n")] * 100
    _, line = converse({"IN_NAME": [chatter, []]})
    with pytest.raises(DeviceLost, match="only other lines"):
        line.resynchronise("IN_NAME", lambda answer: answer == "C-MAG HS7")
    with pytest.raises(DeviceLost, match="no answer"):
        line.resynchronise("IN_NAME", lambda answer: answer == "C-MAG HS7")
    assert not line.in_step


def test_a_closed_line_is_lost_and_may_be_closed_again(converse):
    _, line = converse({})
    with line:
        pass
    line.close()
    with pytest.raises(DeviceLost, match="cannot send"):
        line.send("x")
    with pytest.raises(DeviceLost, match="gone"):
        line.ask("x")
    with pytest.raises(DeviceLost, match="cannot be read"):
        line.receive()


def test_a_name_is_offered_once(clock):
    transport.offer_stream("once", lambda: Script(clock, {}))
    try:
        with pytest.raises(InvalidConfig, match="offered already"):
            transport.offer_stream("once", lambda: Script(clock, {}))
    finally:
        transport.withdraw_stream("once")
        transport.withdraw_stream("once")
    with pytest.raises(DeviceLost, match="nobody offers"):
        open_inproc("inproc://once")


@pytest.mark.parametrize(
    "port", ["/dev/not-there", "inproc://not-there", "pty:///dev/not-there"]
)
def test_a_missing_port_is_lost_with_a_remedy(port):
    with pytest.raises(DeviceLost, match="check that it exists"):
        open_serial(port, baudrate=9600)


def test_an_inproc_port_counts_what_waits(converse):
    _, line = converse({"x": [[(0.0, b"abc\n")]]})
    line.send("x")
    assert line._serial.in_waiting == 4
    line._serial.flush()
    assert line._serial.read(2) == b"ab"
    assert line.receive() == "c"


@pytest.fixture
def terminal():
    """Return a pseudo terminal that answers each line with itself."""
    master, slave = os.openpty()
    tty.setraw(slave)

    def echo():
        pending = b""
        while True:
            try:
                data = os.read(master, 1024)
            except OSError:
                return
            pending += data
            while b"\n" in pending:
                said, _, pending = pending.partition(b"\n")
                if said == b"quit":
                    return
                os.write(master, said + b"\n")

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    yield os.ttyname(slave)
    os.write(slave, b"quit\n")
    thread.join(timeout=5)
    os.close(master)
    os.close(slave)


def test_a_terminal_takes_7e1_again_and_again(terminal):
    for _ in range(3):
        with SerialLine(
            f"pty://{terminal}",
            baudrate=9600,
            bytesize=serial.SEVENBITS,
            parity=serial.PARITY_EVEN,
            ending=b"\n",
        ) as line:
            assert line.ask("hello") == "hello"
            line.send("late")
            assert line.poll(0.5) == "late"  # changes the timeout while it is open
            assert line._serial.bytesize == 7
            assert line._serial.parity == "E"
            assert line._serial.port == terminal


def test_without_our_scheme_a_terminal_refuses_7e1_the_second_time(terminal):
    """The reason for pty://; when this fails, the scheme is not needed any more."""
    settings = {"bytesize": serial.SEVENBITS, "parity": serial.PARITY_EVEN}
    serial.Serial(terminal, 9600, **settings).close()
    with pytest.raises(termios.error):
        serial.Serial(terminal, 9600, **settings)


@pytest.mark.parametrize("scheme", ["", "pty://"])
def test_a_port_is_opened_by_one_program(terminal, scheme):
    port = open_serial(scheme + terminal, baudrate=9600)
    try:
        with pytest.raises(DeviceLost, match="no other program"):
            open_serial(scheme + terminal, baudrate=9600)
    finally:
        port.close()
    open_serial(scheme + terminal, baudrate=9600).close()
