"""Front page, months, units and people: what they show, and whom they must not show."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import Engine

from models.catalogue import Catalogue
from tests.pages.conftest import UNTOLD, board_over
from tests.store.samples import local

PUBLIC = (
    "/",
    "/bulletins",
    "/bulletins/2025-03",
    "/bulletins/2025-04",
    "/agencies/H13.2",
    "/agencies/H13.7.2",
    "/agencies/H13.9",
    "/officials/NK-02",
    "/feed.atom",
    "/feed.json",
    "/method",
    "/ledger",
    "/lookup",
)
FULL_CODE = re.compile(r"\b[A-Z0-9.]+-\d{6}-\d{4,7}\b")
EXAMPLE = "H13.2.1-250416-0008"
"""In the hint of the look-up form: nobody's."""


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("language", ["", "?lang=en"])
async def test_no_unpublished_person_and_no_full_code(
    client: httpx.AsyncClient, catalogue: Catalogue, path: str, language: str
) -> None:
    answer = await client.get(path + language)
    assert answer.status_code == 200
    for official in UNTOLD:
        assert official not in answer.text
        assert catalogue.officials[official].name not in answer.text
    assert set(FULL_CODE.findall(answer.text)) <= {EXAMPLE}
    assert "chưa được công khai" not in answer.text


@pytest.mark.parametrize("path", [path for path in PUBLIC if not path.startswith("/feed")])
async def test_headers_of_every_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["content-language"] == "vi"
    assert "<script" not in answer.text
    assert not re.search(r"\sstyle=", answer.text)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)
    assert (await client.head(path)).status_code == 200


async def test_front_page_names_who_is_published_with_the_answer(client: httpx.AsyncClient) -> None:
    text = (await client.get("/")).text
    assert "Cán bộ NK-02" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Mất điện &amp; mạng" in text
    assert "trễ 1,48 ngày làm việc" in text
    english = (await client.get("/?lang=en")).text
    assert "late by 1.48 working days" in english
    assert '<html lang="en">' in english


async def test_front_page_counts_this_month_and_last(client: httpx.AsyncClient) -> None:
    text = (await client.get("/?lang=en")).text
    figures = [re.findall(r"<dd>(\d+)</dd>", part)[:3] for part in text.split('class="panel"')[1:3]]
    assert figures == [["1", "1", "1"], ["2", "2", "3"]]
    assert "May 2025" in text.split('class="panel"')[1]
    assert "Named in May 2025" in text
    assert "1 more record names nobody" in text
    assert "2 more records name nobody" in text


async def test_front_page_without_anything_recent_tells_the_latest(
    engine: Engine, catalogue: Catalogue
) -> None:
    transport = httpx.ASGITransport(app=board_over(engine, catalogue, local("2025-07-20 09:00")))
    async with httpx.AsyncClient(transport=transport, base_url="http://board.example") as client:
        text = (await client.get("/?lang=en")).text
    assert text.count("Nothing late on record.") == 2
    assert "Named in May 2025" in text
    assert "The latest month with something late on record." in text


async def test_a_recorded_lateness_is_counted_and_not_named(client: httpx.AsyncClient) -> None:
    text = (await client.get("/bulletins/2025-04?lang=en")).text
    assert "3 of 3 records." in text
    assert "Not named: the hearing is still open" in text
    assert "Corrected: the unit answers, no person" in text
    assert "1 excused. 1 retracted." in text
    for kind in ("csv", "xlsx", "json"):
        assert f'href="/api/v1/bulletins/2025-04.{kind}"' in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("agency=H13.7.2", 1),
        ("agency=H13.2", 2),
        ("procedure=1.009994", 0),
        ("named=person", 1),
        ("named=agency", 2),
        ("open=yes", 0),
        ("open=no", 3),
    ],
)
async def test_filters_choose_rows_and_leave_the_headline(
    client: httpx.AsyncClient, query: str, shown: int
) -> None:
    text = (await client.get(f"/bulletins/2025-04?lang=en&{query}")).text
    assert f"{shown} of 3 records." in text
    assert text.count('data-label="Dossier"') == shown
    assert "<dt>dossiers</dt><dd>3</dd>" in text


@pytest.mark.parametrize(
    "path", ["/bulletins/2025-13", "/bulletins/2031-01", "/bulletins/x", "/agencies/none"]
)
async def test_what_is_not_there_is_a_page_too(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "Không có trang này" in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("official", ["NK-05", "GX-02", "TA-02", "nobody"])
async def test_people_without_a_publication_are_as_unknown_as_nobody(
    client: httpx.AsyncClient, official: str
) -> None:
    answer = await client.get(f"/officials/{official}")
    assert answer.status_code == 404
    other = await client.get("/officials/does-not-exist")
    assert answer.text.replace(official, "does-not-exist") == other.text


async def test_a_person_page_tells_the_whole_hearing(client: httpx.AsyncClient) -> None:
    text = (await client.get("/officials/NK-02?lang=en")).text
    for told in ("17:00, 10 Apr 2025", "answers until", "08:00, 14 Apr 2025", "upheld", "subjective"):
        assert told in text
    assert "Không có căn cứ khách quan" in text
    assert "83.33%" in text
    assert "16.67%" in text


async def test_a_retracted_record_is_retracted_where_it_stood(client: httpx.AsyncClient) -> None:
    answer = await client.get("/officials/CD-02?lang=en")
    assert answer.status_code == 200
    assert "A record of April 2025 was withdrawn" in answer.text
    assert "4444" not in answer.text


async def test_the_unit_answers_where_nobody_is_named(client: httpx.AsyncClient) -> None:
    text = (await client.get("/agencies/H13.2?lang=en")).text
    assert "No person: the unit answers through its head" in text
    assert "NK-00" not in text
    assert "2 published records." in text
    assert "2 hearings are open: counted, not named." in text


async def test_the_style_sheet_may_be_kept_for_ever(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    address = re.search(r'href="(/static/board\.css\?v=[0-9a-f]+)"', page)
    assert address
    answer = await client.get(address[1])
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert (await client.get("/static/..%2fapp.py")).status_code == 404
