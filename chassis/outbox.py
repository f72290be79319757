"""The outbox: changes written in the transaction of the effect, to be served as a feed (see chassis.feed).

A row's position is (transaction id, row id). Both are assigned by the database; the feed never shows a transaction that could
still gain company from an older one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
    insert,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

# The transaction's id as a bigint: 64 bits without wrap-around, and every driver reads it.
PRESENT_TRANSACTION = "pg_current_xact_id()::text::bigint"
OLDEST_UNSETTLED = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True, slots=True)
class OutboxTables:
    """The rows, and the one row that names the feed's epoch and how far it was trimmed."""

    outbox: Table
    state: Table


def outbox_tables(metadata: MetaData) -> OutboxTables:
    """Declares both tables in a service's schema; its first migration creates them with `create_outbox_sql`."""
    outbox = Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("transaction_id", BigInteger, nullable=False, server_default=text(PRESENT_TRANSACTION)),
        Column("kind", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Index("ix_outbox_position", "transaction_id", "id"),
    )
    state = Table(
        "outbox_state",
        metadata,
        Column("only", SmallInteger, primary_key=True, autoincrement=False, server_default=text("1")),
        Column("epoch", Text, nullable=False, server_default=text("gen_random_uuid()::text")),
        Column("trimmed_transaction_id", BigInteger, nullable=False, server_default=text("0")),
        Column("trimmed_id", BigInteger, nullable=False, server_default=text("0")),
    )
    return OutboxTables(outbox, state)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One change: what kind, which natural key, and the message that readers get."""

    kind: str
    key: str
    payload: bytes


async def append(conn: AsyncConnection, tables: OutboxTables, rows: Sequence[OutboxRow]) -> None:
    """Writes the changes in the caller's transaction."""
    if rows:
        values: list[dict[str, Any]] = [{"kind": r.kind, "key": r.key, "payload": r.payload} for r in rows]
        await conn.execute(insert(tables.outbox), values)
