"""Zoho Inventory: items, stock by adjustment documents, and sales orders of one organization."""

from sync_svc.channels.base import Channel, ChannelAccount
from sync_svc.channels.zoho.adapter import ZohoChannel


def create_channel(account: ChannelAccount) -> Channel:
    """Builds the channel; makes no call. Raises ValueError naming a missing credential."""
    return ZohoChannel(account)
