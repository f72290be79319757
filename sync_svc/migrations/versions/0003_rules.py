"""Adds the rules of rounding, floor, auto-listing and schedule, and what a listing has of its own instead."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "sync"
_NO_JSON = sa.text("'{}'::jsonb")


def upgrade() -> None:
    for column in (
        sa.Column("price_rounding", sa.Text(), server_default=sa.text("'CENT'"), nullable=False),
        sa.Column("price_floor", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("auto_list", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("schedule", postgresql.JSONB(), server_default=_NO_JSON, nullable=False),
    ):
        op.add_column("channel", column, schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_channel_price_rounding_known"),
        "channel",
        "price_rounding IN ('CENT', 'WHOLE', 'ENDING_99', 'ENDING_95')",
        schema=SCHEMA,
    )
    op.create_check_constraint(op.f("ck_channel_price_floor_positive"), "channel", "price_floor >= 0", schema=SCHEMA)
    overrides = sa.Column("overrides", postgresql.JSONB(), server_default=_NO_JSON, nullable=False)
    op.add_column("listing", overrides, schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("listing", "overrides", schema=SCHEMA)
    op.drop_constraint(op.f("ck_channel_price_floor_positive"), "channel", schema=SCHEMA)
    op.drop_constraint(op.f("ck_channel_price_rounding_known"), "channel", schema=SCHEMA)
    for name in ("schedule", "auto_list", "price_floor", "price_rounding"):
        op.drop_column("channel", name, schema=SCHEMA)
