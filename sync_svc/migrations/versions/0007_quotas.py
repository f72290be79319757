"""Makes what is kept of the accounts' quotas over a restart: levels of token buckets, and uses per day."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def upgrade() -> None:
    op.create_table(
        "bucket_level",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_bucket_level_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "bucket", name=op.f("pk_bucket_level")),
        schema=SCHEMA,
    )
    op.create_table(
        "daily_use",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_daily_use_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "subject", "day", "key", name=op.f("pk_daily_use")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("daily_use", schema=SCHEMA)
    op.drop_table("bucket_level", schema=SCHEMA)
