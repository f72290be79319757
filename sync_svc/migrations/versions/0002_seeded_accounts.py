"""Makes the note of which sandbox accounts were made channels, so that a seeding that was cut off goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def upgrade() -> None:
    op.create_table(
        "seeded_account",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("seeded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("platform", "account", name=op.f("pk_seeded_account")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("seeded_account", schema=SCHEMA)
