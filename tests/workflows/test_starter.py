"""The intake counter against a real server: submitting twice, conflicts, and dossiers whose workflow has ended."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.errors import Code, Refusal, Unavailable, Unsure
from models.events import Record
from models.instants import iso
from models.submission import Applicant, Submission
from starter import Starter, connect
from store import queries
from store.database import open_database
from store.journal import Journal, Recorded
from tests.models.office import AGENCY, ZONE, hours
from tests.workflows.conftest import strict_sandbox
from tests.workflows.lives import FIVE_STEPS, begin, due_in, kinds, late, new_code, office_catalogue, told
from worker import build_worker
from workflows.names import STATUS, workflow_id

FAILED = "workflow_task_failed_event_attributes"


@pytest.fixture
def starter(dev: WorkflowEnvironment, engine: Engine, dev_worker: Worker) -> Starter:
    return Starter(dev.client, office_catalogue(window=hours(0)), engine)


def submission(**fields: Any) -> Submission:
    applicant = Applicant(name="Nguyễn Thị Thử Nghiệm")
    known = {"code": new_code(), "procedure": "2.000908", "agency": AGENCY, "applicant": applicant}
    return Submission(**known | fields)


async def refusal(call: Any) -> Code:
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


async def ended(starter: Starter, code: str) -> None:
    await asyncio.wait_for(starter.client.get_workflow_handle(workflow_id(code)).result(), 10)


async def processed(starter: Starter, **fields: Any) -> str:
    """A dossier with every step done on time; its workflow has ended."""
    receipt: Any = await starter.submit(submission(**fields))
    for step in FIVE_STEPS:
        await starter.act(receipt["code"], {"action": "complete", "step": step.key})
    await ended(starter, receipt["code"])
    return str(receipt["code"])


async def published(starter: Starter) -> str:
    """A dossier whose first step was an hour late, done just now; published at once, and its workflow has ended."""
    receipt: Any = await starter.submit(submission(at=datetime.now(UTC) - timedelta(hours=3)))
    code = str(receipt["code"])
    await starter.act(code, {"action": "complete", "step": "receive"})
    await starter.act(code, {"action": "stop", "reason": "hết thẩm quyền"})
    await ended(starter, code)
    assert late(starter.engine, code)[0].state == "published"
    return code


async def test_submission_is_answered_at_once_and_seen_at_once(starter: Starter, engine: Engine) -> None:
    receipt: Any = await starter.submit(submission(code=None))
    accepted = datetime.fromisoformat(receipt["accepted_at"])
    assert receipt["created"] is True
    assert receipt["secret"]
    assert receipt["code"].startswith(f"{AGENCY}-")
    assert receipt["due_at"] == iso(accepted + timedelta(hours=24), ZONE)
    assert [event["sequence"] for event in receipt["events"]] == [1, 2]
    assert receipt["sequence"] == 2
    assert kinds(engine, receipt["code"]) == ["accepted", "step_started"]


async def test_submitting_the_same_again_changes_nothing(starter: Starter, engine: Engine) -> None:
    code = new_code()
    first: Any = await starter.submit(submission(code=code))
    for wait in (True, False):
        again: Any = await starter.submit(submission(code=code), wait=wait)
        assert again == first | {"created": False, "secret": None}
    assert kinds(engine, code) == ["accepted", "step_started"]


async def test_other_content_under_the_same_code_is_a_conflict(starter: Starter) -> None:
    code = new_code()
    at = datetime.now(UTC) - timedelta(minutes=5)
    await starter.submit(submission(code=code, at=at))
    other = Applicant(name="Người Khác")
    assert await refusal(starter.submit(submission(code=code, applicant=other))) == Code.CONFLICT
    assert await refusal(starter.submit(submission(code=code, at=at + timedelta(minutes=1)))) == Code.CONFLICT
    again: Any = await starter.submit(submission(code=code, at=at))
    assert again["created"] is False


async def test_the_same_content_in_other_letters_is_the_same(starter: Starter) -> None:
    code = new_code()
    await starter.submit(submission(code=code, applicant=Applicant(name="Nguyễn Thị Thử", phone="0900 000")))
    typed = Applicant(name=unicodedata.normalize("NFD", " Nguyễn  Thị Thử "), phone="0900 000 ")
    again: Any = await starter.submit(submission(code=code, applicant=typed))
    assert again["created"] is False


async def test_a_submission_again_gets_its_first_receipt(
    starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also weeks later, when the submission alone, without what was done, would look late."""
    told = submission(code=new_code(), at=datetime.now(UTC) - timedelta(days=20))
    first: Any = await starter.submit(told)
    assert "recorded" in {event["type"].rsplit(".", 1)[1] for event in first["events"]}

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(days=60)

    monkeypatch.setattr("starter.datetime", Later)
    assert await starter.submit(told) == first | {"created": False, "secret": None}


async def test_an_action_whose_instant_is_null_happened_now(starter: Starter) -> None:
    receipt: Any = await starter.submit(submission())
    told: Any = await starter.act(receipt["code"], {"action": "complete", "step": "receive", "at": None})
    assert datetime.now(UTC) - datetime.fromisoformat(told["events"][0]["at"]) < timedelta(minutes=1)


async def test_submitting_an_ended_dossier_again_is_known(starter: Starter, engine: Engine) -> None:
    code = new_code()
    await processed(starter, code=code)
    before = kinds(engine, code)
    again: Any = await starter.submit(submission(code=code))
    assert again["created"] is False
    assert await refusal(starter.submit(submission(code=code, counter="2"))) == Code.CONFLICT
    assert kinds(engine, code) == before


async def test_five_steps_submitted_at_the_counter_stay_small(starter: Starter) -> None:
    code = await processed(starter)
    history = await starter.client.get_workflow_handle(workflow_id(code)).fetch_history()
    assert len(history.events) <= 50
    assert sum(event.ByteSize() for event in history.events) <= 20_000


async def test_action_repeated_with_its_id_gets_the_same_answer(starter: Starter, engine: Engine) -> None:
    submitted: Any = await starter.submit(submission())
    code = submitted["code"]
    action = {"action": "complete", "step": "receive"}
    first = await starter.act(code, action, id="key")
    assert await starter.act(code, action, id="key") == first
    assert kinds(engine, code).count("step_completed") == 1


async def test_refusals_keep_their_code_and_sentence(starter: Starter) -> None:
    submitted: Any = await starter.submit(submission())
    code = submitted["code"]
    assert await refusal(starter.act(code, {"action": "complete", "step": "sign"})) == Code.TOO_EARLY
    assert (
        await refusal(starter.act(code, {"action": "complete", "step": "receive"}, by="B")) == Code.NOT_HOLDER
    )
    assert await refusal(starter.act(code, {"action": "fly"})) == Code.INVALID
    assert await refusal(starter.act(new_code(), {"action": "deliver"})) == Code.NOT_FOUND
    assert await refusal(starter.state(new_code())) == Code.NOT_FOUND
    assert await refusal(starter.why(code, "nowhere")) == Code.INVALID


async def test_deliver_reopens_an_ended_workflow(starter: Starter, engine: Engine) -> None:
    code = await processed(starter)
    last = told(engine, code)[-1].sequence
    receipt: Any = await starter.act(code, {"action": "deliver", "reason": "xong"})
    assert (receipt["status"], receipt["sequence"]) == ("delivered", last + 1)
    await ended(starter, code)
    assert [event.sequence for event in told(engine, code)] == list(range(1, last + 2))
    assert kinds(engine, code)[-1] == "delivered"
    assert await refusal(starter.act(code, {"action": "deliver", "reason": "xong"})) == Code.ALREADY_DONE
    description = await starter.client.get_workflow_handle(workflow_id(code)).describe()
    assert description.typed_search_attributes.get(STATUS) == "delivered"
    again: Any = await starter.submit(submission(code=code, at=None))
    assert again["created"] is False  # the fingerprint of the submission went along


async def test_refused_on_an_ended_workflow(starter: Starter, engine: Engine) -> None:
    code = await processed(starter)
    before = kinds(engine, code)
    assert await refusal(starter.act(code, {"action": "complete", "step": "receive"})) == Code.ILLEGAL_ACTION
    await ended(starter, code)
    assert kinds(engine, code) == before
    description = await starter.client.get_workflow_handle(workflow_id(code)).describe()
    assert description.typed_search_attributes.get(STATUS) == "processed"


async def test_request_id_is_remembered_when_the_workflow_has_ended(starter: Starter, engine: Engine) -> None:
    submitted: Any = await starter.submit(submission())
    code = submitted["code"]
    first = await starter.act(code, {"action": "stop", "reason": "x"}, id="stop-1")
    await ended(starter, code)
    assert await starter.act(code, {"action": "stop", "reason": "x"}, id="stop-1") == first
    assert kinds(engine, code).count("closed") == 1


async def test_late_evidence_retracts_what_an_ended_workflow_published(
    starter: Starter, engine: Engine
) -> None:
    code = await published(starter)
    (lateness,) = late(engine, code)
    at = lateness.due_at - timedelta(minutes=10)
    last = told(engine, code)[-1].sequence
    # The step was handed over early on: another person had it longest. Published, so corrected to the agency.
    fields = {"action": "hand_over", "step": "receive", "official": "B", "reason": "sổ giao nhận"}
    receipt: Any = await starter.act(code, fields | {"at": at - timedelta(minutes=90)})
    assert receipt["sequence"] > last
    await ended(starter, code)
    (corrected,) = late(engine, code)
    assert (corrected.state, corrected.official) == ("corrected", None)
    assert [event.sequence for event in told(engine, code)] == list(range(1, receipt["sequence"] + 1))


async def test_correction_after_publication_reopens(starter: Starter, engine: Engine) -> None:
    code = await published(starter)
    (lateness,) = late(engine, code)
    fields = {"action": "correct", "lateness": lateness.id, "decision": "retracted", "reason": "nhầm"}
    receipt: Any = await starter.act(code, fields)
    assert [event["type"].rsplit(".", 1)[1] for event in receipt["events"]] == ["retracted"]
    await ended(starter, code)
    assert late(engine, code)[0].state == "retracted"
    archive = queries.archive(engine, code)
    assert archive is not None
    assert archive.sequence == receipt["sequence"]
    assert "Nguyễn" not in str(archive.aggregate)


async def test_two_actions_reopen_at_once(starter: Starter, engine: Engine) -> None:
    code = await published(starter)
    (lateness,) = late(engine, code)
    last = told(engine, code)[-1].sequence
    fields = {"action": "correct", "lateness": lateness.id, "decision": "corrected", "reason": "nhầm"}
    answers = await asyncio.gather(
        *(starter.act(code, fields | {"note": str(number)}, id=f"c{number}") for number in range(3)),
        return_exceptions=True,
    )
    assert not [each for each in answers if isinstance(each, BaseException) and not isinstance(each, Refusal)]
    await ended(starter, code)
    sequences = [event.sequence for event in told(engine, code)]
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) > last


async def test_what_got_no_answer_is_sent_again_and_taken_once(
    dev: WorkflowEnvironment, engine: Engine, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody works when the action comes; it may be taken later, so the door may not say that nothing was done."""
    queue = f"nobody-{new_code()}"
    starter = Starter(dev.client, office_catalogue(window=hours(0)), engine, task_queue=queue)
    receipt: Any = await starter.submit(submission(), wait=False)
    code, fields = str(receipt["code"]), {"action": "complete", "step": "receive", "at": datetime.now(UTC)}
    monkeypatch.setattr("starter.ANSWER_WITHIN", timedelta(seconds=1))
    with pytest.raises(Unsure, match=f"in 1 s: whether {code} took this is not known"):
        await starter.act(code, fields, id="once")
    monkeypatch.undo()
    async with build_worker(dev.client, journal, CollectorRegistry(), task_queue=queue):
        first: Any = await starter.act(code, fields, id="once")
        again: Any = await starter.act(code, fields, id="once")
    assert first == again
    assert kinds(engine, code).count("step_completed") == 1


async def test_the_last_action_sent_again_gets_its_answer_again(starter: Starter, engine: Engine) -> None:
    """Its workflow has ended meanwhile."""
    receipt: Any = await starter.submit(submission())
    code, fields = (
        str(receipt["code"]),
        {"action": "stop", "reason": "hết thẩm quyền", "at": datetime.now(UTC)},
    )
    first: Any = await starter.act(code, fields, id="once")
    await ended(starter, code)
    again: Any = await starter.act(code, fields, id="once")
    assert first == again
    assert kinds(engine, code).count("closed") == 1


async def test_server_out_of_reach_is_one_sentence() -> None:
    with pytest.raises(Unavailable, match="no Temporal server answers at"):
        await connect("127.0.0.1:1")


# --- the database out of reach -------------------------------------------------------------------------------------


@pytest.fixture
def without_store(dev: WorkflowEnvironment, tmp_path: Path) -> Iterator[Starter]:
    engine = open_database(f"sqlite:///{tmp_path / 'gone' / 'danbiet.db'}")
    yield Starter(dev.client, office_catalogue(window=hours(0)), engine)
    engine.dispose()


async def test_a_submission_with_its_code_needs_temporal_alone(without_store: Starter) -> None:
    code = new_code()
    first: Any = await without_store.submit(submission(code=code))
    assert (first["code"], first["created"]) == (code, True)
    again: Any = await without_store.submit(submission(code=code))
    assert again["created"] is False
    other = submission(code=code, applicant=Applicant(name="Người Khác"))
    assert await refusal(without_store.submit(other)) == Code.CONFLICT


async def test_a_submission_without_a_code_is_told_how_it_would_be_taken(without_store: Starter) -> None:
    with pytest.raises(Unavailable, match="a submission that brings its 'code' is taken"):
        await without_store.submit(submission(code=None))


async def test_closing_while_the_deadline_passes_is_sent_again(
    dev: WorkflowEnvironment, engine: Engine, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal takes no end from a task in which a timer fired: it drops the task, and what was sent to it."""
    write = journal.record_all
    held_up = asyncio.Event()

    async def slow(records: Sequence[Record]) -> Sequence[Recorded]:
        if records[-1].archive is not None and not held_up.is_set():
            held_up.set()
            await asyncio.sleep(max(0.0, fires - time.time()) + 1)
        return await write(records)

    monkeypatch.setattr(journal, "record_all", slow)
    async with build_worker(dev.client, journal, CollectorRegistry(), runner=strict_sandbox()):
        start = due_in(2)
        due = start.accepted_at + timedelta(hours=2)
        fires = due.timestamp() + 1
        handle = await begin(dev.client, start)
        await asyncio.sleep(fires - 0.5 - time.time())
        starter = Starter(dev.client, office_catalogue(), engine)
        done = {"action": "complete", "step": "work", "at": due}
        receipt: Any = await starter.act(start.code, done, id="done")
        await asyncio.wait_for(handle.result(), 10)
    failed = [event async for event in handle.fetch_history_events() if event.HasField(FAILED)]
    assert len(failed) == 1
    assert receipt["status"] == "processed"
    assert {"step_completed", "closed", "annulled"} < set(
        kinds(engine, start.code)
    )  # the timer's task came first
    assert [lateness.state for lateness in late(engine, start.code)] == ["annulled"]
