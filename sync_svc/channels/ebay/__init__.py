"""eBay Sell: items, offers and orders of one seller account."""

from sync_svc.channels.base import Channel, ChannelAccount
from sync_svc.channels.ebay.adapter import EbayChannel


def create_channel(account: ChannelAccount) -> Channel:
    """Builds the channel; makes no call. Raises ValueError naming a missing credential."""
    return EbayChannel(account)
