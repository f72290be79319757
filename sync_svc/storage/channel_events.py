"""The audit trail of channels as rows: only ever added, which the database enforces."""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.domain.channel_event import ChannelEvent
from sync_svc.storage.tables import channel_event

_INSERT = insert(channel_event)


async def append(conn: AsyncConnection, event: ChannelEvent) -> None:
    """Adds one event in the transaction of what it tells."""
    values = {name: getattr(event, name) for name in ChannelEvent.__dataclass_fields__}
    await conn.execute(_INSERT, {**values, "kind": event.kind.value})
