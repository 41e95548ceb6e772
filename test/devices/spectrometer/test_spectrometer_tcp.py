"""The real seabreeze over a real socket, in real time."""

import socket
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from hp_lab.clock import WallClock
from hp_lab.devices.spectrometer.driver import OceanSpectrometer
from hp_lab.devices.spectrometer.ocean import OceanPort
from hp_lab.errors import DeviceLost
from hp_lab.lab_config import Spectrometer
from hp_lab.simulation.emulators.light import LightBox
from hp_lab.simulation.emulators.ocean import OceanHdx
from hp_lab.simulation.hosting import PtyHost, TcpHost

pytestmark = pytest.mark.slow


class FakeWorld:
    def __init__(self):
        self.lights = {"lamp": 0.0, "led": 0.0, "shutter": 0.0}

    def set_light(self, now_s, light, level):
        self.lights[light] = level

    def stage_light(self, now_s, wavelength_nm):
        lit = self.lights["shutter"] * (self.lights["lamp"] + self.lights["led"])
        return 1.5e6 * lit * np.exp(-(((wavelength_nm - 620.0) / 30.0) ** 2))


@pytest.fixture
def served():
    clock, world = WallClock(), FakeWorld()
    hdx = OceanHdx(world, np.random.default_rng(5))
    lock = threading.Lock()
    host = TcpHost(hdx.session, clock, lock)
    yield host, hdx, world, clock, lock
    with suppress(OSError):
        # A test may have closed it already.
        host.close()


def test_a_spectrum_through_seabreeze_a_socket_and_a_terminal(served, tmp_path):
    host, _, world, clock, lock = served
    box = LightBox(world)
    lights = PtyHost(lambda: box, clock, lock, str(tmp_path / "light"))
    config = Spectrometer(address=host.address, light_port=lights.address)
    spectrometer = OceanSpectrometer(host.address, lights.address, clock, config)
    try:
        spectrometer.connect()
        assert spectrometer.info.serial == "HDX00000"
        (spectrum,) = spectrometer.acquire(
            "photoluminescence", sample_id="s1", averages=2, stop=clock.signal()
        )
        signal = spectrum.counts - spectrum.dark
        peak_nm = spectrum.wavelength_nm[signal.argmax()]
        assert peak_nm == pytest.approx(620.0, abs=6.0)
        assert 0.55 < spectrum.counts.max() / 65535 < 0.85
        assert not any(world.lights.values())
    finally:
        spectrometer.close()
        lights.close()


def test_timeouts_do_not_grow_with_each_exposure(served):
    host, *_ = served
    port = OceanPort(host.address, "HDX")
    port.open()
    port.set_integration(0.05)
    for _ in range(5):
        port.read()
    assert port._socket._timeout_s == pytest.approx(10.0, abs=0.1)
    port.close()


def test_connecting_again_and_again_leaves_no_connection_behind(served):
    host, *_ = served
    port = OceanPort(host.address, "HDX")
    for _ in range(5):
        assert port.open().model == "HDX"
    port.close()
    deadline_s = time.monotonic() + 5.0
    while host._connections and time.monotonic() < deadline_s:
        threading.Event().wait(0.01)
    assert not host._connections


def test_two_spectrometers_in_one_process_do_not_mix(served):
    host, _, _, clock, lock = served
    other = OceanHdx(FakeWorld(), np.random.default_rng(6), serial="HDX99999")
    second = TcpHost(other.session, clock, lock)
    try:
        ports = [OceanPort(h.address, "HDX") for h in (host, second)]
        assert [port.open().serial for port in ports] == ["HDX00000", "HDX99999"]
        for port in ports:
            port.close()
    finally:
        second.close()


def test_a_connection_that_ends_during_an_exposure_is_lost_at_once(served):
    host, *_ = served
    port = OceanPort(host.address, "HDX")
    port.open()
    port.set_integration(5.0)
    start_s = time.monotonic()
    cut = threading.Timer(0.3, host.close)
    cut.start()
    with pytest.raises(DeviceLost, match="reading a spectrum"):
        port.read()
    cut.join()
    assert time.monotonic() - start_s < 3.0


def test_a_port_on_which_nobody_listens_is_lost():
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    with pytest.raises(DeviceLost, match="no connection"):
        OceanPort(f"127.0.0.1:{free}", "HDX").open()
