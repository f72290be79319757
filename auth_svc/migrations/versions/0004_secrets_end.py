"""When a secret of a service account stops working, and when it was last used. Without an end it works until removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_S = "auth"
_T = "service_account_secrets"


def upgrade() -> None:
    op.add_column(_T, sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True), schema=_S)
    op.add_column(_T, sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True), schema=_S)


def downgrade() -> None:
    op.drop_column(_T, "last_used_at", schema=_S)
    op.drop_column(_T, "expires_at", schema=_S)
