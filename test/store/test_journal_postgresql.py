"""The journal's laws on PostgreSQL, where a server is given.

Run with HP_LAB_TEST_POSTGRESQL set to the URL of a database that may be written.
"""

import os

import pytest
import sqlalchemy as sa

from hp_lab.errors import JournalError, LaboratoryBusy
from hp_lab.store.journal import Journal, JournalReader

URL = os.environ.get("HP_LAB_TEST_POSTGRESQL", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not URL, reason="HP_LAB_TEST_POSTGRESQL names no database"),
]


@pytest.fixture
def url():
    schema = f"hp_lab_test_{os.getpid()}"
    yield f"{URL}?schema={schema}"
    engine = sa.create_engine(URL)
    with engine.begin() as connection:
        connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    engine.dispose()


def test_the_laws_hold_on_a_server(url):
    with pytest.raises(JournalError, match="holds no journal"):
        JournalReader.open(url)
    with Journal.open(url) as journal:
        for number in range(3):
            journal.append(
                "x",
                {"n": number, "text": "é\u0000"},
                lab_time_s=0.1,
                wall_time="2026-01-01T00:00:00Z",
                sample_id="film-1",
            )
        with pytest.raises(LaboratoryBusy, match=r"server process [0-9]+"):
            Journal.open(url)
        with JournalReader.open(url) as reader:
            events = list(reader.events(after=1, sample_id="film-1"))
            assert [e.data for e in events] == [
                {"n": 1, "text": "é\u0000"},
                {"n": 2, "text": "é\u0000"},
            ]
    with Journal.open(url) as journal:
        assert len(list(journal.events())) == 3
        for statement in (
            "UPDATE events SET kind = 'y'",
            "DELETE FROM events",
            "TRUNCATE events",
            "INSERT INTO events SELECT * FROM events",
        ):
            with pytest.raises(sa.exc.DBAPIError, match=r"append-only|duplicate"):
                journal.database._connection.exec_driver_sql(statement)
            journal.database._connection.rollback()
        assert len(list(journal.events())) == 3
