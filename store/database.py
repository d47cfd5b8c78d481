"""The database: where it is, how it is opened, and the two kinds of transaction everything else uses.

SQLite (a file in WAL mode) and PostgreSQL (psycopg 3). A *write* transaction takes its lock at the start:
SQLite's default, to upgrade a read lock later, fails at once with "database is locked" whatever the timeout.
A *read* transaction sees one state of the database throughout.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from models.errors import Code, Refusal, Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_MS = 10_000
"""How long a writer waits for the other writers before it gives up."""
CACHE_KIB = 16_384
"""Pages of SQLite a connection keeps; its default of 2 MB is too little for a month's totals."""

WRITER_LOCK = 0x64616E62
"""PostgreSQL advisory lock that makes journal writers take turns, as SQLite's one write lock does.

So positions in the feeds become visible in their order (a reader that goes on after the last position it has
seen misses nothing), and two groups that touch the same dossiers in different order cannot deadlock.
"""
UPGRADE_LOCK = WRITER_LOCK + 1

BRIEF = 200_000
"""Steps of SQLite's machine that a brief read may take: some milliseconds."""
_is_brief = ContextVar("is_brief", default=False)
_WRITES = "danbiet_writes"
_SQLITE_OURS = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
)
"""Errors of a statement, not of the file."""


def parse_url(url: str) -> URL:
    """Read a database address: ``sqlite:///file`` or ``postgresql://user@host/name``."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Refusal(
            Code.INVALID,
            "the database address cannot be read: write sqlite:///FILE or postgresql://USER@HOST/NAME",
        ) from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return parsed.set(drivername="sqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case "sqlite":
            raise Refusal(Code.INVALID, "a database in memory is lost at once: write sqlite:///FILE")
        case other:
            raise Refusal(Code.INVALID, f"'{other}' is not supported: use sqlite or postgresql")


def open_database(url: str, *, pool_size: int = 8) -> Engine:
    """An engine with this project's settings. Connects at the first use, not now.

    Its connections are closed with ``dispose``, or else when nobody has the engine any more.
    """
    parsed = parse_url(url)
    settings: dict[str, Any] = {
        "json_serializer": lambda value: to_json(value).decode(),
        "json_deserializer": from_json,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "hide_parameters": True,  # what a failed statement was about is told to no log
    }
    if parsed.get_backend_name() == "postgresql":
        settings["pool_pre_ping"] = True
        settings["connect_args"] = {"options": "-c timezone=UTC", "connect_timeout": 10}
        return _closed_in_the_end(create_engine(parsed, **settings))
    settings["connect_args"] = {"isolation_level": None, "timeout": WAIT_MS / 1000}
    engine = create_engine(parsed, **settings)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return _closed_in_the_end(engine)


def _closed_in_the_end(engine: Engine) -> Engine:
    """A command opens a database and ends; left to the interpreter, Python 3.13 complains of its connections."""
    weakref.finalize(engine, engine.pool.dispose)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        f"busy_timeout={WAIT_MS}",
        "journal_mode=wal",
        "synchronous=normal",
        "foreign_keys=on",
        f"cache_size={-CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:  # takes no lock, so it cannot fail: no need of all that SQLAlchemy puts around a statement
        connection.connection.cursor().execute("BEGIN").close()


@contextmanager
def writing(engine: Engine, *, lock: int | None = None) -> Generator[Connection]:
    """A write transaction: committed at the end of the block, rolled back if it raises.

    ``lock``: an advisory lock to hold on PostgreSQL until the end (SQLite has one write lock for all).
    """
    with _sentences(engine), engine.connect() as plain:
        connection = plain.execution_options(**{_WRITES: True})
        with connection.begin():
            if lock is not None and engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
            yield connection


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """A read transaction over one state of the database; it never waits for writers."""
    with _sentences(engine), engine.connect() as plain:
        if engine.dialect.name == "postgresql":
            connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection
        else:
            with _within_bounds(plain), plain.begin():
                yield plain


class TooLong(Exception):
    """What was to be a brief read has been given up."""


@contextmanager
def brief() -> Generator[None]:
    """What is read from a file in this block is given up after some milliseconds of search: :class:`TooLong`."""
    token = _is_brief.set(True)
    try:
        yield
    finally:
        _is_brief.reset(token)


@contextmanager
def _within_bounds(connection: Connection) -> Generator[None]:
    if not _is_brief.get():
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(lambda: True, BRIEF)
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise TooLong from None
        raise
    finally:
        driver.set_progress_handler(None, 0)


def upgrade(url: str) -> str:
    """Create or migrate all tables and return the revision reached; safe twice, and from two processes."""
    from alembic import command  # noqa: PLC0415 - only here, and a tenth of a second to import
    from alembic.config import Config  # noqa: PLC0415

    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = open_database(url)
    try:
        with writing(engine, lock=UPGRADE_LOCK) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    finally:
        engine.dispose()


def check_current(engine: Engine) -> None:
    """Raises :class:`Unavailable` unless the tables are those of this release."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - a tenth of a second to import

    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    with reading(engine) as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found != newest:
        raise Unavailable(
            f"the database is at revision {found}, this release needs {newest}: run 'danbiet db upgrade'"
        )


@contextmanager
def _sentences(engine: Engine) -> Generator[None]:
    """Turn the driver's errors about the database itself into one sentence, without a password.

    A wrong statement or a violated constraint is ours, and stays what it is.
    """
    try:
        yield
    except DBAPIError as error:
        if (sentence := _sentence(engine.url, error)) is None:
            raise
        raise Unavailable(sentence) from error


def _sentence(url: URL, wrapped: DBAPIError) -> str | None:
    error = wrapped.orig
    lines = str(error).strip().splitlines()
    cause = lines[0] if lines else type(error).__name__
    if isinstance(error, sqlite3.Error):
        place = str(url.database)
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
        missing = cause.startswith(("no such table", "no such column"))
        busy = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        ours = code in _SQLITE_OURS and not missing
    else:
        place = f"{url.host or 'local'}/{url.database}"
        code = getattr(error, "sqlstate", None) or ""
        missing = code in ("42P01", "42703")
        busy = code == "55P03"
        ours = not isinstance(wrapped, (OperationalError, InterfaceError)) and not missing
    if ours:
        return None
    if missing:
        return f"the database {place} has not been set up: run `danbiet db upgrade` ({cause})"
    if busy:
        return f"the database {place} has been busy with another writer for too long: try again"
    if url.password:
        cause = cause.replace(str(url.password), "***")
    return f"the database {place} cannot be reached: {cause}"
