"""The worker on PostgreSQL as in production, every command from outside: migrated, killed, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.store.conftest import new_database
from tests.up.processes import danbiet, eventually, samples
from tests.workers.test_worker import WorkerProcess

DEMO, AGENCY = "9.000001", "H13.1"
"""Its first step has three minutes, round the clock."""
BUDGET = timedelta(minutes=3)


class Office:
    """Commands and workers of one installation that keeps its data in PostgreSQL."""

    def __init__(self, data: Path, temporal: str, database: str) -> None:
        self.data, self.temporal = data, temporal
        self.settings = {
            "DANBIET_DATA": str(data),
            "DANBIET_TEMPORAL_ADDRESS": temporal,
            "DANBIET_DATABASE_URL": database,
        }
        self.workers: list[WorkerProcess] = []

    def says(self, *arguments: str) -> Any:
        done = danbiet(*arguments, **self.settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    def submits(self, accepted_ago: timedelta) -> str:
        path = self.data / "submission.json"
        at = (datetime.now(UTC) - accepted_ago).isoformat()
        path.write_text(json.dumps({"procedure": DEMO, "agency": AGENCY, "at": at}), encoding="utf-8")
        receipt = self.says("submit", str(path))
        assert receipt["created"] is True
        return str(receipt["code"])

    def works(self) -> WorkerProcess:
        worker = WorkerProcess(
            self.data, self.temporal, DANBIET_DATABASE_URL=self.settings["DANBIET_DATABASE_URL"]
        )
        self.workers.append(worker)
        eventually(lambda: worker.answers("/readyz")[0] == 200)
        return worker

    def codes(self, *filters: str) -> set[str]:
        return {each["code"] for each in self.says("list", *filters, "--json")}


@pytest.fixture
def office(tmp_path: Path, bare_server: WorkflowEnvironment, postgres: str) -> Iterator[Office]:
    database = new_database(postgres).replace("postgresql://", "postgresql+psycopg://")
    office = Office(tmp_path, bare_server.client.service_client.config.target_host, database)
    yield office
    for worker in office.workers:
        if worker.process.poll() is None:
            worker.end(signal.SIGKILL)


def gauge(worker: WorkerProcess, name: str) -> float:
    status, text = worker.answers("/metrics")
    assert status == 200
    return sum(sample.value for sample in samples(text) if sample.name == name)


async def test_a_life_on_postgresql(office: Office) -> None:
    await asyncio.to_thread(_a_life, office)


def _a_life(office: Office) -> None:
    assert danbiet("list", **office.settings).returncode == 1
    office.says("db", "upgrade")
    assert not (office.data / "danbiet.db").exists()

    first = office.works()
    done = office.submits(timedelta(0))
    acted = office.says("act", done, "complete", "--step", "receive")
    assert acted["events"][0]["type"] == "vn.danbiet.dossier.step_completed"
    eventually(lambda: gauge(first, "danbiet_dossiers_open") == 1)

    first.end(signal.SIGKILL)
    missed = office.submits(BUDGET)  # accepted by Temporal alone, and due at once
    assert office.codes() == {done}

    second = office.works()
    soon = office.submits(BUDGET - timedelta(seconds=5))
    eventually(lambda: office.codes("--late") == {missed, soon})
    eventually(lambda: gauge(second, "danbiet_deadlines_unprocessed") == 0)
    view = office.says("show", missed, "--json")
    assert view["latenesses"] == [f"{missed}:receive:1"]
    late = office.says("show", f"{missed}:receive:1", "--json")
    assert (late["state"], late["due_at"]) == ("recorded", view["steps"][0]["due_at"])
    assert sum(share["share"] for share in late["shares"]) == 100
    assert office.says("show", done, "--json")["latenesses"] == []

    months = [office.says("show", f"{code}:receive:1", "--json")["due_at"][:7] for code in (missed, soon)]
    told = office.says("bulletin", months[0], "--json")
    assert (told["agencies"], told["dossiers"]) == (1, months.count(months[0]))
    assert office.says("db", "rebuild", "--check") == "the projections equal the journal\n"
    office.says("db", "rebuild")
    assert office.says("show", missed, "--json")["latenesses"] == view["latenesses"]
    code, _, told_by_worker = second.end(signal.SIGTERM)
    assert code == 0, told_by_worker
