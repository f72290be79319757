"""Makes the passes over live listings and the differences they find, and adds the rules for them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def _time(name: str, *, required: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if required else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not required)


def upgrade() -> None:
    for column in (
        sa.Column("mend_drift", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("reconcile_interval_s", sa.Integer(), server_default=sa.text("86400"), nullable=False),
    ):
        op.add_column("channel", column, schema=SCHEMA)
    op.create_table(
        "reconciliation",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        _time("next_at"),
        sa.Column("after_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease", sa.UUID(), nullable=True),
        _time("lease_until"),
        _time("started_at"),
        _time("finished_at"),
        sa.Column("checked_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("differing_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_reconciliation_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_reconciliation")),
        schema=SCHEMA,
    )
    _make_drift()


def _make_drift() -> None:
    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Boolean(), nullable=False),
        sa.Column("price", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Boolean(), nullable=False),
        sa.Column("hub_quantity", sa.Integer(), nullable=False),
        sa.Column("live_quantity", sa.Integer(), nullable=True),
        sa.Column("hub_price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("live_price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("live_state", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("units_at_risk", sa.Integer(), nullable=False),
        sa.Column("money_at_risk", sa.Numeric(precision=24, scale=2), nullable=False),
        sa.Column("mend_generation", sa.BigInteger(), nullable=True),
        _time("found_at", required=True),
        _time("seen_at", required=True),
        _time("closed_at"),
        sa.CheckConstraint("live_state IN ('LIVE', 'ENDED', 'MISSING')", name=op.f("ck_drift_live_state_known")),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_drift_channel_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["sync.listing.id"], name=op.f("fk_drift_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift")),
        schema=SCHEMA,
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index("ix_drift_open", "drift", ["listing_id"], unique=True, schema=SCHEMA, postgresql_where=is_open)
    op.create_index("ix_drift_closed_at", "drift", ["closed_at"], unique=False, schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("drift", schema=SCHEMA)
    op.drop_table("reconciliation", schema=SCHEMA)
    op.drop_column("channel", "reconcile_interval_s", schema=SCHEMA)
    op.drop_column("channel", "mend_drift", schema=SCHEMA)
