"""The same drivers and emulators at real speed, over pseudo terminals and sockets."""

import itertools
import pathlib
import threading

import pytest

from hp_lab.clock import WallClock
from hp_lab.devices.armed import FireGate
from hp_lab.devices.gantry.driver import GrblGantry
from hp_lab.devices.hotplate.driver import HotplateSettings, IkaHotplate
from hp_lab.devices.spin_coater.driver import OdriveSpinCoater
from hp_lab.errors import Aborted, DeviceLost
from hp_lab.lab_config import Hotplate, SpinCoater, load_lab_config
from hp_lab.recipes.steps import AnnealSegment, SpinStep
from hp_lab.simulation.emulators.grbl import GrblEmulator
from hp_lab.simulation.emulators.gripper import GripperEmulator
from hp_lab.simulation.emulators.ika import IkaEmulator
from hp_lab.simulation.emulators.numato import NumatoEmulator
from hp_lab.simulation.emulators.odrive import OdriveEmulator
from hp_lab.simulation.hosting import PtyHost, TcpHost

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
PLATE = Hotplate(port="", positions=["hotplate/1"])
COATER = SpinCoater(motor_port="", relay_port="")


@pytest.fixture(params=["pty", "tcp"])
def wire(request, tmp_path):
    """Return a function that hosts an emulator and returns its port."""
    hosts = []
    lock = threading.Lock()
    numbers = itertools.count()

    def host(emulator, clock):
        if request.param == "pty":
            link = str(tmp_path / f"tty{next(numbers)}")
            hosts.append(PtyHost(lambda: emulator, clock, lock, link))
            return hosts[-1].address
        hosts.append(TcpHost(lambda: emulator, clock, lock))
        return f"socket://{hosts[-1].address}"

    yield host
    for one in hosts:
        one.close()


def test_a_short_anneal(wire, bench):
    clock = WallClock(speed=20.0)
    emulator = IkaEmulator(bench.world, "hotplate", trailing_blank=True)
    settings = HotplateSettings(poll_s=2.0, timeout_s=20.0)
    driver = IkaHotplate(wire(emulator, clock), clock, PLATE, settings)
    driver.connect()
    assert driver.identity() == "C-MAG HS7"
    stop = clock.signal()
    result = driver.anneal(
        [AnnealSegment(temperature_c=30.0, hold_s=10.0)],
        stop=stop,
        on_reading=lambda _: None,
    )
    assert result.trace_c[-1] == pytest.approx(30.0, abs=2.0)
    assert result.ended_s - result.started_s >= 10.0
    assert not emulator.state(clock.now_s())["heater_on"]
    driver.close()
    driver.connect()
    stop.set()
    with pytest.raises(Aborted):
        driver.preheat(60.0, stop=stop, on_reading=lambda _: None)
    assert not emulator.state(clock.now_s())["heater_on"]
    driver.close()


def test_a_fired_spin_at_real_speed_starts_on_time(wire, bench):
    clock = WallClock()
    motor = OdriveEmulator(bench.world, calibrated=True)
    board = NumatoEmulator(bench.world)
    driver = OdriveSpinCoater(wire(motor, clock), wire(board, clock), clock, COATER)
    driver.connect()
    gate = FireGate(clock, "spin_coater", 0.1)
    fired = []

    def fire():
        fired.append(clock.now_s() + 0.5)
        gate.fire(fired[0])

    readings = []
    result = driver.spin(
        [SpinStep(speed_rpm=3000.0, acceleration_rpm_s=5000.0, duration_s=2.0)],
        gate=gate,
        stop=clock.signal(),
        on_reading=readings.append,
        on_armed=fire,
    )
    # On a quiet machine it is below a millisecond; this one may be busy.
    assert result.started_s - fired[0] == pytest.approx(0.0, abs=0.05)
    # The world saw the motor start when the driver says it did.
    starts = [e[0] for e in bench.world.log if e[1] == "chuck" and e[3] == 3000.0]
    assert starts[0] == pytest.approx(result.started_s, abs=0.05)
    assert max(r.speed_rpm for r in readings) == pytest.approx(3000.0, abs=1.0)
    assert motor.state(clock.now_s())["rpm"] == pytest.approx(0.0, abs=5.0)
    assert not board.state(clock.now_s())["vacuum_valve"]
    driver.close()


def test_a_transfer(wire, bench):
    clock = WallClock(speed=10.0)
    layout = load_lab_config(ROOT / "config" / "lab.yaml").gantry
    places = layout.positions()
    bench.world.substrates = {places["tray/H8"]}
    motion = GrblEmulator(layout.travel_mm)
    jaws = GripperEmulator(bench.world, motion.position_mm)
    driver = GrblGantry(wire(motion, clock), wire(jaws, clock), clock, layout)
    driver.connect()
    # A pseudo terminal or socket that is opened again at once may not reset the board.
    driver.close()
    driver.connect()
    where = driver.move_sample(
        "tray/H8", "spin_chuck", stop=clock.signal(), on_phase=lambda _: None
    )
    assert where == "spin_chuck"
    assert bench.world.substrates == {places["spin_chuck"]}
    driver.close()


def test_a_hotplate_whose_emulator_dies_is_lost(tmp_path, bench):
    clock = WallClock(speed=5.0)
    emulator = IkaEmulator(bench.world, "hotplate")
    host = PtyHost(lambda: emulator, clock, threading.Lock(), str(tmp_path / "tty"))
    driver = IkaHotplate(host.address, clock, PLATE)
    driver.connect()
    clock.call_at(clock.now_s() + 2.0, "test", host.close)
    with pytest.raises(DeviceLost):
        driver.preheat(200.0, stop=clock.signal(), on_reading=lambda _: None)
    driver.close()
    with pytest.raises(DeviceLost, match="check that it exists"):
        driver.connect()
