"""The whole laboratory in virtual time, through the command line."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

from commands import ROOT, hp_lab, hp_lab_json
from ros_domain import domain_id

from hp_lab.orchestration.planning import task_times
from hp_lab.orchestration.replay import replay
from hp_lab.recipes.steps import SpinCoat
from hp_lab.store.compare import differences
from hp_lab.store.journal import JournalReader
from hp_lab.store.readings import ReadingsReader

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(900)]
FILMS = "5"
DEMO = str(ROOT / "config" / "campaigns" / "demo.yaml")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """One campaign, run twice with the same seed."""
    directory = tmp_path_factory.mktemp("lab")
    with domain_id() as domain:
        results = [
            hp_lab_json(
                "campaign", "run", DEMO, "--virtual-time", "--films", FILMS,
                cwd=directory, domain=domain,
            )
            for _ in range(2)
        ]  # fmt: skip
    return directory, results


def test_a_campaign_makes_its_films(runs) -> None:
    _, (found, _) = runs
    assert found["status"] == "done"
    assert found["films_done"] + found["films_failed"] == int(FILMS)
    assert found["films_done"] >= 3
    assert found["best_sample_id"]
    assert found["lab_hours"] > 0.5


def test_two_runs_with_one_seed_are_identical(runs) -> None:
    _, results = runs
    paths = [Path(r["path"]) for r in results]
    directory = runs[0]
    with (
        JournalReader.open(directory / paths[0] / "journal.sqlite") as one,
        JournalReader.open(directory / paths[1] / "journal.sqlite") as two,
    ):
        assert differences(one, two) == []


def test_intent_comes_before_outcome_and_reading_before_analysis(runs) -> None:
    directory, results = runs
    intents: set[str] = set()
    measured: set[str] = set()
    with JournalReader.open(directory / results[0]["path"] / "journal.sqlite") as one:
        for event in one.events():
            if event.kind == "task_started":
                intents.add(event.data["task_id"])
            if event.kind == "task_ended":
                assert event.data["task_id"] in intents
                if event.data["readings"]:
                    measured.add(event.data["sample_id"])
            if event.kind == "film_analysed":
                assert event.data["sample_id"] in measured


def test_every_measured_film_has_its_raw_spectra(runs) -> None:
    directory, results = runs
    with JournalReader.open(directory / results[0]["path"] / "journal.sqlite") as one:
        state = replay(one)
        readings = ReadingsReader(one)
        for sample in state.samples.values():
            if sample.counts and sample.status == "done":
                spectra = [s.spectrum for s in readings.spectra(sample.sample_id)]
                modes = {s.mode for s in spectra}
                assert modes == {"absorbance", "photoluminescence"}
                assert all(s.dark.size == s.counts.size for s in spectra)


def test_drops_fell_when_the_recipe_says(runs) -> None:
    directory, results = runs
    with JournalReader.open(directory / results[0]["path"] / "journal.sqlite") as one:
        state = replay(one)
    for task in state.tasks.values():
        if task.data.action != "spin_coat" or task.status != "done":
            continue
        step = state.samples[task.data.sample_id].recipe.steps[task.data.step]
        assert isinstance(step, SpinCoat)
        for index, drop in enumerate(step.drops):
            fell_s = task.facts[f"drop_{index}_offset_s"]
            assert fell_s == pytest.approx(drop.offset_s, abs=0.1)


def test_planned_and_actual_times_are_known(runs) -> None:
    directory, results = runs
    with JournalReader.open(directory / results[0]["path"] / "journal.sqlite") as one:
        times = task_times(replay(one))
    assert len(times) > 20
    for time in times:
        assert time.actual_start_s is not None
        assert time.actual_end_s is not None
        assert time.actual_start_s >= time.planned_start_s - 1e-6


def test_the_report_is_one_file_without_outside_requests(runs) -> None:
    directory, results = runs
    text = (directory / results[0]["report"]).read_text(encoding="utf-8")
    for request in ('src="http', 'href="http', "url(http", "@import"):
        assert request not in text
    assert text.count("<svg") >= 4


def test_a_worklist_of_another_laboratory_is_executed(tmp_path: Path) -> None:
    netlist = ROOT / "hp_lab/recipes/data/pascal/netlist_36.json"
    with domain_id() as domain:
        found = hp_lab_json(
            "worklist", "run", str(netlist), "--first", "2", cwd=tmp_path, domain=domain
        )
    assert found["status"] == "done"
    assert found["films_done"] == 2


def test_a_second_laboratory_on_the_domain_is_refused(tmp_path: Path) -> None:
    import fcntl
    import os
    import tempfile

    with domain_id() as domain:
        name = f"hp_lab-{os.getuid()}-domain-{domain}.lock"
        with (Path(tempfile.gettempdir()) / name).open("a+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            done = hp_lab(
                "campaign", "run", DEMO, "--virtual-time", cwd=tmp_path, domain=domain
            )
    assert done.returncode == 2
    assert "already runs on ROS domain" in done.stderr
