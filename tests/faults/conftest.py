"""A server, a store and workers of their own for each fault test; stopped whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from store.database import open_database, upgrade
from tests.faults.processes import Server, WorkerProcess


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "temporal.db")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(url)
    opened = open_database(url)
    yield opened
    opened.dispose()


@pytest.fixture
def worker(tmp_path: Path, server: Server, engine: Engine) -> Iterator[WorkerProcess]:
    process = WorkerProcess(tmp_path / "worker.log", server, str(engine.url))
    yield process
    process.stop()
