"""Answers of the API that need no engine: problems, pages of lists, downloads, keys that no longer hold."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import httpx
import openpyxl
import pytest
from sqlalchemy import Engine, select

from models.access import Role
from store import keys
from store.database import reading
from tests.pages.conftest import ENDED, OPEN, SECRET
from tests.web.conftest import OWN, bearer
from web import guard

DOSSIERS = "/api/v1/dossiers"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[1]", 422),
        (b"[" * 2000 + b"]" * 2000, 400),
        (json.dumps({"procedure": "1.001612", "agency": OWN, "color": "red"}).encode(), 422),
        (json.dumps({"procedure": 3, "agency": OWN}).encode(), 422),
        (
            json.dumps({"procedure": "1.001612", "agency": OWN, "applicant": {"name": "A\u202eB"}}).encode(),
            422,
        ),
        (json.dumps({"procedure": "1.001612", "agency": OWN, "applicant": {"name": "A\x00"}}).encode(), 422),
        (json.dumps({"procedure": "1.001612", "agency": OWN, "at": "2026-01-08T08:00:00"}).encode(), 422),
        (b'"' + b"a" * 1_100_000 + b'"', 413),
    ],
)
async def test_bad_bodies(
    client: httpx.AsyncClient, held: dict[str, str], content: bytes, status: int
) -> None:
    headers = {**bearer(held["admin"]), "Content-Type": "application/json"}
    answer = await client.post(DOSSIERS, content=content, headers=headers)
    told = answer.json()
    assert (answer.status_code, told["status"], told["type"]) == (status, status, "/problems/invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["detail"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("latenesses?period=2025-13", "'2025-13' is not a month: write it like 2025-04"),
        ("latenesses?period=April", "'April' is not a month: write it like 2025-04"),
        ("latenesses?state=lost", "'state' must be 'recorded', 'published'"),
        ("bulletins/2025-04?edition=last", "'edition' must be a whole number"),
        ("dossiers?limit=501", "'limit' must be 500 at most"),
        ("dossiers?limit=0", "'limit' must be 1 at least"),
        ("dossiers?late=perhaps", "'late' must be true or false"),
        ("events?after=-1", "'-1' is no place in the feed"),
        ("events?after=H13.2-250414-0006/99", "'H13.2-250414-0006/99' is no place in the feed"),
    ],
)
async def test_bad_questions(
    client: httpx.AsyncClient, held: dict[str, str], path: str, sentence: str
) -> None:
    answer = await client.get(f"/api/v1/{path}", headers=bearer(held["admin"]))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["detail"].startswith(sentence)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_kind_is_told_what_it_must_be(
    client: httpx.AsyncClient, held: dict[str, str], kind: str
) -> None:
    content = json.dumps({"procedure": "1.001612", "agency": OWN}).encode()
    headers = {**bearer(held["admin"]), "Content-Type": kind}
    answer = await client.post(DOSSIERS, content=content, headers=headers)
    assert answer.status_code == 422
    assert "sent with 'Content-Type: application/json'" in answer.json()["detail"]


async def test_without_the_engine_nothing_is_accepted_and_said_so(
    client: httpx.AsyncClient, held: dict[str, str]
) -> None:
    body = {"procedure": "1.001612", "agency": OWN}
    answer = await client.post(DOSSIERS, json=body, headers=bearer(held["counter"]))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_lists_go_on_where_they_stopped(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    headers = bearer(held["admin"])
    whole = (await client.get(f"{DOSSIERS}?limit=500", headers=headers)).json()
    assert whole["next_cursor"] is None
    parts: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(f"{DOSSIERS}?limit=2{cursor}", headers=headers)).json()
        parts += [each["code"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert parts == [each["code"] for each in whole["items"]]
    latenesses = (await client.get("/api/v1/latenesses?limit=2", headers=headers)).json()
    rest = await client.get(
        f"/api/v1/latenesses?limit=500&cursor={latenesses['next_cursor']}", headers=headers
    )
    everything = (await client.get("/api/v1/latenesses?limit=500", headers=headers)).json()["items"]
    assert [*latenesses["items"], *rest.json()["items"]] == everything
    for forged in ("zzz", "eyJ4IjoxfQ", "'; drop table"):
        assert (await client.get(DOSSIERS, params={"cursor": forged}, headers=headers)).status_code == 422
    assert (await client.get(f"{DOSSIERS}?limit=501", headers=headers)).status_code == 422


async def test_a_webhook_is_listed_as_it_was_added(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    headers = bearer(held["admin"])
    body = {"name": "flat", "url": "https://example.org/hook", "types": ["published"]}
    added = (await client.post("/api/v1/webhooks", json=body, headers=headers)).json()
    listed = (await client.get("/api/v1/webhooks", headers=headers)).json()["items"]
    await client.delete("/api/v1/webhooks/flat", headers=headers)
    (told,) = [each for each in listed if each.get("name") == "flat"]
    assert {name: told[name] for name in ("name", "url", "audience")} == {
        name: value for name, value in added.items() if name != "secret"
    }
    assert (told["types"], told["state"]) == (["vn.danbiet.disclosure.published"], "active")


async def test_an_offset_may_be_written_as_it_is(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    """In a query `+` is a space: what people copy from an answer is understood all the same."""
    headers = bearer(held["admin"])
    found = [
        (await client.get(f"{DOSSIERS}?due_before=2100-01-01T00:00:00{offset}", headers=headers)).json()
        for offset in ("%2B07:00", "+07:00", "-07:00")
    ]
    assert found[0]["items"]
    assert found[0] == found[1] == found[2]
    bare = await client.get(f"{DOSSIERS}?due_before=2100-01-01 00:00", headers=headers)
    assert "has no time zone" in bare.json()["detail"]


async def test_the_feed_goes_on_after_an_event(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    """Also after the last one: its page tells no cursor, and what comes later must not be asked for from the start."""
    headers = bearer(held["admin"])
    ids = [each["id"] for each in (await client.get("/api/v1/events", headers=headers)).json()["items"]]
    for asked, wanted in ((ids[0], ids[1:]), (ids[-1], []), ("", ids)):
        page = await client.get("/api/v1/events", params={"after": asked}, headers=headers)
        assert [each["id"] for each in page.json()["items"]] == wanted


async def test_an_etag_is_the_sequence(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    headers = bearer(held["admin"])
    answer = await client.get(f"{DOSSIERS}/{OPEN}", headers=headers)
    assert answer.headers["etag"] == f'"{answer.json()["sequence"]}"'
    again = await client.get(
        f"{DOSSIERS}/{OPEN}", headers={**headers, "If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    stale = await client.post(
        f"{DOSSIERS}/{OPEN}/actions",
        json={"action": "withdraw"},
        headers={**headers, "If-Match": '"1"'},
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")


async def test_why_opens_with_the_secret_of_the_receipt(client: httpx.AsyncClient) -> None:
    told = await client.get(f"{DOSSIERS}/{ENDED}/why", params={"secret": SECRET})
    assert told.json()["subject"] == f"{ENDED}:promise"
    wrong = await client.get(f"{DOSSIERS}/{ENDED}/why", params={"secret": "x"})
    nowhere = await client.get(f"{DOSSIERS}/H13.2-250401-9999/why", params={"secret": SECRET})
    assert wrong.status_code == nowhere.status_code == 404
    assert wrong.json()["detail"] == nowhere.json()["detail"]


async def test_the_month_in_three_forms(client: httpx.AsyncClient) -> None:
    month = (await client.get("/api/v1/bulletins/2025-04")).json()
    assert month["period"] == "2025-04"
    assert all(len(row["dossier"]) == 4 for row in month["rows"])
    table = await client.get("/api/v1/bulletins/2025-04.csv")
    assert table.content.startswith(b"\xef\xbb\xbfagency,")
    assert len(table.text.splitlines()) == len(month["rows"]) + 1
    book = openpyxl.load_workbook(io.BytesIO((await client.get("/api/v1/bulletins/2025-04.xlsx")).content))
    assert book.sheetnames
    for bad, status in (("2025-13", 422), ("x", 422), ("2099-01", 422), ("2025-04.pdf", 422)):
        assert (await client.get(f"/api/v1/bulletins/{bad}")).status_code == status
    assert (await client.get("/api/v1/bulletins/2025-04?edition=7")).status_code == 404


async def test_keys_that_no_longer_hold(client: httpx.AsyncClient, engine: Engine) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)
    good, key = keys.create(engine, "x", Role.ADMIN, expires_at=soon)
    assert (await client.get(DOSSIERS, headers=bearer(good))).status_code == 200
    assert keys.listed(engine)[-1].last_used_at is not None
    keys.revoke(engine, key.prefix)
    old, _ = keys.create(engine, "y", Role.ADMIN, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for wrong in (good, old, good[:-1], "dbk_00000000_x", "nonsense"):
        answer = await client.get(DOSSIERS, headers=bearer(wrong))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await client.get(DOSSIERS, headers={"Authorization": "Basic x"})).status_code == 401


async def test_no_key_is_kept_as_it_is(engine: Engine) -> None:
    told, _ = keys.create(engine, "z", Role.ADMIN)
    with reading(engine) as connection:
        rows = [tuple(map(str, row)) for row in connection.execute(select(keys.KEY))]
    assert told not in str(rows)
    assert told.split("_", 2)[2] not in str(rows)


async def test_refused_attempts_and_writes_are_kept(
    client: httpx.AsyncClient, held: dict[str, str], engine: Engine
) -> None:
    await client.get("/api/v1/events", headers=bearer(held["official"]))
    await client.post(DOSSIERS, json={"procedure": 3, "agency": OWN}, headers=bearer(held["admin"]))
    with reading(engine) as connection:
        query = select(keys.AUDIT).order_by(keys.AUDIT.c.position.desc()).limit(2)
        last, first = connection.execute(query).mappings().all()
    assert (first["name"], first["method"], first["path"]) == ("NK-05", "GET", "/api/v1/events")
    assert (first["status"], first["code"]) == (403, "forbidden")
    assert (last["name"], last["status"]) == ("admin", 422)


async def test_answers_carry_their_guards(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/nowhere")
    assert answer.json()["code"] == "not_found"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = await client.get("/nowhere")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_too_many_requests(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BURST", 3.0)
    monkeypatch.setattr(guard, "RATE", 0.0)
    answers = [await client.get("/api/v1/nowhere") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
    assert answers[-1].json()["code"] == "too_many_requests"
    assert int(answers[-1].headers["retry-after"]) > 0
