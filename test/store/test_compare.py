"""Two runs differ or they do not, and the difference is named."""

from dataclasses import replace

import numpy as np

from hp_lab.records import Spectrum
from hp_lab.store.compare import differences
from hp_lab.store.journal import Journal
from hp_lab.store.readings import Readings

SPECTRUM = Spectrum(
    mode="absorbance",
    sample_id="film-1",
    wavelength_nm=np.linspace(400, 700, 5),
    counts=np.arange(5.0),
    integration_s=0.1,
)


def run(path, *, wall="2026-01-01T00:00:00Z", value=1.0, spectrum=SPECTRUM, films=2):
    journal = Journal.open(path, durable=False)
    reading_id = Readings(journal).append_spectrum(spectrum)
    for number in range(films):
        journal.append(
            "film_done",
            {"values": [{"value": value}], "reading": reading_id},
            lab_time_s=60.0 * number,
            wall_time=wall,
            sample_id=f"film-{number}",
        )
    return journal


def test_runs_that_differ_in_wall_time_alone_are_identical(tmp_path):
    with (
        run(tmp_path / "a.db") as a,
        run(tmp_path / "b.db", wall="2030-01-01T00Z") as b,
    ):
        assert differences(a, b) == []


def test_every_difference_is_named(tmp_path):
    counts = SPECTRUM.counts + np.array([0, 0, 1e-12, 0, 0])
    other = replace(SPECTRUM, counts=counts)
    with (
        run(tmp_path / "a.db", films=1) as a,
        run(tmp_path / "b.db", value=1.5, spectrum=other) as b,
    ):
        first, second, third = differences(a, b)
        backwards = differences(b, a)
    assert first == "event 1 (film_done): data.values[0].value is 1.0 and 1.5"
    assert second == "event 2 (film_done) is in the second journal only"
    assert third.startswith("reading 1: spectrum of film-1 ")
    assert "first journal only" in backwards[1]


def test_times_kinds_and_fields_are_compared(tmp_path):
    stamp = {"wall_time": "2026-01-01T00:00:00Z"}
    with Journal.open(tmp_path / "a.db") as a, Journal.open(tmp_path / "b.db") as b:
        a.append("x", {"only": 1, "n": 1}, lab_time_s=0.0, **stamp)
        b.append("y", {"n": 1.0}, lab_time_s=1.0, sample_id="film-1", **stamp)
        found = differences(a, b)
    assert found == [
        "event 1 (x): kind is 'x' and 'y'",
        "event 1 (x): sample_id is '' and 'film-1'",
        "event 1 (x): lab_time_s is 0.0 and 1.0",
        "event 1 (x): data.n is 1 and 1.0",
        "event 1 (x): data.only is in the first journal only",
    ]


def test_a_long_list_ends(tmp_path):
    with (
        run(tmp_path / "a.db", films=0) as a,
        run(tmp_path / "b.db", films=60) as b,
    ):
        found = differences(a, b)
    assert len(found) == 51
    assert found[-1] == "and more"
