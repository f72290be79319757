"""The connectors in use: one per channel and version of its settings, shared by workers and calls, and joined with those of the
account's other processes so that an account has one set of quotas and one access token."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from chassis.errors import HubError
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelAccount
from sync_svc.channels.consent import ConsentFlow
from sync_svc.channels.registry import ChannelRegistry, ConnectorBroken
from sync_svc.channels.sharing import Meters, NotShared, SharedAccount, metered
from sync_svc.domain.channel import Channel
from sync_svc.domain.errors import CredentialsMissing, NoConnector
from sync_svc.vault import SecretsUnreadable, Vault

CREDENTIALS, WEBHOOK = "credentials", "webhook"

Share = Callable[[Channel, Mapping[str, str]], SharedAccount]
"""A channel's account, by the channel and its credentials, as all processes have it in common."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A connector and what of it is shared."""

    connector: Connector
    meters: Meters


class Connectors:
    """Builds connectors and keeps them."""

    def __init__(self, registry: ChannelRegistry, vault: Vault, share: Share | None = None) -> None:
        """`share` tells of an account what all processes have in common; without it each keeps to itself."""
        self._registry = registry
        self._vault = vault
        self._share = share
        self._in_use: dict[int, tuple[int, _Made]] = {}
        self._retired: list[_Made] = []

    def has(self, platform: str) -> bool:
        """Whether the platform has a connector."""
        return self._registry.has(platform)

    def consent(self, platform: str) -> ConsentFlow | None:
        """How an account of the platform lets the hub in; None where there is no such way."""
        return self._registry.consent(platform)

    def account(self, channel: Channel, given: Mapping[str, str]) -> ChannelAccount:
        """The channel's account, with some credentials in place of those stored or beside them. Raises CredentialsMissing."""
        try:
            account = self._account(channel)
        except SecretsUnreadable as error:
            raise CredentialsMissing(channel.id, str(error)) from error
        return replace(account, credentials={**account.credentials, **given})

    def of(self, channel: Channel) -> Connector:
        """The channel's connector. Raises NoConnector, CredentialsMissing."""
        version, made = self._in_use.get(channel.id, (0, None))
        # Whoever still has an older version in hand gets what is in use by now.
        if made is not None and version >= channel.version:
            return made.connector
        with metered() as meters:
            fresh = self.build(channel)
        if self._share is not None:
            meters.share(self._share(channel, self._open(channel, channel.sealed_credentials, CREDENTIALS)))
        if made is not None:
            self._retired.append(made)
        self._in_use[channel.id] = (channel.version, _Made(fresh, meters))
        return fresh

    def in_use(self, channel_id: int) -> Connector | None:
        """The connector of a channel, when there is one already."""
        _, made = self._in_use.get(channel_id, (0, None))
        return made.connector if made else None

    def build(self, channel: Channel) -> Connector:
        """A connector of its own, not kept. Raises NoConnector, CredentialsMissing."""
        if not self._registry.has(channel.platform):
            raise NoConnector(channel.platform)
        if not channel.credential_names:
            raise CredentialsMissing(channel.id, "none are set")
        try:
            return self._registry.create(self._account(channel))
        except ConnectorBroken as error:
            raise NoConnector(channel.platform, str(error)) from error
        except (SecretsUnreadable, ValueError) as error:
            raise CredentialsMissing(channel.id, str(error)) from error

    def trouble(self, channel: Channel) -> str:
        """Why the channel cannot be spoken with, for a person; empty when it can."""
        try:
            self.of(channel)
        except HubError as error:
            return error.message
        return ""

    def credentials(self, channel: Channel) -> Mapping[str, str]:
        """What the channel signs in with. Raises SecretsUnreadable."""
        return self._open(channel, channel.sealed_credentials, CREDENTIALS)

    def webhook_secrets(self, channel: Channel) -> Mapping[str, str]:
        """What the channel's webhooks are checked with. Raises SecretsUnreadable."""
        return self._open(channel, channel.sealed_webhook, WEBHOOK)

    async def close_retired(self) -> None:
        """Close the connectors of former versions; nobody uses them any more."""
        retired, self._retired = self._retired, []
        for made in retired:
            # What cannot be given back now counts as used.
            with contextlib.suppress(NotShared):
                await made.meters.give_back()
            await made.connector.aclose()

    async def aclose(self) -> None:
        """Close everything."""
        self._retired += [made for _, made in self._in_use.values()]
        self._in_use = {}
        await self.close_retired()

    def _account(self, channel: Channel) -> ChannelAccount:
        return ChannelAccount(
            channel_id=channel.id,
            platform=channel.platform,
            account=channel.account,
            api_base_url=channel.api_base_url,
            token_url=channel.token_url,
            site=channel.site,
            credentials=self.credentials(channel),
            webhook=self.webhook_secrets(channel),
            options=channel.options,
        )

    def _open(self, channel: Channel, sealed: bytes | None, use: str) -> dict[str, str]:
        return self._vault.open(sealed, platform=channel.platform, account=channel.account, use=use)
