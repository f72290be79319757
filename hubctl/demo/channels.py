"""Which channels the demo plays on: the sandbox's own and no others, as it invents stock and prices."""

from __future__ import annotations

from collections.abc import Collection

from usav.sync.v1 import channel_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from hubctl.client import Hub
from hubctl.demo.choice import SELLING_PLATFORM
from hubctl.demo.failure import DemoFailed
from hubctl.demo.waiting import wait_for

Account = tuple[str, str]
_PAGE = 1000
# A hub that has just started still makes its channels, or moves them to where the sandbox listens now.
_SETTLE_SECONDS = 15.0
_platform = channel_pb2.Channel.Platform.Name


class SandboxChannels:
    """The channels of a hub whose marketplaces are one sandbox. `accounts` are its sellers."""

    def __init__(self, hub: Hub, sandbox_url: str, accounts: Collection[Account]) -> None:
        self._hub = hub
        self._sandbox_url = sandbox_url
        self._accounts = accounts

    def active(self) -> set[Account]:
        """The active ones, once all are up or have had the time for it.

        Raises DemoFailed when a channel is of a real marketplace, or when there are too few to show anything.
        """
        wait_for(self._is_settled, _SETTLE_SECONDS)
        strangers = self._strangers()
        if strangers:
            named = " ".join(strangers[0])
            raise DemoFailed(
                f"channel {named} is no channel of the sandbox; the demo invents stock, so it leaves this hub alone"
            )
        active = {_account(one) for one in self._channels() if one.state == channel_pb2.Channel.ACTIVE}
        playable = active & set(self._accounts)
        if len(playable) < 2 or not any(platform == SELLING_PLATFORM for platform, _ in playable):
            raise DemoFailed(
                "the demo needs an active eBay channel of the sandbox and another one beside it; see `hubctl status`"
            )
        return playable

    def look_for_orders(self, account: Account) -> None:
        """Has the hub ask a marketplace for orders now. Safe to repeat."""
        channel = next(one for one in self._channels() if _account(one) == account)
        self._hub.sync.SyncChannelNow(pb.SyncChannelNowRequest(id=channel.id))

    def _is_settled(self) -> bool:
        channels = {_account(one): one for one in self._channels()}
        ready = (self._is_ready(channels.get(account)) for account in self._accounts)
        return all(ready) and not self._strangers()

    def _is_ready(self, channel: channel_pb2.Channel | None) -> bool:
        if channel is None:
            return False
        without = channel.connection == channel_pb2.Channel.NO_CONNECTOR
        return without or channel.state == channel_pb2.Channel.ACTIVE

    def _strangers(self) -> list[Account]:
        return [
            _account(one)
            for one in self._channels()
            if one.state == channel_pb2.Channel.ACTIVE and not one.api_base_url.startswith(self._sandbox_url)
        ]

    def _channels(self) -> list[channel_pb2.Channel]:
        return list(self._hub.sync.ListChannels(pb.ListChannelsRequest(page_size=_PAGE)).items)


def _account(channel: channel_pb2.Channel) -> Account:
    return _platform(channel.platform), channel.account
