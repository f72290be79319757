"""Makes what the processes of one account share: buckets they draw from, a silence for all, and access tokens.

What a bucket held is taken over as it was kept; of former versions each process kept its own, and the last one counts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def upgrade() -> None:
    op.add_column(
        "bucket_level",
        sa.Column("granted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "daily_use",
        sa.Column("granted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column("bucket_level", sa.Column("told_rate", sa.Double()), schema=SCHEMA)
    op.create_table(
        "account_silence",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_account_silence_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_account_silence")),
        schema=SCHEMA,
    )
    op.create_table(
        "access_token",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("renew_at", sa.DateTime(timezone=True)),
        sa.Column("claim", sa.Uuid()),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_access_token_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "name", name=op.f("pk_access_token")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("access_token", schema=SCHEMA)
    op.drop_table("account_silence", schema=SCHEMA)
    op.drop_column("daily_use", "granted", schema=SCHEMA)
    op.drop_column("bucket_level", "told_rate", schema=SCHEMA)
    op.drop_column("bucket_level", "granted", schema=SCHEMA)
