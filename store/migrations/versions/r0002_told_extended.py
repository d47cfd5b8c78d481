"""When a dossier's last event was told (decision 0008), and when it was extended (decision 0009)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dossier", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("dossier", sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_dossier_extended",
        "dossier",
        ["code", "extended_at"],
        postgresql_where=sa.text("extended_at is not null"),
        sqlite_where=sa.text("extended_at is not null"),
    )
