"""Writes the audit trail in the transaction of what it tells, with the actor and the request of the present call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.event import Event, EventKind
from auth_svc.storage.repositories import events
from chassis.context import current_call

_NOTHING: Mapping[str, Any] = MappingProxyType({})


async def record(
    conn: AsyncConnection,
    kind: EventKind,
    at: datetime,
    *,
    subject_id: str = "",
    subject_name: str = "",
    address: str = "",
    before: Mapping[str, Any] = _NOTHING,
    after: Mapping[str, Any] = _NOTHING,
) -> None:
    """Adds one event. `before` and `after` must hold no secret."""
    call = current_call()
    event = Event(
        happened_at=at,
        kind=kind,
        subject_id=subject_id,
        subject_name=subject_name,
        actor_id=call.principal.user_id,
        actor_name=call.principal.username,
        address=address or call.address,
        request_id=call.request_id,
        before=dict(before),
        after=dict(after),
    )
    await events.append(conn, event)
