"""A robot, its world and its driver, on virtual time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from threaded_bench import ThreadedBench

from hp_lab.clock import VirtualClock
from hp_lab.devices.pipettor.driver import OpentronsPipettor
from hp_lab.devices.pipettor.protocol import DeckState
from hp_lab.lab_config import Pipettor, load_lab_config
from hp_lab.simulation.emulators.opentrons import OpentronsRobot
from hp_lab.simulation.hosting import InProcessHost

LAB = Path(__file__).parents[3] / "config" / "lab.yaml"
FULL = DeckState(
    volumes_ul={"stocks/A1": 3000.0, "stocks/B3": 3000.0, "solvents/A1": 15000.0}
)


@dataclass
class FakeWorld:
    """Writes down what the robot does to liquids."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    wet: set[str] = field(default_factory=set)

    def aspirate(self, now_s: float, mount: str, well: str, volume_ul: float) -> None:
        self.wet.add(mount)
        self.events.append(("aspirate", now_s, mount, well, volume_ul))

    def dispense(
        self, now_s: float, mount: str, well: str, volume_ul: float, rate_ul_s: float
    ) -> None:
        self.events.append(("dispense", now_s, mount, well, volume_ul, rate_ul_s))

    def drop_tip(self, now_s: float, mount: str) -> None:
        # A new run ejects tips that are not there.
        if mount in self.wet:
            self.wet.remove(mount)
            self.events.append(("drop_tip", now_s, mount))

    def named(self, kind: str) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == kind]

    def net_ul(self, well: str) -> float:
        taken = sum(e[4] for e in self.named("aspirate") if e[3] == well)
        return sum(e[4] for e in self.named("dispense") if e[3] == well) - taken


@dataclass
class Bench(ThreadedBench):
    """The robot on the bench: emulator, driver, clock."""

    world: FakeWorld
    robot: OpentronsRobot
    host: InProcessHost
    pipettor: OpentronsPipettor
    config: Pipettor


@pytest.fixture
def bench() -> Iterator[Bench]:
    clock = VirtualClock()
    world = FakeWorld()
    config = load_lab_config(LAB).pipettor
    robot = OpentronsRobot(world, config)
    with InProcessHost(clock) as host, ThreadPoolExecutor(4) as threads:
        address = host.offer("ot2", robot.session)
        pipettor = OpentronsPipettor(address, clock.named("pipettor"), config)
        bench = Bench(clock, threads, world, robot, host, pipettor, config)
        pipettor.load_deck(FULL)
        bench.run(pipettor.connect)
        yield bench
        pipettor.close()
