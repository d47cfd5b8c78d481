"""Acting over HTTP on a real server: two at once on one reading, and requests that come again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.access import Role
from models.submission import DossierStart
from starter import Starter
from store import keys
from tests.models.office import ZONE
from tests.web.conftest import bearer
from tests.workflows.conftest import dev, dev_worker, engine, journal
from tests.workflows.lives import begin, eventually, kinds, office_catalogue, start_of
from web.app import create_app
from web.office import Office

SEQUENCE = re.compile(r'name="sequence" value="(\d+)"')
__all__ = ["dev", "dev_worker", "engine", "journal"]


@pytest.fixture
async def client(
    dev: WorkflowEnvironment, dev_worker: Worker, engine: Engine, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    starter = Starter(dev.client, office_catalogue(), engine)

    async def connected() -> Starter:
        return starter

    app = create_app(
        Office(
            engine=engine,
            catalogue=starter.catalogue,
            connect=connected,
            zone=ZONE,
            installation="test",
            ledger_origin="board.example/test",
            ledger_files=tmp_path / "ledger",
        )
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://office.example") as client:
        yield client


@pytest.fixture
async def start(dev: WorkflowEnvironment, dev_worker: Worker, engine: Engine) -> DossierStart:
    start = start_of(datetime.now(UTC))
    await begin(dev.client, start)
    await eventually(lambda: bool(kinds(engine, start.code)))
    return start


@pytest.fixture
def holders(engine: Engine) -> list[dict[str, str]]:
    """The headers of two people who may both do everything."""
    return [bearer(keys.create(engine, name, Role.ADMIN)[0]) for name in ("first", "second")]


def given_to(official: str) -> dict[str, Any]:
    """Legal however often it is done, so that nothing but the expected sequence refuses it."""
    return {"action": "hand_over", "step": "receive", "official": official}


async def tag_of(client: httpx.AsyncClient, start: DossierStart, holder: dict[str, str]) -> str:
    read = await client.get(f"/api/v1/dossiers/{start.code}", headers=holder)
    return str(read.headers["etag"])


async def test_of_two_at_once_on_one_reading_one_is_told_to_read_again(
    client: httpx.AsyncClient, start: DossierStart, holders: list[dict[str, str]], engine: Engine
) -> None:
    place = f"/api/v1/dossiers/{start.code}"
    for turn in range(1, 4):
        tag = await tag_of(client, start, holders[0])
        sent = [
            client.post(f"{place}/actions", json=given_to(official), headers={**holder, "If-Match": tag})
            for official, holder in zip(("B", "C"), holders, strict=True)
        ]
        taken, stale = sorted(await asyncio.gather(*sent), key=lambda answer: answer.status_code)
        assert (taken.status_code, stale.status_code, stale.json()["code"]) == (200, 412, "stale")
        assert "read it again" in stale.json()["detail"]
        assert kinds(engine, start.code).count("handed_over") == turn
    freely = await client.post(
        f"{place}/actions", json=given_to("B"), headers={**holders[0], "If-Match": "*"}
    )
    assert freely.status_code == 200


@pytest.mark.parametrize(
    ("tags", "status"), [("*", 200), ('"1", {}', 200), ("W/{}", 200), ('"1", "0"', 412), ('"other"', 412)]
)
async def test_if_match_is_a_list_of_tags_or_any(
    client: httpx.AsyncClient, start: DossierStart, holders: list[dict[str, str]], tags: str, status: int
) -> None:
    place = f"/api/v1/dossiers/{start.code}"
    headers = {**holders[0], "If-Match": tags.format(await tag_of(client, start, holders[0]))}
    answer = await client.post(f"{place}/actions", json=given_to("B"), headers=headers)
    assert answer.status_code == status, answer.text


async def test_a_repetition_is_not_stale_for_what_it_did_itself(
    client: httpx.AsyncClient, start: DossierStart, holders: list[dict[str, str]], engine: Engine
) -> None:
    place = f"/api/v1/dossiers/{start.code}/actions"
    tag = await tag_of(client, start, holders[0])
    headers = {**holders[0], "If-Match": tag, "Idempotency-Key": "once"}
    first = await client.post(place, json=given_to("B"), headers=headers)
    again = await client.post(place, json=given_to("B"), headers=headers)
    assert first.status_code == 200
    assert (again.status_code, again.json()) == (200, first.json())
    stale = {**headers, "Idempotency-Key": "twice"}
    refused = [await client.post(place, json=given_to("C"), headers=stale) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [412, 412]
    assert kinds(engine, start.code).count("handed_over") == 1


async def test_of_two_with_the_desk_open_the_second_is_told_and_reads_anew(
    client: httpx.AsyncClient, start: DossierStart, holders: list[dict[str, str]], engine: Engine
) -> None:
    place = f"/desk/{start.code}"
    page = await client.get(place, headers=holders[0])
    (read,) = set(SEQUENCE.findall(page.text))
    form = {"action": "hand_over", "step": "receive", "sequence": read}
    first = await client.post(place, data=form | {"official": "B"}, headers=holders[0])
    twice = await client.post(place, data=form | {"official": "B"}, headers=holders[0])
    assert [answer.status_code for answer in (first, twice)] == [303, 303]
    sent = form | {"official": "C", "reason": "Nghỉ phép"}
    second = await client.post(place, data=sent, headers=holders[1])
    assert second.status_code == 409
    assert "Hồ sơ đã thay đổi kể từ khi bạn xem" in second.text
    assert 'value="Nghỉ phép"' in second.text
    assert kinds(engine, start.code).count("handed_over") == 1
    (anew,) = set(SEQUENCE.findall(second.text))
    assert int(anew) > int(read)
    again = await client.post(place, data=sent | {"sequence": anew}, headers=holders[1])
    assert again.status_code == 303
    wrong = await client.post(f"{place}?lang=en", data=sent | {"sequence": "x"}, headers=holders[1])
    assert (wrong.status_code, "read the page again" in wrong.text) == (409, True)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"action": "complete", "step": "sign"}, "Bước “[^”]+” chưa bắt đầu"),
        (
            {"action": "complete", "step": "receive"},
            r"Bước “[^”]+” đã được hoàn thành lúc \d\d:\d\d, \d+/\d+/\d{4}",
        ),
        ({"action": "deliver"}, "đang ở trạng thái “đang thực hiện”: chỉ trả kết quả sau"),
        ({"action": "supplement_received"}, "không tạm dừng: không có gì để tiếp tục"),
        ({"action": "extend", "amount": "0", "unit": "working_days"}, "Thời gian gia hạn phải lớn hơn 0"),
        ({"action": "extend", "amount": "nhiều", "unit": "working_days"}, "“[^”]+” phải là một số"),
        ({"action": "extend", "unit": "working_days"}, "Gia hạn phải có số lượng và đơn vị"),
        ({"action": "complete"}, "còn thiếu “Bước”"),
        ({"action": "send_back", "step": "appraise"}, "không thuộc giai đoạn trước"),
    ],
)
async def test_the_vietnamese_desk_says_the_whole_refusal_in_vietnamese(
    client: httpx.AsyncClient,
    start: DossierStart,
    holders: list[dict[str, str]],
    form: dict[str, str],
    sentence: str,
) -> None:
    place = f"/desk/{start.code}"
    done = await client.post(place, data={"action": "complete", "step": "receive"}, headers=holders[0])
    assert done.status_code == 303, done.text
    refused = await client.post(place, data=form, headers=holders[0])
    alert = re.search(r'role="alert">(.*?)</div>', refused.text, re.DOTALL)
    assert alert is not None
    assert re.search(sentence, alert[1]), alert[1]
    assert 'lang="en"' not in alert[1]
    english = await client.post(
        f"/api/v1{place.replace('desk', 'dossiers')}/actions", json=form, headers=holders[0]
    )
    assert "“" not in english.json()["detail"]


async def test_an_answer_that_was_lost_is_given_again(
    client: httpx.AsyncClient,
    start: DossierStart,
    holders: list[dict[str, str]],
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The door dies between the update and the note of its answer; another request came in between."""
    place = f"/api/v1/dossiers/{start.code}/actions"
    headers = {
        **holders[0],
        "If-Match": await tag_of(client, start, holders[0]),
        "Idempotency-Key": "cut off",
    }
    with monkeypatch.context() as patched:
        patched.setattr(keys, "keep_answer", lambda *_: 1 / 0)
        assert (await client.post(place, json=given_to("B"), headers=headers)).status_code == 500
    assert kinds(engine, start.code).count("handed_over") == 1
    other = await client.post(place, json=given_to("C"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    freely = await client.post(place, json=given_to("C"), headers=holders[1])
    assert freely.status_code == 200
    again = await client.post(place, json=given_to("B"), headers=headers)
    assert again.status_code == 200, again.text
    assert again.json()["sequence"] == freely.json()["sequence"] - 1
    assert kinds(engine, start.code).count("handed_over") == 2
    kept = await client.post(place, json=given_to("B"), headers=headers)
    assert kept.json() == again.json()
