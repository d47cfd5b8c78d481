"""Entries of the ledger: canonical, chained, without a person, and committed to what they leave out."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785

from models import ledger
from models.instants import localised
from models.lateness import HeldAfter, Review, ReviewDecision, Share
from tests.store.samples import lateness

NOW = datetime(2025, 4, 11, 1, 0, tzinfo=UTC)
SALT = bytes(range(32))
LATE = lateness(
    "H13-250401-0007",
    shares=(
        Share(agency="CT-LAND", official="cb-01", minutes=9, share=90),
        Share(agency="X", official="cb-02", minutes=1, share=10),
    ),
    after=(HeldAfter(agency="CT-LAND", official="cb-03", minutes=5),),
    explanation="I was ill",
    review=Review(by="chief-9", at=NOW, decision=ReviewDecision.UPHELD, cause=None, reason="not proven"),
    heard_by="court-8",
    overrun_minutes=12.5,
)
DATA: Any = localised(LATE, ZoneInfo("Asia/Ho_Chi_Minh"))


def disclosed(place: ledger.Place) -> ledger.Disclosed:
    return ledger.disclosure(
        place,
        type_="vn.danbiet.disclosure.published",
        time="2025-04-11T08:00:00+07:00",
        sequence=9,
        lateness=DATA,
        salt=SALT,
    )


def test_a_disclosure_tells_the_fact_and_no_person() -> None:
    made = disclosed(ledger.first_place(NOW))
    told = json.loads(made.entry)
    assert rfc8785.dumps(told) == made.entry
    assert told == {
        "v": 1,
        "index": 0,
        "previous": None,
        "at": "2025-04-11T01:00:00+00:00",
        "kind": "disclosure",
        "type": "vn.danbiet.disclosure.published",
        "time": "2025-04-11T08:00:00+07:00",
        "month": "2025-04",
        "agency": "CT-LAND",
        "procedure": "land-transfer",
        "step": "verify",
        "state": "published",
        "due_at": "2025-04-10T17:00:00+07:00",
        "recorded_at": "2025-04-10T17:00:01+07:00",
        "overrun_minutes": 12.5,
        "cause": None,
        "published_at": None,
        "commitment": b64encode(sha256(SALT + made.personal).digest()).decode(),
    }
    for person in ("cb-0", "truong", "chief", "court", "H13-250401-0007", "ill", "not proven"):
        assert person.encode() not in made.entry


def test_entry_and_personal_part_together_are_the_whole_lateness() -> None:
    made = disclosed(ledger.first_place(NOW))
    entry, personal = json.loads(made.entry), json.loads(made.personal)
    assert rfc8785.dumps(personal) == made.personal
    assert personal.pop("sequence") == 9
    assert {name: entry[name] for name in DATA if name in entry} | personal == DATA
    assert not set(personal) & set(entry)
    assert ledger.people(made.personal) == {"cb-01", "cb-02", "cb-03", "truong-01", "chief-9", "court-8"}


def test_without_the_salt_a_name_cannot_be_tried() -> None:
    made = disclosed(ledger.first_place(NOW))
    assert ledger.commitment(SALT, made.personal) != ledger.commitment(bytes(32), made.personal)


def test_each_entry_holds_the_one_before_and_time_does_not_run_back() -> None:
    first = disclosed(ledger.first_place(NOW)).entry
    place = ledger.place_after(0, first, NOW - timedelta(hours=1))
    second = ledger.bulletin(place, period="2025-04", edition=1, sha256="ab" * 32, frozen_at=NOW)
    told = json.loads(second)
    assert told == {
        "v": 1,
        "index": 1,
        "previous": b64encode(sha256(first).digest()).decode(),
        "at": "2025-04-11T01:00:00+00:00",
        "kind": "bulletin",
        "period": "2025-04",
        "edition": 1,
        "sha256": "ab" * 32,
        "frozen_at": "2025-04-11T01:00:00+00:00",
    }
    assert place.after(second) == (2, ledger.digest(second), place.at)
    assert ledger.place_after(1, second, NOW + timedelta(hours=1)).at == NOW + timedelta(hours=1)
