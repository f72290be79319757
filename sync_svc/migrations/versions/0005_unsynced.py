"""Adds the indexes that tell what is not synced, and how many listings a channel has, without reading the listings."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def upgrade() -> None:
    op.create_index(
        "ix_listing_unsynced",
        "listing",
        ["channel_id", "id"],
        unique=False,
        schema=SCHEMA,
        postgresql_include=["status", "last_synced_at", "created_at"],
        postgresql_where=sa.text("status <> 'SYNCED' AND deleted_at IS NULL"),
    )
    is_there = sa.text("deleted_at IS NULL")
    op.create_index(
        "ix_listing_live", "listing", ["channel_id"], unique=False, schema=SCHEMA, postgresql_where=is_there
    )


def downgrade() -> None:
    op.drop_index("ix_listing_live", table_name="listing", schema=SCHEMA)
    op.drop_index("ix_listing_unsynced", table_name="listing", schema=SCHEMA)
