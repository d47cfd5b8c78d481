"""Receipt and apology: what the forms ask for, nothing invented, and never on the public side."""

from __future__ import annotations

import httpx
from fastapi import FastAPI

from tests.pages.conftest import ENDED, OPEN, SECRET
from web.app import create_app
from web.pages.printed import qr_code

APPLICANT = {"name": "Trần Thị <Hoa>", "address": "12 Lý Tự Trọng", "phone": "0900", "papers": "Tờ khai"}


async def test_papers_are_not_among_the_public_pages(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app=create_app(app.state.office))
    async with httpx.AsyncClient(transport=transport, base_url="http://board.example") as client:
        assert (await client.get("/lookup")).status_code == 200
        for paper in ("receipt", "apology"):
            assert (await client.get(f"/dossiers/{ENDED}/{paper}")).status_code in (401, 403, 404)


async def test_the_receipt_has_the_fields_of_form_01(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"/dossiers/{ENDED}/receipt", data={"secret": SECRET, **APPLICANT})
    assert answer.status_code == 200
    for told in ("Mẫu số 01", ENDED, "Trần Thị &lt;Hoa&gt;", "12 Lý Tự Trọng", "0900", "Tờ khai", SECRET):
        assert told in answer.text
    assert "15:30, 1/4/2025" in answer.text
    assert "07:00, 2/4/2025" in answer.text
    assert str(qr_code(f"http://board.example/lookup/{ENDED}/gi%E1%BB%AF-k%C3%ADn-9")) in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_a_copy_has_no_secret_and_lines_to_fill_in(client: httpx.AsyncClient) -> None:
    text = (await client.get(f"/dossiers/{OPEN}/receipt")).text
    assert text.count('class="blank"') >= 4
    assert "07:30, 22/5/2025" in text
    assert SECRET not in text


async def test_a_wrong_secret_prints_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"/dossiers/{ENDED}/receipt", data={"secret": "guessed", **APPLICANT})
    assert answer.status_code == 404
    assert "Hoa" not in answer.text


async def test_the_apology_gives_reason_and_new_date(client: httpx.AsyncClient) -> None:
    text = (await client.get(f"/dossiers/{ENDED}/apology?lang=en")).text
    assert "Form 04" in text
    assert "Xác minh &lt;b&gt;thêm&lt;/b&gt;" in text
    assert "17:00, 3 Apr 2025" in text
    assert "Tuesday, 17:00, 8 Apr 2025" in text


async def test_no_apology_without_a_new_date(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/dossiers/{OPEN}/apology")).status_code == 409
