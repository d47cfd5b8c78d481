"""Feeds parse, have one entry a lateness, and carry corrections under the same id."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
from sqlalchemy import Engine

from models.catalogue import Catalogue
from models.events import EventType
from models.lateness import LatenessState
from store.database import open_database, upgrade
from store.journal import Journal
from tests.pages.conftest import board_over, late, tell
from tests.store.samples import disclosed, local, record

ATOM = "{http://www.w3.org/2005/Atom}"


async def test_atom_and_json_say_the_same(client: httpx.AsyncClient) -> None:
    atom = ET.fromstring((await client.get("/feed.atom?lang=en")).content)  # noqa: S314 - ours
    feed = (await client.get("/feed.json?lang=en")).json()
    entries = atom.findall(f"{ATOM}entry")
    assert [each.findtext(f"{ATOM}id") for each in entries] == [each["id"] for each in feed["items"]]
    assert [each.findtext(f"{ATOM}title") for each in entries] == [each["title"] for each in feed["items"]]
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert len({each["id"] for each in feed["items"]}) == len(feed["items"]) == 4
    titles = " | ".join(each["title"] for each in feed["items"])
    assert "Late: Cán bộ NK-02, Ủy ban nhân dân quận Ninh Kiều" in titles
    assert "Retracted: Ủy ban nhân dân huyện Cờ Đỏ" in titles
    assert all(each["id"].startswith("tag:board.example,2025:can-tho/disclosure/") for each in feed["items"])
    assert all(each["url"].startswith("http://board.example/bulletins/2025-0") for each in feed["items"])


async def test_a_correction_comes_under_the_same_id(tmp_path: Path, catalogue: Catalogue) -> None:
    address = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(address)
    engine: Engine = open_database(address)
    was = late("H13.2-250409-7777", "NK-03", LatenessState.PUBLISHED)
    tell(engine, was.dossier, (EventType.PUBLISHED, was))
    transport = httpx.ASGITransport(app=board_over(engine, catalogue))
    async with httpx.AsyncClient(transport=transport, base_url="http://board.example") as client:
        (before,) = (await client.get("/feed.json")).json()["items"]
        now = was.model_copy(update={"state": LatenessState.CORRECTED, "official": None})
        events = [disclosed(3, now, EventType.CORRECTED)]
        changes = {"agency": "H13.2", "status": "processed", "closed_at": local("2025-04-11 10:00")}
        Journal(engine, "test").record_now([record(was.dossier, events=events, **changes)])
        (after,) = (await client.get("/feed.json")).json()["items"]
    engine.dispose()
    assert "Cán bộ NK-03" in before["title"]
    assert "NK-03" not in str(after)
    assert after["id"] == before["id"]
    assert after["date_published"] == before["date_published"]
    assert after["title"].startswith("Đính chính")
