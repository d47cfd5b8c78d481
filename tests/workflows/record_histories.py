"""Records the histories that ``test_replay`` replays: ``python -m tests.workflows.record_histories NAME...``.

Each is a life on the plain dev server, in real time. Record anew only where an incompatible change of the workflow
is meant (before a release: never; then ``DossierStart.flow`` keeps the old histories replayable, and new ones
are added beside them). Nothing of the machine is in them: the client calls itself ``recorder``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.delivering import Delivering
from models.delivery import new_subscriber
from models.submission import DossierStart
from store import webhooks
from store.database import open_database, upgrade
from store.journal import Journal
from tests.delivery.receiver import receiving
from tests.models.office import days
from tests.store.samples import record as told
from tests.workflows.conftest import TEMPORAL
from tests.workflows.lives import FOUR_STEPS, act, begin, due_in, start_of
from worker import build_worker
from workflows.names import SEARCH_ATTRIBUTES, STATE, TASK_QUEUE, relay_id
from workflows.relay import ensure_relays

HISTORIES = Path(__file__).parent / "histories"
SHORT = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=25")
MACHINE = re.compile(r'"(workerInstanceKey|workerGroupingKey)": "[^"]*",?\s*')

Handle = WorkflowHandle[Any, Any]


async def on_time(handle: Handle) -> None:
    for step in FOUR_STEPS:
        await act(handle, "complete", step=step.key)


async def late(handle: Handle) -> None:
    await until_late(handle)
    await act(handle, "complete", step="work")
    lateness = (await handle.query(STATE))["latenesses"][0]
    decision = {"decision": "excused", "cause": "objective", "reason": "power cut"}
    await act(handle, "explain", official="A", lateness=lateness, text="power cut")
    await act(handle, "review", official="HEAD-0", lateness=lateness, **decision)


async def annulled(handle: Handle) -> None:
    await until_late(handle)
    due = datetime.fromisoformat((await handle.query(STATE))["steps"][0]["due_at"])
    await act(handle, "complete", due - timedelta(seconds=1), step="work")


async def paused(handle: Handle) -> None:
    await act(handle, "request_supplement", text="papers")
    await act(handle, "supplement_received")
    await act(handle, "request_payment")
    await act(handle, "withdraw", reason="no longer needed")


async def extended(handle: Handle) -> None:
    await act(handle, "extend", amount=1, unit="working_days", reason="complex")
    await act(handle, "hand_over", step="receive", official="B")
    await act(handle, "refuse", reason="no basis")


async def sent_back(handle: Handle) -> None:
    await act(handle, "complete", step="receive")
    await act(handle, "send_back", step="receive", reason="incomplete")
    for step in FOUR_STEPS:
        await act(handle, "complete", step=step.key)
    # The workflow has ended; a delivery would reopen it in a new run.


async def continued(handle: Handle) -> None:
    for number in range(4):
        await act(handle, "hand_over", step="receive", official=f"B{number}")
    await act(handle, "stop", reason="merged")


async def together(handle: Handle) -> None:
    """Actions that wait for one another's records (flow 2)."""
    officials = ("B", "C", "D", "E")
    await asyncio.gather(*(act(handle, "hand_over", step="receive", official=each) for each in officials))
    await act(handle, "stop", reason="merged")


async def until_late(handle: Handle) -> None:
    while not (await handle.query(STATE))["latenesses"]:  # noqa: ASYNC110 - another process sees to it
        await asyncio.sleep(0.2)


def fresh() -> DossierStart:
    return start_of(datetime.now(UTC), total=days(3))


LIVES: dict[str, tuple[Callable[[], DossierStart], Callable[[Handle], Awaitable[None]]]] = {
    "on_time": (fresh, on_time),
    "late": (lambda: due_in(2), late),
    "annulled": (lambda: due_in(2), annulled),
    "paused": (fresh, paused),
    "extended": (fresh, extended),
    "sent_back": (fresh, sent_back),
    "together": (fresh, together),
    "continued_as_new": (fresh, continued),
}


async def record(client: Client, name: str) -> None:
    start, live = LIVES[name]
    handle = await begin(client, start())
    latest = client.get_workflow_handle(handle.id)
    await asyncio.sleep(0.5)
    await live(latest)
    await latest.result()
    first = handle.first_execution_run_id
    description = await latest.describe()
    for suffix, run in {"": first, "_2": description.run_id}.items():
        if suffix and run == first:
            continue
        await keep(client, handle.id, run, f"{name}{suffix}")


async def keep(client: Client, workflow_id: str, run: str | None, name: str) -> None:
    history = await client.get_workflow_handle(workflow_id, run_id=run).fetch_history()
    text = json.dumps(json.loads(MACHINE.sub("", history.to_json())), indent=1, ensure_ascii=False)
    (HISTORIES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


async def record_relay(client: Client, engine: Engine, journal: Journal) -> None:
    """A relay's first run, up to where it goes on in a new one."""
    with receiving() as receiver:
        webhooks.add(
            engine, new_subscriber("relay", receiver.url, public=False, types=None), datetime.now(UTC)
        )
        await ensure_relays(client, ["relay"], task_queue=TASK_QUEUE)
        first = (await client.get_workflow_handle(relay_id("relay")).describe()).run_id
        for number in range(1, 13):
            await journal.record(told("RELAY", number, number))
            await asyncio.sleep(0.3)
        webhooks.remove(engine, "relay")
        await client.get_workflow_handle(relay_id("relay")).result()
    await keep(client, relay_id("relay"), first, "relay")


async def main(wanted: set[str]) -> None:
    HISTORIES.mkdir(exist_ok=True)
    short = {"continued_as_new", "relay"}
    for names, extra in (([n for n in LIVES if n in wanted - short], ()), (sorted(wanted & short), SHORT)):
        env = await WorkflowEnvironment.start_local(
            dev_server_existing_path=TEMPORAL,
            search_attributes=SEARCH_ATTRIBUTES,
            dev_server_log_level="never",
            dev_server_extra_args=list(extra),
        )
        async with env:
            with tempfile.TemporaryDirectory() as folder:
                url = f"sqlite:///{folder}/danbiet.db"
                upgrade(url)
                engine = open_database(url)
                client = await env.connect_client(
                    identity="recorder",
                    data_converter=pydantic_data_converter,
                    namespace=env.client.namespace,
                )
                with Journal(engine, "recorder") as journal:
                    registry = CollectorRegistry()
                    delivering = Delivering(
                        engine, registry, private=True, settled=timedelta(), linger=timedelta(milliseconds=50)
                    )
                    async with build_worker(client, journal, registry, delivering=delivering):
                        for name in names:
                            if name == "relay":
                                await record_relay(client, engine, journal)
                            else:
                                await record(client, name)
                engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(set(sys.argv[1:]) or {*LIVES, "relay"}))
    gc.collect()
