"""What Temporal's own lists know of a dossier, by describe (the truth) and by list filter (eventually)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.models.office import AGENCY, OTHER, THIRD, hours, step
from tests.workflows.lives import act, begin, due_in, eventually, kinds, late, start_of
from workflows.attributes import changes
from workflows.names import AGENCY as AGENCIES
from workflows.names import DUE_AT, LATE, OFFICIAL, PROCEDURE, SEARCH_ATTRIBUTES, STATUS

PARALLEL = (
    step("roads", 1, hours(2), "R", OTHER),
    step("water", 1, hours(4), None, THIRD),
    step("permit", 2, hours(1), "P"),
)


async def shown(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    attributes = (await handle.describe()).typed_search_attributes
    ours = {key.name for key in SEARCH_ATTRIBUTES}
    return {pair.key.name.removeprefix("Danbiet"): pair.value for pair in attributes if pair.key.name in ours}


async def found(env: WorkflowEnvironment, query: str) -> list[str]:
    return [each.id async for each in env.client.list_workflows(query)]


async def test_who_holds_what_runs_and_until_when(
    dev: WorkflowEnvironment, engine: Engine, dev_worker: Worker
) -> None:
    start = start_of(datetime.now(UTC), steps=PARALLEL)
    handle = await begin(dev.client, start)
    accepted = start.accepted_at
    at_start = {
        "Procedure": "2.000908",
        "Status": "running",
        "Agency": [OTHER, THIRD],
        "Official": ["R"],
        "DueAt": accepted + timedelta(hours=2),
        "Late": 0,
    }
    assert await shown(handle) == at_start
    await act(handle, "complete", step="roads")
    assert await shown(handle) == {name: value for name, value in at_start.items() if name != "Official"} | {
        "Agency": [THIRD],
        "DueAt": accepted + timedelta(hours=4),
    }
    await act(handle, "hand_over", step="water", official="W", of_agency=THIRD)
    assert (await shown(handle))["Official"] == ["W"]
    await act(handle, "request_payment")
    paused = await shown(handle)
    assert paused == {"Procedure": "2.000908", "Status": "paused", "Late": 0}
    await act(handle, "payment_received")
    assert (await shown(handle))["Agency"] == [THIRD]
    assert "DueAt" in await shown(handle)
    await act(handle, "complete", step="water")
    assert (await shown(handle))["Agency"] == [AGENCY]
    await act(handle, "complete", step="permit")
    await handle.result()
    assert await shown(handle) == {"Procedure": "2.000908", "Status": "processed", "Late": 0}


async def test_late_is_counted_and_uncounted(
    dev: WorkflowEnvironment, engine: Engine, dev_worker: Worker
) -> None:
    start = due_in(-120)
    handle = await begin(dev.client, start)
    await eventually(lambda: bool(late(engine, start.code)))
    assert (await shown(handle))["Late"] == 1
    assert (await shown(handle))["DueAt"] == start.accepted_at + timedelta(hours=8)  # the promise is next
    await act(handle, "complete", start.accepted_at + timedelta(hours=1), step="work", reason="sổ tay")
    assert kinds(engine, start.code)[-1] == "annulled"
    assert (await shown(handle))["Late"] == 0


async def test_lists_find_dossiers_by_their_attributes(
    dev: WorkflowEnvironment, engine: Engine, dev_worker: Worker
) -> None:
    mine = due_in(3600, steps=(step("work", 1, hours(2), "LISTED"),))
    overdue = due_in(-3600, steps=(step("work", 1, hours(2), "LISTED"),))
    for start in (mine, overdue):
        await begin(dev.client, start)
    await eventually(lambda: bool(kinds(engine, mine.code)) and bool(late(engine, overdue.code)))
    by_official = f"{OFFICIAL.name} = 'LISTED'"
    queries = {
        by_official: {mine.code, overdue.code},
        f"{by_official} AND {LATE.name} > 0": {overdue.code},
        f"{by_official} AND {AGENCIES.name} = '{AGENCY}' AND {STATUS.name} = 'running'": {
            mine.code,
            overdue.code,
        },
        f"{by_official} AND {DUE_AT.name} < '{(mine.accepted_at + timedelta(hours=3)).isoformat()}'": {
            mine.code
        },
        f"{by_official} AND {PROCEDURE.name} = 'none'": set(),
    }
    for query, codes in queries.items():
        expected = {f"dossier/{code}" for code in codes}
        ids: set[str] = set()
        for _ in range(200):  # visibility is eventually consistent
            ids = set(await found(dev, query))
            if ids == expected:
                break
        assert ids == expected, query


def test_only_what_changed_is_sent() -> None:
    old = {STATUS.name: "running", OFFICIAL.name: ["A"]}
    new = {STATUS.name: "running", LATE.name: 1}
    assert {(update.key, update.value) for update in changes(old, new)} == {(LATE, 1), (OFFICIAL, None)}
    assert changes(new, new) == []
