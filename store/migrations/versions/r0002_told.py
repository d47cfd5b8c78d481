"""When a dossier's last event was told (decision 0008)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dossier", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
