"""A store with a million latenesses: the real tables, filled in bulk with five years of a city of late offices."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Table, text

from models.bulletin_rows import SEPARATOR, BulletinRow, row_json
from models.instants import iso
from models.lateness import WORKING_DAY_MINUTES
from store.projections import DOSSIER, HANDLED, LATENESS, LISTING, PAUSE, SHARE, STEP

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FIRST = datetime(2021, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=1826)
END = FIRST + SPAN
"""The bench's now: five years later, 1 January 2026."""
AGENCIES = [f"H13.{number}" for number in range(1, 104)]
OFFICIALS = [[f"{agency}-{number:02}" for number in range(10)] for agency in AGENCIES]
PROCEDURES = ("1.001193", "1.001612", "1.004859", "1.009994", "2.000635", "2.000908")
STEPS = ("receive", "verify")
CHUNK = 50_000
TABLES = (DOSSIER, LATENESS, LISTING, SHARE, HANDLED, PAUSE, STEP)
DOCUMENT = json.dumps({"stands for": "a whole document " * 50})
"""Of their usual size; neither query opens one."""

Rows = dict[str, list[dict[str, Any]]]


def fill(engines: Sequence[Engine], latenesses: int) -> dict[str, int]:
    """Fill the empty tables of all of them alike; the number of rows by table."""
    counts = {table.name: 0 for table in TABLES}
    indices = [index for table in TABLES for index in table.indexes]
    for engine, index in product(engines, indices):
        index.drop(engine)
    lives = _lives(random.Random(2021), latenesses)  # noqa: S311 - the same town each time
    while chunk := list(islice(lives, CHUNK)):
        for table in TABLES:
            rows = [row for life in chunk for row in life.get(table.name, ())]
            for engine in engines:
                _load(engine, table, rows)
            counts[table.name] += len(rows)
    for engine, index in product(engines, indices):
        index.create(engine)
    for engine in engines:
        if engine.dialect.name == "postgresql":  # as its own housekeeping does by and by; SQLite has none
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
    return counts


def _load(engine: Engine, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        if engine.dialect.name == "postgresql":
            with cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:  # type: ignore[attr-defined]
                for row in rows:
                    copy.write_row(tuple(row.values()))
        else:
            marks = ", ".join("?" * len(names))
            cursor.execute("BEGIN")
            told = (tuple(_stored(value) for value in row.values()) for row in rows)
            cursor.executemany(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', told)  # noqa: S608
        raw.commit()
    finally:
        raw.close()


def _stored(value: Any) -> Any:
    """As SQLAlchemy keeps an instant in SQLite."""
    return f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value


def _lives(chance: random.Random, latenesses: int) -> Iterator[Rows]:
    """Dossiers by acceptance: three in four late, one in fifty takes months, one in ten was paused."""
    told = number = 0
    while told < latenesses:
        # As far as the latenesses have come, short of the end: who comes in its last days cannot be late yet.
        accepted = FIRST + (SPAN - timedelta(days=7)) * (told / latenesses) + timedelta(minutes=number % 600)
        life = _life(chance, f"H13-{accepted:%y%m%d}-{number:07}", accepted)
        for name in ("lateness", "listing"):
            life[name] = life[name][: latenesses - told]
        told += len(life["lateness"])
        number += 1
        yield life


def _life(chance: random.Random, code: str, accepted: datetime) -> Rows:
    unit = chance.randrange(len(AGENCIES))
    agency, official, second = AGENCIES[unit], chance.choice(OFFICIALS[unit]), chance.choice(OFFICIALS[unit])
    procedure = chance.choice(PROCEDURES)
    step_due = _closing_time(accepted + timedelta(days=chance.randint(1, 5)))
    due = _closing_time(step_due + timedelta(days=chance.randint(1, 10)))
    kind = chance.random()
    late_step, late_promise = kind < 0.70, 0.65 < kind < 0.775
    took = (
        timedelta(days=chance.randint(60, 400))
        if chance.random() < 0.02
        else timedelta(hours=chance.randint(2, 200))
    )
    done = step_due + took if late_step else step_due - timedelta(hours=chance.randint(0, 20))
    closed = due + took if late_promise else max(done, due - timedelta(hours=1))
    is_closed = closed <= END
    base = {"dossier": code, "procedure": procedure, "agency": agency, "accepted": accepted}
    late = [
        _lateness(chance, base, step=step, official=named, due=missed, ended=ended)
        for missing, step, named, missed, ended in (
            (late_step, "verify", official, step_due, done),
            (late_promise, None, None, due, closed),
        )
        if missing and missed < END
    ]
    standing = [
        row["due_at"] for row in late if row["step"] is None and row["state"] not in ("annulled", "retracted")
    ]
    pauses = _pauses(chance, code, accepted) if chance.random() < 0.1 else []
    dossier = {
        "code": code,
        "procedure": procedure,
        "agency": agency,
        "status": "processed" if is_closed else "running",
        "accepted_at": accepted,
        "clock_start": accepted,
        "promise_due_at": due,
        "next_deadline_at": None if is_closed or due < END else due,
        "closed_at": closed if is_closed else None,
        "accepted_month": iso(accepted, ZONE)[:7],
        "closed_month": iso(closed, ZONE)[:7] if is_closed else None,
        "ended_late": is_closed and closed > due,
        "on_time_766": closed <= due and len(pauses) < 2 if is_closed else None,
        "lasted_days": (closed - accepted).days if is_closed else None,
        "asked_again_at": pauses[1]["started_at"] if len(pauses) > 1 else None,
        "pauses": len(pauses),
        "late": sum(row["state"] != "annulled" for row in late),
        "missed_at": min(standing, default=None),
        "missed": bool(standing),
        "secret_hash": None,
        "sequence": 10,
        "snapshot": DOCUMENT,
    }
    ends = (accepted + timedelta(hours=1), done)
    held = (official, second)
    return {
        "dossier": [dossier],
        "lateness": late,
        "listing": [
            _listing(row, accepted)
            | {"enters": row["step"] is not None or late[0]["step"] is None or late[0]["state"] == "annulled"}
            for row in late
        ],
        "share": [share for row in late if row["step"] for share in _shares(row, agency, held)],
        "handled": [
            {
                "dossier": code,
                "key": key,
                "agency": agency,
                "official": holder,
                "month": iso(end, ZONE)[:7],
                "outcome": "late" if late_step and key == "verify" else chance.choice(("early", "on_time")),
                "minutes": chance.randint(30, 2400),
            }
            for key, holder, end in zip(STEPS, held, ends, strict=True)
            if end <= END
        ],
        "pause": pauses,
        "step": []
        if done <= END
        else [
            {
                "dossier": code,
                "key": "verify",
                "agency": agency,
                "official": official,
                "state": "running",
                "started_at": accepted,
                "due_at": step_due,
            }
        ],
    }


def _closing_time(instant: datetime) -> datetime:
    """17:00 on the wall."""
    return instant.replace(hour=10, minute=0, second=0, microsecond=0)


def _pauses(chance: random.Random, code: str, accepted: datetime) -> list[dict[str, Any]]:
    starts = [accepted + timedelta(hours=6 + 30 * number) for number in range(chance.choice((1, 1, 1, 2)))]
    return [
        {
            "dossier": code,
            "ordinal": ordinal,
            "kind": "supplement",
            "started_at": start,
            "ended_at": start + timedelta(hours=20),
        }
        for ordinal, start in enumerate(starts, start=1)
    ]


def _lateness(
    chance: random.Random,
    base: dict[str, Any],
    *,
    step: str | None,
    official: str | None,
    due: datetime,
    ended: datetime,
) -> dict[str, Any]:
    kind = chance.random()
    state = (
        "recorded"
        if due > END - timedelta(days=5)
        else "excused"
        if kind < 0.05
        else "retracted"
        if kind < 0.06
        else "annulled"
        if kind < 0.07
        else "published"
    )
    completed = ended if ended <= END else None
    overrun = round((min(ended, END) - due).total_seconds() / 60 * 0.24, 2)
    completed = ended if ended <= END else None
    overrun = round((min(ended, END) - due).total_seconds() / 60 * 0.24, 2)
    cause = "objective" if state == "excused" else None
    explanation = "Hồ sơ thiếu giấy tờ, phải xác minh thêm tại xã" if chance.random() < 0.2 else None
    return {
        "id": f"{base['dossier']}:{step or 'promise'}:1",
        "dossier": base["dossier"],
        "procedure": base["procedure"],
        "step": step,
        "agency": base["agency"],
        "official": official,
        "head": None if official else f"{base['agency']}-00",
        "month": iso(due, ZONE)[:7],
        "due_at": due,
        "completed_at": completed,
        "overrun_minutes": overrun,
        "state": state,
        "cause": cause,
        "explanation": explanation,
        "window_closes_at": due + timedelta(days=3),
        "published_at": due + timedelta(days=3) if state == "published" else None,
        "sequence": 5,
        "lateness": DOCUMENT,
    }


def _listing(late: dict[str, Any], accepted: datetime) -> dict[str, Any]:
    named = late["state"] not in ("recorded", "retracted")
    completed = late["completed_at"]
    row = BulletinRow(
        agency=late["agency"],
        agency_name=None,
        official=late["official"] if named else None,
        official_name=None,
        dossier=late["dossier"],
        procedure=late["procedure"],
        step=late["step"],
        received_at=iso(accepted, ZONE),
        due_at=iso(late["due_at"], ZONE),
        completed_at=None if completed is None else iso(completed, ZONE),
        overrun_minutes=late["overrun_minutes"],
        overrun_working_days=round(late["overrun_minutes"] / WORKING_DAY_MINUTES, 2),
        cause=late["cause"],
        apology_at=None,
        explanation=late["explanation"] if named else None,
        state=late["state"],
    )
    place = (row.agency, row.official or "", row.due_at, row.dossier, row.step or "", late["id"])
    same = ("month", "dossier", "step", "agency", "official", "state", "completed_at")
    return {name: late[name] for name in same} | {
        "place": SEPARATOR.join(place),
        "lateness": late["id"],
        "row": row_json(row),
    }


def _shares(row: dict[str, Any], agency: str, held: tuple[str, str]) -> list[dict[str, Any]]:
    """All of it, or three quarters and the rest with a colleague."""
    parts = (
        ((held[0], 960.0),)
        if held[0] == held[1] or row["due_at"].day % 3
        else ((held[0], 720.0), (held[1], 240.0))
    )
    return [
        {
            "lateness": row["id"],
            "ordinal": ordinal,
            "dossier": row["dossier"],
            "agency": agency,
            "official": official,
            "minutes": minutes,
        }
        for ordinal, (official, minutes) in enumerate(parts, start=1)
    ]
