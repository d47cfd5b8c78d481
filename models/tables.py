"""The SQL tables: an event journal, projections of it, and an outbox. The only module here that knows SQL.

``journal`` is the truth of this database; ``dossier``, ``step``, ``pause``, ``lateness``, ``listing``, ``share``
and ``handled`` are functions of it and can be rebuilt at any time. ``outbox`` is written beside the journal in the same
transaction; ``bulletin`` keeps what was published as it was. Nothing here holds an applicant's data. Instants
come back aware, in UTC.

JSON is stored as text (``json`` in PostgreSQL, not ``jsonb``): nothing looks inside, and what was written is
read back byte for byte.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, UniqueConstraint, text
from sqlalchemy.types import JSON
from sqlmodel import Field, SQLModel

from models.instants import Instant

Document = dict[str, Any]
"""A JSON object as the database keeps it; pydantic models are accepted on the way in (``store.database``)."""

BIG = BigInteger().with_variant(Integer, "sqlite")
"""Positions: 64 bits everywhere; SQLite only autoincrements a column called INTEGER."""


class Row(SQLModel):
    """Base of all tables, with a metadata of its own and predictable names of constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class JournalRow(Row, table=True):
    """One event, once. ``snapshot``: the dossier after it, on the last event of each record."""

    __tablename__ = "journal"
    __table_args__ = (UniqueConstraint("dossier", "sequence"), {"sqlite_autoincrement": True})

    position: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    dossier: str
    sequence: int
    type: str
    at: Instant
    subject: str
    data: Document = Field(sa_type=JSON)
    action: str | None = None
    by: str | None = None
    snapshot: Document | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    imported: bool
    recorded_at: Instant
    """Real time of writing, not event time."""


LONG = 45
"""Days from acceptance to closing; dossiers that lasted so long are few, and have an index of their own."""


class DossierRow(Row, table=True):
    """A dossier as lists and totals need it; ``snapshot`` has all of it.

    Totals and gauges read ``ix_dossier_totals`` alone, never the wide rows.
    """

    __tablename__ = "dossier"
    __table_args__ = (
        Index(None, "next_deadline_at", "code"),
        Index(None, "agency", "code"),
        Index(None, "procedure", "code"),
        Index(None, "status", "code"),
        Index(
            "ix_dossier_totals",
            "closed_at",
            "agency",
            "procedure",
            "status",
            "accepted_at",
            "promise_due_at",
            "missed_at",
            "asked_again_at",
            "pauses",
            "code",
        ),
        Index(
            "ix_dossier_closed",
            "closed_month",
            "agency",
            "ended_late",
            "on_time_766",
            "missed",
            "accepted_month",
        ),
        Index(
            "ix_dossier_stayed",
            "closed_month",
            "accepted_at",
            "agency",
            "promise_due_at",
            "missed_at",
            "asked_again_at",
            "pauses",
            "code",
        ),
        Index(
            "ix_dossier_long",
            "closed_month",
            "accepted_at",
            postgresql_where=text(f"lasted_days >= {LONG}"),
            sqlite_where=text(f"lasted_days >= {LONG}"),
        ),
        Index(
            "ix_dossier_late",
            "next_deadline_at",
            "code",
            postgresql_where=text("late > 0"),
            sqlite_where=text("late > 0"),
        ),
    )

    code: str = Field(primary_key=True)
    procedure: str
    agency: str
    status: str
    accepted_at: Instant
    clock_start: Instant
    promise_due_at: Instant | None
    """As last known, also while paused or closed."""
    next_deadline_at: Instant | None
    closed_at: Instant | None
    accepted_month: str
    closed_month: str | None
    """Local, like those of latenesses: totals of what was closed in a month are counted in an index alone."""
    ended_late: bool
    """Closed after the promise's due instant."""
    on_time_766: bool | None
    """Closed, and how Decision 766 judges it; None: it does not."""
    lasted_days: int | None
    """Whole days from acceptance to closing."""
    asked_again_at: Instant | None
    """When papers were asked for a second time."""
    pauses: int
    late: int = 0
    """Number of its latenesses that are not annulled."""
    missed_at: Instant | None = None
    """Due instant of its first missed promise that still stands (neither annulled nor retracted)."""
    missed: bool = False
    """There is one."""
    secret_hash: str | None
    sequence: int
    told_at: AwareDatetime | None
    """Start of the workflow task that told its last event: what an older task tells otherwise is void."""
    snapshot: Document = Field(sa_type=JSON)


class StepRow(Row, table=True):
    """A step that runs or is paused now: who holds what. Other steps are in the dossier's snapshot."""

    __tablename__ = "step"
    __table_args__ = (Index(None, "agency"), Index(None, "official"))

    dossier: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    agency: str
    official: str | None
    state: str
    started_at: Instant | None
    due_at: Instant | None


class PauseRow(Row, table=True):
    """An interval in which the applicant had to act; totals ask who was paused at an instant."""

    __tablename__ = "pause"

    dossier: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    kind: str
    started_at: Instant
    ended_at: Instant | None


class LatenessRow(Row, table=True):
    """One missed deadline as it stands; ``lateness`` has all of it, with local instants."""

    __tablename__ = "lateness"
    __table_args__ = (
        Index(None, "month", "state"),
        Index(None, "agency", "due_at"),
        Index(None, "official", "due_at"),
        Index(None, "state", "due_at"),
        Index(None, "dossier", "step", "state"),
    )

    id: str = Field(primary_key=True)
    dossier: str
    procedure: str
    step: str | None
    agency: str
    official: str | None
    head: str | None
    month: str
    """Local month (``YYYY-MM``) of the missed deadline, in the dossier's zone."""
    due_at: Instant
    completed_at: Instant | None
    overrun_minutes: float
    state: str
    cause: str | None
    explanation: str | None
    window_closes_at: Instant | None
    published_at: Instant | None
    sequence: int
    """Of the event that told this state."""
    lateness: Document = Field(sa_type=JSON)


class ListingRow(Row, table=True):
    """A lateness as a row of its month's list, written out: to make twenty thousand anew for each reader takes longer
    than to find them. Kept month by month, apart from the wide rows."""

    __tablename__ = "listing"
    __table_args__ = (
        Index(None, "month", "state", "completed_at"),
        Index(None, "official"),
        Index(None, "agency"),
        {"sqlite_with_rowid": False},
    )

    month: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    """Its order in the list (``models.bulletin_rows.place``)."""
    lateness: str = Field(index=True)
    dossier: str = Field(index=True)
    step: str | None
    agency: str
    official: str | None
    state: str
    completed_at: Instant | None
    enters: bool = True
    """Counted: False for a promise whose dossier has a late step that is not annulled (rules R11)."""
    apology_at: str | None = None
    """When the applicant was sent an apology with a new date (decision 0009), local with its offset."""
    row: str
    """Canonical JSON (``models.bulletin_rows.listed``), but for names and apology."""
    overdue: list[Document] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """When its clock ran on (``models.views.Overdue.runs``); None: from the deadline on, but for pauses."""


class ShareRow(Row, table=True):
    """What one holder had of a missed deadline's working minutes."""

    __tablename__ = "share"
    __table_args__ = (Index(None, "official"), Index(None, "agency"))

    lateness: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    dossier: str = Field(index=True)
    agency: str
    official: str | None
    minutes: float


class HandledRow(Row, table=True):
    """A step that is done: by whom, in which local month, and how it compares with its deadline."""

    __tablename__ = "handled"
    __table_args__ = (Index(None, "official", "month"), Index(None, "agency", "month", "outcome"))

    dossier: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    agency: str
    official: str | None
    month: str
    outcome: str
    minutes: float
    """Working minutes it took."""


class EditionRow(Row, table=True):
    """One edition of a month's list as it was frozen; never changed, never removed."""

    __tablename__ = "bulletin"

    period: str = Field(primary_key=True)
    edition: int = Field(primary_key=True)
    frozen_at: Instant
    watermark: Instant
    position: int = Field(sa_type=BIG)
    """Of the last journal row that was counted in."""
    formula: str
    sha256: str
    """Of the canonical JSON that the public gets (dossiers masked): what the ledger holds."""
    content: bytes
    """Canonical JSON with whole dossier codes."""


class OutboxRow(Row, table=True):
    """One CloudEvent to deliver, in order of ``position``; never changed, never removed."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("dossier", "sequence"), {"sqlite_autoincrement": True})

    position: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    dossier: str
    sequence: int
    id: str
    type: str
    source: str
    subject: str
    time: str
    """Event time as it goes out, with the calendar's offset."""
    data: Document = Field(sa_type=JSON)
    recorded_at: Instant
    """Real time of writing: how long it has been waiting."""


class SubscriberRow(Row, table=True):
    """How far one subscriber has been served: everything up to ``position``."""

    __tablename__ = "subscriber"

    name: str = Field(primary_key=True)
    position: int = Field(sa_type=BIG)


class LedgerEntryRow(Row, table=True):
    """One entry of the ledger; never changed, never removed, and nobody is named in it."""

    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("period", "edition"),)

    number: int = Field(primary_key=True, sa_type=BIG)
    content: bytes
    leaf: bytes
    """Its leaf in the Merkle tree."""
    position: int | None = Field(sa_type=BIG, unique=True)
    """Of the outbox row that a disclosure tells."""
    period: str | None
    edition: int | None


class LedgerNodeRow(Row, table=True):
    """A complete subtree of the ledger's Merkle tree, above the leaves."""

    __tablename__ = "ledger_node"

    level: int = Field(primary_key=True)
    place: int = Field(primary_key=True, sa_type=BIG)
    hash: bytes


class LedgerPersonalRow(Row, table=True):
    """What an entry is committed to and does not say; gone once it is erased."""

    __tablename__ = "ledger_personal"

    number: int = Field(primary_key=True, sa_type=BIG)
    salt: bytes
    document: bytes
    """Canonical JSON, byte for byte what was committed to."""


class LedgerPersonRow(Row, table=True):
    """Whom a personal part names, to find what is to be erased."""

    __tablename__ = "ledger_person"

    official: str = Field(primary_key=True)
    number: int = Field(primary_key=True, index=True, sa_type=BIG)


class LedgerKeyRow(Row, table=True):
    """A public key that the ledger was signed with; the highest number signs now."""

    __tablename__ = "ledger_key"

    number: int = Field(primary_key=True, sa_type=BIG)
    """Entries there were before it: 0 of the first, else the number of the entry that tells the change."""
    verifier: str


class LedgerCheckpointRow(Row, table=True):
    """A signed statement of the ledger at a size."""

    __tablename__ = "ledger_checkpoint"

    size: int = Field(primary_key=True, sa_type=BIG)
    note: str


class LedgerCursorRow(Row, table=True):
    """How far the outbox has been read into the ledger. No subscriber: it waits on purpose until events settle."""

    __tablename__ = "ledger_cursor"

    name: str = Field(primary_key=True)
    position: int = Field(sa_type=BIG)


class WebhookRow(Row, table=True):
    """A subscriber by HTTP, and how far it is: everything up to ``position`` is delivered, or in ``waiting``."""

    __tablename__ = "webhook"

    name: str = Field(primary_key=True)
    url: str
    audience: str
    types: str
    """Between commas; empty: all."""
    secret: str
    old_secret: str | None = None
    old_secret_until: Instant | None = None
    state: str
    reason: str | None = None
    """Why it is disabled."""
    position: int = Field(sa_type=BIG)
    failures: int = 0
    """Batches in a row of which the receiver took nothing."""
    rest_until: Instant | None = None


class WaitingRow(Row, table=True):
    """An event that a webhook has not had although its cursor is past it: to be tried again, or given up."""

    __tablename__ = "waiting"
    __table_args__ = (
        Index(None, "webhook", "dead", "next_at"),
        Index(None, "webhook", "dossier", "position"),
    )

    webhook: str = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BIG)
    dossier: str
    attempts: int
    next_at: Instant
    last_error: str | None = None
    dead: bool = False


class ArchiveRow(Row, table=True):
    """The whole aggregate of a dossier whose workflow has ended; valid while it has the dossier's sequence."""

    __tablename__ = "archive"

    dossier: str = Field(primary_key=True)
    sequence: int
    aggregate: Document = Field(sa_type=JSON)


class CodeCounterRow(Row, table=True):
    """Last number given to a dossier of an agency on a day (``<agency>-<YYMMDD>-<NNNN>``)."""

    __tablename__ = "code_counter"

    agency: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    last: int


class KeyRow(Row, table=True):
    """An API key. The key itself is shown once and kept nowhere."""

    __tablename__ = "api_key"

    prefix: str = Field(primary_key=True)
    name: str
    hash: str
    """SHA-256 of the whole key: it has 256 bits of chance, so nothing slower is needed."""
    role: str
    agency: str | None
    official: str | None
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None


class AuditRow(Row, table=True):
    """A write, or an attempt that was refused, at a door. No body is kept."""

    __tablename__ = "audit"
    __table_args__ = ({"sqlite_autoincrement": True},)

    position: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    at: Instant
    key: str | None
    name: str
    role: str
    method: str
    path: str
    status: int
    code: str | None


class AnswerRow(Row, table=True):
    """What a request with an ``Idempotency-Key`` was answered."""

    __tablename__ = "answer"

    key: str = Field(primary_key=True)
    """Prefix of the API key."""
    id: str = Field(primary_key=True)
    request: str
    """Hash of method, path and body."""
    status: int
    """0: begun, and not answered yet."""
    body: Document = Field(sa_type=JSON)
    at: Instant


def table_of(row: type[Row]) -> Table:
    """The Core table of a row class, for statements over many rows."""
    return Row.metadata.tables[str(row.__tablename__)]
