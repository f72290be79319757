"""Indexes that give what waits and what failed channel by channel in the order of the lists, made beside the hub's own work."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_WAITING = "status IN ('PENDING', 'DIRTY')"
_FAILED = "status = 'ERROR'"
INDEXES = {
    "ix_listing_channel_id_id_waiting": f"(channel_id, id) INCLUDE (status) WHERE {_WAITING} AND deleted_at IS NULL",
    "ix_listing_channel_id_id_failed": f"(channel_id, id) INCLUDE (error_class) WHERE {_FAILED} AND deleted_at IS NULL",
}
FORMER = {
    "ix_listing_waiting": f"(id) WHERE {_WAITING}",
    "ix_listing_failed": f"(id) WHERE {_FAILED}",
}


def _exchange(made: dict[str, str], dropped: dict[str, str]) -> None:
    with op.get_context().autocommit_block():
        for name, columns in made.items():
            # What an attempt that was cut off left behind is invalid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS sync.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON sync.listing {columns}")
        for name in dropped:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS sync.{name}")


def upgrade() -> None:
    _exchange(INDEXES, FORMER)


def downgrade() -> None:
    _exchange(FORMER, INDEXES)
