"""Webhooks, and the events that wait for one of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("types", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("old_secret", sa.String(), nullable=True),
        sa.Column("old_secret_until", INSTANT, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("position", BIG, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rest_until", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_webhook")),
    )
    op.create_table(
        "waiting",
        sa.Column("webhook", sa.String(), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("dead", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("webhook", "position", name=op.f("pk_waiting")),
    )
    op.create_index(op.f("ix_waiting_webhook_dead_next_at"), "waiting", ["webhook", "dead", "next_at"])
    op.create_index(
        op.f("ix_waiting_webhook_dossier_position"), "waiting", ["webhook", "dossier", "position"]
    )
