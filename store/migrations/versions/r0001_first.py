"""The first tables: journal, its projections, outbox, archive, counters."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "archive",
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("aggregate", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("dossier", name=op.f("pk_archive")),
    )
    op.create_table(
        "code_counter",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "day", name=op.f("pk_code_counter")),
    )
    op.create_table(
        "dossier",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("procedure", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promise_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_dossier")),
    )
    op.create_index(op.f("ix_dossier_agency_code"), "dossier", ["agency", "code"])
    op.create_index(
        "ix_dossier_late",
        "dossier",
        ["next_deadline_at", "code"],
        postgresql_where=sa.text("late > 0"),
        sqlite_where=sa.text("late > 0"),
    )
    op.create_index(op.f("ix_dossier_next_deadline_at_code"), "dossier", ["next_deadline_at", "code"])
    op.create_index(op.f("ix_dossier_procedure_code"), "dossier", ["procedure", "code"])
    op.create_index(op.f("ix_dossier_status_code"), "dossier", ["status", "code"])
    op.create_index(
        "ix_dossier_totals",
        "dossier",
        [
            "closed_at",
            "agency",
            "procedure",
            "status",
            "accepted_at",
            "promise_due_at",
            "late",
            "code",
        ],
    )
    op.create_table(
        "journal",
        sa.Column("position", BIG, nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("action", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("snapshot", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_journal")),
        sa.UniqueConstraint("dossier", "sequence", name=op.f("uq_journal_dossier_sequence")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lateness",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("procedure", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("official", sa.String(), nullable=True),
        sa.Column("head", sa.String(), nullable=True),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overrun_minutes", sa.Float(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("explanation", sa.String(), nullable=True),
        sa.Column("window_closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("lateness", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lateness")),
    )
    op.create_index(op.f("ix_lateness_agency_due_at"), "lateness", ["agency", "due_at"])
    op.create_index(op.f("ix_lateness_dossier_step_state"), "lateness", ["dossier", "step", "state"])
    op.create_index(op.f("ix_lateness_month_state"), "lateness", ["month", "state"])
    op.create_index(op.f("ix_lateness_official_due_at"), "lateness", ["official", "due_at"])
    op.create_index(op.f("ix_lateness_state_due_at"), "lateness", ["state", "due_at"])
    op.create_table(
        "outbox",
        sa.Column("position", BIG, nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("time", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dossier", "sequence", name=op.f("uq_outbox_dossier_sequence")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pause",
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dossier", "ordinal", name=op.f("pk_pause")),
    )
    op.create_table(
        "step",
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("official", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dossier", "key", name=op.f("pk_step")),
    )
    op.create_index(op.f("ix_step_agency"), "step", ["agency"])
    op.create_index(op.f("ix_step_official"), "step", ["official"])
    op.create_table(
        "subscriber",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_subscriber")),
    )
