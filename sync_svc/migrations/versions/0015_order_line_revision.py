"""A line of an order that comes back after it was cancelled, or means other goods than before, has another id in inventory."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_line", sa.Column("revision", sa.Integer, nullable=False, server_default="0"), schema="sync")


def downgrade() -> None:
    op.drop_column("order_line", "revision", schema="sync")
