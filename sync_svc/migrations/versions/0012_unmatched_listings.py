"""Makes what an import of live listings could not match to a variant, and how far an import is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SCHEMA = "sync"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False)


def _time(name: str, *, required: bool = False, default: bool = False) -> sa.Column[object]:
    at = sa.text("now()") if required or default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=at, nullable=not required)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "unmatched_listing",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("platform_sku", sa.Text(), nullable=False),
        _text("external_id"),
        sa.Column(
            "external_ids",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        _text("asin"),
        _text("title"),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default=sa.text("'USD'"), nullable=False),
        sa.Column("dismissed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pass", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _time("found_at", required=True),
        _time("seen_at", required=True),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_unmatched_listing_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmatched_listing")),
        sa.UniqueConstraint("channel_id", "platform_sku", name=op.f("uq_unmatched_listing_channel_id_platform_sku")),
        schema=SCHEMA,
    )
    op.create_index("ix_unmatched_listing_platform_sku", "unmatched_listing", ["platform_sku"], schema=SCHEMA)
    called = sa.text("upper(platform_sku)")
    op.create_index("ix_unmatched_listing_called", "unmatched_listing", [called], schema=SCHEMA)
    op.create_table(
        "listing_import",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        _text("cursor"),
        sa.Column("pass", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        _time("next_at", required=True),
        sa.Column("lease", sa.UUID(), nullable=True),
        _time("lease_until"),
        _time("started_at", required=True),
        _time("finished_at"),
        _count("found_count"),
        _count("known_count"),
        _count("matched_count"),
        _text("message"),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_listing_import_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_listing_import")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("listing_import", schema=SCHEMA)
    op.drop_table("unmatched_listing", schema=SCHEMA)
