"""The robot over a real socket, in real time or a little faster."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hp_lab.clock import WallClock
from hp_lab.devices.armed import FireGate
from hp_lab.devices.pipettor.driver import OpentronsPipettor
from hp_lab.devices.pipettor.protocol import CHUCK, DeckState
from hp_lab.errors import AmbiguousOutcome, DeviceLost
from hp_lab.lab_config import load_lab_config
from hp_lab.recipes.steps import Drop, Transfer
from hp_lab.simulation.emulators import opentrons_deck, opentrons_engine
from hp_lab.simulation.emulators.opentrons import OpentronsRobot
from hp_lab.simulation.hosting import TcpHost

pytestmark = pytest.mark.slow

CONFIG = load_lab_config(Path(__file__).parents[3] / "config" / "lab.yaml").pipettor
FULL = DeckState(volumes_ul={"stocks/A1": 3000.0})


class FakeWorld:
    def __init__(self):
        self.events = []

    def aspirate(self, now_s, mount, well, volume_ul):
        self.events.append(("aspirate", now_s, well, volume_ul))

    def dispense(self, now_s, mount, well, volume_ul, rate_ul_s):
        self.events.append(("dispense", now_s, well, volume_ul))

    def drop_tip(self, now_s, mount):
        self.events.append(("drop_tip", now_s, mount, 0.0))


class Served:
    def __init__(self, speed):
        self.clock = WallClock(speed=speed, origin_s=WallClock().now_s())
        self.world = FakeWorld()
        self.robot = OpentronsRobot(self.world, CONFIG)
        self.host = TcpHost(self.robot.session, self.clock, threading.Lock())
        self.pipettor = OpentronsPipettor(self.host.address, self.clock, CONFIG)
        self.pipettor.load_deck(FULL)


@pytest.fixture
def served():
    made = []

    def serve(speed):
        made.append(Served(speed))
        made[-1].pipettor.connect()
        return made[-1]

    yield serve
    for one in made:
        one.pipettor.close()
        with suppress(OSError):
            # A test may have closed it already.
            one.host.close()


STEP = Transfer(source="stocks/A1", target="mix/A1", volume_ul=400.0)


def test_a_transfer_over_a_socket(served):
    bench = served(speed=20.0)
    result = bench.pipettor.transfer([STEP], stop=bench.clock.signal())
    assert result.moved_ul == (400.0,)
    given = [event[3] for event in bench.world.events if event[0] == "dispense"]
    assert given == [200.0, 200.0]


def test_a_drop_over_a_socket_falls_within_20_ms_of_its_time(served, monkeypatch):
    # What is timed here is the drop; the robot may be quick at everything before it.
    for name in ("HOME_S", "PICK_UP_S", "EJECT_S", "PREPARE_S"):
        monkeypatch.setattr(opentrons_engine, name, 0.05)
    monkeypatch.setattr(opentrons_deck, "LIFT_S", 0.05)
    bench = served(speed=1.0)
    clock = bench.clock
    gate = FireGate(clock, "pipettor", 0.1)
    zero_s = []

    def fire():
        zero_s.append(clock.now_s() + 1.0)
        gate.fire(zero_s[0])

    result = bench.pipettor.drop(
        [Drop(source="stocks/A1", volume_ul=40.0, offset_s=0.3)],
        gate=gate,
        stop=clock.signal(),
        on_armed=fire,
        arm_timeout_s=30.0,
    )
    (real_s,) = (event[1] for event in bench.world.events if event[2] == CHUCK)
    assert abs(real_s - (zero_s[0] + 0.3)) < 0.02
    assert abs(result.drop_times_s[0] - real_s) < 0.02


def test_a_server_that_dies_during_a_stroke_is_ambiguous(served):
    bench = served(speed=20.0)

    def cut(index, moved_ul):
        # The next request is the second stroke's aspiration.
        threading.Timer(0.02, bench.host.close).start()

    with pytest.raises((AmbiguousOutcome, DeviceLost)) as caught:
        bench.pipettor.transfer(
            [Transfer(source="stocks/A1", target="mix/A1", volume_ul=900.0)],
            stop=bench.clock.signal(),
            on_step=cut,
        )
    strokes = sum(event[0] == "aspirate" for event in bench.world.events)
    # Lost is only said of what was never under way.
    assert isinstance(caught.value, AmbiguousOutcome) or strokes == 1
    with pytest.raises(DeviceLost, match="no connection"):
        bench.pipettor.connect()
