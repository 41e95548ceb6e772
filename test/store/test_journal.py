"""Laws of the journal: append-only, one writer, what is written is what is read."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hp_lab.errors import JournalError, LaboratoryBusy
from hp_lab.store.journal import Journal, JournalReader

WALL = datetime(2026, 1, 1, 12, tzinfo=UTC)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


def append(journal, kind="film_made", data=None, lab_time_s=0.0, sample_id=""):
    return journal.append(
        kind,
        {} if data is None else data,
        lab_time_s=lab_time_s,
        wall_time=WALL,
        sample_id=sample_id,
    )


@given(
    data=st.dictionaries(st.text(), json_values, max_size=4), at=st.floats(-1e9, 1e9)
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_appended_is_what_is_read(tmp_path, data, at):
    with Journal.open(tmp_path / "journal.db", durable=False) as journal:
        sequence = append(journal, data=data, lab_time_s=at)
        (event,) = journal.events(after=sequence - 1)
    assert (event.sequence, event.data, event.lab_time_s) == (sequence, data, at)


def test_replay_gives_every_event_once_and_in_order_also_over_pages(tmp_path):
    with Journal.open(tmp_path / "journal.db", durable=False) as journal:
        for number in range(1203):
            assert append(journal, data={"number": number}) == number + 1
        events = list(journal.events())
        assert [e.data["number"] for e in events] == list(range(1203))
        assert [e.sequence for e in events] == list(range(1, 1204))
        assert [e.sequence for e in journal.events(after=1200)] == [1201, 1202, 1203]


def test_a_journal_opened_again_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        append(journal)
    with Journal.open(str(path)) as journal:
        assert append(journal) == 2


def test_events_of_one_film_can_be_asked_for(tmp_path):
    with Journal.open(tmp_path / "journal.db") as journal:
        for sample_id in ("film-1", "film-2", "film-1", ""):
            append(journal, sample_id=sample_id)
        assert [e.sequence for e in journal.events(sample_id="film-1")] == [1, 3]


@pytest.mark.parametrize("table", ["events", "readings"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET kind = 'other'",
        "DELETE FROM {}",
        "INSERT OR REPLACE INTO {} SELECT * FROM {}",
        "INSERT INTO {} SELECT * FROM (SELECT * FROM {})",
    ],
)
def test_the_database_itself_refuses_to_change_history(tmp_path, table, statement):
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        append(journal)
    raw = sqlite3.connect(path)
    if table == "readings":
        raw.execute("INSERT INTO readings VALUES (1, 'x', '', 0, '{}', x'00', '')")
    everything = f"SELECT * FROM {table}"  # noqa: S608 - the name is given above
    before = raw.execute(everything).fetchall()
    assert before
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(statement.format(table, table))
    assert raw.execute(everything).fetchall() == before
    raw.close()


def test_a_gap_in_the_sequence_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    Journal.open(path).close()
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="last plus one"):
        raw.execute("INSERT INTO events VALUES (2, 'x', '', 0, '', '{}')")
    raw.close()


def test_equal_data_gives_equal_text_whatever_the_order_of_keys(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        append(journal, data={"b": 1, "a": (1, 2.5)})
        append(journal, data={"a": [1, np.float64(2.5)], "b": np.int32(1)})
    raw = sqlite3.connect(path)
    first, second = raw.execute("SELECT data FROM events").fetchall()
    raw.close()
    assert first == second == ('{"a":[1,2.5],"b":1}',)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"settings": {"anneal_c": float("nan")}}, "settings.anneal_c is nan"),
        ({"values": [1.0, float("inf")]}, r"values\[1\] is inf"),
        ({"counts": np.zeros(3)}, "counts is of type ndarray; store it as a reading"),
        ({"path": Path("x")}, "path is of type PosixPath"),
        ({"well": {1: 2}}, "well has the key 1"),
        ({"name": "\ud800"}, "name holds .* not Unicode"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_field(tmp_path, data, words):
    with Journal.open(tmp_path / "journal.db") as journal:
        with pytest.raises(JournalError, match=words):
            append(journal, data=data)
        assert list(journal.events()) == []
        assert append(journal) == 1


def test_times_without_a_zone_and_without_an_end_are_refused(tmp_path):
    with Journal.open(tmp_path / "journal.db") as journal:
        for wall_time in (datetime(2026, 1, 1), "2026-01-01T00:00:00", "noon"):  # noqa: DTZ001 - the refused case
            with pytest.raises(JournalError, match="wall_time"):
                journal.append("x", {}, lab_time_s=0.0, wall_time=wall_time)
        with pytest.raises(JournalError, match="lab_time_s is nan"):
            journal.append("x", {}, lab_time_s=float("nan"), wall_time=WALL)
        with pytest.raises(JournalError, match="kind"):
            append(journal, kind="")


def test_wall_times_are_kept_in_utc(tmp_path):
    east = datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.append("x", {}, lab_time_s=0.0, wall_time=east)
        journal.append("x", {}, lab_time_s=0.0, wall_time=east.isoformat())
        assert {e.wall_time for e in journal.events()} == {WALL.isoformat()}


def test_a_second_writer_is_refused_and_told_who_holds_the_journal(tmp_path):
    path = tmp_path / "journal.db"
    link = tmp_path / "link.db"
    with Journal.open(path):
        link.symlink_to(path)
        for name in (path, link):
            with pytest.raises(
                LaboratoryBusy, match=rf"{path}: process {os.getpid()} "
            ):
                Journal.open(name)
    Journal.open(path).close()


def test_a_reader_reads_while_the_writer_writes(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal, JournalReader.open(path) as reader:
        assert list(reader.events()) == []
        append(journal, data={"n": 1})
        seen = reader.events()
        assert next(seen).data == {"n": 1}
        append(journal, data={"n": 2})
        assert next(seen).data == {"n": 2}
        assert not hasattr(reader, "append")


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_and_leaves_no_lock(tmp_path):
    path = tmp_path / "journal.db"
    script = f"""
        import os, signal
        from hp_lab.store.journal import Journal
        journal = Journal.open({str(path)!r}, durable=False)
        for n in range(20):
            journal.append("x", {{"n": n}}, lab_time_s=n, wall_time="2026-01-01T00:00Z")
        print("written", flush=True)
        signal.pause()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE
    )
    try:
        assert child.stdout.readline() == b"written\n"
        with pytest.raises(LaboratoryBusy, match=f"process {child.pid} is writing"):
            Journal.open(path)
        with JournalReader.open(path) as reader:
            assert len(list(reader.events())) == 20
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    with Journal.open(path) as journal:
        assert len(list(journal.events())) == 20
        assert append(journal) == 21


def test_foreign_damaged_missing_and_newer_files_are_named_with_a_remedy(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database, " * 100)
    foreign = tmp_path / "foreign.db"
    raw = sqlite3.connect(foreign)
    raw.execute("CREATE TABLE recipes (x)")
    raw.close()
    newer = tmp_path / "newer.db"
    Journal.open(newer).close()
    raw = sqlite3.connect(newer)
    raw.execute("UPDATE hp_lab_journal SET schema_version = 99")
    raw.commit()
    raw.close()
    before = {path: path.read_bytes() for path in (text, foreign, newer)}
    for opened in (Journal.open, JournalReader.open):
        with pytest.raises(JournalError, match=r"notes\.txt: is damaged or not a"):
            opened(text)
        with pytest.raises(JournalError, match=r"another program \(tables recipes\)"):
            opened(foreign)
        with pytest.raises(JournalError, match=r"schema \[99\]"):
            opened(newer)
        with pytest.raises(JournalError, match="give the path"):
            opened(tmp_path / "no" / "journal.db")
        with pytest.raises(JournalError, match="give the path"):
            opened(tmp_path)
    with pytest.raises(JournalError, match="there is no journal"):
        JournalReader.open(tmp_path / "absent.db")
    assert {path: path.read_bytes() for path in before} == before


def test_a_damaged_page_is_found_when_the_journal_is_opened_for_writing(tmp_path):
    path = tmp_path / "journal.db"
    with Journal.open(path, durable=False) as journal:
        for _ in range(40):
            append(journal, data={"text": "x" * 1000})
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 4 * 4096] = os.urandom(4096)
    path.write_bytes(content)
    with pytest.raises(JournalError, match="restore a copy"):
        Journal.open(path)


def test_a_closed_journal_says_so(tmp_path):
    journal = Journal.open(tmp_path / "journal.db")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed; open it again"):
        append(journal)


def test_a_journal_in_a_directory_that_cannot_be_written_can_be_read(tmp_path):
    path = tmp_path / "archive" / "journal.db"
    path.parent.mkdir()
    with Journal.open(path) as journal:
        append(journal)
    path.with_name("journal.db.lock").unlink()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with JournalReader.open(path) as reader:
            assert len(list(reader.events())) == 1
    finally:
        path.parent.chmod(0o755)


def test_database_urls_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(JournalError, match="mysql is not supported"):
        Journal.open("mysql://user@host/lab")
    with pytest.raises(JournalError, match="journal URL"):
        Journal.open("://")
    with pytest.raises(JournalError, match="schema 'a-b' must be one name"):
        Journal.open("postgresql+pg8000://user@host/lab?schema=a-b")
    with pytest.raises(JournalError, match="driver"):
        Journal.open("postgresql+nodriver://user@host/lab")
    with Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        assert journal.name == str(tmp_path / "journal.db")


@pytest.mark.slow
def test_threads_may_append_at_once(tmp_path):
    import threading

    with Journal.open(tmp_path / "journal.db", durable=False) as journal:
        threads = [
            threading.Thread(
                target=lambda: [append(journal, data={"n": n}) for n in range(50)]
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [e.sequence for e in journal.events()] == list(range(1, 201))
