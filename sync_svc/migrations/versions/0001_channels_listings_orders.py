"""Makes channels, listings, their attempts and runs, the feeds' positions, and the orders taken in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "sync"


def upgrade() -> None:
    op.create_table(
        "channel",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("site", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("api_base_url", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("token_url", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("sealed_credentials", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_webhook", sa.LargeBinary(), nullable=True),
        sa.Column(
            "credential_names", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("buffer_units", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cap_units", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("price_factor", sa.Numeric(precision=8, scale=4), server_default=sa.text("1"), nullable=False),
        sa.Column("zero_when_paused", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("poll_interval_s", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("block", sa.Text(), nullable=True),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("block_message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("block_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("order_cursor", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("poll_lease", sa.UUID(), nullable=True),
        sa.Column("poll_lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("platform IN ('ZOHO', 'AMAZON', 'EBAY', 'ECWID')", name=op.f("ck_channel_platform_known")),
        sa.CheckConstraint("state IN ('ACTIVE', 'PAUSED')", name=op.f("ck_channel_state_known")),
        sa.CheckConstraint("account = upper(account)", name=op.f("ck_channel_account_in_capitals")),
        sa.CheckConstraint(
            "buffer_units >= 0 AND cap_units >= 0 AND price_factor > 0", name=op.f("ck_channel_rules_positive")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("platform", "account", name=op.f("uq_channel_platform_account")),
        schema=SCHEMA,
    )
    op.create_table(
        "feed_position",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("resume_token", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("lease", sa.UUID(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("feed", name=op.f("pk_feed_position")),
        schema=SCHEMA,
    )
    op.create_table(
        "listing_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("code", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("duration_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_attempt")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_listing_attempt_listing_id_id", "listing_attempt", ["listing_id", "id"], unique=False, schema=SCHEMA
    )
    op.create_index("ix_listing_attempt_started_at", "listing_attempt", ["started_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "stored_answer",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("actor", "method", "request_id", name=op.f("pk_stored_answer")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_stored_answer_created_at"), "stored_answer", ["created_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "channel_order",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("external_order_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'NEW'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("paid", sa.Boolean(), nullable=False),
        sa.Column("platform_status", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('NEW', 'HELD', 'SOLD', 'CANCELLED', 'NEEDS_ATTENTION')",
            name=op.f("ck_channel_order_status_known"),
        ),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_channel_order_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_order")),
        sa.UniqueConstraint(
            "channel_id", "external_order_id", name=op.f("uq_channel_order_channel_id_external_order_id")
        ),
        schema=SCHEMA,
    )
    op.create_index("ix_channel_order_status_id", "channel_order", ["status", "id"], unique=False, schema=SCHEMA)
    op.create_table(
        "channel_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("duration_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("item_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_channel_run_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_run")),
        schema=SCHEMA,
    )
    op.create_index("ix_channel_run_channel_id_id", "channel_run", ["channel_id", "id"], unique=False, schema=SCHEMA)
    op.create_index("ix_channel_run_started_at", "channel_run", ["started_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "listing",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("platform_sku", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("external_ids", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("asin", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default=sa.text("'USD'"), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("intent", sa.Text(), server_default=sa.text("'ACTIVE'"), nullable=False),
        sa.Column("desired_generation", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("synced_generation", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("content_generation", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "status",
            sa.Text(),
            sa.Computed(
                "CASE WHEN error_class IS NOT NULL THEN 'ERROR' WHEN synced_generation >= desired_generation THEN 'SYNCED'"
                " WHEN synced_generation > 0 THEN 'DIRTY' ELSE 'PENDING' END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("error_code", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("urgency", sa.SmallInteger(), server_default=sa.text("2"), nullable=False),
        sa.Column("lease", sa.UUID(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("pushed_quantity", sa.Integer(), nullable=True),
        sa.Column("pushed_price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("shown_is_sure", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "error_class IN ('RETRY', 'AUTH', 'PERMANENT', 'UNKNOWN')", name=op.f("ck_listing_error_class_known")
        ),
        sa.CheckConstraint("intent IN ('ACTIVE', 'INACTIVE', 'ENDED')", name=op.f("ck_listing_intent_known")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_listing_price_positive")),
        sa.CheckConstraint("synced_generation <= desired_generation", name=op.f("ck_listing_generations_ordered")),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_listing_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing")),
        sa.UniqueConstraint("channel_id", "external_id", name=op.f("uq_listing_channel_id_external_id")),
        sa.UniqueConstraint("channel_id", "platform_sku", name=op.f("uq_listing_channel_id_platform_sku")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_listing_due",
        "listing",
        ["channel_id", "urgency", "next_attempt_at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("desired_generation > synced_generation AND next_attempt_at IS NOT NULL"),
    )
    op.create_index(
        "ix_listing_failed",
        "listing",
        ["id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'ERROR'"),
    )
    op.create_index("ix_listing_platform_sku", "listing", ["platform_sku"], unique=False, schema=SCHEMA)
    op.create_index("ix_listing_sku", "listing", ["sku"], unique=False, schema=SCHEMA)
    op.create_index("ix_listing_variant_id", "listing", ["variant_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_listing_waiting",
        "listing",
        ["id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('PENDING', 'DIRTY')"),
    )
    op.create_table(
        "order_task",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("external_order_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease", sa.UUID(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_order_task_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "external_order_id", name=op.f("pk_order_task")),
        schema=SCHEMA,
    )
    op.create_index("ix_order_task_due", "order_task", ["channel_id", "next_attempt_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "webhook_delivery",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_webhook_delivery_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "event_id", name=op.f("pk_webhook_delivery")),
        schema=SCHEMA,
    )
    op.create_index("ix_webhook_delivery_received_at", "webhook_delivery", ["received_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "order_line",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("platform_sku", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("title", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default=sa.text("'USD'"), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sku", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("applied", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cancelled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_line_quantity_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["sync.channel_order.id"], name=op.f("fk_order_line_order_id")),
        sa.PrimaryKeyConstraint("order_id", "line_id", name=op.f("pk_order_line")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("order_line", schema=SCHEMA)
    op.drop_table("webhook_delivery", schema=SCHEMA)
    op.drop_table("order_task", schema=SCHEMA)
    op.drop_table("listing", schema=SCHEMA)
    op.drop_table("channel_run", schema=SCHEMA)
    op.drop_table("channel_order", schema=SCHEMA)
    op.drop_table("stored_answer", schema=SCHEMA)
    op.drop_table("listing_attempt", schema=SCHEMA)
    op.drop_table("feed_position", schema=SCHEMA)
    op.drop_table("channel", schema=SCHEMA)
