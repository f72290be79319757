"""Makes the sandbox's accounts the first channels of a hub that speaks with no platform yet, and points their webhooks here.

Sandbox and gateway may have other ports after a restart, so channels of the sandbox follow it at every start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import HubError
from sync_svc.channels.base import ChannelError
from sync_svc.domain.channel import Channel, Platform
from sync_svc.operations.channels import (
    NewChannel,
    connect_webhooks,
    create_channel,
    resume_channel,
    update_channel,
    webhook_endpoint,
)
from sync_svc.operations.desk import Desk
from sync_svc.storage.channels import list_channels

log = logging.getLogger(__name__)

_WAIT_S = 0.5
_TIMEOUT_S = 5.0
_WEBHOOK_TRIES = 6
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the sandbox, with what a channel of it is made of."""

    name: tuple[Platform, str]
    addresses: Mapping[str, str]
    new: NewChannel

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> Account:
        """The account as the sandbox tells of it. Raises KeyError, ValueError."""
        platform, addresses = Platform(told["platform"]), {name: told[name] for name in ("api_base_url", "token_url")}
        new = NewChannel(
            platform=platform,
            account=told["account"],
            display_name=told.get("display_name", ""),
            site=told.get("site", ""),
            credentials={name: str(value) for name, value in told["credentials"].items()},
            webhook_secrets={name: str(value) for name, value in told.get("webhook", {}).items()},
            options=told.get("options", {}),
            **addresses,
        )
        return cls((platform, new.account.upper()), addresses, new)


async def seed_sandbox(desk: Desk, sandbox_url: str) -> None:
    """Seed and connect once, as soon as database and sandbox answer. Safe to repeat."""
    accounts = await _patiently(lambda: _fetch_accounts(sandbox_url))
    channels = await _patiently(lambda: list_channels(desk.db))
    known = {(channel.platform, channel.account): channel for channel in channels}
    is_fresh = not any(channel.credential_names for channel in channels)
    # All have their addresses before the first webhook is tried, which may take a while.
    made = [await _channel_of(desk, account, known.get(account.name), is_fresh=is_fresh) for account in accounts]
    for channel in made:
        if channel is not None and desk.connectors.has(channel.platform):
            await _connect(desk, sandbox_url, channel)
    desk.alarms.channels.ring_in(0)


async def _patiently(work: Callable[[], Awaitable[Any]]) -> Any:
    """What `work` answers, once database and sandbox are there."""
    while True:
        try:
            return await work()
        except (HubError, httpx2.HTTPError, ValueError, KeyError) as error:
            log.info("waiting to seed the sandbox's channels: %s", error)
            await asyncio.sleep(_WAIT_S)


async def _fetch_accounts(sandbox_url: str) -> Sequence[Account]:
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        answer = await client.get(f"{sandbox_url.rstrip('/')}/_control/accounts")
        answer.raise_for_status()
        return [Account.parse(told) for told in answer.json()]


async def _channel_of(desk: Desk, account: Account, known: Channel | None, *, is_fresh: bool) -> Channel | None:
    """The channel of an account, made or moved as needed; None for a channel that is not the sandbox's."""
    if known is None:
        return await desk.db.run(lambda conn: create_channel(desk, conn, account.new)) if is_fresh else None
    if is_fresh:
        return await desk.db.run(lambda conn: _adopt(desk, conn, account, known))
    if not _is_sandboxed(known):
        return None
    if known.api_base_url == account.addresses["api_base_url"] and known.token_url == account.addresses["token_url"]:
        return known
    # Where the sandbox takes webhook addresses has moved with it; what was learned of its webhooks stays.
    secrets = {**desk.connectors.webhook_secrets(known), **account.new.webhook_secrets}
    moved = {**account.addresses, "webhook_secrets": secrets}
    return await desk.db.run(lambda conn: update_channel(desk, conn, known.id, "", moved))


async def _adopt(desk: Desk, conn: AsyncConnection, account: Account, known: Channel) -> Channel:
    """An import was here first and made the channel without credentials."""
    new = account.new
    values = {
        **account.addresses,
        "site": new.site,
        "options": dict(new.options),
        "credentials": new.credentials,
        "webhook_secrets": new.webhook_secrets,
    }
    adopted = await update_channel(desk, conn, known.id, "", values)
    return await resume_channel(desk, conn, known.id) if desk.connectors.has(known.platform) else adopted


def _is_sandboxed(channel: Channel) -> bool:
    return bool(channel.api_base_url) and httpx2.URL(channel.api_base_url).host in _LOOPBACK


async def _connect(desk: Desk, sandbox_url: str, channel: Channel) -> None:
    """Webhooks make orders come at once; without them they still come by polling, so a failure is only logged."""
    for attempt in range(1, _WEBHOOK_TRIES + 1):
        try:
            await connect_webhooks(desk, channel.id)
            await _point_application(sandbox_url, channel, webhook_endpoint(desk.public_url, channel))
            return
        except (ChannelError, HubError, httpx2.HTTPError) as error:
            log.warning("channel %d: webhooks cannot be connected yet: %s", channel.id, error)
            await asyncio.sleep(_WAIT_S * attempt)


async def _point_application(sandbox_url: str, channel: Channel, endpoint: str) -> None:
    """Ecwid's webhook address is set in the application's settings, which the sandbox keeps in its control plane."""
    if channel.platform is not Platform.ECWID or not endpoint:
        return
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        body = {"platform": channel.platform.value, "url": endpoint}
        (await client.post(f"{sandbox_url.rstrip('/')}/_control/webhooks", json=body)).raise_for_status()
