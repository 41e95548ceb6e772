"""Ctrl-C in the middle of the demo: everything safe, and no film lost."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

from commands import ROOT, command, environment, hp_lab_json
from ros_domain import domain_id

from hp_lab.orchestration.replay import replay
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.store.journal import JournalReader

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(900)]
DEMO = str(ROOT / "config" / "campaigns" / "demo.yaml")
FILMS = "6"


def state_of(path: Path):
    with JournalReader.open(path) as journal:
        return replay(journal)


def test_an_interrupted_demo_is_finished_later_with_no_film_lost(
    tmp_path: Path,
) -> None:
    with domain_id() as domain:
        running = subprocess.Popen(
            command("campaign", "run", DEMO, "--virtual-time", "--films", FILMS),
            cwd=tmp_path,
            env=environment(domain),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        run_dir = RunDir(tmp_path / "runs" / "demo-001")
        deadline_s = time.monotonic() + 240
        while not hot(run_dir):
            assert running.poll() is None, running.stdout.read()
            assert time.monotonic() < deadline_s
        running.send_signal(signal.SIGINT)
        stopped_s = time.monotonic()
        output, _ = running.communicate(timeout=90)
        assert time.monotonic() - stopped_s < 60
        assert running.returncode == 130, output
        assert "resume" in output

        state = state_of(run_dir.journal)
        assert state.status == "interrupted"
        assert not [t for t in state.tasks.values() if t.status == "running"]
        assert_world_is_safe(run_dir)
        known = {s for s, sample in state.samples.items() if sample.counts}

        found = hp_lab_json(
            "campaign", "resume", "demo-001", cwd=tmp_path, domain=domain
        )
    assert found["status"] == "done"
    assert found["films_done"] + found["films_failed"] == int(FILMS)
    after = state_of(run_dir.journal)
    assert known <= set(after.samples)
    made = {s.candidate_id for s in after.samples.values() if not s.remake}
    assert set(state.candidates) - set(after.unreachable) <= made


def hot(run_dir: RunDir) -> bool:
    """Whether a hotplate of the hidden world heats now."""
    return any(setpoint is not None for setpoint in plates_of(run_dir).values())


def plates_of(run_dir: RunDir) -> dict[str, float | None]:
    """Return the last set point of every hotplate in the hidden world."""
    if not run_dir.world.exists():
        return {}
    plates: dict[str, float | None] = {}
    # The last line may be half-written.
    for line in run_dir.world.read_text().split("\n")[:-1]:
        call = json.loads(line)
        if call.get("call") == "set_plate":
            plates[call["plate"]] = call["setpoint_c"]
    return plates


def assert_world_is_safe(run_dir: RunDir) -> None:
    """The hidden world's log ends with heaters off and a standing chuck."""
    speed = 0.0
    for line in run_dir.world.read_text().splitlines():
        call = json.loads(line)
        if call.get("call") == "set_chuck_speed":
            speed = call["to_rpm"]
    assert set(plates_of(run_dir).values()) == {None}
    assert speed == 0.0
