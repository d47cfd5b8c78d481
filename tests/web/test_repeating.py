"""Sending an action twice: the same `Idempotency-Key` and body get the same answer, and the action is sent once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.pages.conftest import OPEN
from tests.web.conftest import bearer

ACTIONS = f"/api/v1/dossiers/{OPEN}/actions"
PAPERS = {"action": "request_supplement", "text": "a photograph"}


class Desk:
    """Takes every action, and counts them."""

    def __init__(self) -> None:
        self.taken = 0

    async def act(self, code: str, fields: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.taken += 1
        return {"code": code, "sequence": 100 + self.taken, "told": fields["text"]}


@pytest.fixture
def desk(app: FastAPI) -> Desk:
    desk = Desk()

    async def connect() -> Any:
        return desk

    object.__setattr__(app.state.office, "connect", connect)
    return desk


async def test_the_same_key_and_body_get_the_same_answer_whatever_the_caller_last_read(
    client: httpx.AsyncClient, held: dict[str, str], desk: Desk
) -> None:
    headers = {**bearer(held["admin"]), "Idempotency-Key": "once"}
    tag = (await client.get(f"/api/v1/dossiers/{OPEN}", headers=headers)).headers["etag"]
    first = await client.post(ACTIONS, json=PAPERS, headers=headers | {"If-Match": tag})
    again = await client.post(ACTIONS, json=PAPERS, headers=headers)
    stale = await client.post(ACTIONS, json=PAPERS, headers=headers | {"If-Match": '"0"'})
    assert [answer.status_code for answer in (first, again, stale)] == [200, 200, 200]
    assert first.json() == again.json() == stale.json()
    assert desk.taken == 1


async def test_the_same_key_with_another_body_is_a_conflict(
    client: httpx.AsyncClient, held: dict[str, str], desk: Desk
) -> None:
    headers = {**bearer(held["admin"]), "Idempotency-Key": "twice"}
    await client.post(ACTIONS, json=PAPERS, headers=headers)
    other = await client.post(ACTIONS, json={**PAPERS, "text": "a plan"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/conflict")
    assert desk.taken == 1
