"""The API against its own description: whatever comes in, no answer is a 500, and each refusal is a problem."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine

from models.access import Role
from models.catalogue import Catalogue
from models.errors import Unavailable
from store import keys
from tests.pages.conftest import ZONE
from tests.web.conftest import bearer
from web import guard
from web.app import create_app
from web.office import Office

EXAMPLES = 25
ENDLESS = "/api/v1/events/stream"


@pytest.fixture(scope="module")
def patient(engine: Engine, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    async def connect() -> Any:
        await asyncio.sleep(0)
        raise Unavailable("no Temporal server answers")

    return create_app(
        Office(
            engine=engine,
            catalogue=catalogue,
            connect=connect,
            zone=ZONE,
            installation="can-tho",
            ledger_origin="board.example/can-tho",
            ledger_files=tmp_path_factory.mktemp("ledger"),
        )
    )


@pytest.fixture(scope="module")
def admin(engine: Engine) -> dict[str, str]:
    return bearer(keys.create(engine, "fuzz", Role.ADMIN)[0])


def test_no_input_breaks_it(patient: FastAPI, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BURST", 1e9)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", patient)
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == ENDLESS:
            continue
        tried += 1

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def fuzzed(case: Any) -> None:
            answer = case.call(headers=admin)
            assert answer.status_code != 500, (case, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"], (case, answer.text)

        fuzzed()
    assert tried > 15
