"""A Temporal server without a worker: what is handed in is accepted durably, and everybody is told."""

from __future__ import annotations

import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from cli import asking, importing
from cli.importing import bring_in
from cli.installation import Installation
from models.errors import Unavailable
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
