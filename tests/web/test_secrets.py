"""What opens something is in no log: the secret of a receipt, keys, addresses that things are posted to."""

from __future__ import annotations

import logging
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from store import keys, queries
from store.database import open_database, reading, upgrade
from tests.cli.conftest import DANBIET
from tests.pages.conftest import ENDED, fill
from tests.up.processes import environment
from tests.web.conftest import bearer
from web.pages.attempts import PER_CODE
from worker import quieten

SECRET = "giu-kin-2b7e151628"  # noqa: S105 - of nobody


def asked(client: httpx.Client) -> list[int]:
    """Every way in which a secret is sent, right or wrong; the statuses."""
    api = f"/api/v1/dossiers/{ENDED}/why"
    answers = [
        client.get(f"/lookup/{ENDED}/{SECRET}"),
        client.get(f"/why/{ENDED}/{SECRET}"),
        client.get(f"/receipt/{ENDED}/{SECRET}"),
        client.get(f"/lookup/{ENDED}/{SECRET}/%01%E2%80%AE"),
        client.post("/lookup", data={"code": ENDED, "secret": SECRET}),
        client.post(f"/lookup/{ENDED}/{SECRET}"),
        client.get(api, params={"secret": SECRET}),
        client.get(api, params={"secret": SECRET * 20}),
        client.get(api, headers=bearer(SECRET)),
        client.get(api, headers={"Authorization": SECRET}),
        client.post("/sign-in", data={"key": SECRET}),
    ]
    answers += [client.get(api, params={"secret": SECRET}) for _ in range(PER_CODE)]
    return [answer.status_code for answer in answers]


def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    """A whole process, as talkative as it gets, also when its tables are gone."""
    address = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(address)
    engine = open_database(address)
    fill(engine)
    told = {"DANBIET_DATA": str(tmp_path), "DANBIET_PORT": "0", "DANBIET_TEMPORAL_ADDRESS": "127.0.0.1:1"}
    told |= {"DANBIET_LOG_LEVEL": "debug"}
    with (
        (tmp_path / "told").open("w") as everything,
        subprocess.Popen(
            [DANBIET, "web"], stdout=subprocess.PIPE, stderr=everything, text=True, env=environment(**told)
        ) as web,
    ):
        assert web.stdout is not None
        try:
            with httpx.Client(base_url=web.stdout.readline().split()[1], timeout=20) as client:
                statuses = asked(client)
                assert {404, 401, 422, 429} <= set(statuses)
                with engine.begin() as connection:
                    connection.execute(text("ALTER TABLE dossier RENAME COLUMN snapshot TO gone"))
                client.get(f"/receipt/{ENDED}/{SECRET}")
        finally:
            web.send_signal(signal.SIGTERM)
        assert web.wait(20) == 0
    with reading(engine) as connection:
        kept = str(connection.execute(select(keys.AUDIT)).all())
    engine.dispose()
    assert "401" in kept
    assert SECRET not in kept
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in written if SECRET.encode() in path.read_bytes()] == []
    assert "Using selector" in (tmp_path / "told").read_text("utf-8")  # it did log what it had to say


async def test_what_fails_inside_is_logged_without_the_address(
    app: FastAPI, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(queries, "dossier", broken)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    with caplog.at_level(logging.DEBUG):
        async with httpx.AsyncClient(transport=transport, base_url="http://office.example") as client:
            caplog.set_level(logging.WARNING, logger="httpx")
            for path in (f"/lookup/{ENDED}/{SECRET}", f"/api/v1/dossiers/{ENDED}/why?secret={SECRET}"):
                assert (await client.get(path)).status_code == 500
    assert caplog.text.count("broken on purpose") >= 2
    assert SECRET not in caplog.text


def test_a_failed_statement_does_not_tell_what_it_was_about(engine: Engine) -> None:
    with pytest.raises(SQLAlchemyError) as failed, engine.connect() as connection:
        connection.execute(text("SELECT nothing(:secret)"), {"secret": SECRET})
    assert SECRET not in str(failed.value)


async def test_addresses_that_are_posted_to_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    loud = {
        name: logging.getLogger(name).level for name in ("alembic", "httpx", "httpcore", "uvicorn.access")
    }
    for name in loud:
        logging.getLogger(name).setLevel(logging.NOTSET)
    quieten()
    try:
        transport = httpx.MockTransport(lambda _: httpx.Response(200))
        with caplog.at_level(logging.DEBUG):
            async with httpx.AsyncClient(transport=transport) as client:
                await client.post(f"https://hooks.example/{SECRET}")
    finally:
        for name, level in loud.items():
            logging.getLogger(name).setLevel(level)
    assert SECRET not in caplog.text


async def test_guessing_through_the_api_ends_soon(client: httpx.AsyncClient) -> None:
    place = f"/api/v1/dossiers/{ENDED}/why"
    for _ in range(PER_CODE):
        assert (await client.get(place, params={"secret": "guessed"})).status_code == 404
    assert (await client.get(place, params={"secret": "guessed"})).status_code == 429
    assert (await client.get(f"/lookup/{ENDED}/guessed")).status_code == 429
