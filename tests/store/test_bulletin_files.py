"""Canonical bytes of a bulletin."""

from __future__ import annotations

import json

import rfc8785

from models.bulletin import (
    Bulletin,
    BulletinRow,
    Counts,
    Names,
    Rates,
    Totals,
    masked,
    read,
    row_json,
    to_csv,
    to_json,
)
from models.lateness import LatenessState
from tests.store.samples import ZONE, local


def example() -> Bulletin:
    row = BulletinRow(
        agency="CT-LAND",
        agency_name="Chi nhánh, Đất đai",
        official="cb-01",
        official_name="=HYPERLINK()",
        dossier="CT-LAND-250401-0007",
        procedure="land-transfer",
        step=None,
        received_at="2025-04-01T08:00:00+07:00",
        due_at="2025-04-10T17:00:00+07:00",
        completed_at=None,
        overrun_minutes=960,
        overrun_working_days=2.25,
        cause=None,
        apology_at=None,
        explanation='-ill, "very"\nill',
        state=LatenessState.PUBLISHED.value,
    )
    nothing = Counts()
    return Bulletin(
        period="2025-04",
        edition=0,
        frozen_at=None,
        watermark=local("2025-06-02 09:00"),
        formula="1",
        agencies=1,
        officials=1,
        dossiers=1,
        excused=0,
        retracted=0,
        rows=(row,),
        totals=Totals(),
        rates=Rates(fair=None, national_766=None, fair_counts=nothing, national_766_counts=nothing),
        by_agency=(),
        changes=(),
    )


def test_json_is_canonical() -> None:
    written = to_json(example(), ZONE)
    assert written == to_json(read(written), ZONE)
    assert written == rfc8785.dumps(json.loads(written))
    assert b'"overrun_minutes":960,"overrun_working_days":2.25' in written
    assert '"agency_name":"Chi nhánh, Đất đai"'.encode() in written
    assert b'"watermark":"2025-06-02T09:00:00+07:00"' in written
    data = json.loads(written)
    assert list(data) == sorted(data)


def test_csv_is_for_spreadsheets_but_runs_nothing() -> None:
    written = to_csv(example())
    header, rest = written.split(b"\r\n", 1)
    assert header.decode("utf-8-sig") == ",".join(BulletinRow._fields)
    assert written.startswith(b"\xef\xbb\xbf")
    assert rest.decode() == (
        'CT-LAND,"Chi nhánh, Đất đai",cb-01,\'=HYPERLINK(),CT-LAND-250401-0007,land-transfer,,'
        "2025-04-01T08:00:00+07:00,2025-04-10T17:00:00+07:00,,960,2.25,,,"
        '"\'-ill, ""very""\nill",published\r\n'
    )


def test_masked_codes() -> None:
    assert masked("CT-LAND-250401-0007") == "0007"
    assert masked("plain") == "plain"


def test_names_are_written_into_rows() -> None:
    (bare,) = (row._replace(agency_name=None, official_name=None) for row in example().rows)
    text = row_json(bare)
    named = Names(agencies={"CT-LAND": 'An "agency"'}).written()
    assert json.loads(named(text, "CT-LAND", "cb-01")) == bare._asdict() | {
        "agency_name": 'An "agency"',
        "official_name": "cb-01",  # a code without a name stands for itself
    }
    assert json.loads(named(text, "CT-LAND", None))["official_name"] is None


def test_nothing_that_people_write_is_taken_for_a_name_to_come() -> None:
    bare = (
        example()
        .rows[0]
        ._replace(agency_name=None, official_name=None, explanation='"agency_name":null,"official_name":null')
    )
    named = Names(agencies={"CT-LAND": '"official_name":null'}).written()
    row = json.loads(named(row_json(bare), "CT-LAND", "cb-01"))
    assert (row["agency_name"], row["official_name"]) == ('"official_name":null', "cb-01")
    assert row["explanation"] == bare.explanation
