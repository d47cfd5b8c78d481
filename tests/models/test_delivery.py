"""Who is told what about a lateness, and when it is tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from models.delivery import (
    ATTEMPTS,
    LONGEST_ASKED,
    LONGEST_REST,
    Audience,
    OutEvent,
    for_public,
    new_subscriber,
    next_attempt,
    rest,
    retry_after,
)
from models.errors import Refusal
from models.events import EventType
from models.instants import localised
from models.lateness import (
    Cause,
    CorrectDecision,
    HeldAfter,
    Lateness,
    LatenessState,
    Review,
    ReviewDecision,
    Share,
)
from tests.store.samples import T0, ZONE

CODE = "CT-LAND-250401-0007"
NAMED, HELPER, HEAD, REVIEWER = "cb-anh", "cb-binh", "truong-chi", "pct-dung"
ANSWER = "The archive was flooded."


def told(
    type_: EventType = EventType.PUBLISHED,
    state: LatenessState = LatenessState.PUBLISHED,
    official: str | None = NAMED,
) -> OutEvent:
    """An event about a lateness of which everything is filled in."""
    decision = ReviewDecision.UPHELD if state is LatenessState.PUBLISHED else CorrectDecision.CORRECTED
    late = Lateness(
        id=f"{CODE}:verify:1",
        dossier=CODE,
        procedure="land-transfer",
        step="verify",
        agency="CT-LAND",
        official=official,
        head=HEAD,
        due_at=T0,
        recorded_at=T0,
        state=state,
        shares=(
            Share(agency="CT-LAND", official=NAMED, minutes=60, share=75),
            Share(agency="CT-LAND", official=HELPER, minutes=20, share=25),
        ),
        after=(HeldAfter(agency="CT-TAX", official=HELPER, minutes=10),),
        explained_at=T0,
        explanation=ANSWER,
        review=Review(
            by=REVIEWER, at=T0, decision=decision, cause=Cause.OBJECTIVE, reason="Papers lay there."
        ),
        published_at=T0,
    )
    data = localised(late, ZONE)
    assert isinstance(data, dict)
    return OutEvent(
        position=41,
        id=f"{CODE}/7",
        type=type_,
        source="/danbiet/test",
        subject=late.id,
        time="2025-04-01T08:00:00+07:00",
        dossier=CODE,
        sequence=7,
        data=data,
    )


def test_the_public_is_told_the_named_official_and_nobody_else() -> None:
    shown = for_public(told())
    assert shown is not None
    text = json.dumps(shown.cloud_event())
    for hidden in (HELPER, HEAD, REVIEWER, CODE, "250401"):
        assert hidden not in text
    assert (shown.id, shown.subject, shown.dossier) == ("0007/41", "0007:verify:1", "0007")
    assert shown.data["official"] == NAMED
    assert shown.data["explanation"] == ANSWER
    assert shown.data["shares"] == [
        {"agency": "CT-LAND", "official": NAMED, "minutes": 60, "share": 75.0},
        {"agency": "CT-LAND", "official": None, "minutes": 20, "share": 25.0},
    ]
    assert set(shown.data) == set(Lateness.model_fields)  # the shape that the interfaces tell


@pytest.mark.parametrize("type_", [each for each in EventType if each is not EventType.SETTLED])
def test_the_public_is_told_nothing_before_publication(type_: EventType) -> None:
    public = {EventType.PUBLISHED, EventType.CORRECTED, EventType.RETRACTED}
    assert (for_public(told(type_)) is not None) == (type_ in public)


@pytest.mark.parametrize("state", LatenessState)
def test_settled_is_public_only_of_what_is_public(state: LatenessState) -> None:
    public = {LatenessState.PUBLISHED, LatenessState.CORRECTED}
    assert (for_public(told(EventType.SETTLED, state)) is not None) == (state in public)


@pytest.mark.parametrize(
    ("type_", "state"),
    [
        (EventType.CORRECTED, LatenessState.CORRECTED),
        (EventType.RETRACTED, LatenessState.RETRACTED),
        (EventType.SETTLED, LatenessState.CORRECTED),
    ],
)
def test_what_was_taken_back_names_nobody_again(type_: EventType, state: LatenessState) -> None:
    shown = for_public(told(type_, state))
    assert shown is not None
    text = json.dumps(shown.cloud_event())
    for hidden in (NAMED, HELPER, HEAD, REVIEWER, ANSWER):
        assert hidden not in text


def test_a_queue_that_is_published_names_nobody() -> None:
    shown = for_public(told(official=None))
    assert shown is not None
    assert NAMED not in json.dumps(shown.cloud_event())


def test_same_group_of_two_dossiers_has_two_ids() -> None:
    one, other = for_public(told()), for_public(told().model_copy(update={"position": 42}))
    assert one is not None
    assert other is not None
    assert one.id != other.id


def test_a_subscriber_is_told_its_types_only() -> None:
    inside = new_subscriber("ioc", "https://example.org/hook", public=False, types="recorded, dossier.closed")
    assert inside.types == (EventType.RECORDED, EventType.CLOSED)
    assert inside.view(told(EventType.RECORDED)) == told(EventType.RECORDED)
    assert inside.view(told(EventType.PUBLISHED)) is None
    outside = new_subscriber("press", "https://example.org/hook", public=True, types=None)
    assert outside.audience is Audience.PUBLIC
    assert outside.view(told(EventType.RECORDED)) is None
    assert outside.view(told()) == for_public(told())


@pytest.mark.parametrize(
    ("name", "url", "types", "word"),
    [
        ("No Name", "https://example.org", None, "name"),
        ("ok", "ftp://example.org", None, "https://"),
        ("ok", "https://", None, "https://"),
        ("ok", "https://me:secret@example.org/", None, "user"),
        ("ok", "https://example.org/#part", None, "#"),
        ("ok", "https://example.org:port/", None, "port"),
        ("ok", "https://[::1/", None, "https://"),
        ("ok", "https://example.org/", "published,explained", "explained"),
    ],
)
def test_what_no_subscriber_can_be(name: str, url: str, types: str | None, word: str) -> None:
    with pytest.raises(Refusal, match=word):
        new_subscriber(name, url, public=False, types=types)


def test_retries_go_on_for_about_three_days() -> None:
    waits = [retry_after(attempts) for attempts in range(1, ATTEMPTS)]
    assert all(wait is not None for wait in waits)
    told_waits = [wait for wait in waits if wait is not None]
    assert told_waits == sorted(told_waits)
    assert timedelta(days=2.5) < sum(told_waits, timedelta()) < timedelta(days=3)
    assert retry_after(ATTEMPTS) is None


def test_a_receiver_may_ask_for_more_time_but_not_for_ever() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_attempt(now, 1, None) == now + timedelta(seconds=5)
    assert next_attempt(now, 1, timedelta(seconds=1)) == now + timedelta(seconds=5)
    assert next_attempt(now, 1, timedelta(hours=1)) == now + timedelta(hours=1)
    assert next_attempt(now, 1, timedelta(days=900)) == now + LONGEST_ASKED
    assert next_attempt(now, ATTEMPTS, timedelta(hours=1)) is None


def test_a_receiver_that_is_down_is_asked_every_few_minutes() -> None:
    assert rest(1) == timedelta(seconds=5)
    assert rest(3) == timedelta(seconds=20)
    assert rest(10_000) == LONGEST_REST
