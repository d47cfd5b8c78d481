"""A Temporal server without a worker: what is handed in is accepted durably, and everybody is told."""

from __future__ import annotations

import asyncio
import json
import re
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from cli import asking, importing
from cli.importing import bring_in
from cli.installation import Installation
from models.errors import Code, Refusal, Unavailable
from store.journal import Journal
from tests.models.office import Office
from tests.store.samples import record
from workflows.names import SEARCH_ATTRIBUTES

HEADER = "dossier,procedure,activity,at,step,official,agency,reason\n"
CODE = "H13.2.1-250304-0001"
ROW = f"{CODE},2.000908,submit,2025-03-04T08:00:00+07:00,,,H13.2.1,\n"
MORE = f"{CODE},,complete,2025-03-04T09:00:00+07:00,receive,TAN-01,,\n"


@pytest.fixture
async def installation(data: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_log_level="never",
    )
    monkeypatch.setenv("DANBIET_TEMPORAL_ADDRESS", env.client.service_client.config.target_host)
    monkeypatch.setattr(importing, "PATIENCE", 0.5)
    monkeypatch.setattr(asking, "ANSWER_WITHIN", 0.5)
    async with env:
        opened = Installation(data)
        yield opened
        opened.engine.dispose()


async def test_an_import_is_accepted_and_says_that_nobody_records(
    installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROW, encoding="utf-8")
    first = await bring_in(installation, log, None)
    assert (first.new, first.errors) == (1, [])
    assert "1 dossier is accepted and not recorded yet: see that a worker runs" in capsys.readouterr().err
    again = await bring_in(installation, log, None)
    assert (again.new, again.unchanged) == (0, 1)


async def test_a_question_is_not_waited_for_without_end(installation: Installation, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROW + MORE, encoding="utf-8")
    await bring_in(installation, log, None)
    with pytest.raises(Unavailable, match="no worker answered"):
        await asking.answer(installation, lambda starter: starter.state(CODE))


@pytest.fixture
def ended(installation: Installation) -> str:
    """Recorded with its archive; the server has forgotten it."""
    office = Office()
    office.act("withdraw", "04-01 09:00")
    Journal(installation.engine, "test").record_now([office.dossier.record(office.events, office.now)])
    return office.start.code


async def test_an_ended_dossier_that_the_server_has_forgotten(
    ended: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(asking.show, ended, None, json=True)
    await asyncio.to_thread(asking.why, ended, "receive", None, json=True)
    told = capsys.readouterr()
    shown, why = map(json.loads, told.out.splitlines())
    assert (shown["status"], why["subject"], told.err) == ("withdrawn", f"{ended}:receive", "")


async def test_an_open_dossier_that_the_server_does_not_know(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    Journal(installation.engine, "test").record_now([record("D-1")])
    await asyncio.to_thread(asking.show, "D-1", None, json=True)
    told = capsys.readouterr()
    assert json.loads(told.out)["code"] == "D-1"
    unknown = "does not know the workflow of D-1 in namespace 'default': is it the right one?"
    assert "shown as last recorded: the Temporal server at " in told.err
    assert unknown in told.err
    with pytest.raises(Unavailable, match=re.escape(unknown)):
        await asyncio.to_thread(asking.why, "D-1", None, None, json=True)


async def test_a_dossier_that_nobody_knows(installation: Installation) -> None:
    for ask in (asking.show, lambda code, data, json: asking.why(code, None, data, json=json)):
        with pytest.raises(Refusal, match="there is no dossier H13") as refused:
            await asyncio.to_thread(ask, "H13.2-250401-9999", None, json=True)
        assert refused.value.code is Code.NOT_FOUND
