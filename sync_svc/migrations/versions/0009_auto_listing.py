"""Makes the place of channels that list what was in the catalog before their rule was switched on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def upgrade() -> None:
    op.create_table(
        "auto_listing",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("page_token", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("listed_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease", sa.UUID(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_auto_listing_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_auto_listing")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("auto_listing", schema=SCHEMA)
