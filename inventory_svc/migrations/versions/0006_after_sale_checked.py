"""Validates the checks of 0005, without a lock that stops anybody."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CHECKS = (
    ("item", "transit"),
    ("item", "status"),
    ("movement", "before_status"),
    ("movement", "after_status"),
    ("movement", "action"),
)


def upgrade() -> None:
    for table, name in CHECKS:
        op.execute(f"ALTER TABLE inventory.{table} VALIDATE CONSTRAINT ck_{table}_{name}")


def downgrade() -> None:
    """Puts the checks back as 0005 left them."""
    for table, name in CHECKS:
        op.execute(
            f"DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE inventory.{table} DROP CONSTRAINT ck_{table}_{name},"
            f" ADD CONSTRAINT ck_{table}_{name} ' || pg_get_constraintdef(oid) || ' NOT VALID'"
            f" FROM pg_constraint WHERE conname = 'ck_{table}_{name}'"
            f" AND conrelid = 'inventory.{table}'::regclass); END $$"
        )
