"""A spectrometer with its lights, their world and the driver, on virtual time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from threaded_bench import ThreadedBench

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
class Bench(ThreadedBench):
    """The station on the bench: emulators, driver, clock."""

    world: FakeWorld
    hdx: OceanHdx
    box: LightBox
    host: InProcessHost
    spectrometer: OceanSpectrometer

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
        bench = Bench(clock, threads, world, hdx, box, host, spectrometer)
        bench.run(spectrometer.connect)
        yield bench
        spectrometer.close()
