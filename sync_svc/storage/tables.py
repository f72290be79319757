"""The tables of channels and listings, and what the service's role may do with all of the schema `sync`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from chassis.idempotency import idempotency_table
from sync_svc.storage import order_tables
from sync_svc.storage.columns import SCHEMA, metadata, moment, number, one_of, words

__all__ = [
    "GRANTS",
    "SCHEMA",
    "access_token",
    "account_silence",
    "auto_listing",
    "bucket_level",
    "channel",
    "channel_event",
    "channel_run",
    "daily_use",
    "drift",
    "feed_position",
    "listing",
    "listing_attempt",
    "listing_import",
    "metadata",
    "reconciliation",
    "seeded_account",
    "stored_answer",
    "unmatched_listing",
]

stored_answer = idempotency_table(metadata)

channel = Table(
    "channel",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    words("display_name"),
    words("site"),
    words("api_base_url"),
    words("token_url"),
    Column("sealed_credentials", LargeBinary),
    Column("sealed_webhook", LargeBinary),
    Column("credential_names", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    moment("consent_expires_at"),
    Column("options", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    number("buffer_units", 0),
    number("cap_units", 0),
    Column("price_factor", Numeric(8, 4), nullable=False, server_default=text("1")),
    Column("zero_when_paused", Boolean, nullable=False, server_default=text("true")),
    number("poll_interval_s", 60),
    Column("price_rounding", Text, nullable=False, server_default=text("'CENT'")),
    Column("price_floor", Numeric(14, 2), nullable=False, server_default=text("0")),
    Column("auto_list", Boolean, nullable=False, server_default=text("false")),
    Column("mend_drift", Boolean, nullable=False, server_default=text("true")),
    number("reconcile_interval_s", 86_400),
    Column("schedule", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("state", Text, nullable=False),
    moment("activated_at"),
    number("version", 1),
    # What the workers write, beside what a person decides.
    Column("block", Text),
    moment("blocked_until"),
    words("block_message"),
    number("block_count", 0),
    words("order_cursor"),
    moment("next_poll_at", required=True),
    Column("poll_lease", UUID(as_uuid=True)),
    moment("poll_lease_until"),
    moment("last_poll_at"),
    moment("last_order_at"),
    moment("created_at", required=True),
    moment("updated_at", required=True),
    UniqueConstraint("platform", "account"),
    CheckConstraint(one_of("platform", "ZOHO", "AMAZON", "EBAY", "ECWID"), name="platform_known"),
    CheckConstraint(one_of("state", "ACTIVE", "PAUSED"), name="state_known"),
    CheckConstraint("account = upper(account)", name="account_in_capitals"),
    CheckConstraint("buffer_units >= 0 AND cap_units >= 0 AND price_factor > 0", name="rules_positive"),
    CheckConstraint(one_of("price_rounding", "CENT", "WHOLE", "ENDING_99", "ENDING_95"), name="price_rounding_known"),
    CheckConstraint("price_floor >= 0", name="price_floor_positive"),
)

seeded_account = Table(
    "seeded_account",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    moment("seeded_at", required=True),
)

_STATUS = (
    "CASE WHEN error_class IS NOT NULL THEN 'ERROR' WHEN synced_generation >= desired_generation THEN 'SYNCED'"
    " WHEN synced_generation > 0 THEN 'DIRTY' ELSE 'PENDING' END"
)

listing = Table(
    "listing",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    Column("variant_id", BigInteger, nullable=False),
    Column("sku", Text, nullable=False),
    Column("platform_sku", Text, nullable=False),
    Column("external_id", Text),
    Column("external_ids", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    words("asin"),
    words("name"),
    words("description"),
    Column("price", Numeric(14, 2)),
    Column("currency", String(3), nullable=False, server_default=text("'USD'")),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("overrides", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("intent", Text, nullable=False, server_default=text("'ACTIVE'")),
    Column("desired_generation", BigInteger, nullable=False, server_default=text("1")),
    Column("synced_generation", BigInteger, nullable=False, server_default=text("0")),
    Column("content_generation", BigInteger, nullable=False, server_default=text("1")),
    Column("status", Text, Computed(_STATUS, persisted=True), nullable=False),
    Column("error_class", Text),
    words("error_message"),
    words("error_code"),
    number("attempts", 0),
    Column("next_attempt_at", DateTime(timezone=True), server_default=func.now()),
    Column("urgency", SmallInteger, nullable=False, server_default=text("2")),
    Column("lease", UUID(as_uuid=True)),
    moment("lease_until"),
    words("lease_owner"),
    Column("pushed_quantity", Integer),
    Column("pushed_price", Numeric(14, 2)),
    Column("shown_is_sure", Boolean, nullable=False, server_default=text("true")),
    moment("last_attempt_at"),
    moment("last_synced_at"),
    moment("created_at", required=True),
    moment("updated_at", required=True),
    moment("deleted_at"),
    number("version", 1),
    UniqueConstraint("channel_id", "platform_sku"),
    UniqueConstraint("channel_id", "external_id"),
    CheckConstraint(one_of("intent", "ACTIVE", "INACTIVE", "ENDED"), name="intent_known"),
    CheckConstraint(one_of("error_class", "RETRY", "AUTH", "PERMANENT", "UNKNOWN"), name="error_class_known"),
    CheckConstraint("synced_generation <= desired_generation", name="generations_ordered"),
    CheckConstraint("price >= 0", name="price_positive"),
)
Index(
    "ix_listing_due",
    listing.c.channel_id,
    listing.c.urgency,
    listing.c.next_attempt_at,
    postgresql_where=text("desired_generation > synced_generation AND next_attempt_at IS NOT NULL"),
)
Index("ix_listing_variant_id", listing.c.variant_id)
Index("ix_listing_sku", listing.c.sku)
Index("ix_listing_platform_sku", listing.c.platform_sku)
Index(
    "ix_listing_channel_id_id_waiting",
    listing.c.channel_id,
    listing.c.id,
    postgresql_include=["status"],
    postgresql_where=text("status IN ('PENDING', 'DIRTY') AND deleted_at IS NULL"),
)
Index(
    "ix_listing_unsynced",
    listing.c.channel_id,
    listing.c.id,
    postgresql_include=["status", "last_synced_at", "created_at"],
    postgresql_where=text("status <> 'SYNCED' AND deleted_at IS NULL"),
)
Index("ix_listing_live", listing.c.channel_id, postgresql_where=text("deleted_at IS NULL"))
Index(
    "ix_listing_channel_id_id_failed",
    listing.c.channel_id,
    listing.c.id,
    postgresql_include=["error_class"],
    postgresql_where=text("status = 'ERROR' AND deleted_at IS NULL"),
)

bucket_level = Table(
    "bucket_level",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("bucket", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    number("granted", 0),
    Column("told_rate", Double),
    moment("saved_at", required=True),
)

account_silence = Table(
    "account_silence",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
)

access_token = Table(
    "access_token",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary),
    moment("expires_at"),
    moment("renew_at"),
    Column("claim", UUID(as_uuid=True)),
    moment("claimed_until"),
)

daily_use = Table(
    "daily_use",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("used", Integer, nullable=False),
    number("granted", 0),
)

unmatched_listing = Table(
    "unmatched_listing",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    Column("platform_sku", Text, nullable=False),
    words("external_id"),
    Column("external_ids", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    words("asin"),
    words("title"),
    Column("quantity", Integer),
    Column("price", Numeric(14, 2)),
    Column("currency", String(3), nullable=False, server_default=text("'USD'")),
    Column("dismissed", Boolean, nullable=False, server_default=text("false")),
    Column("pass", BigInteger, nullable=False, server_default=text("0")),
    moment("found_at", required=True),
    moment("seen_at", required=True),
    UniqueConstraint("channel_id", "platform_sku"),
    Index("ix_unmatched_listing_platform_sku", "platform_sku"),
)
Index("ix_unmatched_listing_called", func.upper(unmatched_listing.c.platform_sku))

listing_import = Table(
    "listing_import",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    words("cursor"),
    Column("pass", BigInteger, nullable=False, server_default=text("1")),
    moment("next_at", required=True),
    Column("lease", UUID(as_uuid=True)),
    moment("lease_until"),
    moment("started_at", required=True),
    moment("finished_at"),
    number("found_count", 0),
    number("known_count", 0),
    number("matched_count", 0),
    words("message"),
)

auto_listing = Table(
    "auto_listing",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    words("page_token"),
    number("listed_count", 0),
    Column("lease", UUID(as_uuid=True)),
    moment("lease_until"),
    moment("started_at", required=True),
    moment("finished_at"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    moment("next_at"),
    Column("after_id", BigInteger, nullable=False, server_default=text("0")),
    Column("lease", UUID(as_uuid=True)),
    moment("lease_until"),
    moment("started_at"),
    moment("finished_at"),
    number("checked_count", 0),
    number("differing_count", 0),
    words("message"),
)

drift = Table(
    "drift",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    Column("listing_id", BigInteger, ForeignKey(listing.c.id), nullable=False),
    Column("quantity", Boolean, nullable=False),
    Column("price", Boolean, nullable=False),
    Column("state", Boolean, nullable=False),
    Column("hub_quantity", Integer, nullable=False),
    Column("live_quantity", Integer),
    Column("hub_price", Numeric(14, 2)),
    Column("live_price", Numeric(14, 2)),
    Column("live_state", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("units_at_risk", Integer, nullable=False),
    Column("money_at_risk", Numeric(24, 2), nullable=False),
    Column("mend_generation", BigInteger),
    moment("found_at", required=True),
    moment("seen_at", required=True),
    moment("closed_at"),
    CheckConstraint(one_of("live_state", "LIVE", "ENDED", "MISSING"), name="live_state_known"),
)
Index("ix_drift_open", drift.c.listing_id, unique=True, postgresql_where=text("closed_at IS NULL"))
Index("ix_drift_closed_at", drift.c.closed_at)

channel_run = Table(
    "channel_run",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    Column("kind", Text, nullable=False),
    moment("started_at", required=True),
    number("duration_ms", 0),
    number("item_count", 0),
    number("failed_count", 0),
    words("message"),
    Index("ix_channel_run_channel_id_id", "channel_id", "id"),
    Index("ix_channel_run_started_at", "started_at"),
)

listing_attempt = Table(
    "listing_attempt",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("listing_id", BigInteger, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("quantity", Integer),
    Column("price", Numeric(14, 2)),
    Column("currency", String(3), nullable=False),
    Column("outcome", Text, nullable=False),
    words("message"),
    words("code"),
    moment("started_at", required=True),
    number("duration_ms", 0),
    Column("late", Boolean, nullable=False, server_default=text("false")),
    Index("ix_listing_attempt_listing_id_id", "listing_id", "id"),
    Index("ix_listing_attempt_started_at", "started_at"),
)

feed_position = Table(
    "feed_position",
    metadata,
    Column("feed", Text, primary_key=True),
    words("resume_token"),
    Column("lease", UUID(as_uuid=True)),
    moment("lease_until"),
    moment("updated_at", required=True),
)

# Who changed what of which channel; no reference, so that an event never stands in the way of anything.
channel_event = Table(
    "channel_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    moment("happened_at", required=True),
    Column("kind", Text, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    words("channel_name"),
    words("actor_id"),
    words("actor_name"),
    words("address"),
    words("request_id"),
    Column("before", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("after", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
)
Index("ix_channel_event_channel_id", channel_event.c.channel_id, channel_event.c.id)

GRANTS: dict[str, str] = {
    **order_tables.GRANTS,
    # A trigger refuses changes to everybody, the administrator included.
    "channel_event": "SELECT, INSERT",
    # The history of what was sent is trimmed by age and never edited.
    "listing_attempt": "SELECT, INSERT, DELETE",
    "channel_run": "SELECT, INSERT, DELETE",
}
