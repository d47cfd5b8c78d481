"""The worker is killed again and again, and the receiver is away and moody: no event is lost or out of order."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.delivery import new_subscriber
from store import webhooks
from store.journal import Journal
from tests.delivery.receiver import Answering, Seen, receiving
from tests.faults.processes import Killable, Server, free_port
from tests.store.samples import record
from tests.workflows.lives import eventually
from workflows.names import TASK_QUEUE
from workflows.relay import ensure_relays

DOSSIERS, EVENTS = 20, 5
KILLS = 2
"""While the receiver is back; one more while it is away."""
SEED = 20250401


@pytest.fixture
def relay(tmp_path: Path, server: Server, engine: Engine) -> Iterator[Killable]:
    command = (sys.executable, "-m", "tests.faults.relay_process", server.address, str(engine.url))
    process = Killable(tmp_path / "relay.log", *command)
    yield process
    process.stop()


def tell(engine: Engine, number: int) -> None:
    """One more event of each dossier."""
    journal = Journal(engine, "faults")
    journal.record_now([record(f"D{dossier}", number, number) for dossier in range(DOSSIERS)])


@pytest.mark.timeout(270)
async def test_every_event_arrives_and_each_dossier_in_order(
    server: Server, relay: Killable, engine: Engine
) -> None:
    dice = random.Random(SEED)  # noqa: S311 - the same moods each time
    taken: list[str] = []

    def moody(handler: Answering, seen: Seen) -> None:
        time.sleep(0.02)
        if dice.random() < 0.1:
            handler.say(503)
        else:
            taken.append(seen.event["id"])
            handler.say(204)

    port = free_port()
    hook = new_subscriber("away", f"http://127.0.0.1:{port}/", public=False, types=None)
    webhooks.add(engine, hook, datetime.now(UTC))
    await ensure_relays(await server.client(), ["away"], task_queue=TASK_QUEUE)
    expected = {f"D{dossier}/{number}" for dossier in range(DOSSIERS) for number in range(1, EVENTS + 1)}
    relay.start()
    for number in range(1, EVENTS + 1 - KILLS):
        tell(engine, number)
    await eventually(lambda: standing(engine).last_error is not None, 60)  # it has tried
    await restart(relay, dice)
    with receiving(moody, port) as receiver:
        for kill in range(KILLS):
            tell(engine, EVENTS + 1 - KILLS + kill)
            before = len(receiver.seen)
            await eventually(lambda: len(receiver.seen) > before + 5, 60)  # noqa: B023 - asked at once
            await restart(relay, dice)
        await eventually(lambda: set(taken) == expected, 60)
        await eventually(lambda: standing(engine).waiting == standing(engine).lag == 0, 15)
    first = list(dict.fromkeys(taken))
    for dossier in range(DOSSIERS):
        of_it = [each for each in first if each.startswith(f"D{dossier}/")]
        assert of_it == [f"D{dossier}/{number}" for number in range(1, EVENTS + 1)]
    assert standing(engine).dead == 0


async def restart(relay: Killable, dice: random.Random) -> None:
    relay.kill()
    await asyncio.sleep(dice.uniform(0.1, 0.4))
    relay.start()


def standing(engine: Engine) -> webhooks.Standing:
    [found] = webhooks.standings(engine)
    return found
