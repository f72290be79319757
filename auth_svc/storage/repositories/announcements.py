"""The rows of the outbox: written in the transaction of what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.revocation import KEYS_CHANGED, SESSIONS_ENDED, EndedSessions, in_messages, read_ended
from auth_svc.storage.tables import outbox
from chassis.outbox import OutboxRow, append

_rows = outbox.outbox.c
_RECENT = (
    select(_rows.payload)
    .where(_rows.kind == SESSIONS_ENDED, _rows.created_at > func.now() - bindparam("span", type_=INTERVAL))
    .order_by(_rows.id)
)


async def sessions_ended(conn: AsyncConnection, session_ids: Sequence[str], at: datetime) -> None:
    """Tells that these sessions have ended; nothing when there are none."""
    rows = [OutboxRow(SESSIONS_ENDED, "", part.payload()) for part in in_messages(session_ids, at)]
    await append(conn, outbox, rows)


async def keys_changed(conn: AsyncConnection, key_id: str) -> None:
    """Tells that another set of keys is to be used."""
    await append(conn, outbox, [OutboxRow(KEYS_CHANGED, key_id, b"")])


async def recently_ended(conn: AsyncConnection, span: timedelta) -> list[EndedSessions]:
    """What was told of ended sessions within that time, in order."""
    return [read_ended(bytes(row.payload)) for row in await conn.execute(_RECENT, {"span": span})]
