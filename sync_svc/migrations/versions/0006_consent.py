"""Adds when a channel's seller has to consent again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def upgrade() -> None:
    op.add_column("channel", sa.Column("consent_expires_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("channel", "consent_expires_at", schema=SCHEMA)
