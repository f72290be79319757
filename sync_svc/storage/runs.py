"""The record of exchanges with platforms, and its trimming."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from sync_svc.storage.tables import channel_run

KEPT_DAYS = 30
_TRIMS = [
    Statement(
        text(f"""
DELETE FROM sync.{table} WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM sync.{table} WHERE {column} < now() - interval '{KEPT_DAYS} days' LIMIT 10000))
""")
    )
    for table, column in (
        ("listing_attempt", "started_at"),
        ("channel_run", "started_at"),
        ("webhook_delivery", "received_at"),
        ("drift", "closed_at"),
    )
]


async def add_poll_run(
    conn: AsyncConnection, channel_id: int, started_at: datetime, duration_ms: int, item_count: int, message: str
) -> None:
    """Record a look for orders."""
    await conn.execute(
        insert(channel_run).values(
            channel_id=channel_id,
            kind="POLL_ORDERS",
            started_at=started_at,
            duration_ms=duration_ms,
            item_count=item_count,
            failed_count=1 if message else 0,
            message=message[:1000],
        )
    )


async def trim(db: Database) -> None:
    """Forget what is older than 30 days, a bounded number of rows at a time. Safe to repeat."""
    for statement in _TRIMS:
        await db.execute(statement)
