"""Who is told what, and how often it is tried: events on their way to webhooks (interfaces: Events out)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import JsonValue

from models.budget import Model
from models.bulletin import masked
from models.errors import Code, Refusal
from models.events import EventType
from models.lateness import LatenessState

FIRST_RETRY = timedelta(seconds=5)
RETRY_FACTOR = 4
LONGEST_RETRY = timedelta(hours=4)
ATTEMPTS = 24
"""With the waits above: three days, less two hours."""
LONGEST_REST = timedelta(minutes=5)
"""So often, at least, a receiver that is down is asked again."""
LONGEST_ASKED = timedelta(days=1)
"""A receiver that asks to be left alone for longer (Retry-After) is tried after this."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TOLD_TO_ALL = (EventType.PUBLISHED, EventType.CORRECTED, EventType.RETRACTED)
_SHOWN = (LatenessState.PUBLISHED, LatenessState.CORRECTED)


class Audience(StrEnum):
    INTERNAL = "internal"
    PUBLIC = "public"


class SubscriberState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class OutEvent(Model):
    """One row of the outbox."""

    position: int
    id: str
    type: EventType
    source: str
    subject: str
    time: str
    dossier: str
    sequence: int
    data: dict[str, JsonValue]

    def cloud_event(self) -> dict[str, JsonValue]:
        """CloudEvents 1.0, structured JSON (interfaces: Events out)."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type.value,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": "application/json",
            "sequence": str(self.sequence),
            "data": self.data,
        }


class Subscriber(Model):
    """A webhook. ``types`` empty: every type that its audience is told."""

    name: str
    url: str
    audience: Audience = Audience.INTERNAL
    types: tuple[EventType, ...] = ()
    state: SubscriberState = SubscriberState.ACTIVE

    def view(self, event: OutEvent) -> OutEvent | None:
        """The event as this subscriber is told it; None: it is not."""
        if self.types and event.type not in self.types:
            return None
        return event if self.audience is Audience.INTERNAL else for_public(event)


def new_subscriber(name: str, url: str, *, public: bool, types: str | None) -> Subscriber:
    """A subscriber as its operator describes it; ``types``: whole names or their ends, between commas."""
    if not _NAME.fullmatch(name):
        raise Refusal(
            Code.INVALID, f"'{name}' is no name: use up to 40 of a-z, 0-9 and '-', a letter or digit first"
        )
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        is_address = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a host or a port that is none
        is_address = False
    if not is_address:
        raise Refusal(Code.INVALID, f"'{url}' is no address of a webhook: write https://HOST/PATH")
    if parts.username is not None or parts.fragment:
        raise Refusal(
            Code.INVALID, "the address must have neither a user nor a '#': the signature says who sends"
        )
    return Subscriber(
        name=name,
        url=url,
        audience=Audience.PUBLIC if public else Audience.INTERNAL,
        types=tuple(dict.fromkeys(map(_type, filter(None, (types or "").replace(" ", "").split(","))))),
    )


def _type(text: str) -> EventType:
    going_out = [each for each in EventType if each.goes_out]
    for each in going_out:
        if text in (each.value, each.value.removeprefix("vn.danbiet."), each.value.rsplit(".", 1)[-1]):
            return each
    known = ", ".join(each.value.rsplit(".", 1)[-1] for each in going_out)
    raise Refusal(Code.INVALID, f"there is no event '{text}': use {known}")


def retry_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: it is given up."""
    if attempts >= ATTEMPTS:
        return None
    return min(FIRST_RETRY * float(RETRY_FACTOR ** min(attempts - 1, 10)), LONGEST_RETRY)


def next_attempt(now: datetime, attempts: int, asked: timedelta | None) -> datetime | None:
    """When to try again, no earlier than the receiver has asked for; None: never."""
    wait = retry_after(attempts)
    return None if wait is None else now + max(wait, min(asked or timedelta(), LONGEST_ASKED))


def rest(failures: int) -> timedelta:
    """How long to leave a receiver alone that has taken nothing ``failures`` times running."""
    return min(FIRST_RETRY * float(2 ** min(failures - 1, 10)), LONGEST_REST)


def for_public(event: OutEvent) -> OutEvent | None:
    """The event as anybody may read it, or None: what pages and feeds do not show, goes to no public webhook.

    Nothing before ``published``; afterwards nobody is named but the published official (rules R4), and the dossier
    by its last group alone. Such groups repeat, so that the outbox position makes the id unique.
    """
    state = event.data.get("state")
    if event.type not in _TOLD_TO_ALL and not (event.type is EventType.SETTLED and state in _SHOWN):
        return None
    code = masked(event.dossier)
    return event.model_copy(
        update={
            "id": f"{code}/{event.position}",
            "subject": _masked_id(event.subject, event.dossier),
            "dossier": code,
            "data": _public_lateness(event.data, event.dossier),
        }
    )


def _public_lateness(data: dict[str, JsonValue], dossier: str) -> dict[str, JsonValue]:
    """A whole Lateness, in which only what is listed here is told: a field that is added later stays inside."""
    is_named = data.get("state") == LatenessState.PUBLISHED
    named = data.get("official") if is_named else None
    shown: dict[str, JsonValue] = {key: data.get(key) for key in _AS_IT_IS}
    shown |= {key: data.get(key) if is_named else None for key in ("explained_at", "explanation")}
    review = data.get("review")
    return shown | {
        "id": _masked_id(str(data["id"]), dossier),
        "dossier": masked(dossier),
        "official": named,
        "head": None,
        "shares": _holders(data.get("shares"), named),
        "after": _holders(data.get("after"), named),
        "review": review | {"by": None} if isinstance(review, dict) else None,
    }


_AS_IT_IS = (
    "procedure",
    "step",
    "agency",
    "due_at",
    "recorded_at",
    "completed_at",
    "overrun_minutes",
    "overrun_working_days",
    "state",
    "cause",
    "window_closes_at",
    "notified_at",
    "published_at",
    "heard_by",
)
"""``heard_by`` too: that a history was judged elsewhere, and by whom, stands on every record (rules R10)."""


def _holders(holders: JsonValue, named: JsonValue) -> list[JsonValue]:
    """Everybody as their agency but who is named."""
    return [
        each if named is not None and each.get("official") == named else each | {"official": None}
        for each in (holders if isinstance(holders, list) else [])
        if isinstance(each, dict)
    ]


def _masked_id(lateness: str, dossier: str) -> str:
    return masked(dossier) + lateness.removeprefix(dossier)
