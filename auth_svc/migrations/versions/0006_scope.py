"""What users are bound to. The table is small, so that its constraints are checked at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_S = "auth"


def upgrade() -> None:
    nothing = sa.text("'{}'")
    op.add_column("users", sa.Column("warehouses", ARRAY(sa.Text), nullable=False, server_default=nothing), schema=_S)
    ids: sa.Column[list[int]] = sa.Column("channel_ids", ARRAY(sa.BigInteger), nullable=False, server_default=nothing)
    op.add_column("users", ids, schema=_S)
    op.create_check_constraint(
        op.f("ck_users_admin_is_unbound"),
        "users",
        "role <> 'ADMIN' OR cardinality(warehouses) + cardinality(channel_ids) = 0",
        schema=_S,
    )
    op.create_check_constraint(
        op.f("ck_users_scope"), "users", "cardinality(warehouses) <= 20 AND cardinality(channel_ids) <= 50", schema=_S
    )


def downgrade() -> None:
    op.drop_constraint("ck_users_scope", "users", schema=_S)
    op.drop_constraint("ck_users_admin_is_unbound", "users", schema=_S)
    op.drop_column("users", "channel_ids", schema=_S)
    op.drop_column("users", "warehouses", schema=_S)
