"""The desk lists what is open, also where a thousand dossiers have ended and the open one has no deadline ahead."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from models.access import Role
from models.views import StepState
from store import keys
from store.database import open_database, upgrade
from store.journal import Journal
from tests.store.samples import local, record, step
from web.pages import desk

OVERDUE = "H13.9-250401-0009"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    address = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(address)
    engine = open_database(address)
    tells = {"next_deadline_at": None, "agency": "H13.9", "procedure": "1.001612"}
    missed = step("process", agency="H13.9", state=StepState.RUNNING, due_at=local("2025-04-10 17:00"))
    ended = [record(f"H13.9-250401-000{n}", closed_at=local("2025-04-11 10:00"), **tells) for n in range(3)]
    for each in (*ended, record(OVERDUE, steps=(missed,), **tells)):
        Journal(engine, "test").record_now([each])
    return engine


async def test_what_has_ended_hides_nothing_that_is_open(
    engine: Engine, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "SHOWN", 2)
    key, _ = keys.create(engine, "admin", Role.ADMIN)
    transport, address = httpx.ASGITransport(app=app), "http://office.example"
    async with httpx.AsyncClient(transport=transport, base_url=address, follow_redirects=True) as browser:
        page = await browser.post("/sign-in", data={"key": key}, headers={"Origin": address})
    assert OVERDUE in page.text
    assert "H13.9-250401-0000" not in page.text
