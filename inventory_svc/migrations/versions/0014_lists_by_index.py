"""Indexes that give every common list in its order, made beside the hub's own work, and the levels of all variants together."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_item_variant_id_status_id_covering": "(variant_id, status, id) INCLUDE (location, received_at)",
    "ix_item_location_status_id": "(location, status, id) INCLUDE (variant_id)",
    "ix_item_received_at_id": "(received_at, id)",
}
FORMER = {
    "ix_item_variant_id_status_id": "(variant_id, status, id)",
    "ix_item_location_id": "(location, id)",
    "ix_item_received_at": "(received_at)",
}
# With the lock nothing is folded meanwhile, and what is not folded yet will be folded into these too.
LOCK = "LOCK TABLE inventory.stock_level IN SHARE ROW EXCLUSIVE MODE"
ALL_VARIANTS = """
INSERT INTO inventory.stock_level (variant_id, status, units)
SELECT 0, status, sum(units) FROM inventory.stock_level WHERE variant_id <> 0 GROUP BY status
"""


def _exchange(made: dict[str, str], dropped: dict[str, str]) -> None:
    with op.get_context().autocommit_block():
        for name, columns in made.items():
            # What an attempt that was cut off left behind is invalid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS inventory.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON inventory.item {columns} WHERE deleted_at IS NULL")
        for name in dropped:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS inventory.{name}")


def upgrade() -> None:
    _exchange(INDEXES, FORMER)
    op.execute(LOCK)
    op.execute(ALL_VARIANTS)


def downgrade() -> None:
    op.execute("DELETE FROM inventory.stock_level WHERE variant_id = 0")
    _exchange(FORMER, INDEXES)
