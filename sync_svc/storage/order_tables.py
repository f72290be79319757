"""The tables of orders: what webhooks and polls point at, the orders as their platforms show them, and their parcels."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from sync_svc.storage.columns import metadata, moment, number, one_of, words

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("sync.channel.id"), primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    words("external_id"),
    moment("received_at", required=True),
    Index("ix_webhook_delivery_received_at", "received_at"),
)

order_task = Table(
    "order_task",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("sync.channel.id"), primary_key=True),
    Column("external_order_id", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False, server_default=text("1")),
    Column("snapshot", JSONB),
    number("attempts", 0),
    words("error_message"),
    moment("next_attempt_at", required=True),
    Column("lease", UUID(as_uuid=True)),
    moment("lease_until"),
    moment("created_at", required=True),
    Index("ix_order_task_due", "channel_id", "next_attempt_at"),
)

channel_order = Table(
    "channel_order",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey("sync.channel.id"), nullable=False),
    Column("external_order_id", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'NEW'")),
    Column("reason", Text),
    words("message"),
    Column("paid", Boolean, nullable=False),
    words("platform_status"),
    # As its platform shows it, from the moment it was seen: nothing of it may leave the house any more.
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    moment("placed_at", required=True),
    moment("modified_at", required=True),
    moment("created_at", required=True),
    moment("updated_at", required=True),
    # Held while a parcel of the order is told to its platform: one at a time.
    Column("ship_lease", UUID(as_uuid=True)),
    moment("ship_lease_until"),
    UniqueConstraint("channel_id", "external_order_id"),
    CheckConstraint(one_of("status", "NEW", "HELD", "SOLD", "CANCELLED", "NEEDS_ATTENTION"), name="status_known"),
)
Index("ix_channel_order_status_id", channel_order.c.status, channel_order.c.id)

order_line = Table(
    "order_line",
    metadata,
    Column("order_id", BigInteger, ForeignKey(channel_order.c.id), primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    words("platform_sku"),
    words("title"),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", Numeric(14, 2)),
    Column("currency", String(3), nullable=False, server_default=text("'USD'")),
    Column("variant_id", BigInteger, nullable=False, server_default=text("0")),
    words("sku"),
    Column("applied", Boolean, nullable=False, server_default=text("false")),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text),
    words("message"),
    # Kept by the triggers on shipments, which refuse more than is ordered and what is cancelled.
    number("shipped_quantity", 0),
    number("shipped_there", 0),
    # How often it began anew in inventory, under another line id each time.
    number("revision", 0),
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
    Column("channel_id", BigInteger, ForeignKey("sync.channel.id"), nullable=False),
    words("carrier"),
    words("tracking_number"),
    moment("shipped_at", required=True),
    Column("status", Text, nullable=False, server_default=text("'PENDING'")),
    words("external_id"),
    Column("by_another", Boolean, nullable=False, server_default=text("false")),
    Column("in_doubt", Boolean, nullable=False, server_default=text("false")),
    words("message"),
    words("error_code"),
    number("attempts", 0),
    Column("next_attempt_at", DateTime(timezone=True), server_default=func.now()),
    moment("told_at"),
    words("recorded_by"),
    moment("created_at", required=True),
    moment("updated_at", required=True),
    CheckConstraint(one_of("status", "PENDING", "TOLD", "REFUSED", "WITHDRAWN"), name="status_known"),
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

GRANTS: dict[str, str] = {
    "webhook_delivery": "SELECT, INSERT, DELETE",
    "shipment": "SELECT, INSERT, UPDATE",
    "shipment_line": "SELECT, INSERT",
}
