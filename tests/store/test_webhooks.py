"""What each webhook is to be sent, and what is remembered of it: on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete

from models.delivery import ATTEMPTS, Audience, Subscriber, SubscriberState, new_subscriber
from models.errors import Refusal
from models.events import EventType
from store import batches, webhooks
from store.batches import Answer, Batch, Result
from store.database import writing
from store.journal import Journal
from tests.store.samples import disclosed, lateness, record

HOOK = new_subscriber("ioc", "https://example.org/hook", public=False, types=None)
SOON = timedelta(seconds=30)
YES, NO = Answer(Result.DELIVERED), Answer(Result.FAILED, "answered 500")


def later(**more: float) -> datetime:
    """When everything that was told so far is settled."""
    return datetime.now(UTC) + SOON + timedelta(**more)


def tell(engine: Engine, code: str, first: int, last: int) -> None:
    Journal(engine, "test").record_now([record(code, first, last)])


def add(engine: Engine, hook: Subscriber = HOOK, since: int | None = 1) -> None:
    webhooks.add(engine, hook, datetime.now(UTC))
    if since is not None:
        webhooks.replay(engine, hook.name, datetime.now(UTC), since)


def batch_of(engine: Engine, now: datetime, name: str = HOOK.name) -> Batch:
    found = batches.next_batch(engine, name, now)
    assert found is not None
    return found


def ids(batch: Batch) -> list[str]:
    return [parcel.event.id for parcel in batch.parcels]


def send(engine: Engine, now: datetime, refused: str = "-", answer: Answer = NO) -> list[str]:
    """One batch, as it is sent: after a refusal nothing more of its dossier. Returns what was delivered."""
    batch = batch_of(engine, now)
    held: set[str] = set()
    answers = {}
    for parcel in batch.parcels:
        if parcel.dossier not in held:
            answers[parcel.position] = answer if parcel.event.id == refused else YES
            if parcel.event.id == refused:
                held.add(parcel.dossier)
    batches.conclude(engine, batch, answers, now)
    return [each.event.id for each in batch.parcels if answers.get(each.position) == YES]


def test_a_new_webhook_is_told_what_happens_from_now_on(engine: Engine) -> None:
    tell(engine, "A", 1, 2)
    add(engine, since=None)
    assert batch_of(engine, later()).is_empty
    tell(engine, "A", 3, 3)
    assert ids(batch_of(engine, later())) == ["A/3"]
    assert batches.next_batch(engine, "nobody", later()) is None


def test_events_wait_until_they_are_settled(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 2)
    assert batch_of(engine, datetime.now(UTC)).is_empty
    assert ids(batch_of(engine, later())) == ["A/1", "A/2"]


def test_what_was_delivered_is_not_sent_again(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 2)
    assert send(engine, later()) == ["A/1", "A/2"]
    assert batch_of(engine, later()).is_empty
    [standing] = webhooks.standings(engine)
    assert (standing.lag, standing.waiting, standing.dead) == (0, 0, 0)


def test_a_failed_event_holds_up_its_dossier_and_no_other(engine: Engine) -> None:
    add(engine)
    for code in ("A", "B"):
        tell(engine, code, 1, 2)
    assert send(engine, later(), refused="A/1") == ["B/1", "B/2"]
    tell(engine, "A", 3, 3)
    tell(engine, "B", 3, 3)
    assert send(engine, later()) == ["B/3"]  # A/1 is not due, and A/3 is behind it
    now = later(minutes=1)
    assert [send(engine, now) for _ in range(4)] == [["A/1"], ["A/2"], ["A/3"], []]


def test_a_dead_letter_lets_its_dossier_go_on_and_can_be_replayed(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 2)
    now = later()
    attempts = 0
    while webhooks.standings(engine)[0].dead == 0:
        send(engine, now, refused="A/1")
        now += timedelta(hours=5)
        attempts += 1
    assert attempts == ATTEMPTS
    assert send(engine, now) == ["A/2"]
    [standing] = webhooks.standings(engine)
    assert (standing.waiting, standing.dead, standing.last_error) == (0, 1, "answered 500")
    assert batch_of(engine, now).is_empty
    assert webhooks.replay(engine, HOOK.name, now) == 1
    assert send(engine, now) == ["A/1"]
    assert webhooks.standings(engine)[0].dead == 0


def test_replay_from_a_position_sends_everything_since_again(engine: Engine) -> None:
    add(engine)
    for code in ("A", "B", "C"):
        tell(engine, code, 1, 1)
    now = later()
    send(engine, now, refused="C/1")
    assert webhooks.standings(engine)[0].waiting == 1
    webhooks.replay(engine, HOOK.name, now, 2)
    assert ids(batch_of(engine, now)) == ["B/1", "C/1"]
    assert webhooks.standings(engine)[0].waiting == 0
    for wrong in (0, 3):
        with pytest.raises(Refusal, match="position"):
            webhooks.replay(engine, HOOK.name, now, wrong)
    with pytest.raises(Refusal, match="no webhook 'nobody'"):
        webhooks.replay(engine, "nobody", now)


def test_a_receiver_that_is_down_is_asked_with_one_event_and_given_the_rest_when_back(engine: Engine) -> None:
    add(engine)
    for number in range(12):
        tell(engine, f"D{number}", 1, 1)
    now = later()

    def refuse() -> int:
        batch = batch_of(engine, now)
        batches.conclude(engine, batch, {each.position: NO for each in batch.parcels}, now)
        return len(batch.parcels)

    assert refuse() == 12
    assert refuse() == 0  # it is left alone
    for _ in range(6):
        now += timedelta(minutes=6)
        assert refuse() == 1
    now += timedelta(minutes=6)
    assert len(send(engine, now)) == 1
    assert len(send(engine, now)) == 11  # though some were to be tried again in an hour only


def test_a_poisonous_event_is_not_tried_more_often_for_what_goes_well(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 1)
    now = later()
    for number in range(5):
        send(engine, now, refused="A/1")
        now += timedelta(seconds=1)
        tell(engine, f"B{number}", 1, 1)
    with_poison = batch_of(engine, now + timedelta(minutes=10))
    assert next(each.attempts for each in with_poison.parcels if each.event.id == "A/1") == 1


def test_a_receiver_that_wants_no_more_is_disabled_until_it_is_replayed(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 2)
    now = later()
    assert send(engine, now, refused="A/1", answer=Answer(Result.GONE)) == []
    [standing] = webhooks.standings(engine)
    assert standing.subscriber.state is SubscriberState.DISABLED
    assert standing.reason is not None
    assert batch_of(engine, later(hours=9)).is_empty
    webhooks.replay(engine, HOOK.name, now)
    assert send(engine, now) == ["A/1"]
    assert send(engine, now) == ["A/2"]


def test_the_receiver_decides_when_to_be_asked_again(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 1)
    tell(engine, "B", 1, 1)
    now = later()
    send(engine, now, refused="A/1", answer=NO._replace(asked=timedelta(hours=2)))
    assert batch_of(engine, now + timedelta(hours=1)).is_empty
    assert ids(batch_of(engine, now + timedelta(hours=2))) == ["A/1"]


def test_a_webhook_set_back_while_it_is_served_forgets_nothing(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 2)
    now = later()
    send(engine, now)
    tell(engine, "A", 3, 3)
    now = later()
    running = batch_of(engine, now)
    webhooks.replay(engine, HOOK.name, now, 1)
    batches.conclude(engine, running, {each.position: YES for each in running.parcels}, now)
    assert send(engine, now) == ["A/1", "A/2", "A/3"]


def test_a_removed_webhook_leaves_nothing(engine: Engine) -> None:
    add(engine)
    tell(engine, "A", 1, 1)
    now = later()
    running = batch_of(engine, now)
    webhooks.remove(engine, HOOK.name)
    batches.conclude(engine, running, {each.position: NO for each in running.parcels}, now)
    assert webhooks.standings(engine) == []
    add(engine)
    assert ids(batch_of(engine, now)) == ["A/1"]
    with pytest.raises(Refusal, match="no webhook"):
        webhooks.remove(engine, "nobody")


def test_an_event_that_was_never_told_after_all_is_forgotten(engine: Engine) -> None:
    """A lost workflow task: what it told is taken out of the outbox (decision 0008)."""
    add(engine)
    tell(engine, "A", 1, 2)
    now = later()
    send(engine, now, refused="A/1")
    with writing(engine) as connection:
        connection.execute(delete(webhooks.OUTBOX).where(webhooks.OUTBOX.c.sequence == 1))
    now = later(minutes=1)
    assert send(engine, now) == []
    assert send(engine, now) == ["A/2"]
    assert webhooks.standings(engine)[0].waiting == 0


def test_a_public_webhook_is_told_what_is_published_and_passes_the_rest(engine: Engine) -> None:
    press = new_subscriber("press", "https://example.org/press", public=True, types=None)
    add(engine, press)
    late = lateness("CT-250401-0009")
    events = [disclosed(1, late), disclosed(2, late, EventType.PUBLISHED)]
    Journal(engine, "test").record_now([record("CT-250401-0009", events=events)])
    batch = batch_of(engine, later(), "press")
    assert batch.subscriber.audience is Audience.PUBLIC
    assert ids(batch) == ["0009/2"]
    batches.conclude(engine, batch, {each.position: YES for each in batch.parcels}, later())
    assert webhooks.standings(engine)[0].position == 2


def test_an_old_secret_signs_beside_the_new_one_for_a_day(engine: Engine) -> None:
    now = datetime.now(UTC)
    first = webhooks.add(engine, HOOK, now)
    tell(engine, "A", 1, 1)
    moved = HOOK.model_copy(update={"url": "https://example.org/new", "types": (EventType.CLOSED,)})
    second = webhooks.add(engine, moved, now)
    assert first.startswith("whsec_")
    batch = batch_of(engine, now + timedelta(hours=23))
    assert (batch.secrets, batch.subscriber) == ((second, first), moved)
    assert batch.before == 0  # it keeps its place
    assert batch_of(engine, now + timedelta(hours=25)).secrets == (second,)
    [standing] = webhooks.standings(engine)
    assert "whsec" not in standing.model_dump_json()
