"""Canonical bytes of a bulletin."""

from __future__ import annotations

import json

import rfc8785

from models.bulletin import Bulletin, Counts, Rates, Totals, masked, read, to_csv, to_json
from models.bulletin_rows import SEPARATOR, BulletinRow, Names, row_json
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


def written(names: Names, *rows: BulletinRow) -> list[dict[str, object]]:
    """Those rows, without names, as they come out with them."""
    bare = [row._replace(agency_name=None, official_name=None) for row in rows]
    told = sorted(
        (SEPARATOR.join((row.agency, row.official or "", row.due_at, row.dossier, "")), row_json(row))
        for row in bare
    )
    places, texts = zip(*told, strict=True)
    found: list[dict[str, object]] = json.loads(b"[%b]" % b",".join(names.written(places, texts)))
    return found


def test_names_are_written_into_rows() -> None:
    first = example().rows[0]
    nameless = first._replace(official=None, explanation="later")
    other = first._replace(agency="CT-LAN", official="cb-02", explanation="elsewhere")
    names = Names(agencies={"CT-LAND": 'An "agency"'}, officials={"cb-02": "Bà Hai"})
    rows = written(names, first, other, nameless, first._replace(dossier="A"))
    assert [(row["agency_name"], row["official_name"], row["dossier"]) for row in rows] == [
        ("CT-LAN", "Bà Hai", "CT-LAND-250401-0007"),  # a code without a name stands for itself
        ('An "agency"', None, "CT-LAND-250401-0007"),
        ('An "agency"', "cb-01", "A"),
        ('An "agency"', "cb-01", "CT-LAND-250401-0007"),
    ]


def test_nothing_that_people_write_is_taken_for_a_name_to_come() -> None:
    said = '"agency_name":null,"official_name":null'
    names = Names(agencies={"CT-LAND": '"official_name":null'})
    (row,) = written(names, example().rows[0]._replace(explanation=said))
    assert (row["agency_name"], row["official_name"]) == ('"official_name":null', "cb-01")
    assert row["explanation"] == said
