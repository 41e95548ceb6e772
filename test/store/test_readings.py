"""Raw readings come back bit for bit, and equal readings are equal bytes."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hp_lab.errors import JournalError
from hp_lab.records import Spectrum
from hp_lab.store.array_codec import decode, encode
from hp_lab.store.journal import Journal, JournalReader
from hp_lab.store.readings import Readings, ReadingsReader, Trace

numeric = st.sampled_from(["<f8", ">f8", "<f4", "<i4", "|u1", "|b1"])


def spectrum(sample_id="film-1", level=1000.0, mode="absorbance"):
    wavelength_nm = np.linspace(350.0, 900.0, 300)
    rng = np.random.default_rng(1)
    return Spectrum(
        mode=mode,
        sample_id=sample_id,
        wavelength_nm=wavelength_nm,
        counts=level + rng.normal(0, 5, 300),
        dark=rng.normal(0, 5, 300),
        reference=level + rng.normal(0, 5, 300),
        saturated=rng.random(300) > 0.9,
        integration_s=0.1,
        reference_integration_s=0.02,
        averages=4,
        excitation_nm=405.0,
        taken_s=12.5,
    )


@given(hnp.arrays(dtype=numeric, shape=hnp.array_shapes(min_dims=0, min_side=0)))
def test_arrays_come_back_bit_for_bit(array):
    described, body = encode({"a": array}, "reading")
    (back,) = decode(described, body).values()
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.tobytes() == array.astype(back.dtype).tobytes()


def test_equal_arrays_give_equal_bytes_whatever_their_layout_and_order():
    a = np.arange(12.0).reshape(3, 4)
    one = encode({"a": a, "b": a[0]}, "reading")
    other = encode({"b": a[0].astype(">f8"), "a": np.asfortranarray(a)}, "reading")
    assert one == other


def test_data_that_does_not_fit_its_description_is_refused():
    described, body = encode({"a": np.arange(3.0)}, "reading")
    with pytest.raises(ValueError, match="describes 16"):
        decode([{**described[0], "shape": [2]}], body)
    with pytest.raises(ValueError, match="incorrect header"):
        decode(described, b"no zlib")


def test_a_spectrum_comes_back_as_it_was(tmp_path):
    with Journal.open(tmp_path / "journal.db") as journal:
        taken = spectrum()
        reading_id = Readings(journal).append_spectrum(taken)
        back = ReadingsReader(journal).spectrum(reading_id)
    assert reading_id == 1
    for name in Spectrum.__slots__:
        np.testing.assert_array_equal(getattr(back, name), getattr(taken, name))
        assert type(getattr(back, name)) is type(getattr(taken, name))
    assert back.saturated.dtype == np.bool_


def test_spectra_and_traces_are_found_by_film_in_order(tmp_path):
    path = tmp_path / "journal.db"
    anneal = Trace(
        kind="anneal",
        sample_id="film-1",
        arrays={"time_s": np.arange(3.0), "temperature_c": np.array([25.0, 90, 100])},
        details={"station": "hotplate", "setpoint_c": 100.0},
        taken_s=3.0,
    )
    with Journal.open(path) as journal:
        readings = Readings(journal)
        ids = [
            readings.append_spectrum(spectrum("film-1")),
            readings.append_trace(anneal),
            readings.append_spectrum(spectrum("film-2")),
            readings.append_spectrum(spectrum("film-1", mode="photoluminescence")),
        ]
    assert ids == [1, 2, 3, 4]
    with JournalReader.open(path) as journal:
        reader = ReadingsReader(journal)
        assert [s.reading_id for s in reader.spectra("film-1")] == [1, 4]
        assert [s.reading_id for s in reader.spectra()] == [1, 3, 4]
        (trace,) = reader.traces("film-1", kind="anneal")
        assert list(reader.traces(kind="spin")) == []
        assert trace.trace.details == anneal.details
        np.testing.assert_array_equal(reader.trace(2).arrays["temperature_c"][2], 100)
        with pytest.raises(JournalError, match="reading 2 is a anneal, no spectrum"):
            reader.spectrum(2)
        with pytest.raises(JournalError, match="reading 1 is a spectrum, no trace"):
            reader.trace(1)
        with pytest.raises(JournalError, match="no reading 9"):
            reader.trace(9)


def test_a_damaged_reading_is_not_handed_out(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        Readings(journal).append_spectrum(spectrum())
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER readings_no_update")
    raw.execute("UPDATE readings SET header = replace(header, '0.1', '0.2')")
    raw.commit()
    raw.close()
    with (
        JournalReader.open(path) as journal,
        pytest.raises(JournalError, match="reading 1 does not have the content hash"),
    ):
        ReadingsReader(journal).spectrum(1)


def test_readings_that_cannot_be_stored_are_refused(tmp_path):
    with Journal.open(tmp_path / "journal.db") as journal:
        readings = Readings(journal)
        with pytest.raises(JournalError, match="anneal of film-1: array words"):
            readings.append_trace(
                Trace(
                    kind="anneal",
                    sample_id="film-1",
                    arrays={"words": np.array(["a"])},
                    taken_s=0.0,
                )
            )
        for kind in ("", "spectrum"):
            with pytest.raises(JournalError, match="trace kind"):
                readings.append_trace(
                    Trace(kind=kind, sample_id="", arrays={}, taken_s=0.0)
                )
        with pytest.raises(JournalError, match="taken_s is nan"):
            readings.append_trace(
                Trace(kind="spin", sample_id="", arrays={}, taken_s=float("nan"))
            )
        assert list(readings.hashes()) == []
