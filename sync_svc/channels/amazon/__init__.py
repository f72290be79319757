"""Amazon Selling Partner API: listings items, feeds, orders and notifications of one seller."""

from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.base import Channel, ChannelAccount


def create_channel(account: ChannelAccount) -> Channel:
    """Builds the channel; makes no call. Raises ValueError naming a missing credential."""
    return AmazonChannel(account)
