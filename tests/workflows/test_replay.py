"""Recorded lives replayed through the workflow as it is now, in the strict sandbox.

Red means: dossiers that are under way would break at the next deployment. Give the change the next
``DossierStart.flow``; see ``record_histories`` for how the histories come about.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.workflows.conftest import strict_sandbox
from tests.workflows.record_histories import HISTORIES, LIVES
from workflows.dossier import DossierWorkflow
from workflows.relay import RelayWorkflow

FILES = sorted(HISTORIES.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_recorded_life_replays(file: Path) -> None:
    history = WorkflowHistory.from_json(f"dossier/{file.stem}", file.read_text("utf-8"))  # noqa: ASYNC240
    replayer = Replayer(
        workflows=[DossierWorkflow, RelayWorkflow],
        data_converter=pydantic_data_converter,
        workflow_runner=strict_sandbox(),
    )
    await replayer.replay_workflow(history)


def test_every_kind_of_life_is_recorded() -> None:
    assert set(LIVES) | {"continued_as_new_2", "relay"} == {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_of_the_recording_machine_is_kept(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert set(re.findall(r'"identity": "([^"]*)"', text)) <= {"recorder", "history-service"}
    assert not re.search(r"\d+@[\w.-]+|/tmp/|/home/|/root/|127\.0\.0\.1|localhost", text)
    assert file.stat().st_size < 100_000
