"""Making, changing, pausing, resuming and testing channels."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import InvalidArgument
from chassis.etags import check_etag
from sync_svc.channels.base import ChannelError
from sync_svc.connectors import CREDENTIALS, WEBHOOK
from sync_svc.domain.channel import Channel, ChannelState, Platform
from sync_svc.domain.channel_event import ChannelEventKind
from sync_svc.domain.listing import Urgency
from sync_svc.domain.rules import PRICE_RULES, QUANTITY_RULES
from sync_svc.operations.channel_audit import record_change
from sync_svc.operations.desk import Desk
from sync_svc.storage import channels as stored
from sync_svc.storage.auto_listing import begin_listing, stop_listing
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.generations import end_auth_errors, push_channel_afresh


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel to be made."""

    platform: Platform
    account: str
    display_name: str = ""
    site: str = ""
    api_base_url: str = ""
    token_url: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """How a test of a channel went."""

    __test__ = False

    ok: bool
    duration_ms: int
    message: str = ""
    account_name: str = ""
    consent_expires_at: datetime | None = None


async def create_channel(desk: Desk, conn: AsyncConnection, new: NewChannel) -> Channel:
    """Make a channel, ACTIVE when it can be worked at once. Raises ChannelExists, CredentialsMissing."""
    account = new.account.upper()
    if not account:
        raise InvalidArgument.of("channel.account", "is required")
    values: dict[str, Any] = {
        "platform": new.platform.value,
        "account": account,
        "display_name": new.display_name or account,
        "site": new.site,
        "api_base_url": new.api_base_url,
        "token_url": new.token_url,
        "options": dict(new.options),
        "state": ChannelState.PAUSED.value,
        # The books have every variant; a shop has what is put into it.
        "auto_list": new.platform is Platform.ZOHO,
        **new.rules,
        **_sealed(desk, new.platform, account, new.credentials, new.webhook_secrets),
    }
    channel = await stored.insert_channel(conn, values)
    if channel.rules.auto_list:
        await begin_listing(conn, channel.id)
    if new.credentials and desk.connectors.has(new.platform):
        await check_usable(desk, channel)
        channel = await _set_state(conn, channel, ChannelState.ACTIVE)
    await record_change(desk, conn, ChannelEventKind.CREATED, None, channel)
    return channel


async def update_channel(
    desk: Desk, conn: AsyncConnection, channel_id: int, etag: str, changes: Mapping[str, Any]
) -> Channel:
    """Change a channel. New credentials end a refusal; new rules plan its listings anew.

    Raises ChannelNotFound, EtagMismatch, CredentialsMissing.
    """
    channel = await stored.lock_channel(conn, channel_id)
    check_etag(etag, channel.version)
    values = {name: value for name, value in changes.items() if name not in {"credentials", "webhook_secrets"}}
    values |= _sealed(
        desk, channel.platform, channel.account, changes.get("credentials"), changes.get("webhook_secrets")
    )
    if not values:
        return channel
    changed = await stored.update_channel(conn, channel_id, values)
    await record_change(desk, conn, ChannelEventKind.CHANGED, channel, changed)
    if changed.credential_names and desk.connectors.has(changed.platform):
        await check_usable(desk, changed)
    if "credentials" in changes:
        changed = await _end_refusal(conn, changed)
    await _plan_anew(desk, conn, channel, changed)
    return changed


async def _plan_anew(desk: Desk, conn: AsyncConnection, before: Channel, after: Channel) -> None:
    """Queue the listings that changed rules touch, and what has to be listed from now on."""
    if after.rules.auto_list != before.rules.auto_list:
        await (begin_listing if after.rules.auto_list else stop_listing)(conn, after.id)

    def differ(names: Iterable[str]) -> bool:
        return any(getattr(before.rules, name) != getattr(after.rules, name) for name in names)

    if differ(QUANTITY_RULES):
        await desk.generations.raise_channel(conn, after.id, Urgency.STOCK_FELL)
    elif differ(PRICE_RULES):
        await desk.generations.raise_channel(conn, after.id, Urgency.PRICE_OR_CONTENT, only_unpriced=True)


async def pause_channel(desk: Desk, conn: AsyncConnection, channel_id: int) -> Channel:
    """Show zero everywhere on the channel (unless its rule says otherwise). Safe to repeat. Raises ChannelNotFound."""
    channel = await stored.lock_channel(conn, channel_id)
    if channel.state is ChannelState.PAUSED:
        return channel
    await desk.generations.raise_channel(conn, channel_id, Urgency.STOCK_FELL)
    paused = await _set_state(conn, channel, ChannelState.PAUSED)
    await record_change(desk, conn, ChannelEventKind.PAUSED, channel, paused)
    return paused


async def resume_channel(desk: Desk, conn: AsyncConnection, channel_id: int) -> Channel:
    """Offer on the channel again and end a refusal. Safe to repeat. Raises ChannelNotFound, NoConnector, CredentialsMissing."""
    channel = await stored.lock_channel(conn, channel_id)
    await check_usable(desk, channel)
    channel = await _end_refusal(conn, channel)
    if channel.state is ChannelState.ACTIVE:
        return channel
    await desk.generations.raise_channel(conn, channel_id, Urgency.STOCK)
    resumed = await _set_state(conn, channel, ChannelState.ACTIVE)
    await record_change(desk, conn, ChannelEventKind.RESUMED, channel, resumed)
    return resumed


async def sync_channel_now(desk: Desk, conn: AsyncConnection, channel_id: int) -> int:
    """Queue every listing and a look for orders; answers how many listings. Raises ChannelNotFound, NoConnector."""
    channel = await stored.lock_channel(conn, channel_id)
    await check_usable(desk, channel)
    await stored.poll_now(conn, channel_id)
    return await push_channel_afresh(conn, channel_id)


async def test_channel(desk: Desk, channel_id: int) -> TestOutcome:
    """Make one cheap call. Safe to repeat. Raises ChannelNotFound, NoConnector, CredentialsMissing."""
    channel = await stored.get_channel(desk.db, channel_id)
    connector = desk.connectors.of(channel)
    started = time.perf_counter()
    try:
        health = await connector.check()
    except ChannelError as error:
        return TestOutcome(ok=False, duration_ms=_since(started), message=error.message)
    duration_ms = _since(started)
    notes = ChannelNotes(desk.db)
    await notes.unblock(channel_id)
    if health.consent_expires_at is not None:
        await notes.note_consent(channel_id, health.consent_expires_at)
    await desk.db.run(lambda conn: end_auth_errors(conn, channel_id))
    return TestOutcome(
        ok=True,
        duration_ms=duration_ms,
        account_name=health.account_name,
        consent_expires_at=health.consent_expires_at,
    )


async def connect_webhooks(desk: Desk, channel_id: int) -> bool:
    """Ask the platform to send its webhooks to this hub, and keep what it needs to check them; False where that failed.

    Safe to repeat. Raises ChannelNotFound, NoConnector, CredentialsMissing.
    """
    channel = await stored.get_channel(desk.db, channel_id)
    endpoint = webhook_endpoint(desk.public_url, channel)
    if not endpoint:
        return False
    learned = await desk.connectors.of(channel).connect_webhooks(endpoint)
    secrets = {**desk.connectors.webhook_secrets(channel), "endpoint": endpoint, **learned}
    if secrets == desk.connectors.webhook_secrets(channel):
        return True

    async def work(conn: AsyncConnection) -> None:
        present = await stored.lock_channel(conn, channel_id)
        sealed = _sealed(desk, channel.platform, channel.account, None, secrets)
        changed = await stored.update_channel(conn, channel_id, sealed)
        await record_change(desk, conn, ChannelEventKind.CHANGED, present, changed)

    await desk.db.run(work)
    return True


def webhook_endpoint(public_url: str, channel: Channel) -> str:
    """Where the channel's platform sends its webhooks; empty when the hub has no public address."""
    return f"{public_url.rstrip('/')}/api/v1/webhooks/{channel.platform.lower()}/{channel.id}" if public_url else ""


async def _set_state(conn: AsyncConnection, channel: Channel, state: ChannelState) -> Channel:
    values: dict[str, Any] = {"state": state.value}
    if state is ChannelState.ACTIVE and not channel.was_ever_active:
        values["activated_at"] = func.clock_timestamp()
    return await stored.update_channel(conn, channel.id, values)


async def _end_refusal(conn: AsyncConnection, channel: Channel) -> Channel:
    await end_auth_errors(conn, channel.id)
    if channel.block is None:
        return channel
    await stored.clear_block(conn, channel.id)
    return replace(channel, block=None, blocked_until=None, block_message="")


async def check_usable(desk: Desk, channel: Channel) -> None:
    """Raises NoConnector or CredentialsMissing. Builds a connector, which makes no call, and drops it."""
    connector = desk.connectors.build(channel)
    await connector.aclose()


def _sealed(
    desk: Desk,
    platform: Platform,
    account: str,
    credentials: Mapping[str, str] | None,
    webhook_secrets: Mapping[str, str] | None,
) -> dict[str, Any]:
    """The columns that keep what was given; None leaves them as they are."""
    values: dict[str, Any] = {}
    if credentials is not None:
        values["sealed_credentials"] = desk.vault.seal(credentials, platform=platform, account=account, use=CREDENTIALS)
        values["credential_names"] = sorted(credentials)
        values["consent_expires_at"] = _time_or_none(credentials.get("consent_expires_at"))
    if webhook_secrets is not None:
        values["sealed_webhook"] = desk.vault.seal(webhook_secrets, platform=platform, account=account, use=WEBHOOK)
    return values


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _time_or_none(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
