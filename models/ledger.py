"""Entries of the ledger: what the public keeps for ever, and the personal part that can be erased without a trace.

An entry is canonical JSON (RFC 8785). It names its own index, when it was appended and the hash of the entry before
it, so that whoever checks can say which entry was touched. Of a person, an applicant's dossier or an explanation
it holds a salted commitment only: who has the personal part and its salt can prove what it said, and without the
salt nobody can try names against it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import rfc8785
from pydantic import JsonValue

from models.instants import whole

VERSION = 1
MOST_BYTES = 16_384
"""Of one entry; real ones have some six hundred."""
SALT_BYTES = 32
KEY = "key"
"""Kind of the entries that tell of a new key."""

_PUBLIC = (
    "agency",
    "procedure",
    "step",
    "state",
    "due_at",
    "recorded_at",
    "overrun_minutes",
    "cause",
    "published_at",
)
"""What of a lateness stands in its entry; all the rest is its personal part."""


class Place(NamedTuple):
    """Where an entry goes: after which, and when. ``at`` is never before that of the entry before it."""

    number: int
    previous: str | None
    at: datetime

    def after(self, entry: bytes) -> Place:
        """The place behind ``entry``, which stands here."""
        return Place(self.number + 1, digest(entry), self.at)


class Disclosed(NamedTuple):
    """An entry, and its personal part as canonical JSON."""

    entry: bytes
    personal: bytes


def first_place(now: datetime) -> Place:
    return Place(0, None, whole(now))


def place_after(number: int, entry: bytes, now: datetime) -> Place:
    """Behind the last entry; a clock that was set back does not bring the ledger out of order."""
    before = datetime.fromisoformat(json.loads(entry)["at"])
    return Place(number + 1, digest(entry), max(whole(now), before))


def disclosure(
    place: Place,
    *,
    type_: str,
    time: str,
    sequence: int,
    lateness: Mapping[str, JsonValue],
    salt: bytes,
) -> Disclosed:
    """Entry of one change of state in a hearing. ``lateness`` and ``time`` as they go out, with local instants."""
    personal = canonical(
        {"sequence": sequence} | {name: value for name, value in lateness.items() if name not in _PUBLIC}
    )
    entry = canonical(
        _head(place, "disclosure")
        | {"type": type_, "time": time, "month": str(lateness["due_at"])[:7]}
        | {name: lateness[name] for name in _PUBLIC}
        | {"commitment": commitment(salt, personal)}
    )
    return Disclosed(entry, personal)


def bulletin(place: Place, *, period: str, edition: int, sha256: str, frozen_at: datetime) -> bytes:
    """Entry of one frozen edition. ``sha256``: of the canonical JSON that the public gets, hexadecimal."""
    told = {"period": period, "edition": edition, "sha256": sha256, "frozen_at": _instant(frozen_at)}
    return canonical(_head(place, "bulletin") | told)


def key_change(place: Place, *, key: str, replaces: str, note: str | None) -> bytes:
    """Entry of a new ``key`` (as verifiers are written). ``note``: :func:`handover`, signed with the key it
    ``replaces``; None: that one is lost."""
    return canonical(_head(place, KEY) | {"key": key, "replaces": replaces, "note": note})


def handover(key: str) -> str:
    """What the old key signs to show that the new one is its owner's choice."""
    return f"from now on the ledger is signed with\n{key}\n"


def canonical(value: Any) -> bytes:
    return rfc8785.dumps(value)


def digest(entry: bytes) -> str:
    """What the next entry calls this one by."""
    return b64encode(sha256(entry).digest()).decode()


def commitment(salt: bytes, personal: bytes) -> str:
    return b64encode(sha256(salt + personal).digest()).decode()


def people(personal: bytes) -> set[str]:
    """Ids of everybody whom a personal part names as holder, head, reviewer or judge."""
    return set(_people(json.loads(personal)))


def _people(part: Mapping[str, Any]) -> Iterator[str]:
    holders = [part, *part["shares"], *part["after"]]
    named = [holder["official"] for holder in holders] + [part["head"], part["heard_by"]]
    if part["review"]:
        named.append(part["review"]["by"])
    yield from filter(None, named)


def _head(place: Place, kind: str) -> dict[str, JsonValue]:
    return {
        "v": VERSION,
        "index": place.number,
        "previous": place.previous,
        "at": _instant(place.at),
        "kind": kind,
    }


def _instant(instant: datetime) -> str:
    """In UTC: an entry outlives the zone of the office that wrote it."""
    return whole(instant).isoformat(timespec="seconds")
