"""A spectrometer with its lights, their world and the driver, on virtual time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hp_lab.clock import VirtualClock
from hp_lab.devices.spectrometer.driver import OceanSpectrometer
from hp_lab.lab_config import Spectrometer
from hp_lab.simulation.emulators.light import LightBox
from hp_lab.simulation.emulators.ocean import OceanHdx
from hp_lab.simulation.hosting import InProcessHost


@dataclass
class FakeWorld:
    """A lamp, and a film that absorbs below and emits above 600 nm."""

    lamp_e_s: float = 2.0e6
    emission_e_s: float = 4.0e4
    transmission: float = 1.0
    lights: dict[str, float] = field(
        default_factory=lambda: {"lamp": 0.0, "led": 0.0, "shutter": 0.0}
    )
    events: list[tuple[float, str, float]] = field(default_factory=list)

    def set_light(self, now_s: float, light: str, level: float) -> None:
        self.lights[light] = level
        self.events.append((now_s, light, level))

    def stage_light(self, now_s: float, wavelength_nm: np.ndarray) -> np.ndarray:
        through = np.where(wavelength_nm < 600.0, self.transmission, 1.0)
        lamp = self.lamp_e_s * np.exp(-(((wavelength_nm - 650.0) / 150.0) ** 2))
        glow = self.emission_e_s * np.exp(-(((wavelength_nm - 620.0) / 12.0) ** 2))
        leak = (
            50.0 * self.emission_e_s * np.exp(-(((wavelength_nm - 405.0) / 3.0) ** 2))
        )
        rate = self.lights["lamp"] * lamp * through + self.lights["led"] * (glow + leak)
        return self.lights["shutter"] * rate

    def is_dark(self) -> bool:
        return not any(self.lights.values())


@dataclass
class Bench:
    """The station on the bench: emulators, driver, clock."""

    clock: VirtualClock
    world: FakeWorld
    hdx: OceanHdx
    box: LightBox
    host: InProcessHost
    threads: ThreadPoolExecutor
    spectrometer: OceanSpectrometer

    def run(self, work: Callable[[], Any]) -> Any:
        """Run work in a thread that holds a token, and return or raise its outcome."""
        return self.start(work)()

    def start(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """Start work in a thread that holds a token; call the result to join it."""

        def body() -> Any:
            try:
                return work()
            finally:
                self.clock.release("test")

        self.clock.hold("test")
        future = self.threads.submit(body)

        def join() -> Any:
            try:
                return future.result(timeout=20)
            except TimeoutError:
                pytest.fail(self.clock.describe())

        return join

    @contextmanager
    def standstill(self) -> Iterator[None]:
        """Let laboratory time stand still, so that what starts, starts together."""
        self.clock.hold("standstill")
        yield
        self.clock.release("standstill")

    def signal(self) -> Any:
        return self.clock.named("job").signal()

    def acquire(self, mode: str, **settings: Any) -> list[Any]:
        settings = {"sample_id": "s1", "stop": self.signal(), **settings}
        return self.run(lambda: self.spectrometer.acquire(mode, **settings))


@pytest.fixture
def bench() -> Iterator[Bench]:
    clock = VirtualClock()
    world = FakeWorld()
    hdx = OceanHdx(world, np.random.default_rng(7))
    box = LightBox(world)
    with InProcessHost(clock) as host, ThreadPoolExecutor(4) as threads:
        config = Spectrometer(
            address=host.offer("hdx", hdx.session),
            light_port=host.offer("light", lambda: box),
        )
        spectrometer = OceanSpectrometer(
            config.address, config.light_port, clock.named("spectrometer"), config
        )
        bench = Bench(clock, world, hdx, box, host, threads, spectrometer)
        bench.run(spectrometer.connect)
        yield bench
        spectrometer.close()
