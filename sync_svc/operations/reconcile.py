"""Asking for a pass over what channels show."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.operations.channels import check_usable
from sync_svc.operations.desk import Desk
from sync_svc.storage.channels import find_channel, list_channels
from sync_svc.storage.drift import reconcile_now


async def reconcile(desk: Desk, conn: AsyncConnection, name: str) -> list[int]:
    """Make one channel (by id or account) or all that can be spoken with due for a pass; answers their ids. Safe to repeat.

    Raises ChannelNotFound, NoConnector, CredentialsMissing.
    """
    if name:
        channel = await find_channel(desk.db, name)
        await check_usable(desk, channel)
        ids = [channel.id]
    else:
        ids = [
            one.id for one in await list_channels(desk.db) if one.was_ever_active and not desk.connectors.trouble(one)
        ]
    await reconcile_now(conn, ids)
    return ids
