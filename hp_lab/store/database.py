"""The database under a journal: its tables, its append-only rules, its connection.

SQLite (write-ahead log) for one workstation, PostgreSQL for a shared laboratory. In
PostgreSQL one journal is one schema: ``postgresql+pg8000://user@host/lab?schema=run_7``.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from hp_lab.errors import JournalError, LaboratoryBusy
from hp_lab.store.writer_lock import WriterLock

SCHEMA_VERSION: Final = 1

METADATA: Final = sa.MetaData()
VERSION: Final = sa.Table(
    "hp_lab_journal", METADATA, sa.Column("schema_version", sa.Integer, nullable=False)
)
EVENTS: Final = sa.Table(
    "events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sample_id", sa.Text, nullable=False, index=True),
    sa.Column("lab_time_s", sa.Double, nullable=False),
    sa.Column("wall_time", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)
READINGS: Final = sa.Table(
    "readings",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sample_id", sa.Text, nullable=False, index=True),
    sa.Column("lab_time_s", sa.Double, nullable=False),
    sa.Column("header", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
)

# A trigger on insert as well: INSERT OR REPLACE deletes a row without asking the
# trigger on delete.
_SQLITE_RULES = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table}: append-only, rows are never changed'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table}: append-only, rows are never deleted'); END;
CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table}
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM {table})
BEGIN SELECT RAISE(ABORT, '{table}: append-only, the next id is the last plus one'); END
"""
_POSTGRES_RULES = """
CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{table}: append-only, rows are never changed or deleted'; END $$;
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_refuse();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()
"""


class _Lock(Protocol):
    def release(self) -> None: ...


class Database:
    """One connection to a journal's database, for any thread, one at a time.

    Args:
        url_or_path: A path (SQLite) or a database URL.
        writable: Take the writer's lock; create the tables where there are none.
        durable: A row survives a power cut once it is appended, not only a crash.

    Raises:
        JournalError: The database cannot be opened or is not a journal.
        LaboratoryBusy: ``writable``, and another process writes it.
    """

    def __init__(
        self, url_or_path: str | Path, *, writable: bool, durable: bool = True
    ) -> None:
        url = _url(url_or_path)
        self.name = url.render_as_string(hide_password=True)
        self._mutex = threading.Lock()
        self._lock: _Lock | None = None
        self._next_id: dict[str, int] = {}
        self._closed = False
        if url.get_backend_name() == "sqlite":
            path = Path(url.database or "")
            self.name = str(path)
            if writable:
                self._lock = _file_lock(path)
            self._engine = _sqlite_engine(path, writable=writable, durable=durable)
        else:
            self._engine = _server_engine(url, writable=writable, durable=durable)
        try:
            with self._errors("open"):
                self._connection = self._engine.connect()
            self._prepare(writable=writable)
        except BaseException:
            self.close()
            raise

    def append(self, table: sa.Table, values: dict[str, Any]) -> int:
        """Insert one row in a transaction of its own and return its id, from 1 on.

        Raises:
            JournalError: The row could not be written; nothing was.
        """
        with self._use("write to") as connection:
            next_id = self._next_id[table.name]
            connection.execute(table.insert().values(id=next_id, **values))
            connection.commit()
            self._next_id[table.name] = next_id + 1
            return next_id

    def rows(self, statement: sa.Select[Any]) -> list[sa.RowMapping]:
        """Return the rows of a query, read in a transaction of its own.

        Raises:
            JournalError: The database cannot be read.
        """
        with self._use("read") as connection:
            return list(connection.execute(statement).mappings())

    def pages(
        self, table: sa.Table, *, after: int, sample_id: str | None, size: int
    ) -> Iterator[sa.RowMapping]:
        """Return rows in the order of their ids, a page a transaction.

        A long replay therefore never holds up the writer, and it also sees what was
        appended while it ran.

        Raises:
            JournalError: The database cannot be read.
        """
        query = sa.select(table).order_by(table.c.id).limit(size)
        if sample_id is not None:
            query = query.where(table.c.sample_id == sample_id)
        while True:
            page = self.rows(query.where(table.c.id > after))
            yield from page
            if not page:
                return
            after = page[-1]["id"]

    def close(self) -> None:
        """Close the connection and give up the writer's lock; may be called twice."""
        with self._mutex:
            self._closed = True
            if hasattr(self, "_connection"):
                self._connection.close()
            self._engine.dispose()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _prepare(self, *, writable: bool) -> None:
        if self._engine.dialect.name != "sqlite" and writable:
            self._lock = self._server_lock()
        with self._errors("open"):
            tables = sa.inspect(self._connection).get_table_names()
            self._connection.rollback()
        if VERSION.name in tables:
            self._check_version()
        elif tables:
            msg = (
                f"{self.name}: is a database of another program (tables "
                f"{', '.join(sorted(tables)[:5])}); give the path of a journal"
            )
            raise JournalError(msg)
        elif writable:
            self._create()
        else:
            msg = f"{self.name}: holds no journal; start a campaign to make one"
            raise JournalError(msg)
        if writable:
            self._check_pages()
            for table in (EVENTS, READINGS):
                last = self.rows(sa.select(sa.func.max(table.c.id).label("id")))
                self._next_id[table.name] = (last[0]["id"] or 0) + 1

    def _create(self) -> None:
        rules = (
            _SQLITE_RULES if self._engine.dialect.name == "sqlite" else _POSTGRES_RULES
        )
        with self._use("create") as connection:
            METADATA.create_all(connection)
            for table in (EVENTS, READINGS):
                for statement in _statements(rules.format(table=table.name)):
                    connection.exec_driver_sql(statement)
            connection.execute(VERSION.insert().values(schema_version=SCHEMA_VERSION))
            connection.commit()

    def _check_version(self) -> None:
        versions = [row["schema_version"] for row in self.rows(sa.select(VERSION))]
        if versions != [SCHEMA_VERSION]:
            msg = (
                f"{self.name}: journal schema {versions}, but this hp_lab reads schema "
                f"{SCHEMA_VERSION}; use the hp_lab version that wrote it"
            )
            raise JournalError(msg)

    def _check_pages(self) -> None:
        if self._engine.dialect.name != "sqlite":
            return
        with self._use("check") as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(3)").scalars().all()
        if list(found) != ["ok"]:
            raise JournalError(self._damaged("; ".join(str(line) for line in found)))

    def _server_lock(self) -> _Lock:
        # Held by the session: the server drops it when the connection ends.
        key = "hashtext('hp_lab'), hashtext(current_schema())"
        with self._use("lock") as connection:
            taken = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})")
            if taken.scalar():
                connection.commit()
                return _SessionLock()
            holder = connection.exec_driver_sql(
                "SELECT a.pid || coalesce(' at ' || a.client_addr, '') FROM pg_locks l "
                "JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory'"
                " AND l.objsubid = 2 AND l.granted AND l.classid::bigint = "
                "hashtext('hp_lab')::bigint & 4294967295 AND l.objid::bigint = "
                "hashtext(current_schema())::bigint & 4294967295"
            ).scalar()
        msg = (
            f"{self.name}: server process {holder or 'unknown'} is writing this "
            "journal; wait for it, stop it, or open the journal for reading"
        )
        raise LaboratoryBusy(msg)

    @contextmanager
    def _use(self, doing: str) -> Iterator[sa.Connection]:
        with self._mutex, self._errors(doing):
            if self._closed:
                msg = f"{self.name}: the journal is closed; open it again"
                raise JournalError(msg)
            try:
                yield self._connection
            finally:
                self._connection.rollback()

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            reason = str(error.orig)
            damaged = "malformed" in reason or "not a database" in reason
            if damaged:
                raise JournalError(self._damaged(reason)) from error
            msg = (
                f"{self.name}: cannot {doing} the journal ({reason}); see that the "
                "path exists, the disk has room and the database answers"
            )
            raise JournalError(msg) from error

    def _damaged(self, reason: str) -> str:
        return (
            f"{self.name}: is damaged or not a journal ({reason}); give another path, "
            "restore a copy, or save what is readable with 'sqlite3 FILE .recover'"
        )


class _SessionLock:
    """A lock that ends with the connection that holds it."""

    def release(self) -> None:
        """Do nothing: the connection is closed by now."""


def _url(url_or_path: str | Path) -> sa.URL:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        # One file, one name: a link to a journal must find the journal's lock.
        path = Path(url_or_path).expanduser().resolve()
        return sa.URL.create("sqlite", database=str(path))
    try:
        url = sa.make_url(url_or_path)
    except sa.exc.ArgumentError as error:
        msg = f"journal URL: {error}; write postgresql+pg8000://user@host/database"
        raise JournalError(msg) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        msg = (
            f"journal URL: {url.get_backend_name()} is not supported; use a path "
            "(SQLite) or a postgresql URL"
        )
        raise JournalError(msg)
    if url.get_backend_name() == "sqlite":
        return _url(Path(url.database or ""))
    return url


def _file_lock(path: Path) -> WriterLock:
    if path.is_dir() or not path.parent.is_dir():
        msg = f"{path}: give the path of a file in a directory that exists"
        raise JournalError(msg)
    try:
        return WriterLock.acquire(path)
    except OSError as error:
        msg = f"{path}: cannot be locked ({error.strerror}); see who owns the directory"
        raise JournalError(msg) from error


def _sqlite_engine(path: Path, *, writable: bool, durable: bool) -> sa.Engine:
    if not writable and not path.is_file():
        msg = f"{path}: there is no journal; give the path of an existing one"
        raise JournalError(msg)
    mode = "mode=rwc" if writable else "mode=ro"
    wal = path.with_name(path.name + "-wal")
    if not (writable or wal.exists() or os.access(path.parent, os.W_OK)):
        # An archived journal: SQLite could not create the files it shares with writers.
        mode = "immutable=1"
    engine = sa.create_engine(
        f"sqlite:///file:{quote(str(path))}?{mode}&uri=true",
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "timeout": 5.0},
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - DBAPI
        # Transactions are begun below: the driver's own way leaves CREATE outside.
        connection.isolation_level = None
        if writable:
            # The mode is written into the file, so a foreign one must not be touched.
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            ours = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = ?", (VERSION.name,)
            ).fetchone()
            if tables == (0,) or ours == (1,):
                connection.execute("PRAGMA journal_mode = WAL")
            # NORMAL loses the last rows in a power cut, but none in a crash.
            level = "FULL" if durable else "NORMAL"
            connection.execute(f"PRAGMA synchronous = {level}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _server_engine(url: sa.URL, *, writable: bool, durable: bool) -> sa.Engine:
    schema = url.query.get("schema", "public")
    if not (isinstance(schema, str) and schema.isidentifier()):
        msg = f"journal URL: schema {schema!r} must be one name such as run_7"
        raise JournalError(msg)
    try:
        engine = sa.create_engine(
            url.difference_update_query(["schema"]), poolclass=NullPool
        )
    except (ImportError, NoSuchModuleError) as error:
        msg = f"journal URL: {error}; install the driver, e.g. pip install pg8000"
        raise JournalError(msg) from error

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - DBAPI
        cursor = connection.cursor()
        if writable:
            cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        cursor.execute(f'SET search_path TO "{schema}"')
        cursor.execute(f"SET synchronous_commit TO {'on' if durable else 'off'}")
        connection.commit()
        cursor.close()

    return engine


def _statements(rules: str) -> list[str]:
    """Split the rules at the blank between one CREATE and the next."""
    return ["CREATE " + part.strip() for part in rules.split("\nCREATE ") if part]
