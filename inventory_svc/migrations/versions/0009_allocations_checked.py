"""Validates the check of 0008, without a lock that stops anybody."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE inventory.movement VALIDATE CONSTRAINT ck_movement_action")


def downgrade() -> None:
    """Puts the check back as 0008 left it."""
    op.execute(
        "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE inventory.movement DROP CONSTRAINT ck_movement_action,"
        " ADD CONSTRAINT ck_movement_action ' || pg_get_constraintdef(oid) || ' NOT VALID'"
        " FROM pg_constraint WHERE conname = 'ck_movement_action'"
        " AND conrelid = 'inventory.movement'::regclass); END $$"
    )
