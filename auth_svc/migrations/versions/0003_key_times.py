"""When a signing key starts to sign, so that it can be published before. Without a value it signs from its making on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_S = "auth"


def upgrade() -> None:
    op.add_column("signing_keys", sa.Column("signs_from", sa.DateTime(timezone=True), nullable=True), schema=_S)


def downgrade() -> None:
    op.drop_column("signing_keys", "signs_from", schema=_S)
