"""A schema of the chassis's own for its tests: one table with every kind of constraint, the outbox, the stored answers."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Table, Text

from chassis.database import schema_metadata
from chassis.idempotency import idempotency_table
from chassis.outbox import outbox_tables

SCHEMA = "sample"
metadata = schema_metadata(SCHEMA)
thing = Table(
    "thing",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("amount", BigInteger, CheckConstraint("amount >= 0", name="amount"), nullable=False, server_default="0"),
    Column("parent_id", BigInteger, ForeignKey("sample.thing.id")),
)
outbox = outbox_tables(metadata)
answers = idempotency_table(metadata)
