"""Writes what is done to channels into the audit trail, in the transaction of the change, under the caller's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import now
from chassis.context import ANONYMOUS, Call, current_call
from sync_svc.domain.channel import Channel
from sync_svc.domain.channel_event import (
    ChannelEvent,
    ChannelEventKind,
    name_of,
    plain_differences,
    secret_differences,
)
from sync_svc.operations.desk import Desk
from sync_svc.storage import channel_events
from sync_svc.vault import SecretsUnreadable

_NOBODY = Call(request_id="", method="", principal=ANONYMOUS)


async def record_change(
    desk: Desk, conn: AsyncConnection, kind: ChannelEventKind, before: Channel | None, after: Channel
) -> None:
    """Adds one event when anything differs. A change that touches a secret is CREDENTIALS_CHANGED, whatever else it touches."""
    old, new = plain_differences(before, after)
    secrets = _secret_differences(desk, before, after)
    if not (new or secrets):
        return
    if secrets and kind is ChannelEventKind.CHANGED:
        kind = ChannelEventKind.CREDENTIALS_CHANGED
    await record(conn, kind, after, old, {**new, **secrets})


async def record(
    conn: AsyncConnection,
    kind: ChannelEventKind,
    channel: Channel,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Adds one event. `before` and `after` must hold no secret."""
    call = _present_call()
    event = ChannelEvent(
        happened_at=now(),
        kind=kind,
        channel_id=channel.id,
        channel_name=name_of(channel),
        actor_id=call.principal.user_id,
        actor_name=call.principal.username,
        address=call.address,
        request_id=call.request_id,
        before=before,
        after=after,
    )
    await channel_events.append(conn, event)


def _secret_differences(desk: Desk, before: Channel | None, after: Channel) -> dict[str, dict[str, str]]:
    told: dict[str, dict[str, str]] = {}
    for name, sealed, read in (
        ("credentials", "sealed_credentials", desk.connectors.credentials),
        ("webhook_secrets", "sealed_webhook", desk.connectors.webhook_secrets),
    ):
        if getattr(before, sealed, None) == getattr(after, sealed):
            continue
        try:
            former = None if before is None else read(before)
        except SecretsUnreadable:
            former = None
        differences = secret_differences(former, read(after))
        if differences:
            told[name] = differences
    return told


def _present_call() -> Call:
    try:
        return current_call()
    except LookupError:
        return _NOBODY
