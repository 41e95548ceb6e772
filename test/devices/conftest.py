"""A bench: emulated instruments on virtual time, and a world with plain physics."""

import math
import threading

import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices import transport
from hp_lab.simulation.hosting import InProcessHost

START_S = 1_800_000_000.0
ROOM_C = 25.0


class BenchWorld:
    """What the instruments did, and plain physics for what they see.

    A plate heats with at most 0.25 K/s towards its set point (time constant 20 s) and
    cools with a time constant of 300 s. Substrates lie at places in the gantry's frame.
    """

    def __init__(self):
        self.log = []
        self.plates = {}
        self.substrates = set()
        self.held = False
        self.chuck = (0.0, 0.0, 0.0, 1.0)
        self.vacuum = False

    def note(self, now_s, *what):
        assert not self.log or now_s >= self.log[-1][0] - 1e-6, "time went back"
        self.log.append((now_s, *what))

    def set_plate(self, now_s, plate, setpoint_c):
        self.plates[plate] = (now_s, self.plate_c(now_s, plate), setpoint_c)
        self.note(now_s, "plate", plate, setpoint_c)

    def plate_c(self, now_s, plate):
        begun_s, start_c, setpoint_c = self.plates.get(plate, (0.0, ROOM_C, None))
        elapsed_s = now_s - begun_s
        goal_c = ROOM_C if setpoint_c is None else max(setpoint_c, ROOM_C)
        if goal_c > start_c:
            full_s = max(0.0, (goal_c - start_c) / 0.25 - 20.0)
            if elapsed_s <= full_s:
                return start_c + 0.25 * elapsed_s
            begin_c = start_c + 0.25 * full_s
            return goal_c - (goal_c - begin_c) * math.exp(-(elapsed_s - full_s) / 20.0)
        cooled_c = ROOM_C + (start_c - ROOM_C) * math.exp(-elapsed_s / 300.0)
        return max(goal_c, cooled_c)

    def set_chuck_speed(self, now_s, from_rpm, to_rpm, acceleration_rpm_s):
        assert from_rpm == pytest.approx(self.chuck_rpm(now_s), abs=2.0)
        self.chuck = (now_s, from_rpm, to_rpm, acceleration_rpm_s)
        self.note(now_s, "chuck", from_rpm, to_rpm, acceleration_rpm_s)

    def chuck_rpm(self, now_s):
        begun_s, start, goal, rate = self.chuck
        change = min(abs(goal - start), rate * (now_s - begun_s))
        return start + math.copysign(change, goal - start)

    def set_vacuum(self, now_s, on):
        self.vacuum = on
        self.note(now_s, "vacuum", on)

    def close_gripper(self, now_s, at_mm):
        near = [p for p in self.substrates if math.dist(p, at_mm) < 1.0]
        self.note(now_s, "close", *at_mm)
        if near:
            self.substrates.remove(near[0])
            self.held = True
        return bool(near)

    def open_gripper(self, now_s, at_mm):
        self.note(now_s, "open", *at_mm)
        if self.held:
            self.substrates.add(tuple(round(axis, 3) for axis in at_mm))
        self.held = False


class Bench:
    """Runs drivers in worker threads on virtual time."""

    def __init__(self):
        self.clock = VirtualClock(START_S)
        # Time stands still between the works.
        self.clock.hold("bench")
        self.host = InProcessHost(self.clock)
        self.world = BenchWorld()

    def now_s(self):
        return self.clock.now_s()

    def at(self, after_s, action):
        """Do something at a time from the start of the bench."""

        def ring():
            try:
                action()
            finally:
                self.clock.release("test")

        self.clock.call_at(START_S + after_s, "test", ring)

    def run(self, work, *others):
        """Do the works, each in a thread with a token; return what the first does."""
        results = [None] * (1 + len(others))
        failures = [None] * (1 + len(others))
        left = len(results)
        lock = threading.Lock()

        def body(index, job):
            nonlocal left
            try:
                results[index] = job()
            except BaseException as error:  # noqa: BLE001 - raised again below
                failures[index] = error
            finally:
                with lock:
                    left -= 1
                    if left == 0:
                        self.clock.hold("bench")
                self.clock.release(f"worker {index}")

        threads = []
        for index, job in enumerate((work, *others)):
            self.clock.hold(f"worker {index}")
            threads.append(
                threading.Thread(target=body, args=(index, job), daemon=True)
            )
        for thread in threads:
            thread.start()
        self.clock.release("bench")
        for thread in threads:
            thread.join(timeout=20)
            assert not thread.is_alive(), self.clock.describe()
        assert sum(self.clock._holders.values()) == 1
        for failure in failures:
            if failure is not None:
                raise failure
        return results[0]

    def signal(self):
        return self.clock.named("stop").signal()

    def wait(self, duration_s):
        self.run(lambda: self.clock.named("test").sleep(duration_s))


@pytest.fixture
def make_bench():
    """Return a function that makes a bench in the place of the one before."""
    made = []

    def make():
        if made:
            made[-1].host.close()
        made.append(Bench())
        return made[-1]

    yield make
    made[-1].host.close()


@pytest.fixture
def bench(make_bench):
    return make_bench()


class Dialogue:
    """A wire on which every byte sent and received is written down beforehand.

    Args:
        greeting: What the instrument says when the port is opened.
        exchanges: What must be sent, and what is answered; b"" is silence.
    """

    def __init__(self, greeting, exchanges):
        self._exchanges = list(exchanges)
        self._ready = greeting
        self._sent = b""

    def write(self, data):
        self._sent += data
        expected, answer = self._exchanges[0]
        assert expected.startswith(self._sent), (self._sent, expected)
        if self._sent == expected:
            self._exchanges.pop(0)
            self._sent = b""
            self._ready += answer

    def read(self, size, timeout_s):
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def close(self):
        """Keep what was said."""

    def assert_over(self):
        assert self._exchanges == []
        assert self._sent == b""


@pytest.fixture
def dialogue():
    """Return a function that offers a dialogue and returns its port."""
    offered = []

    def offer(*exchanges, greeting=b""):
        spoken = Dialogue(greeting, exchanges)
        name = f"dialogue-{len(offered)}"
        transport.offer_stream(name, lambda: spoken)
        offered.append((name, spoken))
        return f"inproc://{name}"

    yield offer
    for name, spoken in offered:
        transport.withdraw_stream(name)
        spoken.assert_over()
