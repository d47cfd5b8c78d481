"""`python worker.py` from outside: serves, stops in order, and says in one sentence why it cannot work."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

import worker
from cli.embedded import OPTIONS
from cli.root import PROJECT_ROOT
from cli.settings import Settings, load
from models.errors import Refusal, Unavailable
from models.submission import Submission
from starter import Starter, connect
from store.catalogue_files import read_catalogue
from store.database import open_database, upgrade, writing
from tests.faults.processes import free_port
from tests.up.processes import PATIENCE, ROOT, environment, eventually, get, samples
from tests.workflows.conftest import TEMPORAL
from workflows.names import LATE, OFFICIAL, SEARCH_ATTRIBUTES


class WorkerProcess:
    """`python worker.py` with a database and a metrics port of its own."""

    def __init__(self, data: Path, temporal: str, **more: str) -> None:
        self.metrics = free_port()
        settings = {
            "DANBIET_DATA": str(data),
            "DANBIET_TEMPORAL_ADDRESS": temporal,
            "DANBIET_METRICS_PORT": str(self.metrics),
        }
        self.process = subprocess.Popen(
            [sys.executable, "worker.py"],
            cwd=ROOT,
            env=environment(**settings | more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def answers(self, path: str) -> tuple[int, str]:
        try:
            return get(f"http://127.0.0.1:{self.metrics}{path}")
        except OSError:
            return 0, ""

    def end(self, sign: signal.Signals | None = None) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        if sign is not None:
            self.process.send_signal(sign)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@pytest.fixture
def data(tmp_path: Path) -> Path:
    upgrade(f"sqlite:///{tmp_path / 'danbiet.db'}")
    return tmp_path


@pytest.fixture
def running(data: Path, bare_server: WorkflowEnvironment) -> Iterator[WorkerProcess]:
    process = WorkerProcess(data, bare_server.client.service_client.config.target_host)
    yield process
    if process.process.poll() is None:
        process.end(signal.SIGKILL)


async def test_it_serves_and_stops(
    data: Path, bare_server: WorkflowEnvironment, running: WorkerProcess
) -> None:
    await asyncio.to_thread(eventually, lambda: running.answers("/healthz")[0] == 200)
    await asyncio.to_thread(eventually, lambda: running.answers("/readyz")[0] == 200)
    client = await connect(bare_server.client.service_client.config.target_host)
    assert client.data_converter is pydantic_data_converter
    engine = open_database(f"sqlite:///{data / 'danbiet.db'}")
    at_counter = Starter(client, read_catalogue(PROJECT_ROOT / "catalogue" / "can-tho"), engine)
    receipt = await at_counter.submit(Submission(procedure="9.000001", agency="H13.1", at=datetime.now(UTC)))
    assert isinstance(receipt, dict)
    state = await at_counter.state(str(receipt["code"]))
    assert isinstance(state, dict)
    assert state["status"] == "running"
    status, metrics = await asyncio.to_thread(running.answers, "/metrics")
    assert status == 200
    names = {sample.name for sample in samples(metrics)}
    assert names >= {"danbiet_dossiers_open", "danbiet_outbox_pending", "temporal_num_pollers"}
    assert str(receipt["code"]) not in metrics
    engine.dispose()
    code, out, err = await asyncio.to_thread(running.end, signal.SIGTERM)
    assert (code, out) == (0, "")
    assert f"metrics at http://127.0.0.1:{running.metrics}/metrics" in err


def test_it_finds_the_server_of_the_up_that_runs_on_its_data(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []

    async def serve(settings: Settings) -> None:
        served.append(settings.temporal_address)

    monkeypatch.setattr(worker, "serve", serve)
    told = {"pid": os.getpid(), "temporal": "127.0.0.1:7001"}
    (data / "up.json").write_text(json.dumps(told), encoding="utf-8")
    assert worker.main(data) == 0
    assert served == ["127.0.0.1:7001"]


def test_it_tells_its_usage() -> None:
    for arguments, code in ((["--help"], 0), (["--dance"], 2)):
        told = subprocess.run(
            [sys.executable, "worker.py", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert told.returncode == code
        assert "Usage: danbiet worker" in told.stdout + told.stderr


async def test_search_attributes_are_added_once(bare_server: WorkflowEnvironment) -> None:
    await worker.ensure_search_attributes(bare_server.client)
    await worker.ensure_search_attributes(bare_server.client)
    known = await bare_server.client.operator_service.list_search_attributes(
        worker.ListSearchAttributesRequest(namespace="default")
    )
    assert {key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}.items() <= dict(
        known.custom_attributes
    ).items()


async def test_they_are_taken_as_soon_as_they_are_added() -> None:
    """A cluster looks for new ones every few seconds only, and so does the embedded server."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        dev_server_log_level="never",
        dev_server_extra_args=[*OPTIONS],
    )
    attributes = TypedSearchAttributes(
        [SearchAttributePair(LATE, 1), SearchAttributePair(OFFICIAL, ["CD-01"])]
    )
    async with env:
        with pytest.raises(RPCError, match="no mapping"):
            await env.client.start_workflow("Any", id="1", task_queue="q", search_attributes=attributes)
        await worker.ensure_search_attributes(env.client)
        await env.client.start_workflow("Any", id="1", task_queue="q", search_attributes=attributes)


async def test_a_namespace_that_is_not_there(bare_server: WorkflowEnvironment) -> None:
    client = await connect(bare_server.client.service_client.config.target_host, "nowhere")
    with pytest.raises(Unavailable, match="namespace 'nowhere'"):
        await worker.ensure_search_attributes(client)


@pytest.mark.parametrize("state", ["nothing", "old"])
async def test_a_database_that_was_not_upgraded(tmp_path: Path, state: str) -> None:
    if state == "old":
        url = f"sqlite:///{tmp_path / 'danbiet.db'}"
        upgrade(url)
        engine = open_database(url)
        with writing(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        engine.dispose()
    process = WorkerProcess(tmp_path, "127.0.0.1:9")
    code, out, err = await asyncio.to_thread(process.end)
    assert (code, out) == (1, "")
    (sentence,) = err.splitlines()
    assert sentence.startswith("danbiet: unavailable: the database")
    assert "danbiet db upgrade" in sentence


async def test_a_taken_metrics_port(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = load(data=data, metrics_port=taken.getsockname()[1])
        with pytest.raises(Refusal, match=r"is in use.*DANBIET_METRICS_PORT"):
            await worker.serve(settings)


async def test_a_server_that_does_not_come(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "CONNECT_WITHIN", 0.5)
    monkeypatch.setattr(worker, "CONNECT_EVERY", 0.3)
    settings = load(data=data, metrics_port=0, temporal_address=f"127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match=f"no Temporal server answers at {settings.temporal_address}"):
        await worker.serve(settings)
    assert "(trying again)" in caplog.text


async def test_told_to_stop_while_it_waits_for_the_server(data: Path) -> None:
    process = WorkerProcess(data, f"127.0.0.1:{free_port()}")
    await asyncio.to_thread(eventually, lambda: process.answers("/healthz")[0] == 200)
    status, body = await asyncio.to_thread(process.answers, "/readyz")
    told: dict[str, Any] = json.loads(body)
    assert (status, told["status"]) == (503, "not ready")
    code, out, _ = await asyncio.to_thread(process.end, signal.SIGTERM)
    assert (code, out) == (0, "")
