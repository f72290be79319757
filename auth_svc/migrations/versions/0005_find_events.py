"""Indexes that find events by time, kind and actor, newest first."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_S = "auth"


def upgrade() -> None:
    op.create_index("ix_events_happened_at", "events", ["happened_at"], schema=_S)
    op.create_index("ix_events_kind", "events", ["kind", "id"], schema=_S)
    op.create_index("ix_events_actor_id", "events", ["actor_id", "id"], schema=_S)


def downgrade() -> None:
    for name in ("ix_events_actor_id", "ix_events_kind", "ix_events_happened_at"):
        op.drop_index(name, "events", schema=_S)
