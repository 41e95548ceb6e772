"""The same emulator in this process, on a pseudo terminal and on a socket."""

import socket
import threading

import pytest

from hp_lab.clock import VirtualClock, WallClock
from hp_lab.devices import transport
from hp_lab.devices.transport import SerialLine
from hp_lab.errors import DeviceLost, LaboratoryBusy
from hp_lab.simulation.emulators.emulator import LineEmulator, Reply
from hp_lab.simulation.hosting import InProcessHost, PtyHost, TcpHost

START_S = 1_000.0


class Kitchen(LineEmulator):
    """Answers "now", answers "egg N" N seconds later, and "bell N" rings by itself."""

    def __init__(self):
        super().__init__()
        self.bell_s = None
        self.rung_s = []
        self.visits = []

    def connected(self, now_s):
        self.visits.append("in")
        return [*super().connected(now_s), Reply(now_s, b"hello\r\n")]

    def disconnected(self, now_s):
        self.visits.append("out")

    def answer(self, line, now_s):
        word, _, rest = line.partition(" ")
        if word == "bell":
            self.bell_s = now_s + float(rest)
            return []
        delay_s = float(rest) if word == "egg" else 0.0
        return [(delay_s, f"{word} {rest}")]

    def due_s(self):
        return self.bell_s

    def wake(self, now_s):
        if self.bell_s is None or now_s < self.bell_s:
            return []
        self.rung_s.append(now_s)
        self.bell_s = None
        return [Reply(now_s, b"ring\r\n")]


@pytest.fixture
def clock():
    clock = VirtualClock(START_S)
    clock.hold("test")
    return clock


@pytest.fixture
def host(clock):
    with InProcessHost(clock) as host:
        yield host


def opened(address, timeout_s=5.0):
    return SerialLine(address, baudrate=9600, timeout_s=timeout_s)


def test_a_reply_takes_the_instruments_time_and_no_more(host, clock):
    line = opened(host.offer("kitchen", Kitchen))
    assert line.receive() == "hello"
    assert line.ask("now") == "now"
    assert clock.now_s() == START_S
    assert line.ask("egg 3") == "egg 3"
    assert clock.now_s() == pytest.approx(START_S + 3.0, abs=1e-6)


def test_a_mute_instrument_costs_exactly_the_timeout(host, clock):
    kitchen = Kitchen()
    line = opened(host.offer("kitchen", lambda: kitchen))
    kitchen.inject("mute")
    with pytest.raises(DeviceLost):
        line.ask("now")
    assert clock.now_s() == pytest.approx(START_S + 5.0, abs=1e-6)
    kitchen.clear()
    assert line.ask("now") == "now"


def test_answers_leave_in_the_order_of_the_questions(host):
    line = opened(host.offer("kitchen", Kitchen))
    line.drop_input()
    line.send("egg 2")
    line.send("now")
    assert [line.receive(), line.receive()] == ["egg 2", "now"]


def test_an_instrument_acts_by_itself_whether_read_or_not(host, clock):
    kitchen = Kitchen()
    line = opened(host.offer("kitchen", lambda: kitchen))
    line.drop_input()
    line.send("bell 2")
    assert line.receive() == "ring"
    assert clock.now_s() == pytest.approx(START_S + 2.0, abs=1e-6)
    line.send("bell 2")
    clock.named("test").sleep(10.0)
    assert line.receive() == "ring"
    line.send("bell 2")
    line.close()
    clock.named("test").sleep(10.0)
    expected = [START_S + 2.0, START_S + 4.0, START_S + 14.0]
    assert kitchen.rung_s == pytest.approx(expected, abs=1e-5)
    assert kitchen.visits == ["in", "out"]
    clock.release("test")
    assert clock.stalled


def test_an_instrument_is_woken_once_after_reopening(host, clock):
    kitchen = Kitchen()
    address = host.offer("kitchen", lambda: kitchen)
    for _ in range(3):
        line = opened(address)
        line.send("bell 2")
        line.close()
    line = opened(address)
    clock.named("test").sleep(3.0)
    assert len(kitchen.rung_s) == 1
    assert [line.receive(), line.receive()] == ["hello", "ring"]


def test_an_early_alarm_looks_again(host, clock):
    kitchen = Kitchen()
    line = opened(host.offer("kitchen", lambda: kitchen))
    for _ in range(100):
        line.send("bell 2")
        clock.named("test").sleep(1.0)
    jumps = clock.jumps
    clock.named("test").sleep(5.0)
    assert kitchen.rung_s == pytest.approx([START_S + 101.0], abs=1e-5)
    # One alarm a period of two seconds, beside the hundred sleeps.
    assert jumps <= 160


def test_in_an_executors_thread_a_mute_instrument_is_lost_at_once(clock, host):
    kitchen = Kitchen()
    address = host.offer("kitchen", lambda: kitchen)
    clock.forbid_blocking(threading.get_ident())
    line = opened(address)
    assert line.ask("now") == "now"
    kitchen.inject("mute")
    with pytest.raises(DeviceLost):
        line.ask("now")
    assert clock.now_s() == START_S


def test_an_unplugged_instrument_is_lost_until_it_is_plugged_in(host):
    address = host.offer("kitchen", Kitchen)
    line = opened(address)
    host.unplug("kitchen")
    with pytest.raises(DeviceLost):
        line.ask("now")
    line.close()
    with pytest.raises(DeviceLost, match="unplugged"):
        opened(address)
    host.plug("kitchen")
    assert opened(address).ask("now") == "now"


def test_a_closed_host_offers_nothing(clock):
    with InProcessHost(clock) as host:
        address = host.offer("kitchen", Kitchen)
        opened(address).close()
    with pytest.raises(DeviceLost, match="nobody offers"):
        opened(address)


def test_a_read_without_end_of_a_silent_instrument_is_an_error(host):
    stream = transport.open_inproc(host.offer("kitchen", Kitchen))
    assert stream.read(100, float("inf")) == b"hello\r\n"
    with pytest.raises(TimeoutError, match="says nothing"):
        stream.read(1, float("inf"))
    stream.close()
    stream.close()
    assert stream.read(1, 1.0) == b""
    with pytest.raises(BrokenPipeError):
        stream.write(b"x")


def test_two_clients_of_a_server_have_conversations_of_their_own(host):
    address = host.offer("kitchen", Kitchen)
    first, second = opened(address), opened(address)
    first.send_bytes(b"no")
    second.send("now")
    first.send("w")
    assert [first.receive(), first.receive()] == ["hello", "now"]
    assert [second.receive(), second.receive()] == ["hello", "now"]


@pytest.fixture(params=["pty", "tcp"])
def real_host(request, tmp_path):
    """Return a kitchen in real time, and a function that opens a line to it."""
    kitchen = Kitchen()
    clock = WallClock(speed=20.0)
    lock = threading.Lock()
    if request.param == "pty":
        host = PtyHost(lambda: kitchen, clock, lock, str(tmp_path / "kitchen_tty"))
        address = host.address
    else:
        host = TcpHost(lambda: kitchen, clock, lock)
        address = f"socket://{host.address}"
    yield kitchen, clock, lambda: opened(address, timeout_s=2.0)
    host.close()


def wait_until(clock, happened):
    """Wait in real time for something that must happen soon."""
    for _ in range(200):
        if happened():
            return
        clock.named("test").sleep(0.02 * clock.speed)
    pytest.fail("did not happen")


@pytest.mark.slow
def test_real_wires_carry_the_same_conversation(real_host):
    kitchen, clock, open_line = real_host
    for _ in range(3):
        with open_line() as line:
            # pyserial drops what a socket says before it is open.
            line.resynchronise("now", lambda answer: answer == "now")
            before_s = clock.now_s()
            line.send("egg 2")
            line.send("now")
            assert [line.receive(), line.receive()] == ["egg 2", "now"]
            assert clock.now_s() - before_s >= 2.0
            line.send("bell 1")
            assert line.receive() == "ring"
        # A terminal that is closed and opened within a millisecond stays open.
        wait_until(clock, lambda: kitchen.visits[-1] == "out")
    with open_line() as line:
        line.send("bell 3")
        line.resynchronise("now", lambda answer: answer == "now")
    wait_until(clock, lambda: len(kitchen.rung_s) == 4)
    assert kitchen.visits[:7] == ["in", "out"] * 3 + ["in"]


@pytest.mark.slow
def test_a_driver_that_does_not_read_stops_nobody_else(tmp_path):
    clock = WallClock()
    lock = threading.Lock()
    host = PtyHost(Kitchen, clock, lock, str(tmp_path / "a"))
    other = PtyHost(Kitchen, clock, lock, str(tmp_path / "b"))
    try:
        with opened(host.address) as deaf, opened(other.address) as line:
            for _ in range(3000):
                deaf.send("now")
            assert line.receive() == "hello"
            assert line.ask("now") == "now"
    finally:
        host.close()
        other.close()


@pytest.mark.slow
def test_a_reply_under_way_when_a_host_closes_goes_nowhere(tmp_path):
    clock = WallClock()
    host = PtyHost(Kitchen, clock, threading.Lock(), str(tmp_path / "a"))
    with opened(host.address) as line:
        assert line.receive() == "hello"
        line.send("egg 0.2")
        line.send("bell 0.2")
        host.close()
        assert not (tmp_path / "a").exists()
    clock.named("test").sleep(0.4)


def test_a_link_replaces_an_old_link_and_nothing_else(tmp_path):
    (tmp_path / "old").symlink_to("/dev/not-there")
    PtyHost(Kitchen, WallClock(), threading.Lock(), str(tmp_path / "old")).close()
    (tmp_path / "file").write_text("precious")
    with pytest.raises(LaboratoryBusy, match="not a link"):
        PtyHost(Kitchen, WallClock(), threading.Lock(), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "precious"


def test_a_tcp_port_in_use_is_busy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LaboratoryBusy, match="in use"):
            TcpHost(Kitchen, WallClock(), threading.Lock(), taken.getsockname()[1])


@pytest.mark.slow
def test_a_tcp_client_that_vanishes_leaves_the_server_well():
    kitchen = Kitchen()
    host = TcpHost(lambda: kitchen, WallClock(), threading.Lock())
    address = ("127.0.0.1", host.port)
    with socket.create_connection(address) as client:
        client.sendall(b"egg 0.05\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with opened(f"socket://{host.address}") as line:
        assert line.resynchronise("now", lambda answer: answer == "now")
    host.close()
