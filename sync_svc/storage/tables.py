"""The tables of the schema `sync`, and what the service's role may do with them."""

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
    ForeignKeyConstraint,
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

from chassis.database import schema_metadata
from chassis.idempotency import idempotency_table

SCHEMA = "sync"
metadata = schema_metadata(SCHEMA)
stored_answer = idempotency_table(metadata)

_NOW = func.now()
_EMPTY = text("''")
_NO_JSON = text("'{}'::jsonb")


def _time(name: str, *, required: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=_NOW if required else None)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=_EMPTY)


def _number(name: str, default: int) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _one_of(name: str, *values: str) -> str:
    return f"{name} IN ({', '.join(repr(value) for value in values)})"


channel = Table(
    "channel",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    _text("display_name"),
    _text("site"),
    _text("api_base_url"),
    _text("token_url"),
    Column("sealed_credentials", LargeBinary),
    Column("sealed_webhook", LargeBinary),
    Column("credential_names", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    _time("consent_expires_at"),
    Column("options", JSONB, nullable=False, server_default=_NO_JSON),
    _number("buffer_units", 0),
    _number("cap_units", 0),
    Column("price_factor", Numeric(8, 4), nullable=False, server_default=text("1")),
    Column("zero_when_paused", Boolean, nullable=False, server_default=text("true")),
    _number("poll_interval_s", 60),
    Column("price_rounding", Text, nullable=False, server_default=text("'CENT'")),
    Column("price_floor", Numeric(14, 2), nullable=False, server_default=text("0")),
    Column("auto_list", Boolean, nullable=False, server_default=text("false")),
    Column("mend_drift", Boolean, nullable=False, server_default=text("true")),
    _number("reconcile_interval_s", 86_400),
    Column("schedule", JSONB, nullable=False, server_default=_NO_JSON),
    Column("state", Text, nullable=False),
    _time("activated_at"),
    _number("version", 1),
    # What the workers write, beside what a person decides.
    Column("block", Text),
    _time("blocked_until"),
    _text("block_message"),
    _number("block_count", 0),
    _text("order_cursor"),
    _time("next_poll_at", required=True),
    Column("poll_lease", UUID(as_uuid=True)),
    _time("poll_lease_until"),
    _time("last_poll_at"),
    _time("last_order_at"),
    _time("created_at", required=True),
    _time("updated_at", required=True),
    UniqueConstraint("platform", "account"),
    CheckConstraint(_one_of("platform", "ZOHO", "AMAZON", "EBAY", "ECWID"), name="platform_known"),
    CheckConstraint(_one_of("state", "ACTIVE", "PAUSED"), name="state_known"),
    CheckConstraint("account = upper(account)", name="account_in_capitals"),
    CheckConstraint("buffer_units >= 0 AND cap_units >= 0 AND price_factor > 0", name="rules_positive"),
    CheckConstraint(_one_of("price_rounding", "CENT", "WHOLE", "ENDING_99", "ENDING_95"), name="price_rounding_known"),
    CheckConstraint("price_floor >= 0", name="price_floor_positive"),
)

seeded_account = Table(
    "seeded_account",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    _time("seeded_at", required=True),
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
    Column("external_ids", JSONB, nullable=False, server_default=_NO_JSON),
    _text("asin"),
    _text("name"),
    _text("description"),
    Column("price", Numeric(14, 2)),
    Column("currency", String(3), nullable=False, server_default=text("'USD'")),
    Column("metadata", JSONB, nullable=False, server_default=_NO_JSON),
    Column("overrides", JSONB, nullable=False, server_default=_NO_JSON),
    Column("intent", Text, nullable=False, server_default=text("'ACTIVE'")),
    Column("desired_generation", BigInteger, nullable=False, server_default=text("1")),
    Column("synced_generation", BigInteger, nullable=False, server_default=text("0")),
    Column("content_generation", BigInteger, nullable=False, server_default=text("1")),
    Column("status", Text, Computed(_STATUS, persisted=True), nullable=False),
    Column("error_class", Text),
    _text("error_message"),
    _text("error_code"),
    _number("attempts", 0),
    Column("next_attempt_at", DateTime(timezone=True), server_default=_NOW),
    Column("urgency", SmallInteger, nullable=False, server_default=text("2")),
    Column("lease", UUID(as_uuid=True)),
    _time("lease_until"),
    _text("lease_owner"),
    Column("pushed_quantity", Integer),
    Column("pushed_price", Numeric(14, 2)),
    Column("shown_is_sure", Boolean, nullable=False, server_default=text("true")),
    _time("last_attempt_at"),
    _time("last_synced_at"),
    _time("created_at", required=True),
    _time("updated_at", required=True),
    _time("deleted_at"),
    _number("version", 1),
    UniqueConstraint("channel_id", "platform_sku"),
    UniqueConstraint("channel_id", "external_id"),
    CheckConstraint(_one_of("intent", "ACTIVE", "INACTIVE", "ENDED"), name="intent_known"),
    CheckConstraint(_one_of("error_class", "RETRY", "AUTH", "PERMANENT", "UNKNOWN"), name="error_class_known"),
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
Index("ix_listing_waiting", listing.c.id, postgresql_where=text("status IN ('PENDING', 'DIRTY')"))
Index(
    "ix_listing_unsynced",
    listing.c.channel_id,
    listing.c.id,
    postgresql_include=["status", "last_synced_at", "created_at"],
    postgresql_where=text("status <> 'SYNCED' AND deleted_at IS NULL"),
)
Index("ix_listing_live", listing.c.channel_id, postgresql_where=text("deleted_at IS NULL"))
Index("ix_listing_failed", listing.c.id, postgresql_where=text("status = 'ERROR'"))

bucket_level = Table(
    "bucket_level",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("bucket", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    _number("granted", 0),
    Column("told_rate", Double),
    _time("saved_at", required=True),
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
    _time("expires_at"),
    _time("renew_at"),
    Column("claim", UUID(as_uuid=True)),
    _time("claimed_until"),
)

daily_use = Table(
    "daily_use",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("used", Integer, nullable=False),
    _number("granted", 0),
)

unmatched_listing = Table(
    "unmatched_listing",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    Column("platform_sku", Text, nullable=False),
    _text("external_id"),
    Column("external_ids", JSONB, nullable=False, server_default=_NO_JSON),
    _text("asin"),
    _text("title"),
    Column("quantity", Integer),
    Column("price", Numeric(14, 2)),
    Column("currency", String(3), nullable=False, server_default=text("'USD'")),
    Column("dismissed", Boolean, nullable=False, server_default=text("false")),
    Column("pass", BigInteger, nullable=False, server_default=text("0")),
    _time("found_at", required=True),
    _time("seen_at", required=True),
    UniqueConstraint("channel_id", "platform_sku"),
    Index("ix_unmatched_listing_platform_sku", "platform_sku"),
)
Index("ix_unmatched_listing_called", func.upper(unmatched_listing.c.platform_sku))

listing_import = Table(
    "listing_import",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    _text("cursor"),
    Column("pass", BigInteger, nullable=False, server_default=text("1")),
    _time("next_at", required=True),
    Column("lease", UUID(as_uuid=True)),
    _time("lease_until"),
    _time("started_at", required=True),
    _time("finished_at"),
    _number("found_count", 0),
    _number("known_count", 0),
    _number("matched_count", 0),
    _text("message"),
)

auto_listing = Table(
    "auto_listing",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    _text("page_token"),
    _number("listed_count", 0),
    Column("lease", UUID(as_uuid=True)),
    _time("lease_until"),
    _time("started_at", required=True),
    _time("finished_at"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    _time("next_at"),
    Column("after_id", BigInteger, nullable=False, server_default=text("0")),
    Column("lease", UUID(as_uuid=True)),
    _time("lease_until"),
    _time("started_at"),
    _time("finished_at"),
    _number("checked_count", 0),
    _number("differing_count", 0),
    _text("message"),
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
    _time("found_at", required=True),
    _time("seen_at", required=True),
    _time("closed_at"),
    CheckConstraint(_one_of("live_state", "LIVE", "ENDED", "MISSING"), name="live_state_known"),
)
Index("ix_drift_open", drift.c.listing_id, unique=True, postgresql_where=text("closed_at IS NULL"))
Index("ix_drift_closed_at", drift.c.closed_at)

channel_run = Table(
    "channel_run",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    Column("kind", Text, nullable=False),
    _time("started_at", required=True),
    _number("duration_ms", 0),
    _number("item_count", 0),
    _number("failed_count", 0),
    _text("message"),
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
    _text("message"),
    _text("code"),
    _time("started_at", required=True),
    _number("duration_ms", 0),
    Column("late", Boolean, nullable=False, server_default=text("false")),
    Index("ix_listing_attempt_listing_id_id", "listing_id", "id"),
    Index("ix_listing_attempt_started_at", "started_at"),
)

feed_position = Table(
    "feed_position",
    metadata,
    Column("feed", Text, primary_key=True),
    _text("resume_token"),
    Column("lease", UUID(as_uuid=True)),
    _time("lease_until"),
    _time("updated_at", required=True),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    _text("external_id"),
    _time("received_at", required=True),
    Index("ix_webhook_delivery_received_at", "received_at"),
)

order_task = Table(
    "order_task",
    metadata,
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), primary_key=True),
    Column("external_order_id", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False, server_default=text("1")),
    Column("snapshot", JSONB),
    _number("attempts", 0),
    _text("error_message"),
    _time("next_attempt_at", required=True),
    Column("lease", UUID(as_uuid=True)),
    _time("lease_until"),
    _time("created_at", required=True),
    Index("ix_order_task_due", "channel_id", "next_attempt_at"),
)

channel_order = Table(
    "channel_order",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    Column("external_order_id", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'NEW'")),
    Column("reason", Text),
    _text("message"),
    Column("paid", Boolean, nullable=False),
    _text("platform_status"),
    _time("placed_at", required=True),
    _time("modified_at", required=True),
    _time("created_at", required=True),
    _time("updated_at", required=True),
    # Held while a parcel of the order is told to its platform: one at a time.
    Column("ship_lease", UUID(as_uuid=True)),
    _time("ship_lease_until"),
    UniqueConstraint("channel_id", "external_order_id"),
    CheckConstraint(_one_of("status", "NEW", "HELD", "SOLD", "CANCELLED", "NEEDS_ATTENTION"), name="status_known"),
)
Index("ix_channel_order_status_id", channel_order.c.status, channel_order.c.id)

order_line = Table(
    "order_line",
    metadata,
    Column("order_id", BigInteger, ForeignKey(channel_order.c.id), primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    _text("platform_sku"),
    _text("title"),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", Numeric(14, 2)),
    Column("currency", String(3), nullable=False, server_default=text("'USD'")),
    Column("variant_id", BigInteger, nullable=False, server_default=text("0")),
    _text("sku"),
    Column("applied", Boolean, nullable=False, server_default=text("false")),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text),
    _text("message"),
    # Kept by the triggers on shipments, which refuse more than is ordered.
    _number("shipped_quantity", 0),
    _number("shipped_there", 0),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("shipped_quantity >= 0 AND shipped_there >= 0", name="shipped_not_negative"),
)
TO_SHIP = "applied AND NOT cancelled AND quantity > greatest(shipped_quantity, shipped_there)"
Index("ix_order_line_to_ship", order_line.c.order_id, postgresql_where=text(TO_SHIP))

shipment = Table(
    "shipment",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("order_id", BigInteger, ForeignKey(channel_order.c.id), nullable=False),
    Column("channel_id", BigInteger, ForeignKey(channel.c.id), nullable=False),
    _text("carrier"),
    _text("tracking_number"),
    _time("shipped_at", required=True),
    Column("status", Text, nullable=False, server_default=text("'PENDING'")),
    _text("external_id"),
    Column("by_another", Boolean, nullable=False, server_default=text("false")),
    Column("in_doubt", Boolean, nullable=False, server_default=text("false")),
    _text("message"),
    _text("error_code"),
    _number("attempts", 0),
    Column("next_attempt_at", DateTime(timezone=True), server_default=_NOW),
    _time("told_at"),
    _text("recorded_by"),
    _time("created_at", required=True),
    _time("updated_at", required=True),
    CheckConstraint(_one_of("status", "PENDING", "TOLD", "REFUSED", "WITHDRAWN"), name="status_known"),
    Index("ix_shipment_order_id", "order_id"),
)
Index(
    "uq_shipment_order_id_tracking_number",
    shipment.c.order_id,
    shipment.c.tracking_number,
    unique=True,
    postgresql_where=text("tracking_number <> '' AND status <> 'WITHDRAWN'"),
)
Index(
    "ix_shipment_due",
    shipment.c.channel_id,
    shipment.c.next_attempt_at,
    postgresql_where=text("status = 'PENDING'"),
)
Index("ix_shipment_refused", shipment.c.channel_id, postgresql_where=text("status = 'REFUSED'"))

shipment_line = Table(
    "shipment_line",
    metadata,
    Column("shipment_id", BigInteger, ForeignKey(shipment.c.id), primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("order_id", BigInteger, nullable=False),
    Column("quantity", Integer, nullable=False),
    ForeignKeyConstraint(["order_id", "line_id"], ["sync.order_line.order_id", "sync.order_line.line_id"]),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)

# Who changed what of which channel; no reference, so that an event never stands in the way of anything.
channel_event = Table(
    "channel_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _time("happened_at", required=True),
    Column("kind", Text, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    _text("channel_name"),
    _text("actor_id"),
    _text("actor_name"),
    _text("address"),
    _text("request_id"),
    Column("before", JSONB, nullable=False, server_default=_NO_JSON),
    Column("after", JSONB, nullable=False, server_default=_NO_JSON),
)
Index("ix_channel_event_channel_id", channel_event.c.channel_id, channel_event.c.id)

GRANTS: dict[str, str] = {
    # A trigger refuses changes to everybody, the administrator included.
    "channel_event": "SELECT, INSERT",
    # The history of what was sent is trimmed by age and never edited.
    "listing_attempt": "SELECT, INSERT, DELETE",
    "channel_run": "SELECT, INSERT, DELETE",
    "webhook_delivery": "SELECT, INSERT, DELETE",
    "shipment": "SELECT, INSERT, UPDATE",
    "shipment_line": "SELECT, INSERT",
}
