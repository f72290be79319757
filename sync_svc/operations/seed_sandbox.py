"""Makes the sandbox's accounts channels of a hub that speaks with no real platform, and points their webhooks here.

Each account is seeded once, whatever became of the others: a seeding that was cut off goes on at the next start. Sandbox and
gateway may have other ports after a restart, so channels of the sandbox follow it at every start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import HubError, Unavailable
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
from sync_svc.storage.channels import list_channels, note_seeded, seeded_accounts
from sync_svc.vault import SecretsUnreadable

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
            rules={"auto_list": False},
            **addresses,
        )
        return cls((platform, new.account.upper()), addresses, new)


async def seed_sandbox(desk: Desk, sandbox_url: str) -> None:
    """Seed and connect once, as soon as database and sandbox answer. Safe to repeat."""
    accounts = await _patiently(lambda: _fetch_accounts(sandbox_url))
    # All have their addresses before the first webhook is tried, which may take a while.
    made = await _patiently(lambda: _channels_of(desk, accounts))
    desk.alarms.channels.ring_in(0)
    for channel in made:
        if desk.connectors.has(channel.platform):
            await _connect(desk, sandbox_url, channel)
    desk.alarms.channels.ring_in(0)


async def _channels_of(desk: Desk, accounts: Sequence[Account]) -> list[Channel]:
    channels = await list_channels(desk.db)
    seeded = await seeded_accounts(desk.db)
    known = {(channel.platform, channel.account): channel for channel in channels}
    may_seed = all(_is_sandboxed(channel) for channel in channels if channel.credential_names)
    made = []
    for account in accounts:
        is_new = may_seed and account.name not in seeded
        try:
            channel = await _channel_of(desk, account, known.get(account.name), is_new=is_new)
        except Unavailable:
            raise
        except (HubError, SecretsUnreadable) as error:
            # One account that cannot be used, as for a connector that does not load, keeps no other waiting.
            log.warning("the sandbox's account %s %s is left out: %s", *account.name, error)
            continue
        if channel is not None:
            made.append(channel)
    return made


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


async def _channel_of(desk: Desk, account: Account, known: Channel | None, *, is_new: bool) -> Channel | None:
    """The channel of an account, made or moved as needed; None for a channel that is not the sandbox's."""
    if is_new and (known is None or _is_untouched(known)):
        return await desk.db.run(lambda conn: _seed(desk, conn, account, known))
    if known is None or not _is_sandboxed(known):
        return None
    if known.api_base_url == account.addresses["api_base_url"] and known.token_url == account.addresses["token_url"]:
        return known
    # Where the sandbox takes webhook addresses has moved with it; what was learned of its webhooks stays.
    secrets = {**desk.connectors.webhook_secrets(known), **account.new.webhook_secrets}
    moved = {**account.addresses, "webhook_secrets": secrets, "options": _moved_options(known, account)}
    return await desk.db.run(lambda conn: update_channel(desk, conn, known.id, "", moved))


def _moved_options(known: Channel, account: Account) -> dict[str, Any]:
    """What anybody has set since stays; the addresses among the options, as that of a queue, move with the sandbox."""
    addresses = {name: value for name, value in account.new.options.items() if str(value).startswith("http")}
    return {**known.options, **addresses}


async def _seed(desk: Desk, conn: AsyncConnection, account: Account, known: Channel | None) -> Channel:
    await note_seeded(conn, *account.name)
    if known is None:
        return await create_channel(desk, conn, account.new)
    return await _adopt(desk, conn, account, known)


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


def _is_untouched(channel: Channel) -> bool:
    """Made by an import, and nobody has told it yet whom to speak with."""
    return not (channel.credential_names or channel.api_base_url or channel.was_ever_active)


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
