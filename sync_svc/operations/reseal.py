"""Changing the key that channel secrets are stored under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.connectors import CREDENTIALS, WEBHOOK
from sync_svc.domain.channel import Channel
from sync_svc.domain.channel_event import ChannelEventKind
from sync_svc.operations.channel_audit import record
from sync_svc.operations.desk import Desk
from sync_svc.storage.channels import list_channels, lock_channel, store_sealed
from sync_svc.vault import SecretsUnreadable


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many channels are under the present key now, and whose secrets no key opens."""

    count: int
    unreadable: Sequence[int]


async def reseal_credentials(desk: Desk, conn: AsyncConnection) -> Resealed:
    """Store every channel's secrets under the present key. Safe to repeat; workers do not notice."""
    count, unreadable = 0, []
    for listed in await list_channels(desk.db):
        channel = await lock_channel(conn, listed.id)
        try:
            await store_sealed(
                conn,
                channel.id,
                _resealed(desk, channel, channel.sealed_credentials, CREDENTIALS),
                _resealed(desk, channel, channel.sealed_webhook, WEBHOOK),
            )
            await record(conn, ChannelEventKind.CREDENTIALS_RESEALED, channel, {}, {})
            count += 1
        except SecretsUnreadable:
            unreadable.append(channel.id)
    return Resealed(count, unreadable)


def _resealed(desk: Desk, channel: Channel, sealed: bytes | None, use: str) -> bytes | None:
    if not sealed:
        return sealed
    place = {"platform": channel.platform.value, "account": channel.account, "use": use}
    return desk.vault.seal(desk.vault.open(sealed, **place), **place)
