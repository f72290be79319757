"""An index for the movements of one actor, made beside the hub's own work."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # What an attempt that was cut off left behind is invalid.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS inventory.ix_movement_actor_id_id")
        op.execute("CREATE INDEX CONCURRENTLY ix_movement_actor_id_id ON inventory.movement (actor_id, id)")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY inventory.ix_movement_actor_id_id")
