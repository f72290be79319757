"""The audit trail as rows: only ever added, which the database enforces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.event import Event
from auth_svc.storage.tables import events

_INSERT = insert(events)


async def append(conn: AsyncConnection, event: Event) -> None:
    """Adds one event in the transaction of what it tells."""
    values: Mapping[str, Any] = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    await conn.execute(_INSERT, {**values, "kind": event.kind.value})
