"""Every route, for every role, over one's own units and foreign ones, as the table beside this file says."""

from __future__ import annotations

import csv
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from store import queries
from tests.pages.conftest import OPEN, SECRET
from tests.web.conftest import KEYS, OWN, bearer
from web.pages.routes import GUARDED
from web.pages.routes import OPEN as OPEN_PAGES

TABLE = Path(__file__).with_name("permissions.csv")
BODIES = {
    "/api/v1/dossiers": {"procedure": "1.001612", "agency": OWN},
    "/api/v1/dossiers/{code}/actions": {"action": "complete", "step": "appraise"},
    "/api/v1/webhooks": {"name": "press", "url": "https://example.org/hook", "public": True},
    "/api/v1/webhooks/{name}/replay": {},
}
LATENESS = f"{OPEN}:appraise:1"
"""Recorded, and not published yet."""


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def address(path: str) -> str:
    known = {
        "{lateness_id}": LATENESS,
        "{period}": "2025-04",
        "{official}": "NK-02",
        "{index}": "0",
        "{name}": "board.css" if "static" in path else "nobody",
        "{secret}": SECRET,
        "{code}": OWN if "agencies" in path else OPEN,
    }
    for name, value in known.items():
        path = path.replace(name, value)
    return path


def test_the_table_has_every_route(app: FastAPI) -> None:
    described = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    described |= {
        (method, route.path)
        for part in (*OPEN_PAGES, *GUARDED)
        for route in part.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods - {"HEAD"}
    }
    assert {(row["method"], row["path"]) for row in rows()} == described
    assert set(rows()[0]) == {"method", "path", "public", *KEYS}


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['method']} {row['path']}")
async def test_who_may(row: dict[str, str], client: httpx.AsyncClient, held: dict[str, str]) -> None:
    found = {}
    for kind in ("public", *KEYS):
        if "stream" in row["path"] and row[kind] == "ok":
            found[kind] = "ok"  # it never ends: see test_events
            continue
        answer = await client.request(
            row["method"],
            address(row["path"]),
            headers=bearer(held[kind]) if kind != "public" else {},
            json=BODIES.get(row["path"]),
        )
        assert answer.status_code != 500, answer.text
        refused = answer.status_code in (401, 403, 404)
        found[kind] = str(answer.status_code) if refused else "ok"
        if row["path"].startswith("/api") and answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
    assert found == {kind: row[kind] for kind in found}


async def test_what_is_foreign_looks_like_what_does_not_exist(
    client: httpx.AsyncClient, held: dict[str, str]
) -> None:
    headers = bearer(held["foreign supervisor"])
    there = await client.get(f"/api/v1/dossiers/{OPEN}", headers=headers)
    nowhere = await client.get("/api/v1/dossiers/H13.2-250519-0000", headers=headers)
    assert there.status_code == nowhere.status_code == 404
    assert there.json()["detail"].replace(OPEN, "X") == nowhere.json()["detail"].replace(
        "H13.2-250519-0000", "X"
    )
    listed = (await client.get("/api/v1/dossiers?limit=500", headers=headers)).json()["items"]
    assert {each["agency"].split(".")[1] for each in listed} <= {"9"}


async def test_an_official_acts_for_nobody_else(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    body = {"action": "complete", "step": "appraise", "official": "NK-06"}
    answer = await client.post(
        f"/api/v1/dossiers/{OPEN}/actions", json=body, headers=bearer(held["official"])
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_the_public_sees_published_ones_and_no_other_name(
    client: httpx.AsyncClient, held: dict[str, str], engine: Engine
) -> None:
    public = (await client.get("/api/v1/latenesses?limit=500")).json()["items"]
    assert {each["state"] for each in public} == {"published", "corrected"}
    text = str(public)
    for hidden in ("NK-08", "NK-06", "NK-05", "GX-02", "GX-00", "H13.2-250408"):
        assert hidden not in text
    assert "NK-02" in text
    everything = (await client.get("/api/v1/latenesses?limit=500", headers=bearer(held["auditor"]))).json()
    assert len(everything["items"]) == len(queries.latenesses(engine))
    full = (await client.get("/api/v1/officials/NK-02", headers=bearer(held["auditor"]))).json()
    counts = (await client.get("/api/v1/officials/NK-02")).json()
    assert set(counts) <= set(full)
    assert "points" not in str({name: each for name, each in counts.items() if each is not None})
