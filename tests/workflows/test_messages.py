"""What is said to a dossier and what it answers: the update ``act``, the queries, and repetition."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.actions import Actor, Role
from models.instants import iso, whole
from models.submission import DossierStart
from tests.models.office import ZONE, days
from tests.workflows.lives import (
    ONE_STEP,
    act,
    begin,
    due_in,
    eventually,
    given,
    kinds,
    late,
    outbox,
    request,
    start_of,
    told,
)
from workflows.names import ACT, LATENESSES, STATE, WHY

LOST_TASK = "the journal keeps what a lost workflow task told, though the workflow went on differently"


@pytest.fixture
def start(dev_worker: Worker) -> DossierStart:
    return start_of(datetime.now(UTC) - timedelta(minutes=30))


@pytest.fixture
async def handle(dev: WorkflowEnvironment, engine: Engine, start: DossierStart) -> WorkflowHandle[Any, Any]:
    handle = await begin(dev.client, start)
    await eventually(lambda: bool(kinds(engine, start.code)))
    return handle


async def refusal(handle: WorkflowHandle[Any, Any], update: Any) -> str | None:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await asyncio.wait_for(handle.execute_update(ACT, update), 10)
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message
    return failed.value.cause.type


async def test_refused_actions_leave_nothing_behind(
    handle: WorkflowHandle[Any, Any], start: DossierStart, engine: Engine
) -> None:
    now = datetime.now(UTC)
    await act(handle, "complete", step="receive")
    events = len((await handle.fetch_history()).events)
    stranger = Actor(name="Z", role=Role.OFFICIAL)
    ago = now - timedelta(minutes=25)
    assert await refusal(handle, request("complete", now, step="receive")) == "already_done"
    assert await refusal(handle, request("complete", now, step="sign")) == "too_early"
    assert await refusal(handle, request("complete", now, step="nowhere")) == "invalid"
    assert (
        await refusal(handle, request("complete", now + timedelta(minutes=1), step="appraise")) == "invalid"
    )
    assert await refusal(handle, request("complete", now, by=stranger, step="appraise")) == "not_holder"
    assert await refusal(handle, request("stop", ago, by=Actor(name="A", role=Role.OFFICIAL))) == "forbidden"
    assert await refusal(handle, request("explain", now, lateness="none", text="x")) == "not_found"
    assert await refusal(handle, request("supplement_received", now)) == "illegal_action"
    assert len((await handle.fetch_history()).events) == events
    assert kinds(engine, start.code) == ["accepted", "step_started", "step_completed", "step_started"]


async def test_malformed_updates_are_refused_and_harm_nobody(handle: WorkflowHandle[Any, Any]) -> None:
    now = datetime.now(UTC).isoformat()
    for update in (
        {"action": "dance", "at": now},
        {"action": "complete", "at": now},
        {"action": "complete", "at": "2026-01-01T08:00:00", "step": "receive"},
        {"given": "nothing"},
        "complete",
    ):
        with pytest.raises(WorkflowUpdateFailedError):
            await asyncio.wait_for(handle.execute_update(ACT, update), 10)
    receipt = await act(handle, "complete", step="receive")
    assert receipt["sequence"] == 4


async def test_bare_action_as_json_is_the_local_admins(
    handle: WorkflowHandle[Any, Any], engine: Engine, start: DossierStart
) -> None:
    at = whole(datetime.now(UTC))
    bare = {"action": "complete", "step": "receive", "at": iso(at, ZONE)}
    receipt = await handle.execute_update("act", bare)
    assert [event["type"].rsplit(".", 1)[1] for event in receipt["events"]] == [
        "step_completed",
        "step_started",
    ]
    assert receipt["events"][0]["at"] == iso(at, ZONE)
    assert receipt["code"] == start.code
    assert told(engine, start.code)[2].by == "admin"
    extended = {"action": "extend", "amount": 2, "unit": "working_days", "reason": "x", "at": iso(at, ZONE)}
    assert (await handle.execute_update("act", extended))["due_at"] == iso(
        start.accepted_at + timedelta(hours=24 + 16), ZONE
    )


async def test_a_bare_action_without_an_instant_happened_now(handle: WorkflowHandle[Any, Any]) -> None:
    before = whole(datetime.now(UTC))
    receipt = await handle.execute_update("act", {"action": "complete", "step": "receive", "reason": None})
    assert before <= datetime.fromisoformat(receipt["events"][0]["at"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("bare", "sentence"),
    [
        ({"action": "dance"}, "'dance' is no action: use one of complete, "),
        ({}, "'None' is no action"),
        ({"action": "complete"}, "'complete': the field 'step' is missing"),
        ({"action": "complete", "step": 5}, "'complete': 'step' must be a text"),
        ({"action": "stop", "at": "2026-01-01T08:00:00"}, "'2026-01-01T08:00:00' has no time zone"),
        ({"action": "stop", "by": "TAN-01"}, "'by': "),
    ],
)
async def test_a_bare_action_that_is_wrong_is_refused_in_words(
    handle: WorkflowHandle[Any, Any], bare: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await asyncio.wait_for(handle.execute_update("act", bare), 10)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "invalid"
    assert refused.value.cause.message.startswith(sentence)


async def test_update_id_repeated_gets_the_same_answer(
    handle: WorkflowHandle[Any, Any], engine: Engine, start: DossierStart
) -> None:
    bare = {"action": "complete", "step": "receive", "at": datetime.now(UTC).isoformat()}
    answers = [await handle.execute_update(ACT, bare, id="receive-1") for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert kinds(engine, start.code).count("step_completed") == 1


async def test_request_id_repeated_under_another_update_id_gets_the_same_answer(
    handle: WorkflowHandle[Any, Any], engine: Engine, start: DossierStart
) -> None:
    said = request("complete", datetime.now(UTC), id="key-1", step="receive")
    first = await handle.execute_update(ACT, said, id="first")
    await act(handle, "complete", step="appraise")
    again = await handle.execute_update(ACT, said, id="second")
    assert again == first
    assert kinds(engine, start.code).count("step_completed") == 2


async def test_all_actions_of_a_request_or_none(
    handle: WorkflowHandle[Any, Any], engine: Engine, start: DossierStart
) -> None:
    now = datetime.now(UTC).isoformat()
    by = {"name": "admin", "role": "admin"}
    both = [
        {"action": {"action": "complete", "step": "receive", "at": now}, "by": by},
        {"action": {"action": "complete", "step": "issue", "at": now}, "by": by},
    ]
    assert await refusal(handle, {"given": both}) == "too_early"
    assert kinds(engine, start.code) == ["accepted", "step_started"]
    both[1]["action"]["step"] = "appraise"
    receipt = await handle.execute_update(ACT, {"given": both})
    assert [event["type"].rsplit(".", 1)[1] for event in receipt["events"]].count("step_completed") == 2


async def test_ten_at_once(handle: WorkflowHandle[Any, Any], engine: Engine, start: DossierStart) -> None:
    await hand_over_at_once(handle, engine, start, 10)


async def test_twenty_at_once(handle: WorkflowHandle[Any, Any], engine: Engine, start: DossierStart) -> None:
    """More than Temporal takes in at a time (10): it drops a task that has recorded already."""
    await hand_over_at_once(handle, engine, start, 20)


async def hand_over_at_once(
    handle: WorkflowHandle[Any, Any], engine: Engine, start: DossierStart, number: int
) -> None:
    """All are accepted, in one order, and told once each: a chain of holders without a gap."""
    officials = [f"B{each}" for each in range(number)]
    now = datetime.now(UTC)  # of one instant, so that they stand in the order in which they are taken
    answers = await asyncio.gather(
        *(act(handle, "hand_over", now, step="receive", official=each, id=each) for each in officials)
    )
    assert sorted(answer["sequence"] for answer in answers) == list(range(3, number + 3))
    events = told(engine, start.code)
    assert [event.sequence for event in events] == list(range(1, number + 3))
    handed = [event.data for event in events if event.type.endswith("handed_over")]
    assert {data["official"] for data in handed} == set(officials)
    assert [data["from_official"] for data in handed] == ["A", *(data["official"] for data in handed[:-1])]
    assert len(outbox(engine, start.code)) == number + 2
    assert (await handle.query(STATE))["steps"][0]["official"] == handed[-1]["official"]


async def test_last_actions_at_once_still_end_the_workflow(
    dev: WorkflowEnvironment, engine: Engine, dev_worker: Worker
) -> None:
    """An action that is still being recorded when the dossier is settled must not leave it waiting for ever."""
    for _ in range(5):
        start = start_of(datetime.now(UTC), steps=ONE_STEP)
        handle = await begin(dev.client, start)
        await eventually(lambda code=start.code: bool(kinds(engine, code)))  # type: ignore[misc]
        now = datetime.now(UTC)
        updates = [
            handle.execute_update(ACT, request("complete", now, step="work")),
            handle.execute_update(ACT, request("deliver", now)),
            handle.execute_update(ACT, request("hand_over", now, step="work", official="B")),
        ]
        outcomes = await asyncio.gather(*updates, return_exceptions=True)
        assert not isinstance(outcomes[0], BaseException)
        await asyncio.wait_for(handle.result(), 10)


async def test_start_and_first_known_actions_in_one_call(
    dev: WorkflowEnvironment, engine: Engine, dev_worker: Worker
) -> None:
    accepted = datetime.now(UTC) - timedelta(hours=3)
    rows = (
        given("complete", accepted + timedelta(hours=1), id="r1", step="receive"),
        given("request_supplement", accepted + timedelta(hours=2), id="r2"),
    )
    start = start_of(accepted, given=rows)
    handle = await begin(dev.client, start)
    state = await handle.query(STATE)
    assert (state["status"], state["portal_status"], state["sequence"]) == ("paused", 5, 5)
    assert state["steps"][1]["consumed_minutes"] == 60
    await eventually(lambda: kinds(engine, start.code)[-1:] == ["paused"])
    again = await handle.execute_update(
        ACT, {"given": [row.model_dump(mode="json") for row in rows], "id": "again"}
    )
    assert again["events"] == []  # rows that are known already change nothing


async def test_queries(dev: WorkflowEnvironment, engine: Engine, dev_worker: Worker) -> None:
    start = due_in(-60, total=days(2))
    handle = await begin(dev.client, start)
    await eventually(lambda: bool(late(engine, start.code)))
    due = start.accepted_at + timedelta(hours=2)
    state = await handle.query(STATE)
    assert state["code"] == start.code
    assert state["steps"][0]["late"] is True
    assert state["latenesses"] == [f"{start.code}:work:1"]
    assert state["due_at"] == iso(start.accepted_at + timedelta(hours=16), ZONE)
    why = await handle.query(WHY, "work")
    assert (why["subject"], why["due_at"], why["budget_minutes"]) == (
        f"{start.code}:work",
        iso(due, ZONE),
        120,
    )
    assert sum(line["minutes"] for line in why["lines"] if line["kind"] == "counted") == 120
    promise = await handle.query(WHY)
    assert (promise["subject"], promise["budget_minutes"]) == (f"{start.code}:promise", 960)
    (lateness,) = await handle.query(LATENESSES, datetime.now(UTC) + timedelta(minutes=10))
    assert lateness["state"] == "recorded"
    assert 10 < lateness["overrun_minutes"] < 13
    with pytest.raises(WorkflowQueryFailedError, match="nowhere"):
        await handle.query(WHY, "nowhere")
