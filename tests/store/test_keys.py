"""What repeated requests were answered is kept for a month, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from store import keys
from store.database import reading
from worker import keep_tidy


def ids(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(keys.ANSWER.c.id)).scalars())


@pytest.fixture
def answers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """One that was given a month ago, one begun long ago and never given, and one that is kept."""
    now = datetime.now(UTC)
    ages = {
        "old": keys.ANSWERS_KEPT + timedelta(minutes=1),
        "begun": timedelta(days=99),
        "new": timedelta(days=29),
    }
    for name, age in ages.items():
        with monkeypatch.context() as patched:
            patched.setattr(keys, "whole", lambda _, at=now - age: at.replace(microsecond=0))
            assert keys.answer_before(engine, "key", name, "request") is None
        if name != "begun":
            keys.keep_answer(engine, "key", name, keys.Answer(status=200, body={"told": name}))
    return engine


def test_answers_are_forgotten_after_a_month(answers: Engine) -> None:
    assert keys.forget_answers(answers, datetime.now(UTC)) == 2
    assert ids(answers) == {"new"}
    kept = keys.answer_before(answers, "key", "new", "request")
    assert kept == keys.Answer(status=200, body={"told": "new"})
    assert keys.answer_before(answers, "key", "old", "another request") is None
    assert keys.forget_answers(answers, datetime.now(UTC)) == 0


async def test_a_worker_forgets_them_when_it_starts(answers: Engine) -> None:
    upkeep = asyncio.create_task(keep_tidy(answers))
    async with asyncio.timeout(10):
        while ids(answers) != {"new"}:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    upkeep.cancel()
    await asyncio.wait({upkeep})
    assert upkeep.cancelled()
