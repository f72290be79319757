"""Makes the sandbox's accounts the first channels of a hub that has none, and points their webhooks here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from chassis.errors import HubError
from sync_svc.channels.base import ChannelError
from sync_svc.domain.channel import Platform
from sync_svc.domain.errors import ChannelExists
from sync_svc.operations.channels import NewChannel, connect_webhooks, create_channel
from sync_svc.operations.desk import Desk
from sync_svc.storage.channels import list_channels

log = logging.getLogger(__name__)

_WAIT_S = 1.0
_TIMEOUT_S = 5.0
_WEBHOOK_TRIES = 5


async def seed_sandbox(desk: Desk, sandbox_url: str) -> None:
    """Wait for database and sandbox, then seed once. Safe to repeat: a hub with channels is left as it is."""
    while True:
        try:
            if await list_channels(desk.db):
                return
            accounts = await _fetch_accounts(sandbox_url)
            break
        except (HubError, httpx2.HTTPError, ValueError) as error:
            log.info("waiting to seed the sandbox's channels: %s", error)
            await asyncio.sleep(_WAIT_S)
    for account in accounts:
        await _seed(desk, account)
    desk.alarms.channels.ring_in(0)


async def _fetch_accounts(sandbox_url: str) -> Sequence[Mapping[str, Any]]:
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        answer = await client.get(f"{sandbox_url.rstrip('/')}/_control/accounts")
        answer.raise_for_status()
        listed: Any = answer.json()
    return list(listed["accounts"] if isinstance(listed, dict) else listed)


async def _seed(desk: Desk, account: Mapping[str, Any]) -> None:
    new = NewChannel(
        platform=Platform(account["platform"]),
        account=account["account"],
        display_name=account.get("display_name", ""),
        site=account.get("site", ""),
        api_base_url=account["api_base_url"],
        token_url=account.get("token_url", ""),
        credentials={name: str(value) for name, value in account["credentials"].items()},
        webhook_secrets={name: str(value) for name, value in account.get("webhook", {}).items()},
        options=account.get("options", {}),
    )
    try:
        channel = await desk.db.run(lambda conn: create_channel(desk, conn, new))
    except ChannelExists:
        return
    log.info("channel %s %s of the sandbox is here", channel.platform, channel.account)
    await _connect(desk, channel.id)


async def _connect(desk: Desk, channel_id: int) -> None:
    """Webhooks make orders come at once; without them they still come by polling, so a failure is only logged."""
    for attempt in range(1, _WEBHOOK_TRIES + 1):
        try:
            await connect_webhooks(desk, channel_id)
            return
        except (ChannelError, HubError) as error:
            log.warning("channel %d: webhooks cannot be connected yet: %s", channel_id, error)
            await asyncio.sleep(_WAIT_S * attempt)
