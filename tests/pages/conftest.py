"""A board over a store that real records filled: one lateness in every state, and dossiers to look up."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from models.access import Principal, Role
from models.catalogue import Catalogue
from models.errors import Unavailable
from models.events import Event, EventType
from models.lateness import Lateness, LatenessState, Review
from models.views import Status, StepState
from store.catalogue_files import read_catalogue
from store.database import open_database, upgrade
from store.journal import Journal
from tests.models.office import Office as Life
from tests.models.office import days, hours
from tests.models.office import step as planned
from tests.store.samples import ZONE, disclosed, event, lateness, local, record, step
from web.app import create_app
from web.office import Office
from web.pages.page import current
from web.security import principal

ROOT = Path(__file__).parents[2]
NOW = local("2025-05-20 09:00")
SECRET = "giữ-kín-9"  # noqa: S105 - of nobody
OPEN = "H13.2-250519-0042"
ENDED = "H13.2-250401-0001"
UNTOLD = ("NK-05", "CD-02", "TA-02", "GX-02", "NK-08", "NK-01", "NK-06")
"""Officials whom the public must not find: not yet published, excused, corrected, co-holders, holders now."""

Ask = Callable[..., Any]


def late(code: str, official: str | None, state: LatenessState, **changes: Any) -> Lateness:
    values: dict[str, Any] = {
        "procedure": "1.001612",
        "agency": "H13.2",
        "official": official,
        "head": None if official else "NK-00",
        "state": state,
        "completed_at": local("2025-04-11 10:00"),
        "overrun_minutes": 710,
        "overrun_working_days": 1.48,
        "recorded_at": local("2025-04-10 17:00"),
        "window_closes_at": local("2025-04-15 17:00"),
    }
    return lateness(code, changes.pop("step", "process"), **values | changes)


def tell(engine: Engine, code: str, *stages: tuple[EventType, Lateness]) -> None:
    """A closed dossier and what was told of its lateness, in order."""
    events: list[Event] = [event(1, subject=code)]
    events += [disclosed(number, each, type_) for number, (type_, each) in enumerate(stages, start=2)]
    told = stages[-1][1]
    changes = {"agency": told.agency, "procedure": told.procedure, "status": Status.PROCESSED}
    ended = {"closed_at": local("2025-04-11 10:00"), "next_deadline_at": None}
    Journal(engine, "test").record_now([record(code, events=events, **changes, **ended)])


def fill(engine: Engine) -> None:
    recorded, published = EventType.RECORDED, EventType.PUBLISHED
    by_nk02 = late(
        "H13.2-250408-1111",
        "NK-02",
        LatenessState.PUBLISHED,
        explanation="<script>alert(1)</script> Mất điện & mạng",
        explained_at=local("2025-04-14 08:00"),
        published_at=local("2025-04-15 17:00"),
        shares=[
            {"agency": "H13.2", "official": "NK-02", "minutes": 600, "share": 83.33},
            {"agency": "H13.2", "official": "NK-08", "minutes": 120, "share": 16.67},
        ],
        review=Review(
            by="NK-06",
            at=local("2025-04-14 09:00"),
            decision="upheld",
            cause="subjective",
            reason="Không có căn cứ khách quan",
        ),
        cause="subjective",
    )
    first = by_nk02.model_copy(update={"state": LatenessState.RECORDED})
    tell(engine, by_nk02.dossier, (recorded, first), (published, by_nk02))

    hidden = late("H13.2-250409-2222", "NK-05", LatenessState.RECORDED, explanation="chưa được công khai")
    tell(engine, hidden.dossier, (recorded, hidden))

    was = late("H13.7.2-250409-3333", "GX-02", LatenessState.PUBLISHED, agency="H13.7.2")
    now = was.model_copy(update={"state": LatenessState.CORRECTED, "official": None, "head": "GX-00"})
    tell(engine, was.dossier, (published, was), (EventType.CORRECTED, now))

    was = late("H13.9-250409-4444", "CD-02", LatenessState.PUBLISHED, agency="H13.9")
    now = was.model_copy(update={"state": LatenessState.RETRACTED})
    tell(engine, was.dossier, (published, was), (EventType.RETRACTED, now))

    excused = late("H13.10.2-250409-5555", "TA-02", LatenessState.EXCUSED, agency="H13.10.2")
    tell(engine, excused.dossier, (EventType.EXCUSED, excused))

    queue = late("H13.2-250409-6666", None, LatenessState.PUBLISHED, due_at=local("2025-03-31 17:00"))
    tell(engine, queue.dossier, (published, queue))

    ended = Life(
        accepted="04-01 15:30",
        total=days(2),
        steps=(planned("receive", 1, hours(2), "NK-01"), planned("sign", 2, hours(6), "NK-06")),
        secret_hash=hashlib.sha256(SECRET.encode()).hexdigest(),
    )
    ended.act("complete", "04-02 08:00", step="receive", official="NK-01")
    ended.act("request_supplement", "04-02 09:00", reason="Thiếu tờ khai")
    ended.act("supplement_received", "04-03 09:00")
    ended.act("extend", "04-03 09:10", amount=1, unit="working_days", reason="Xác minh <b>thêm</b>")
    ended.act("complete", "04-03 10:00", step="sign", official="NK-06")
    ended.act("deliver", "04-03 10:30")
    Journal(engine, "test").record_now([ended.dossier.record(ended.events, ended.now)])

    running = step(
        "appraise",
        official="NK-05",
        agency="H13.2",
        state=StepState.RUNNING,
        started_at=local("2025-05-19 08:00"),
    )
    missed = late(
        OPEN,
        "NK-05",
        LatenessState.RECORDED,
        step="appraise",
        due_at=local("2025-05-19 17:00"),
        completed_at=None,
        window_closes_at=local("2025-05-22 17:00"),
    )
    Journal(engine, "test").record_now(
        [
            record(
                OPEN,
                events=[event(1, subject=OPEN), disclosed(2, missed)],
                procedure="1.001612",
                agency="H13.2",
                steps=(running.model_copy(update={"late": True}),),
                accepted_at=local("2025-05-19 07:30"),
                clock_start=local("2025-05-19 07:30"),
                due_at=local("2025-05-22 07:30"),
                original_due_at=local("2025-05-22 07:30"),
                secret_hash=hashlib.sha256(SECRET.encode()).hexdigest(),
            )
        ]
    )


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "catalogue" / "can-tho")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    address = f"sqlite:///{tmp_path_factory.mktemp('board') / 'danbiet.db'}"
    upgrade(address)
    engine = open_database(address)
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine: Engine, catalogue: Catalogue) -> FastAPI:
    """The application as an admin who has signed in sees it, at a fixed instant, without an engine behind it."""
    return board_over(engine, catalogue)


def board_over(engine: Engine, catalogue: Catalogue, now: datetime = NOW) -> FastAPI:
    async def connect() -> Any:
        raise Unavailable("no Temporal server answers")

    app = create_app(
        Office(
            engine=engine,
            catalogue=catalogue,
            connect=connect,
            zone=ZONE,
            installation="can-tho",
            ledger_origin="board.example/can-tho",
            ledger_files=Path("nowhere"),
        )
    )
    app.dependency_overrides[principal] = lambda: Principal(role=Role.ADMIN, name="admin")
    app.dependency_overrides[current] = lambda: now
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://board.example") as client:
        yield client
