"""When the clocks of latenesses ran on: what their overrun is counted from while they are not over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("listing", sa.Column("overdue", sa.JSON(none_as_null=True), nullable=True))
