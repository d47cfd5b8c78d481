"""The desk: it lists what is open, and keeps what was typed where no engine answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from models.access import Role
from models.catalogue import Catalogue
from models.errors import Unavailable, Unsure
from models.events import EventType
from models.lateness import LatenessState
from models.views import StepState
from store import keys
from store.database import open_database, upgrade
from store.journal import Journal
from tests.pages.conftest import ZONE, late, tell
from tests.store.samples import local, record, step
from tests.web.conftest import bearer
from web.app import create_app
from web.office import Office
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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unavailable("no server"), "Việc này chưa được ghi nhận; không có gì thay đổi."),
        (Unsure("no answer"), "Chưa rõ việc này đã được ghi nhận hay chưa."),
    ],
)
async def test_an_answer_that_nobody_takes_stays_in_its_form(
    engine: Engine, catalogue: Catalogue, tmp_path: Path, error: Unavailable, told: str
) -> None:
    async def connect() -> Any:
        raise error

    lateness = late("H13.9-250401-0007", "CD-02", LatenessState.RECORDED, agency="H13.9")
    tell(engine, lateness.dossier, (EventType.RECORDED, lateness))
    app = create_app(
        Office(
            engine=engine,
            catalogue=catalogue,
            connect=connect,
            zone=ZONE,
            installation="can-tho",
            ledger_origin="board.example/can-tho",
            ledger_files=tmp_path / "ledger",
        )
    )
    key, _ = keys.create(engine, "CD-02", Role.OFFICIAL, agency="H13.9", official="CD-02")
    typed = {"action": "explain", "lateness": lateness.id, "text": "Mất điện cả buổi sáng"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://office.example") as browser:
        answer = await browser.post(f"/desk/{lateness.dossier}", data=typed, headers=bearer(key))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert told in answer.text
    assert "Mất điện cả buổi sáng</textarea>" in answer.text
    assert error.message not in answer.text
