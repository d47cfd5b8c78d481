"""The whole application over a store that was filled through records; keys of every role, own and foreign."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from models.access import Role
from models.catalogue import Catalogue
from models.errors import Unavailable
from store import keys
from store.catalogue_files import read_catalogue
from store.database import open_database, upgrade
from tests.pages.conftest import ROOT, ZONE, fill
from web.app import create_app
from web.office import Office

OWN, FOREIGN = "H13.2", "H13.9"
KEYS: dict[str, dict[str, Any]] = {
    "counter": {"role": Role.COUNTER, "agency": OWN},
    "foreign counter": {"role": Role.COUNTER, "agency": FOREIGN},
    "official": {"role": Role.OFFICIAL, "agency": OWN, "official": "NK-05"},
    "foreign official": {"role": Role.OFFICIAL, "agency": FOREIGN, "official": "CD-02"},
    "supervisor": {"role": Role.SUPERVISOR, "agency": OWN, "official": "NK-00"},
    "foreign supervisor": {"role": Role.SUPERVISOR, "agency": FOREIGN, "official": "CD-00"},
    "auditor": {"role": Role.AUDITOR},
    "admin": {"role": Role.ADMIN},
}


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "catalogue" / "can-tho")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    address = f"sqlite:///{tmp_path_factory.mktemp('web') / 'danbiet.db'}"
    upgrade(address)
    engine = open_database(address)
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def held(engine: Engine) -> dict[str, str]:
    """A key of each kind; nobody's is absent."""
    return {kind: keys.create(engine, kind, **given)[0] for kind, given in KEYS.items()}


@pytest.fixture
def app(engine: Engine, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    async def connect() -> Any:
        raise Unavailable("no Temporal server answers")

    return create_app(
        Office(
            engine=engine,
            catalogue=catalogue,
            connect=connect,
            zone=ZONE,
            installation="can-tho",
            ledger_origin="board.example/can-tho",
            ledger_files=tmp_path_factory.mktemp("ledger"),
        )
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://office.example") as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
