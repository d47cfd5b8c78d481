"""`danbiet bulletin` and `freeze` of frozen months, `official`, `agency`: on recorded facts, without a server."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import Engine, text

from models.events import EventType
from models.lateness import LatenessState
from store.database import writing
from store.journal import Journal
from tests.cli.conftest import DANBIET, Danbiet
from tests.store.samples import disclosed, event, lateness, record, step

DOSSIER = "H13.9-250408-0006"


def tell(engine: Engine, *events: object, **changes: object) -> None:
    Journal(engine, "test").record_now([record(DOSSIER, events=events, **changes)])  # type: ignore[arg-type]


@pytest.fixture
def late(engine: Engine) -> str:
    """A dossier whose lateness names an official of the catalogue."""
    told = lateness(DOSSIER, agency="H13.9", official="CD-02", explanation="=1+1")
    tell(engine, event(1, subject=DOSSIER), disclosed(2, told))
    return DOSSIER


def retract(engine: Engine) -> None:
    gone = lateness(DOSSIER, agency="H13.9", official="CD-02", state=LatenessState.RETRACTED)
    tell(engine, disclosed(3, gone, EventType.RETRACTED))


def test_freeze_and_read_again(danbiet: Danbiet, late: str) -> None:
    before = danbiet("bulletin", "2025-04", "--json")
    assert (before.json["edition"], before.json["frozen_at"]) == (0, None)
    first = danbiet("freeze", "2025-04", "--json")
    assert (first.code, first.json["edition"], first.json["created"]) == (0, 1, True)
    assert "content" not in first.json
    again = danbiet("freeze", "2025-04")
    assert again.out.startswith("nothing has changed since edition 1 of 2025-04 was frozen\n")
    frozen = danbiet("bulletin", "2025-04", "--json")
    assert frozen.err == ""
    assert frozen.json["edition"] == 1
    assert frozen.json["frozen_at"] == frozen.json["watermark"] == first.json["frozen_at"]
    assert frozen.json["rows"][0]["dossier"] == late
    assert frozen.out == danbiet("bulletin", "2025-04", "--edition", 1, "--json").out
    assert "edition 1, frozen " in danbiet("bulletin", "2025-04").out


def test_the_published_bytes_are_those_that_are_hashed(danbiet: Danbiet, late: str) -> None:
    digest = danbiet("freeze", "2025-04", "--json").json["sha256"]
    published = danbiet("bulletin", "2025-04", "--json", "--public")
    assert late not in published.out
    assert published.json["rows"][0]["dossier"] == "0006"
    assert hashlib.sha256(published.out.encode()).hexdigest() == digest


def test_a_restatement_is_called_for_and_made(danbiet: Danbiet, late: str, engine: Engine) -> None:
    danbiet("freeze", "2025-04")
    retract(engine)
    stale = danbiet("bulletin", "2025-04", "--json")
    assert stale.json["dossiers"] == 1
    assert "have changed since edition 1 of 2025-04 was frozen: 'danbiet freeze 2025-04' makes a" in stale.err
    made = danbiet("freeze", "2025-04").out
    assert made.startswith("2025-04 is frozen as edition 2, as of ")
    assert "  facts: H13.9, dossier 0006, verify due 2025-04-10 17:00: state published -> retracted\n" in made
    newest = danbiet("bulletin", "2025-04", "--json")
    assert (newest.err, newest.json["edition"], newest.json["retracted"]) == ("", 2, 1)
    old = danbiet("bulletin", "2025-04", "--edition", 1, "--json")
    assert old.out == stale.out
    assert "edition 2 of 2025-04 is newer" in old.err
    assert "CD-02" not in newest.out


def test_editions_are_checked_against_the_journal(danbiet: Danbiet, late: str, engine: Engine) -> None:
    assert danbiet("freeze", "2025-04", "--check").code == 1
    danbiet("freeze", "2025-04")
    retract(engine)
    danbiet("freeze", "2025-04")
    assert danbiet("freeze", "2025-04", "--check", "--json").json == [
        {"edition": 1, "equal": True},
        {"edition": 2, "equal": True},
    ]
    with writing(engine) as connection:
        connection.execute(text("UPDATE bulletin SET content = replace(content, 'H13.9', 'H13.8')"))
    tampered = danbiet("freeze", "2025-04", "--check")
    assert tampered.code == 1
    assert "edition 1 of 2025-04 DIFFERS from what the journal says" in tampered.out


@pytest.mark.parametrize(
    ("period", "sentence"),
    [
        (f"{datetime.now(UTC).year + 1}-01", "has not begun"),
        (f"{datetime.now(UTC):%Y-%m}", "has not ended"),
        ("2025-13", "'2025-13' is not a month: write it like 2025-04"),
    ],
)
def test_months_that_cannot_be_frozen(danbiet: Danbiet, data: Path, period: str, sentence: str) -> None:
    answer = danbiet("freeze", period)
    assert (answer.code, answer.out) == (1, "")
    assert sentence in answer.err


def test_an_edition_that_is_not_there(danbiet: Danbiet, data: Path) -> None:
    answer = danbiet("bulletin", "2025-04", "--edition", 1)
    assert (answer.code, answer.out) == (1, "")
    assert "not_found: 2025-04 has no edition 1: it is not frozen" in answer.err
    assert danbiet("bulletin", "2025-04", "--edition", 0).code == 2


def test_a_month_without_data_freezes_empty(danbiet: Danbiet, data: Path) -> None:
    assert danbiet("freeze", "2024-02").code == 0
    told = danbiet("bulletin", "2024-02", "--json").json
    assert (told["rows"], told["dossiers"], set(told["totals"].values())) == ([], 0, {0})
    assert "nobody was late" in danbiet("bulletin", "2024-02").out


def test_a_workbook_goes_into_a_file(late: str, data: Path) -> None:
    command = [DANBIET, "bulletin", "2025-04", "--format", "xlsx"]
    environment = {**os.environ, "DANBIET_DATA": str(data)}
    written = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
    sheet = openpyxl.load_workbook(io.BytesIO(written))["latenesses"]
    assert sheet["E2"].value == late


def test_an_official(danbiet: Danbiet, late: str) -> None:
    told = danbiet("official", "CD-02", "--json").json
    assert (told["official"], told["agency"], told["counts"]["late"]) == ("CD-02", "H13.9", 1)
    assert (told["progress"]["points"], told["progress"]["out_of"]) == (75, 100)
    assert (told["score"]["points"], told["score"]["out_of"]) == (0, 2)
    shown = danbiet("official", "CD-02").out
    assert "75 of 100, no rate under 20 (Decree 335/2025/ND-CP)" in shown
    assert "unexcused 1" in shown


def test_the_public_sees_no_points(danbiet: Danbiet, late: str) -> None:
    told = danbiet("official", "CD-02", "--json", "--public").json
    assert (told["counts"]["late"], told["progress"], told["score"], told["minutes"]) == (1, None, None, None)
    assert "Decree" not in danbiet("official", "CD-02", "--public").out


def test_a_unit(danbiet: Danbiet, late: str, engine: Engine) -> None:
    held = step(agency="H13.9", official="CD-02")
    tell(engine, event(3, subject=DOSSIER), steps=(held,))
    told = danbiet("agency", "H13.9", "--json").json
    assert (told["head"], told["counts"]["late"], told["open"]["running"]) == ("CD-00", 1, 1)
    shown = danbiet("agency", "H13.9").out
    assert "Ủy ban nhân dân huyện Cờ Đỏ" in shown
    assert DOSSIER in shown
    assert DOSSIER not in danbiet("agency", "H13.9", "--public").out


@pytest.mark.parametrize(("command", "known"), [("official", "nobody"), ("agency", "H99")])
def test_nobody_knows_them(danbiet: Danbiet, data: Path, command: str, known: str) -> None:
    answer = danbiet(command, known)
    assert (answer.code, answer.out) == (1, "")
    assert f"not_found: unknown {command} '{known}'" in answer.err
