"""Stops and pauses in virtual time: no film is lost, and a person is waited for."""

import itertools
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

from commands import ROOT
from ros_domain import domain_id
from std_srvs.srv import Trigger

from hp_lab.nodes.bringup import LabOptions
from hp_lab.nodes.composed import ComposedLab
from hp_lab.orchestration.replay import replay
from hp_lab.orchestration.run_dir import RunDir, create_run_dir
from hp_lab.orchestration.state import GRIPPER, CampaignState
from hp_lab.orchestration.status import last_lab_time_s
from hp_lab.store.journal import JournalReader

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(300)]
CONFIG = ROOT / "config"
FILMS = 3


def prepare(directory: Path) -> RunDir:
    demo = yaml.safe_load((CONFIG / "campaigns" / "demo.yaml").read_text())
    demo["budget"] = {"films": FILMS, "parallel": 3}
    files = {
        "campaign.yaml": yaml.safe_dump(demo),
        "lab.yaml": CONFIG / "lab.yaml",
        "stocks.yaml": CONFIG / "stocks.yaml",
    }
    return create_run_dir(directory, "demo", files)


def open_lab(run_dir: RunDir, domain: int) -> ComposedLab:
    options = LabOptions(
        lab_file=run_dir.lab,
        emulated=True,
        inproc=True,
        stocks_file=run_dir.stocks,
        run_dir=run_dir.path,
        seed=7,
    )
    return ComposedLab(options, start_s=last_lab_time_s(run_dir), domain_id=domain)


def state_of(run_dir: RunDir) -> CampaignState:
    with JournalReader.open(run_dir.journal) as journal:
        return replay(journal)


def stop_while_carrying(lab: ComposedLab, moves: int) -> None:
    """Interrupt the campaign when so many films were picked up."""
    gantry = lab.nodes["gantry"]._gantry
    carry, picked = gantry.move_sample, itertools.count(1)

    def interrupt() -> None:
        lab.runtime.spawn(lab.nodes["campaign"].wind_down())
        lab.runtime.executor.wake()
        lab.clock.release("test")

    def move_sample(source: str, target: str, *, stop, on_phase) -> str:
        def watched(phase: str) -> None:
            on_phase(phase)
            if phase == "carrying" and next(picked) == moves:
                lab.clock.call_at(lab.clock.now_s() + 0.5, "test", interrupt)

        return carry(source, target, stop=stop, on_phase=watched)

    gantry.move_sample = move_sample


@pytest.mark.parametrize("moves", [4, 9])
def test_a_film_in_the_gripper_at_a_stop_is_put_down_and_made(
    tmp_path: Path, moves: int
) -> None:
    run_dir = prepare(tmp_path / "runs")
    with domain_id() as domain:
        with open_lab(run_dir, domain) as lab:
            stop_while_carrying(lab, moves)
            stopped = lab.run_campaign(run_dir.path)
            assert stopped.error_code
        state = state_of(run_dir)
        assert state.status == "interrupted"
        films = {s.sample_id for s in state.samples.values() if s.counts}
        assert GRIPPER in {s.location for s in state.samples.values()}
        with open_lab(run_dir, domain) as lab:
            ended = lab.run_campaign(run_dir.path, resume=True)
    assert ended.error_code == 0, ended.message
    after = state_of(run_dir)
    assert after.status == "done"
    assert after.films_done == FILMS
    assert films <= set(after.samples)
    places = [s.location for s in after.samples.values()]
    assert sorted(places) == sorted(s.slot for s in after.samples.values())


def test_a_pause_lasts_until_a_person_ends_it(tmp_path: Path) -> None:
    run_dir = prepare(tmp_path / "runs")
    with domain_id() as domain, open_lab(run_dir, domain) as lab:
        client = lab._client
        orders = [
            client.create_client(Trigger, "/campaign/resume"),
            client.create_client(Trigger, "/campaign/pause"),
        ]
        campaign = lab.nodes["campaign"]

        def order() -> bool:
            """Pause what runs; resume when nothing moves any more."""
            paused = campaign.waits_for
            wanted = (paused and lab.clock.stalled) or (not paused and campaign._run)
            if orders and wanted and bool(paused) == (len(orders) == 1):
                orders.pop().call_async(Trigger.Request())
            return False

        ended = lab.run_campaign(run_dir.path, stop=order, person=True)
    assert ended.error_code == 0, ended.message
    assert not orders
    assert state_of(run_dir).films_done == FILMS
