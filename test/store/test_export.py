"""What is exported is what the journal holds, readable by others."""

import csv
import json

import numpy as np
import pytest

from hp_lab.errors import JournalError
from hp_lab.records import Spectrum
from hp_lab.store.export import export_run
from hp_lab.store.journal import Journal
from hp_lab.store.readings import Readings

EVENTS = [
    ("campaign_started", {"name": "demo"}),
    (
        "candidates_proposed",
        {
            "candidates": [
                {
                    "candidate_id": "c1",
                    "settings": {"spacer": "PEA", "anneal_c": 100.0},
                    "predicted_mean": [2.1],
                    "predicted_sigma": [0.2],
                    "reason": "acquisition",
                },
                {"candidate_id": "c2", "settings": {"spacer": "BA", "n": 3.0}},
            ]
        },
    ),
    ("candidate_unreachable", {"candidate_id": "c2", "reason": "no BAI left"}),
    ("sample_created", {"sample_id": "f1", "candidate_id": "c1", "slot": "tray/A1"}),
    ("tasks_planned", {"tasks": [
        {"task_id": "f1/0", "action": "move", "stations": ["gantry"],
         "planned_start_s": 1.0, "planned_end_s": 9.0, "target": "spin_chuck"},
    ]}),
    ("task_started", {"task_id": "f1/0", "sample_id": "f1", "attempt": 1}),
    ("task_ended", {"task_id": "f1/0", "error_code": 11, "message": "grip lost"}),
    ("tasks_planned", {"tasks": [
        {"task_id": "f1/0", "action": "move", "stations": ["gantry"],
         "planned_start_s": 20.0, "planned_end_s": 28.0, "target": "spin_chuck"},
    ]}),
    ("task_started", {"task_id": "f1/0", "sample_id": "f1", "attempt": 2}),
    ("task_ended", {"task_id": "f1/0", "error_code": 0}),
    (
        "film_analysed",
        {
            "sample_id": "f1",
            "observations": [
                {"quantity": "pl_peak_ev", "value": 2.1, "sigma": 0.01,
                 "sample_id": "f1", "flags": ["weak_signal", "spiked"]},
            ],
            "rejected": [{"quantity": "phase_purity", "reason": "no, absorbance"}],
        },
    ),
    ("sample_ended", {"sample_id": "f1", "status": "done", "reason": ""}),
    ("something_new", {"unknown": True}),
]  # fmt: skip


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path, durable=False) as journal:
        for number, (kind, data) in enumerate(EVENTS):
            journal.append(
                kind, data, lab_time_s=100.0 + number, wall_time="2026-01-01T00:00Z"
            )
        Readings(journal).append_spectrum(
            Spectrum(
                mode="photoluminescence",
                sample_id="f/1",
                wavelength_nm=np.array([500.0, 500.1]),
                counts=np.array([1.0, 2.0 / 3.0]),
                dark=np.array([0.5, 0.25]),
                saturated=np.array([True, False]),
                integration_s=0.1,
            )
        )
    return path


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_hold_what_the_events_say(path, tmp_path):
    out = tmp_path / "deep" / "export"
    written = export_run(path, out)
    assert sorted(p.name for p in written) == [
        "candidates.csv",
        "events.jsonl",
        "films.csv",
        "observations.csv",
        "run.json",
        "tasks.csv",
    ]
    first, second = rows(out / "candidates.csv")
    assert (first["spacer"], first["anneal_c"], first["n"]) == ("PEA", "100.0", "")
    assert (first["predicted_mean_1"], first["unreachable"]) == ("2.1", "")
    assert second["unreachable"] == "no BAI left"
    (film,) = rows(out / "films.csv")
    assert (film["status"], film["ended_s"]) == ("done", "111.0")
    failed, done = rows(out / "tasks.csv")
    assert (failed["error_code"], failed["message"]) == ("11", "grip lost")
    assert (failed["planned_start_s"], failed["actual_end_s"]) == ("1.0", "106.0")
    assert (done["planned_start_s"], done["actual_start_s"]) == ("20.0", "108.0")
    peak, rejected = rows(out / "observations.csv")
    assert (float(peak["value"]), peak["flags"]) == (2.1, "weak_signal spiked")
    assert rejected["rejected"] == "no, absorbance"
    whole = json.loads((out / "run.json").read_text())
    assert whole["tasks"][1]["error_code"] == 0
    assert list(whole) == ["candidates", "films", "observations", "tasks"]


def test_events_are_one_json_object_a_line(path, tmp_path):
    export_run(path, tmp_path / "out")
    lines = (tmp_path / "out" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == [kind for kind, _ in EVENTS]
    assert [json.loads(line)["data"] for line in lines] == [data for _, data in EVENTS]


def test_spectra_are_written_without_loss_when_asked(path, tmp_path):
    out = tmp_path / "out"
    written = export_run(path, out, spectra=True)
    assert written[-1] == out / "spectra" / "00001_f-1_photoluminescence.csv"
    comment, *table = written[-1].read_text().splitlines()
    assert comment.startswith("# integration_s 0.1, ")
    assert table == [
        "wavelength_nm,counts,dark,saturated",
        "500.0,1.0,0.5,1",
        f"500.1,{2.0 / 3.0!r},0.25,0",
    ]


def test_an_export_can_be_repeated_and_one_that_cannot_be_written_is_refused(
    path, tmp_path
):
    out = tmp_path / "out"
    assert export_run(path, out) == export_run(path, out)
    assert not list(out.glob("*.draft"))
    with pytest.raises(JournalError, match="choose another path"):
        export_run(path, path)
    with pytest.raises(JournalError, match="there is no journal"):
        export_run(tmp_path / "absent.db", out)
