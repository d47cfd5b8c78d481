"""Addresses, migrations, transactions."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from models.errors import Code, Refusal, Unavailable
from models.tables import Row
from store import queries
from store.database import open_database, parse_url, reading, upgrade, writing


def test_the_migrations_make_exactly_the_tables_of_the_models(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []


def test_upgrading_twice_is_harmless(url: str) -> None:
    assert upgrade(url) == upgrade(url) == "0002_bulletins"


def test_sqlite_is_in_wal_mode_and_checks_foreign_keys(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/danbiet.db"
    upgrade(url)
    with reading(open_database(url)) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 10_000, "foreign_keys": 1}


def test_several_processes_upgrade_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'danbiet.db'}"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=upgrade, args=(url,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///x.db", "sqlite"),
        ("postgresql://u@h/n", "postgresql+psycopg"),
        ("postgres://u@h/n", "postgresql+psycopg"),
    ],
)
def test_addresses(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u:geheim@h/n", "sqlite://", "sqlite:///:memory:"])
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_url(url)
    assert refused.value.code is Code.INVALID
    assert "geheim" not in refused.value.message


def test_a_transaction_that_raises_leaves_nothing(engine: Engine) -> None:
    insert = text("INSERT INTO subscriber (name, position) VALUES ('x', 1)")

    def fail() -> None:
        with writing(engine) as connection:
            connection.execute(insert)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM subscriber")).scalar_one() == 0


def test_a_reader_sees_one_state(engine: Engine) -> None:
    count = text("SELECT count(*) FROM subscriber")
    with reading(engine) as reader:
        assert reader.execute(count).scalar_one() == 0
        with writing(engine) as writer:
            writer.execute(text("INSERT INTO subscriber (name, position) VALUES ('x', 1)"))
        assert reader.execute(count).scalar_one() == 0
    with reading(engine) as reader:
        assert reader.execute(count).scalar_one() == 1


def test_a_database_without_tables(tmp_path: Path, postgres: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'empty.db'}", postgres):
        engine = open_database(url)
        with pytest.raises(Unavailable, match="danbiet db upgrade"):
            queries.dossier(engine, "D-1")
        engine.dispose()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/nowhere/danbiet.db")
    with pytest.raises(Unavailable, match="cannot be reached: unable to open"):
        queries.dossier(engine, "D-1")
    (tmp_path / "text.db").write_text("this is not a database, it is a text of some length" * 100)
    with pytest.raises(Unavailable, match="cannot be reached: file is not a database"):
        queries.dossier(open_database(f"sqlite:///{tmp_path / 'text.db'}"), "D-1")


def test_a_writer_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.database.WAIT_MS", 50)
    url = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(url)
    other = sqlite3.connect(tmp_path / "danbiet.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    engine = open_database(url)
    with pytest.raises(Unavailable, match="busy"), writing(engine):
        pass
    other.close()
    engine.dispose()


def test_errors_of_ours_keep_their_name(engine: Engine) -> None:
    """Only what concerns the database itself becomes a sentence; a wrong statement stays a traceback."""
    with pytest.raises(Exception, match="syntax") as raised, reading(engine) as connection:
        connection.execute(text("SELEC 1"))
    assert not isinstance(raised.value, Unavailable)
