"""The tables of the warehouses: locations, transfers between them, and their counts. Triggers are in the migrations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from inventory_svc.storage.columns import metadata, moment, words

# Units name their location by its code. No foreign key: it would lock a row per unit received; whoever puts units somewhere
# locks the location once instead, and a trigger keeps locations where units lie.
location = Table(
    "location",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    words("name"),
    words("warehouse"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"),
    moment("updated_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("code <> ''", name="code"),
)

stock_count = Table(
    "stock_count",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("state", Text, nullable=False, server_default=text("'OPEN'")),
    words("note"),
    Column("opened_by", Text, nullable=False),
    words("closed_by"),
    words("decided_by"),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    moment("decided_at", nullable=True),
    Column("matched_units", BigInteger, nullable=False, server_default=text("0")),
    Column("unjudged_units", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("state IN ('OPEN', 'CLOSED', 'APPROVED', 'CANCELLED')", name="state"),
)

count_location = Table(
    "count_location",
    metadata,
    Column("count_id", BigInteger, ForeignKey(stock_count.c.id), primary_key=True),
    Column("location", Text, primary_key=True),
    Column("is_open", Boolean, nullable=False, server_default=text("true")),
)
Index("uq_count_location_open", count_location.c.location, unique=True, postgresql_where=count_location.c.is_open)

# `code_key` is # and the unit's id, or the code in capitals where no unit has it: so a unit counts once, however it is named.
count_scan = Table(
    "count_scan",
    metadata,
    Column("count_id", BigInteger, ForeignKey(stock_count.c.id), primary_key=True),
    Column("code_key", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("item_id", BigInteger),
    Column("location", Text, nullable=False),
    # Whether the hub thought so too, at that moment.
    Column("fits", Boolean, nullable=False),
    words("device"),
    Column("scanned_by", Text, nullable=False),
    moment("scanned_at"),
)
Index("ix_count_scan_item_id", count_scan.c.count_id, count_scan.c.item_id)

count_difference = Table(
    "count_difference",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("count_id", BigInteger, ForeignKey(stock_count.c.id), nullable=False),
    Column("kind", Text, nullable=False),
    Column("item_id", BigInteger),
    Column("code", Text, nullable=False),
    words("sku"),
    Column("status", Text),
    words("expected_location"),
    words("found_location"),
    Column("item_version", Integer),
    Column("outcome", Text),
    CheckConstraint("kind IN ('MISSING', 'MISPLACED', 'UNEXPECTED', 'UNKNOWN')", name="kind"),
    CheckConstraint("outcome IN ('CORRECTED', 'CHANGED_SINCE', 'NEEDS_A_PERSON')", name="outcome"),
)
Index("ix_count_difference_count_id", count_difference.c.count_id, count_difference.c.id)

transfer = Table(
    "transfer",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("to_warehouse", Text, nullable=False),
    words("note"),
    Column("shipped_by", Text, nullable=False),
    moment("shipped_at"),
)

# Whether a unit is on its way still stands on the unit, whose transfer_id is this one's until it arrives or is written off.
transfer_unit = Table(
    "transfer_unit",
    metadata,
    Column("transfer_id", BigInteger, ForeignKey(transfer.c.id), primary_key=True),
    Column("item_id", BigInteger, primary_key=True),
    Column("shipped_status", Text, nullable=False),
    CheckConstraint("shipped_status IN ('AVAILABLE', 'RMA', 'DAMAGED')", name="shipped_status"),
)
