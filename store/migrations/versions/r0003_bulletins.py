"""Frozen bulletins, and projections that lists over a million rows can be read from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
CHUNK = 1000
TOTALS = ("closed_at", "agency", "procedure", "status", "accepted_at", "promise_due_at")


def upgrade() -> None:
    op.create_table(
        "bulletin",
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("frozen_at", INSTANT, nullable=False),
        sa.Column("watermark", INSTANT, nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("formula", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("period", "edition", name=op.f("pk_bulletin")),
    )
    op.create_table(
        "handled",
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("official", sa.String(), nullable=True),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("minutes", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("dossier", "key", name=op.f("pk_handled")),
    )
    op.create_table(
        "listing",
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("lateness", sa.String(), nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("official", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("completed_at", INSTANT, nullable=True),
        sa.Column("enters", sa.Boolean(), nullable=False),
        sa.Column("apology_at", sa.String(), nullable=True),
        sa.Column("row", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("month", "place", name=op.f("pk_listing")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "share",
        sa.Column("lateness", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("official", sa.String(), nullable=True),
        sa.Column("minutes", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("lateness", "ordinal", name=op.f("pk_share")),
    )
    op.drop_index("ix_dossier_totals", "dossier")
    op.add_column("dossier", sa.Column("accepted_month", sa.String(), nullable=False, server_default=""))
    op.add_column("dossier", sa.Column("closed_month", sa.String(), nullable=True))
    op.add_column("dossier", sa.Column("ended_late", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("dossier", sa.Column("on_time_766", sa.Boolean(), nullable=True))
    op.add_column("dossier", sa.Column("missed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("dossier", sa.Column("lasted_days", sa.Integer(), nullable=True))
    op.add_column("dossier", sa.Column("asked_again_at", INSTANT, nullable=True))
    op.add_column("dossier", sa.Column("pauses", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("dossier", sa.Column("missed_at", INSTANT, nullable=True))
    _fill(op.get_bind())
    op.drop_column("lateness", "received_at")
    op.create_index(
        "ix_dossier_totals", "dossier", [*TOTALS, "missed_at", "asked_again_at", "pauses", "code"]
    )
    op.create_index(
        "ix_dossier_closed",
        "dossier",
        ["closed_month", "agency", "ended_late", "on_time_766", "missed", "accepted_month"],
    )
    stayed = (
        "closed_month",
        "accepted_at",
        "agency",
        "promise_due_at",
        "missed_at",
        "asked_again_at",
        "pauses",
        "code",
    )
    op.create_index("ix_dossier_stayed", "dossier", list(stayed))
    long = sa.text("lasted_days >= 45")
    op.create_index(
        "ix_dossier_long",
        "dossier",
        ["closed_month", "accepted_at"],
        postgresql_where=long,
        sqlite_where=long,
    )
    op.create_index(op.f("ix_handled_official_month"), "handled", ["official", "month"])
    op.create_index(op.f("ix_handled_agency_month_outcome"), "handled", ["agency", "month", "outcome"])
    for column in ("dossier", "official", "agency"):
        op.create_index(op.f(f"ix_share_{column}"), "share", [column])
    for column in ("lateness", "dossier", "official", "agency"):
        op.create_index(op.f(f"ix_listing_{column}"), "listing", [column])
    op.create_index(
        op.f("ix_listing_month_state_completed_at"), "listing", ["month", "state", "completed_at"]
    )


def _fill(connection: sa.Connection) -> None:
    """What the new columns and tables say of the dossiers that are there, from their documents."""
    tables = sa.MetaData()
    names = ("dossier", "lateness", "handled", "share", "listing")
    dossier, lateness, handled, share, listing = (
        sa.Table(name, tables, autoload_with=connection) for name in names
    )
    for rows in _chunks(connection, sa.select(dossier.c.code, dossier.c.snapshot), dossier.c.code):
        snapshots = {code: _read(document) for code, document in rows}
        _run(connection, _set_dossier(dossier), [_dossier(code, each) for code, each in snapshots.items()])
        _run(connection, handled.insert(), [row for each in snapshots.values() for row in _handled(each)])
    accepted = sa.select(lateness.c.id, lateness.c.lateness, dossier.c.snapshot).join(
        dossier, dossier.c.code == lateness.c.dossier
    )
    for rows in _chunks(connection, accepted, lateness.c.id):
        told = [(_read(document), _read(snapshot)) for _, document, snapshot in rows]
        _run(connection, listing.insert(), [_listing(*each) for each in told])
        _run(connection, share.insert(), [row for document, _ in told for row in _shares(document)])
    missed = sa.select(sa.func.min(lateness.c.due_at)).where(
        lateness.c.dossier == dossier.c.code,
        lateness.c.step.is_(None),
        lateness.c.state.not_in(("annulled", "retracted")),
    )
    connection.execute(dossier.update().where(dossier.c.late > 0).values(missed_at=missed.scalar_subquery()))
    connection.execute(dossier.update().where(dossier.c.missed_at.is_not(None)).values(missed=True))
    late_step = sa.exists().where(
        lateness.c.dossier == listing.c.dossier,
        lateness.c.step.is_not(None),
        lateness.c.state != "annulled",
    )
    connection.execute(listing.update().where(listing.c.step.is_(None), late_step).values(enters=False))


def _chunks(
    connection: sa.Connection, query: sa.Select[Any], key: sa.ColumnElement[str]
) -> Iterator[Sequence[Any]]:
    after = ""
    while rows := connection.execute(query.where(key > after).order_by(key).limit(CHUNK)).all():
        yield rows
        after = rows[-1][0]


def _run(connection: sa.Connection, statement: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def _read(document: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return read


def _set_dossier(table: sa.Table) -> sa.Update:
    names = ("accepted_month", "closed_month", "ended_late", "on_time_766", "lasted_days", "asked_again_at")
    return (
        table.update()
        .where(table.c.code == sa.bindparam("of"))
        .values({name: sa.bindparam(f"to_{name}") for name in (*names, "pauses")})
    )


def _dossier(code: str, snapshot: dict[str, Any]) -> dict[str, Any]:
    view, zone = snapshot["view"], ZoneInfo(snapshot["zone"])
    accepted = _instant(view["accepted_at"])
    closed = view["closed_at"] and _instant(view["closed_at"])
    due = snapshot["promise_due_at"] and _instant(snapshot["promise_due_at"])
    asked = [pause["start"] for pause in snapshot["pauses"] if pause["kind"] == "supplement"]
    ended_late = bool(closed and due and closed > due)
    judged = closed and due and view["status"] not in ("refused", "withdrawn")
    return {
        "of": code,
        "to_accepted_month": f"{accepted.astimezone(zone):%Y-%m}",
        "to_closed_month": closed and f"{closed.astimezone(zone):%Y-%m}",
        "to_ended_late": ended_late,
        "to_on_time_766": (not ended_late and len(asked) < 2) if judged else None,
        "to_lasted_days": closed and (closed - accepted).days,
        "to_asked_again_at": _instant(asked[1]).astimezone(UTC) if len(asked) > 1 else None,
        "to_pauses": len(snapshot["pauses"]),
    }


def _handled(snapshot: dict[str, Any]) -> Iterator[dict[str, Any]]:
    zone = ZoneInfo(snapshot["zone"])
    for step in snapshot["view"]["steps"]:
        if step["state"] != "done" or step["completed_at"] is None:
            continue
        done = _instant(step["completed_at"]).astimezone(zone)
        outcome = "no_deadline"
        if step["late"]:
            outcome = "late"
        elif step["due_at"] is not None:
            outcome = "early" if done.date() < _instant(step["due_at"]).astimezone(zone).date() else "on_time"
        yield {
            "dossier": snapshot["view"]["code"],
            "key": step["key"],
            "agency": step["agency"],
            "official": step["official"],
            "month": f"{done:%Y-%m}",
            "outcome": outcome,
            "minutes": step["consumed_minutes"],
        }


def _listing(document: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
    accepted = _instant(snapshot["view"]["accepted_at"]).astimezone(ZoneInfo(snapshot["zone"]))
    named = document["state"] not in ("recorded", "retracted")
    copied = ("agency", "dossier", "procedure", "step", "due_at", "completed_at", "cause", "state")
    row = {name: document[name] for name in copied} | {
        "agency_name": None,
        "official": document["official"] if named else None,
        "official_name": None,
        "received_at": accepted.isoformat(timespec="seconds"),
        "overrun_minutes": _number(document["overrun_minutes"]),
        "overrun_working_days": _number(round(document["overrun_minutes"] / 480, 2)),
        "apology_at": None,
        "explanation": document["explanation"] if named else None,
    }
    extended = snapshot.get("extended_at")
    parts = [row[name] or "" for name in ("agency", "official", "due_at", "dossier", "step")]
    completed = document["completed_at"]
    return {
        "month": document["due_at"][:7],
        "place": "\x1f".join([*parts, document["id"]]),
        "lateness": document["id"],
        "dossier": document["dossier"],
        "step": document["step"],
        "agency": document["agency"],
        "official": document["official"],
        "state": document["state"],
        "completed_at": completed and _instant(completed).astimezone(UTC),
        "enters": True,
        "apology_at": extended
        and _instant(extended).astimezone(ZoneInfo(snapshot["zone"])).isoformat(timespec="seconds"),
        "row": json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    }


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _shares(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for ordinal, share in enumerate(document["shares"], start=1):
        yield {
            "lateness": document["id"],
            "ordinal": ordinal,
            "dossier": document["dossier"],
            "agency": share["agency"],
            "official": share["official"],
            "minutes": share["minutes"],
        }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
