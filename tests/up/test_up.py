"""`danbiet up` from outside: everything serves, Ctrl-C stops all of it, and a second one goes on."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.root import PROJECT_ROOT
from models.errors import Refusal
from models.instants import whole
from models.submission import Applicant, Submission
from starter import Starter, connect
from store.catalogue_files import read_catalogue
from store.database import open_database
from store.queries import latenesses
from tests.up.processes import FREE, RunningUp, danbiet, eventually, get, is_alive, samples

Start = Callable[..., RunningUp]
APPLICANT = Applicant(name="Nguyễn Thị Thử", phone="0900000000")
GAUGES = {
    "danbiet_dossiers_open",
    "danbiet_deadlines_unprocessed",
    "danbiet_outbox_pending",
    "danbiet_outbox_oldest_seconds",
    "danbiet_calendar_confirmed_days",
}
AFTER_AN_ACTION = GAUGES | {"danbiet_actions_total", "danbiet_action_seconds", "danbiet_deadline_lag_seconds"}


async def starter(up: RunningUp, addresses: dict[str, Any]) -> Starter:
    client = await connect(addresses["temporal"])
    catalogue = read_catalogue(PROJECT_ROOT / "catalogue" / "can-tho")
    return Starter(client, catalogue, open_database(f"sqlite:///{up.data / 'danbiet.db'}"))


async def submitted(at_counter: Starter, due_in: float = 150) -> str:
    """A dossier of the demonstration procedure, whose first step is due in so many seconds; its code."""
    at = whole(datetime.now(UTC) + timedelta(seconds=due_in) - timedelta(minutes=3))
    receipt = await at_counter.submit(
        Submission(procedure="9.000001", agency="H13.1", at=at, applicant=APPLICANT)
    )
    assert isinstance(receipt, dict)
    assert receipt["created"] is True
    return str(receipt["code"])


def families(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]


def sent(up: RunningUp) -> list[dict[str, Any]]:
    path = up.data / "events.ndjson"
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


async def test_from_start_to_stop_and_on(start: Start) -> None:
    first = start()
    addresses = await asyncio.to_thread(first.until_ready)
    assert set(addresses) == {"pid", "web", "metrics", "temporal", "temporal_ui"}
    assert addresses["pid"] == first.process.pid
    assert first.told[-1] == f"ready {addresses['web']}"
    told = dict(line.split(None, 1) for line in first.told[:-1] if not line.startswith("  Temporal UI"))
    assert (told["board"], told["Temporal"]) == (addresses["web"], addresses["temporal"])
    await asyncio.to_thread(everything_serves, first, addresses)

    at_counter = await starter(first, addresses)
    code = await submitted(at_counter)
    with pytest.raises(Refusal):
        await at_counter.act(code, {"action": "complete", "step": "return", "official": "TTHCC-04"})
    await at_counter.act(code, {"action": "complete", "step": "receive", "official": "TTHCC-01"})
    await asyncio.to_thread(figures_tell_nobody, addresses, code)
    await asyncio.to_thread(eventually, lambda: len(sent(first)) == 4)
    assert [event["type"].rpartition(".")[2] for event in sent(first)] == [
        *("accepted", "step_started", "step_completed", "step_started")
    ]
    assert {event["specversion"] for event in sent(first)} == {"1.0"}

    refused = await asyncio.to_thread(danbiet, "up", "--data", str(first.data), *FREE)
    assert refused.returncode == 1
    assert f"another 'danbiet up' (process {first.process.pid}) runs on" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1

    stopped_within(first, 8)
    assert not any(map(is_alive, first.children))
    assert not (first.data / "up.json").exists()

    second = start()
    again = await asyncio.to_thread(second.until_ready)
    at_counter = await starter(second, again)
    state = await at_counter.state(code)
    assert isinstance(state, dict)
    assert (state["status"], state["sequence"]) == ("running", 4)
    await at_counter.act(code, {"action": "complete", "step": "return", "official": "TTHCC-04"})
    await asyncio.to_thread(eventually, lambda: len(sent(second)) == 6)
    stopped_within(second, 8, signal.SIGTERM)
    at_counter.engine.dispose()


def stopped_within(up: RunningUp, seconds: float, sign: signal.Signals = signal.SIGINT) -> None:
    began = datetime.now(UTC)
    assert up.stop(sign) == 0, up.errors.read_text(encoding="utf-8")
    assert datetime.now(UTC) - began < timedelta(seconds=seconds)
    assert up.errors.read_text(encoding="utf-8") == ""


def everything_serves(up: RunningUp, addresses: dict[str, Any]) -> None:
    web, metrics = addresses["web"], addresses["metrics"]
    assert get(f"{web}/healthz") == (200, '{"status": "ok"}')
    status, body = get(f"{web}/readyz")
    assert (status, json.loads(body)["checks"]) == (
        200,
        {"temporal": "ok", "database": "ok", "worker": "ok"},
    )
    status, page = get(f"{web}/")
    assert status == 200
    assert f"{datetime.now(UTC) + timedelta(hours=7):%-m/%Y}" in page
    assert "<script" not in page
    assert get(f"{web}/nowhere")[0] == 404
    assert set(families(get(f"{web}/metrics")[1])) >= GAUGES
    assert get(metrics)[0] == get(f"{metrics}/metrics")[0] == get(addresses["temporal_ui"])[0] == 200
    key = up.data / "admin.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text(encoding="ascii").strip()) >= 43


def figures_tell_nobody(addresses: dict[str, Any], code: str) -> None:
    text = get(f"{addresses['metrics']}/metrics")[1]
    names = families(text)
    assert set(names) >= AFTER_AN_ACTION
    assert len(names) == len(set(names))
    assert any(name.startswith("temporal_") for name in names)
    found = {(s.name, s.labels.get("action"), s.labels.get("outcome")): s.value for s in samples(text)}
    assert found["danbiet_actions_total", "complete", "accepted"] == 1
    assert found["danbiet_actions_total", "complete", "too_early"] == 1
    assert found["danbiet_action_seconds_count", None, None] == 1
    labels = {value for sample in samples(text) for value in sample.labels.values()}
    assert not [value for value in labels if code in value or "TTHCC-" in value or "dossier/" in value]
    assert APPLICANT.name not in text
    open_dossiers = [s for s in samples(text) if s.name == "danbiet_dossiers_open"]
    assert [(s.labels, s.value) for s in open_dossiers] == [
        ({"agency": "H13.1", "procedure": "9.000001", "status": "running"}, 1)
    ]


async def test_killed_it_leaves_no_server_and_the_next_one_goes_on(start: Start) -> None:
    first = start()
    addresses = await asyncio.to_thread(first.until_ready)
    at_counter = await starter(first, addresses)
    code, due = await submitted(at_counter, 4), datetime.now(UTC) + timedelta(seconds=4)
    await asyncio.to_thread(eventually, lambda: len(sent(first)) >= 2)
    first.stop(signal.SIGKILL)
    await asyncio.to_thread(eventually, lambda: not any(map(is_alive, first.children)), 5)
    assert (first.data / "up.json").exists()
    await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))

    second = start()
    addresses = await asyncio.to_thread(second.until_ready)
    assert addresses["pid"] == second.process.pid
    await asyncio.to_thread(eventually, lambda: latenesses(at_counter.engine, dossier=code), 20)
    (late,) = latenesses(at_counter.engine, dossier=code)
    assert abs(late.due_at - due) < timedelta(seconds=2)  # its true instant, though nobody was there
    await asyncio.to_thread(eventually, lambda: any(e["subject"] == late.id for e in sent(second)))
    ids = [event["id"] for event in sent(second)]
    assert len(ids) == len(set(ids))
    scraped = await asyncio.to_thread(get, f"{addresses['web']}/metrics")
    found = {sample.name: sample.value for sample in samples(scraped[1]) if not sample.labels}
    assert (found["danbiet_deadline_lag_seconds_count"], found["danbiet_outbox_pending"]) == (1, 0)
    at_counter.engine.dispose()
    stopped_within(second, 8)


async def test_a_server_that_dies_takes_it_along(start: Start) -> None:
    import os

    up = start()
    await asyncio.to_thread(up.until_ready)
    (server,) = up.children
    os.kill(server, signal.SIGKILL)
    assert await asyncio.to_thread(up.process.wait, 30) == 1
    (sentence,) = up.errors.read_text(encoding="utf-8").splitlines()
    assert "the embedded Temporal server has ended: it was killed by signal 9" in sentence
    assert not (up.data / "up.json").exists()


async def test_ctrl_c_while_it_starts(start: Start) -> None:
    up = start()
    await asyncio.to_thread(eventually, (up.data / "logs" / "temporal.log").exists)
    assert await asyncio.to_thread(up.stop) == 0
    assert up.errors.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("option", ["--port", "--temporal-port", "--metrics-port"])
def test_a_port_in_use(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = danbiet("up", "--data", str(tmp_path / "data"), *FREE, option, port)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        f"danbiet: conflict: port {port} is in use: stop what uses it, or choose another with {option}\n"
    )


def test_a_missing_binary(tmp_path: Path) -> None:
    missing = str(tmp_path / "temporal")
    refused = danbiet("up", "--data", str(tmp_path / "data"), *FREE, DANBIET_TEMPORAL_BINARY=missing)
    assert refused.returncode == 1
    assert refused.stderr == f"danbiet: invalid: DANBIET_TEMPORAL_BINARY: there is no program at {missing}\n"


def test_an_unknown_sample(tmp_path: Path) -> None:
    refused = danbiet("up", "--data", str(tmp_path / "data"), *FREE, "--sample", "ha-noi")
    assert refused.returncode == 1
    assert refused.stderr == "danbiet: invalid: there is no sample 'ha-noi': use can-tho\n"
    assert not (tmp_path / "data").exists()
