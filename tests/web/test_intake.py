"""The counter's form where no engine answers: nothing that was typed is lost."""

from __future__ import annotations

import re

import httpx
import pytest

from models.catalogue import Catalogue
from tests.web.conftest import bearer

TYPED = {"procedure": "1.001612", "agency": "H13.2", "name": "Phạm Thị Thử", "papers": "Đơn"}


async def test_an_engine_that_does_not_answer_keeps_the_form(
    client: httpx.AsyncClient, held: dict[str, str]
) -> None:
    answer = await client.post("/desk/intake?lang=en", data=TYPED, headers=bearer(held["counter"]))
    assert answer.status_code == 503
    assert "The dossier was not handed in. " in answer.text
    assert "What you typed is kept: try again in a minute." in answer.text
    assert 'value="Phạm Thị Thử"' in answer.text


async def test_a_unit_of_others_is_told_at_its_field(client: httpx.AsyncClient, held: dict[str, str]) -> None:
    foreign = TYPED | {"agency": "H13.9"}
    answer = await client.post("/desk/intake?lang=en", data=foreign, headers=bearer(held["counter"]))
    assert answer.status_code == 422
    assert 'id="wrong-agency"' in answer.text


@pytest.mark.parametrize(
    ("language", "needed", "future"),
    [("", "Ô này là bắt buộc.", "ở tương lai"), ("?lang=en", "This is needed.", "lies in the future")],
)
async def test_all_mistakes_are_told_at_once_each_at_its_field(
    client: httpx.AsyncClient, held: dict[str, str], language: str, needed: str, future: str
) -> None:
    sent = {
        "agency": "H13.2",
        "phone": "090\u202e1",
        "at": "2999-01-05T08:00",
        "code": "12 34",
        "papers": "Đơn",
    }
    sent |= {"counter": "x" * 61, "channel": "fax"}
    answer = await client.post(f"/desk/intake{language}", data=sent, headers=bearer(held["counter"]))
    assert answer.status_code == 422
    summary = re.search(r'role="alert" tabindex="-1" autofocus>(.*?)</div>', answer.text, re.DOTALL)
    assert summary is not None
    wrong = ["procedure", "name", "phone", "channel", "at", "code", "counter"]
    assert re.findall(r'href="#(\w+)"', summary[1]) == wrong
    assert re.findall(r'<span class="wrong" id="wrong-(\w+)">', answer.text) == wrong
    assert summary[1].count(needed) == 2
    assert future in summary[1]
    for typed in ('value="12 34"', 'value="2999-01-05T08:00"', 'value="Đơn"'):
        assert typed in answer.text


async def test_a_unit_that_does_not_accept_the_procedure_is_told_with_the_rest(
    client: httpx.AsyncClient, held: dict[str, str], catalogue: Catalogue
) -> None:
    procedure = next(code for code, units in catalogue.offers.items() if "H13.2.1" not in units)
    sent = {"procedure": procedure, "agency": "H13.2.1"}
    answer = await client.post("/desk/intake", data=sent, headers=bearer(held["counter"]))
    assert re.findall(r'id="wrong-(\w+)"', answer.text) == ["agency", "name"]
    assert "không tiếp nhận thủ tục này" in answer.text
