"""Look-up and why: with code and secret only, nothing to guess by, nobody named before publication."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from models.catalogue import Catalogue
from models.errors import Code, Refusal
from tests.pages.conftest import ENDED, OPEN, SECRET
from web.pages.attempts import PER_ADDRESS, PER_CODE, WINDOW_SECONDS, Attempts


async def look_up(client: httpx.AsyncClient, code: str, secret: str, lang: str = "en") -> httpx.Response:
    return await client.post(f"/lookup?lang={lang}", data={"code": code, "secret": secret})


async def test_the_receipt_opens_the_dossier(client: httpx.AsyncClient) -> None:
    answer = await look_up(client, f" {ENDED.lower()} ", SECRET)
    assert answer.status_code == 200
    happened = answer.text[answer.text.index("What happened") :]
    told = ["Accepted", "The time limit begins to run", "Papers are missing", "Thiếu tờ khai"]
    told += ["Papers complete", "Extended once", "Xác minh &lt;b&gt;thêm&lt;/b&gt;", "Result handed over"]
    places = [happened.index(each) for each in told]
    assert places == sorted(places)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]


async def test_who_is_responsible_is_a_unit_and_a_position(
    client: httpx.AsyncClient, catalogue: Catalogue
) -> None:
    text = (await look_up(client, OPEN, SECRET, "vi")).text
    assert "Chuyên viên Phòng Quản lý đô thị" in text
    assert "Ủy ban nhân dân quận Ninh Kiều" in text
    assert "07:30, 22/5/2025" in text
    assert "Quá hạn bước: " in text
    assert "Đã ghi nhận, đang trong thời hạn giải trình" in text
    assert "NK-05" not in text
    assert catalogue.officials["NK-05"].name not in text


async def test_unknown_code_and_wrong_secret_answer_alike(client: httpx.AsyncClient) -> None:
    unknown = await look_up(client, "H13.2-250401-9999", SECRET)
    wrong = await look_up(client, ENDED, "guessed")
    without = await look_up(client, "H13.2-250408-1111", "guessed")
    assert {unknown.status_code, wrong.status_code, without.status_code} == {404}
    same = {re.sub(r'value="[^"]*"', "", each.text) for each in (unknown, wrong, without)}
    assert len(same) == 1
    for path in (f"/lookup/{ENDED}/guessed", f"/why/{ENDED}/guessed", "/why/H13.2-250401-9999/guessed"):
        assert (await client.get(path)).status_code == 404


async def test_an_incomplete_form_is_told_as_a_page(client: httpx.AsyncClient) -> None:
    answer = await client.post("/lookup?lang=en", data={"code": ENDED})
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.text


async def test_guessing_one_code_ends_soon(client: httpx.AsyncClient) -> None:
    for _ in range(PER_CODE):
        assert (await look_up(client, ENDED, "guessed")).status_code == 404
    refused = await look_up(client, ENDED, SECRET)
    assert refused.status_code == 429
    assert "Too many attempts" in refused.text
    assert (await look_up(client, OPEN, SECRET)).status_code == 200


async def test_guessing_many_codes_from_one_address_ends_soon(client: httpx.AsyncClient) -> None:
    for number in range(PER_ADDRESS):
        assert (await look_up(client, f"H13.2-250401-{number:04d}", "guessed")).status_code == 404
    assert (await look_up(client, OPEN, SECRET)).status_code == 429


def test_failures_are_forgotten_after_the_window() -> None:
    now = 0.0
    attempts = Attempts(lambda: now)
    for _ in range(PER_CODE):
        attempts.check("192.0.2.1", "X")
        attempts.failed("192.0.2.1", "X")
    with pytest.raises(Refusal) as refused:
        attempts.check("192.0.2.9", "X")
    assert refused.value.code is Code.TOO_MANY_REQUESTS
    attempts.check("192.0.2.9", "Y")
    now = WINDOW_SECONDS
    attempts.check("192.0.2.9", "X")


def test_one_ipv6_network_is_one_address() -> None:
    attempts = Attempts(lambda: 0.0)
    for number in range(PER_ADDRESS):
        attempts.failed(f"2001:db8::{number:x}", f"X{number}")
    with pytest.raises(Refusal):
        attempts.check("2001:db8::ffff", "Y")
    attempts.check("2001:db8:1::1", "Y")


async def test_why_sums_to_the_whole_limit_in_both_languages(client: httpx.AsyncClient) -> None:
    english = (await client.get(f"/why/{ENDED}/{SECRET}?lang=en")).text
    vietnamese = (await client.get(f"/why/{ENDED}/{SECRET}")).text
    assert "Sum: 1,440 working minutes, the whole time limit." in english
    assert "Cộng: 1.440 phút làm việc, bằng toàn bộ thời hạn." in vietnamese
    totals = re.findall(r'data-label="Total">([\d,]+)<', english)
    assert totals[-1] == "1,440"
    assert "Waiting for papers from the applicant" in english
    assert "Chờ người nộp bổ sung hồ sơ" in vietnamese
    assert "Extension granted" in english
    assert "Được gia hạn" in vietnamese
    assert "Waiting for papers" not in vietnamese


async def test_why_of_one_step(client: httpx.AsyncClient) -> None:
    text = (await client.get(f"/why/{ENDED}/{SECRET}?lang=en&step=receive")).text
    assert "Sum: 120 working minutes, the whole time limit." in text
    assert (await client.get(f"/why/{ENDED}/{SECRET}?step=none")).status_code == 404


async def test_why_of_an_open_dossier_needs_the_engine_and_says_so(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/why/{OPEN}/{SECRET}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Không có gì bị mất" in answer.text
    assert "Temporal" not in answer.text


async def test_why_of_an_open_dossier_comes_from_its_workflow(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    class Answering:
        async def why(self, code: str, step: str | None) -> dict[str, Any]:
            assert (code, step) == (OPEN, None)
            line = {"from": "2025-05-19T07:30:00+07:00", "to": "2025-05-19T11:00:00+07:00", "minutes": 210}
            line |= {"kind": "counted", "text": "working session", "source": None}
            return {
                "subject": f"{OPEN}:promise",
                "start": line["from"],
                "clock_start": line["from"],
                "amount": 3.5,
                "unit": "working_hours",
                "budget_minutes": 210,
                "due_at": line["to"],
                "confirmed": True,
                "lines": [line],
            }

    async def connect() -> Any:
        return Answering()

    app.state.office = replace(app.state.office, connect=connect)
    text = (await client.get(f"/why/{OPEN}/{SECRET}")).text
    assert "3,5 giờ làm việc = 210 phút làm việc" in text
    assert "Ca làm việc" in text
