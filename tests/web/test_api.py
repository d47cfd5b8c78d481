"""Answers of the API that need no engine: problems, pages of lists, downloads, keys that no longer hold."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import httpx
import openpyxl
import pytest
from sqlalchemy import Engine, select

from models.access import Role
from models.bulletin import Bulletin
from models.catalogue import Catalogue
from models.instants import whole
from store import editions, keys
from store.database import reading
from tests.pages.conftest import ENDED, OPEN, SECRET
from tests.web.conftest import OWN, bearer
from web import guard, security
from web.api import answers, public
from web.office import Office

DOSSIERS = "/api/v1/dossiers"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[1]", 422),
        (b"[" * 100_000 + b"]" * 100_000, 400),  # deeper than any Python reads
        (b'{"applicant":' * 200 + b"1" + b"}" * 200, 422),
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
    public = (await client.get("/api/v1/latenesses?limit=1")).json()
    told = urlsafe_b64decode(public["next_cursor"] + "==").decode()
    assert OWN not in told  # whole codes are not for the public, not in a cursor either
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


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "nothing", 404), ("PUT", "dossiers", 405)])
async def test_what_is_no_route_says_where_the_routes_are(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, "not_found")
    assert answer.json()["detail"] == f"nothing answers {method} /api/v1/{path}: see /api/v1/openapi.json"


@pytest.mark.parametrize(
    ("tags", "status"), [("*", 304), ('"0" ,{}', 304), ("W/{}", 304), ('"0", "other"', 200), ('a "b', 400)]
)
async def test_if_none_match_is_a_list_of_tags_or_any(
    client: httpx.AsyncClient, held: dict[str, str], tags: str, status: int
) -> None:
    headers = bearer(held["admin"])
    tag = (await client.get(f"{DOSSIERS}/{OPEN}", headers=headers)).headers["etag"]
    answer = await client.get(f"{DOSSIERS}/{OPEN}", headers=headers | {"If-None-Match": tags.format(tag)})
    assert answer.status_code == status


@pytest.mark.parametrize("tags", ["", ",", '"7', '"7" "8"', "*, *", '"7", *', "7 8", '"7",' * 600])
async def test_tags_that_cannot_be_read_are_the_requests_own_fault(
    client: httpx.AsyncClient, held: dict[str, str], tags: str
) -> None:
    headers = bearer(held["admin"]) | {"If-Match": tags}
    answer = await client.post(f"{DOSSIERS}/{OPEN}/actions", json={"action": "withdraw"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "If-Match is a list of ETags" in answer.json()["detail"]


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


async def test_keys_that_no_longer_hold(
    client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "LOOKED_UP_EVERY", 0.2)
    soon = datetime.now(UTC) + timedelta(seconds=60)
    good, key = keys.create(engine, "x", Role.ADMIN, expires_at=soon)
    assert (await client.get(DOSSIERS, headers=bearer(good))).status_code == 200
    assert next(each for each in keys.listed(engine) if each.prefix == key.prefix).last_used_at is not None
    keys.revoke(engine, key.prefix)
    await asyncio.sleep(security.LOOKED_UP_EVERY)
    old, _ = keys.create(engine, "y", Role.ADMIN, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for wrong in (good, old, good[:-1], "dbk_00000000_x", "nonsense"):
        answer = await client.get(DOSSIERS, headers=bearer(wrong))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await client.get(DOSSIERS, headers={"Authorization": "Basic x"})).status_code == 401


async def test_a_key_is_not_looked_up_for_each_request_and_is_after_its_end(
    client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "LOOKED_UP_EVERY", 60.0)
    looked_up: list[str] = []
    find = keys.find

    def counted(engine: Engine, told: str, now: datetime) -> keys.Key | None:
        looked_up.append(told)
        return find(engine, told, now)

    monkeypatch.setattr(keys, "find", counted)
    ends = whole(datetime.now(UTC)) + timedelta(seconds=2)
    good, _ = keys.create(engine, "short", Role.ADMIN, expires_at=ends)
    answers = [await client.get(DOSSIERS, headers=bearer(good)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert looked_up == [good]
    await asyncio.sleep((ends - datetime.now(UTC)).total_seconds())
    assert (await client.get(DOSSIERS, headers=bearer(good))).status_code == 401
    for _ in range(2):
        assert (await client.get(DOSSIERS, headers=bearer("dbk_0_x"))).status_code == 401
    assert looked_up[1:] == [good, "dbk_0_x", "dbk_0_x"]


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


async def test_a_key_may_ask_more_than_an_address(
    client: httpx.AsyncClient, held: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BURST", 2.0)
    monkeypatch.setattr(guard, "RATE", 0.0)
    monkeypatch.setattr(guard, "KEYED_BURST", 4.0)
    monkeypatch.setattr(guard, "KEYED_RATE", 0.0)
    statuses = [(await client.get(DOSSIERS, headers=bearer(held["admin"]))).status_code for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 200, 429]
    made_up = [(await client.get(DOSSIERS, headers=bearer("dbk_0_x"))).status_code for _ in range(2)]
    assert made_up == [401, 429]
    assert (await client.get(DOSSIERS, headers=bearer(held["auditor"]))).status_code == 429


async def test_cursors_that_no_list_gave(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    headers = bearer(held["admin"])

    def made(text: str) -> str:
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    forged = ["", "zzz", "é", "%00", "=" * 8, made("{}"), made("[]"), made("\x00"), made("[" * 250)]
    forged += [
        made(json.dumps({"due": due, "code": "x"})) for due in ("soon", [], "0001-01-01T00:00:00+14:00")
    ]
    forged += [made(json.dumps({"due": None, "code": code})) for code in (None, 5, [])]
    for path in (DOSSIERS, "/api/v1/latenesses"):
        for cursor in forged:
            answer = await client.get(path, params={"cursor": cursor}, headers=headers)
            assert (cursor, answer.status_code) == (cursor, 422)
            assert answer.headers["content-type"] == "application/problem+json"
    undated = made(json.dumps({"due": None, "code": "x"}))
    answer = await client.get("/api/v1/latenesses", params={"cursor": undated}, headers=headers)
    assert answer.status_code == 422
    for after in ("x", "-1", "9" * 5000, "1.5"):
        assert (
            await client.get("/api/v1/events", params={"after": after}, headers=headers)
        ).status_code == 422
    for place in ("x", "-1", "", "9" * 5000, str(2**63)):
        told = {**headers, "Last-Event-ID": place}
        answer = await client.get("/api/v1/events/stream", headers=told)
        assert (place[:20], answer.status_code) == (place[:20], 422)


async def test_a_frozen_list_is_written_once_for_each_who_may_see_it(
    client: httpx.AsyncClient,
    held: dict[str, str],
    engine: Engine,
    catalogue: Catalogue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen = editions.freeze(engine, catalogue, "2025-04", now=datetime.now(UTC)).edition
    made: list[str] = []
    bulletin_of = public.bulletin_of

    def counted(office: Office, period: str, now: datetime, edition: int | None = None) -> Bulletin:
        made.append(period)
        return bulletin_of(office, period, now, edition)

    monkeypatch.setattr(public, "bulletin_of", counted)
    place = "/api/v1/bulletins/2025-04"
    for _ in range(2):
        everybodys = await client.get(place)
        whole = await client.get(place, params={"edition": frozen.edition}, headers=bearer(held["admin"]))
        table = await client.get(f"{place}.csv", headers=bearer(held["counter"]))
        assert {len(row["dossier"]) for row in everybodys.json()["rows"]} == {4}
        assert all(row["dossier"].startswith("H13.") for row in whole.json()["rows"])
        assert hashlib.sha256(everybodys.content).hexdigest() == frozen.sha256
        assert "H13.2-2504" not in table.text
    assert len(made) == 3


def test_written_lists_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "KEPT_BYTES", 10)
    lists = answers.WrittenLists()
    for month in ("01", "02", "03"):
        lists.keep((month, 1, "json", True), b"1234")
        lists.get(("01", 1, "json", True))
    lists.keep(("01", 1, "json", True), b"1")
    kept = {month: lists.get((month, 1, "json", True)) for month in ("01", "02", "03")}
    assert kept == {"01": b"1", "02": None, "03": b"1234"}
    lists.keep(("04", 1, "json", True), b"more than there is room for")
    assert lists.get(("04", 1, "json", True)) is None


@pytest.mark.parametrize(
    "path",
    [
        f"/dossiers/{OPEN}",
        f"/dossiers/{OPEN}/events",
        f"/dossiers/{ENDED}/why",
        "/dossiers?agency=H13.2&late=true",
        "/latenesses?period=2025-04",
        "/bulletins/2025-04.csv",
        "/officials/NK-02",
        "/agencies/H13.2",
        "/events?limit=20",
    ],
)
async def test_no_read_asks_a_workflow_unless_told_to(
    client: httpx.AsyncClient, held: dict[str, str], path: str
) -> None:
    """Here no engine answers; a dossier as its workflow knows it is what nobody else can tell."""
    assert (await client.get(f"/api/v1{path}", headers=bearer(held["admin"]))).status_code == 200
    asked = await client.get(f"{DOSSIERS}/{OPEN}?consistent=true", headers=bearer(held["admin"]))
    assert (asked.status_code, asked.json()["code"]) == (503, "unavailable")
