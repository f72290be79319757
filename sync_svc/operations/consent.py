"""Consent through the browser: where the owner of an account lets the hub in, and the tokens that come of it.

Nothing is kept in between: the state that travels with the browser is sealed, names channel, caller and redirect, and ends after
ten minutes. A code is good once, at the platform, so a state needs no record of its use.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.channels.base import ChannelAccount, ChannelError
from sync_svc.channels.consent import EXPIRES, ConsentFlow, Granted
from sync_svc.domain.channel import Channel
from sync_svc.domain.errors import ConsentRefused, CredentialsMissing, NoConsentFlow
from sync_svc.operations.channels import update_channel
from sync_svc.operations.desk import Desk
from sync_svc.storage.channels import get_channel, lock_channel
from sync_svc.vault import SecretsUnreadable

_LASTS = timedelta(minutes=10)
_USE = "consent"


@dataclass(frozen=True, slots=True)
class Begun:
    """A consent that may be given."""

    authorize_url: str
    state: str
    expires_at: datetime


async def begin_consent(
    desk: Desk, channel_id: int, redirect_uri: str, given: Mapping[str, str], *, caller: str, now: datetime
) -> Begun:
    """Where the owner consents. Raises ChannelNotFound, NoConsentFlow, CredentialsMissing."""
    channel = await get_channel(desk.db, channel_id)
    flow, account = _way_in(desk, channel, given)
    expires_at = now + _LASTS
    secrets = {"caller": caller, "redirect_uri": redirect_uri, "expires_at": expires_at.isoformat()}
    sealed = desk.vault.seal(secrets, platform=channel.platform, account=channel.account, use=_USE)
    state = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    return Begun(flow.authorize_url(account, redirect_uri, state), state, expires_at)


async def finish_consent(
    desk: Desk, channel_id: int, state: str, granted: Granted, given: Mapping[str, str], *, caller: str, now: datetime
) -> Channel:
    """Exchange the code and store what comes of it. NOT safe to repeat: a code is good once.

    Raises ChannelNotFound, NoConsentFlow, CredentialsMissing, ConsentRefused.
    """
    channel = await get_channel(desk.db, channel_id)
    flow, account = _way_in(desk, channel, given)
    redirect_uri = _redirect_of(desk, channel, state, caller, now)
    try:
        learned = await flow.exchange(account, Granted(granted.code, redirect_uri, granted.more))
    except ChannelError as error:
        raise ConsentRefused(channel_id, error.message) from error

    async def work(conn: AsyncConnection) -> Channel:
        # What was stored meanwhile by somebody else stays, but for what this consent is about.
        stored = desk.connectors.account(await lock_channel(conn, channel_id), {}).credentials
        kept = {name: value for name, value in stored.items() if name != EXPIRES}
        return await update_channel(desk, conn, channel_id, "", {"credentials": {**kept, **given, **learned}})

    return await desk.db.run(work)


def _way_in(desk: Desk, channel: Channel, given: Mapping[str, str]) -> tuple[ConsentFlow, ChannelAccount]:
    flow = desk.connectors.consent(channel.platform)
    if flow is None:
        raise NoConsentFlow(channel.platform)
    account = desk.connectors.account(channel, given)
    missing = [name for name in flow.needs if not account.credentials.get(name)]
    if missing:
        raise CredentialsMissing(channel.id, f"a consent needs {', '.join(missing)}")
    return flow, account


def _redirect_of(desk: Desk, channel: Channel, state: str, caller: str, now: datetime) -> str:
    """Where the browser was to come back to. Raises ConsentRefused for a state of another channel, caller or time."""
    try:
        sealed = base64.urlsafe_b64decode(state.encode() + b"=" * (-len(state) % 4))
        begun = desk.vault.open(sealed, platform=channel.platform, account=channel.account, use=_USE)
    except (SecretsUnreadable, ValueError, binascii.Error):
        raise ConsentRefused(channel.id, "The state is none of this channel.") from None
    if begun.get("caller") != caller:
        raise ConsentRefused(channel.id, "It was begun by somebody else.")
    if datetime.fromisoformat(begun["expires_at"]) < now:
        raise ConsentRefused(channel.id, "It was begun more than ten minutes ago.")
    return begun["redirect_uri"]
