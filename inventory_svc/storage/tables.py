"""The tables of the schema `inventory`. The triggers that guard them are SQL in migrations/versions/0001.

Units, holds and ledger rows are never deleted, so the ledger and the holds name units without a foreign key, which would
cost a lock per row on the hottest path.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from chassis.idempotency import idempotency_table
from chassis.outbox import outbox_tables
from inventory_svc.storage.columns import SCHEMA, metadata
from inventory_svc.storage.columns import amount as _amount
from inventory_svc.storage.columns import moment as _moment
from inventory_svc.storage.columns import words as _words
from inventory_svc.storage.warehouse_tables import location

__all__ = ["GRANTS", "OUTBOX", "SCHEMA", "item", "known_variant", "location", "metadata", "movement", "stored_answer"]

_STATUSES = "('AVAILABLE', 'RESERVED', 'SOLD', 'RMA', 'DAMAGED', 'WRITTEN_OFF', 'IN_TRANSIT')"
_ACTIONS = (
    "('RECEIVE', 'MOVE', 'RESERVE', 'RELEASE', 'EXPIRE', 'SELL', 'CANCEL_SALE', 'EDIT', 'DELETE', 'RETURN', 'INSPECT',"
    " 'RESTOCK', 'DAMAGE', 'REPAIR', 'WRITE_OFF', 'FIND', 'SHIP', 'ARRIVE', 'EXTEND')"
)


known_variant = Table(
    "known_variant",
    metadata,
    Column("variant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sku", Text, nullable=False, unique=True),
    Column("product_id", Integer, nullable=False),
    _moment("learned_at"),
)

item = Table(
    "item",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("variant_id", BigInteger, ForeignKey(known_variant.c.variant_id), nullable=False),
    Column("serial_number", Text),
    Column("status", Text, nullable=False, server_default=text("'AVAILABLE'")),
    _words("location"),
    _amount("unit_cost"),
    Column("cost_currency", Text),
    _words("notes"),
    # The hold that is on it. Until reserved_until, that is; past it the unit is free whatever stands here.
    Column("reservation_id", BigInteger),
    _moment("reserved_until", nullable=True),
    _words("order_reference"),
    _amount("sale_price"),
    Column("sale_currency", Text),
    _moment("received_at"),
    _moment("sold_at", nullable=True),
    _moment("updated_at"),
    _moment("deleted_at", nullable=True),
    # Raised by one with every ledger row of the unit: the number of the last one.
    Column("version", Integer, nullable=False, server_default=text("1")),
    _words("grade"),
    _words("rma_number"),
    # The transfer it is on its way with.
    Column("transfer_id", BigInteger),
    CheckConstraint(f"status IN {_STATUSES}", name="status"),
    CheckConstraint("(status = 'IN_TRANSIT') = (transfer_id IS NOT NULL)", name="transit"),
    CheckConstraint("serial_number ~ '^[!-~]([ -~]{0,62}[!-~])?$'", name="serial_number"),
    CheckConstraint("unit_cost >= 0 AND (unit_cost IS NULL) = (cost_currency IS NULL)", name="unit_cost"),
    CheckConstraint("sale_price >= 0 AND (sale_price IS NULL) = (sale_currency IS NULL)", name="sale_price"),
    CheckConstraint(
        "(status = 'RESERVED') = (reservation_id IS NOT NULL) AND (status = 'RESERVED') = (reserved_until IS NOT NULL)",
        name="hold",
    ),
    CheckConstraint("(status = 'SOLD') = (sold_at IS NOT NULL)", name="sale"),
    CheckConstraint("deleted_at IS NULL OR status = 'AVAILABLE'", name="deleted"),
)
_present = item.c.deleted_at.is_(None)
Index(
    "uq_item_serial_number",
    func.upper(item.c.serial_number).label("serial_key"),
    unique=True,
    postgresql_where=item.c.serial_number.is_not(None) & _present,
    postgresql_ops={"serial_key": "text_pattern_ops"},
)
# The oldest free units, where the units of a variant are, and its units in order: all from this one. What is included spares
# looking at each of a variant's units when a list has another filter beside.
Index(
    "ix_item_variant_id_status_id_covering",
    item.c.variant_id,
    item.c.status,
    item.c.id,
    postgresql_where=_present,
    postgresql_include=["location", "received_at"],
)
Index("ix_item_status_id", item.c.status, item.c.id, postgresql_where=_present)
Index(
    "ix_item_location_status_id",
    item.c.location,
    item.c.status,
    item.c.id,
    postgresql_where=_present,
    postgresql_include=["variant_id"],
)
Index("ix_item_received_at_id", item.c.received_at, item.c.id, postgresql_where=_present)
Index("ix_item_reserved_until", item.c.reserved_until, postgresql_where=item.c.status == text("'RESERVED'"))

# How many units of a variant, or at a location, are in a status: what its level says and all changes of it. Triggers on `item`
# write the changes, which nobody waits for; a background task folds them into the levels of variants, and a trigger then into
# those of locations. The variant 0 stands for all of them together.
stock_level = Table(
    "stock_level",
    metadata,
    Column("variant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status", Text, primary_key=True),
    Column("units", BigInteger, nullable=False),
)
location_level = Table(
    "location_level",
    metadata,
    Column("location", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("units", BigInteger, nullable=False),
)
stock_level_change = Table(
    "stock_level_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("variant_id", BigInteger, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("units", BigInteger, nullable=False),
    # None in what a release before the levels of locations wrote.
    Column("location", Text),
)

allocation_line = Table(
    "allocation_line",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("order_reference", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("variant_id", BigInteger, ForeignKey(known_variant.c.variant_id), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", Text, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    UniqueConstraint("order_reference", "line_id"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("state IN ('HELD', 'SOLD', 'RELEASED')", name="state"),
)

# What a bundle line is picked by: the recipe as it was when the line was first asked for.
allocation_component = Table(
    "allocation_component",
    metadata,
    Column("allocation_line_id", BigInteger, ForeignKey(allocation_line.c.id), primary_key=True, autoincrement=False),
    Column("identity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("upis_h", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("variant_ids", ARRAY(BigInteger), nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
)

reservation = Table(
    "reservation",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("item_id", BigInteger, nullable=False),
    _words("order_reference"),
    Column("allocation_line_id", BigInteger),
    Column("holder_id", Text, nullable=False),
    Column("holder_name", Text, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("closed_at", nullable=True),
    Column("outcome", Text),
    CheckConstraint("outcome IN ('RELEASED', 'EXPIRED', 'SOLD', 'CANCELLED')", name="outcome"),
    CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="closed"),
    CheckConstraint("expires_at >= created_at", name="expiry"),
)
# The database's own refusal of a second live hold on a unit.
Index("uq_reservation_live", reservation.c.item_id, unique=True, postgresql_where=reservation.c.closed_at.is_(None))
Index(
    "ix_reservation_allocation_line_id",
    reservation.c.allocation_line_id,
    postgresql_where=reservation.c.allocation_line_id.is_not(None),
)

# Plain fields end with `|`, free texts follow as `<bytes>:<text>`; domain/ledger.py has the same formula. Only immutable
# functions may stand in a generated column, which is why the text becomes bytes by decode(..., 'escape').
_PLAIN = (
    "item_id::text",
    "sequence::text",
    "action",
    "variant_id::text",
    "coalesce(before_status, '')",
    "after_status",
    "coalesce(unit_cost::text, '')",
    "coalesce(cost_currency, '')",
    "coalesce(sale_price::text, '')",
    "coalesce(sale_currency, '')",
    "(extract(epoch from created_at - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint::text",
)
_TEXTS = (
    "before_location",
    "after_location",
    "actor_id",
    "actor_name",
    "actor_role",
    "reason",
    "order_reference",
    "request_id",
    "changes",
)
_CONTENT = " || ".join(
    [f"{field} || '|'" for field in _PLAIN] + [f"octet_length({name})::text || ':' || {name}" for name in _TEXTS]
)
MOVEMENT_HASH = f"sha256(previous_hash || decode(replace({_CONTENT}, '\\', '\\\\'), 'escape'))"
GENESIS_HASH = "'\\x" + "00" * 32 + "'::bytea"

movement = Table(
    "movement",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("item_id", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("variant_id", BigInteger, nullable=False),
    Column("before_status", Text),
    Column("after_status", Text, nullable=False),
    _words("before_location"),
    _words("after_location"),
    _amount("unit_cost"),
    Column("cost_currency", Text),
    _amount("sale_price"),
    Column("sale_currency", Text),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("actor_role", Text, nullable=False),
    _words("reason"),
    _words("order_reference"),
    _words("request_id"),
    _words("changes"),
    _moment("created_at"),
    Column("previous_hash", LargeBinary, nullable=False, server_default=text(GENESIS_HASH)),
    Column("hash", LargeBinary, Computed(MOVEMENT_HASH, persisted=True), nullable=False),
    UniqueConstraint("item_id", "sequence"),
    CheckConstraint(f"action IN {_ACTIONS}", name="action"),
    CheckConstraint(f"before_status IN {_STATUSES}", name="before_status"),
    CheckConstraint(f"after_status IN {_STATUSES}", name="after_status"),
    CheckConstraint("(sequence = 1) = (action = 'RECEIVE') AND sequence >= 1", name="sequence"),
    CheckConstraint(f"sequence > 1 OR previous_hash = {GENESIS_HASH}", name="genesis"),
)
Index("ix_movement_variant_id_id", movement.c.variant_id, movement.c.id)
Index(
    "ix_movement_order_reference_id",
    movement.c.order_reference,
    movement.c.id,
    postgresql_where=movement.c.order_reference != text("''"),
)
Index("ix_movement_actor_id_id", movement.c.actor_id, movement.c.id)
Index("ix_movement_created_at", movement.c.created_at, postgresql_using="brin")

# The last ledger row of each unit, as it was when it was written. A trigger on `movement` writes it, as the owner of the table.
ledger_head = Table(
    "ledger_head",
    metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("movement_id", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

stored_answer = idempotency_table(metadata)
OUTBOX = outbox_tables(metadata)

# What the service's own database role may do. Nothing is ever deleted but stored answers, trimmed feed rows and folded changes.
GRANTS = {
    "known_variant": "SELECT, INSERT",
    "item": "SELECT, INSERT, UPDATE",
    "stock_level": "SELECT, INSERT, UPDATE",
    "stock_level_change": "SELECT, INSERT, UPDATE, DELETE",
    "location_level": "SELECT, INSERT, UPDATE",
    "allocation_line": "SELECT, INSERT, UPDATE",
    "allocation_component": "SELECT, INSERT",
    "reservation": "SELECT, INSERT, UPDATE",
    "movement": "SELECT, INSERT",
    "ledger_head": "SELECT",
}
