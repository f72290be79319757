"""Ecwid: products, variations and orders of one store."""

from sync_svc.channels.base import Channel, ChannelAccount
from sync_svc.channels.ecwid.adapter import EcwidChannel


def create_channel(account: ChannelAccount) -> Channel:
    """Builds the channel; makes no call. Raises ValueError naming a missing credential."""
    return EcwidChannel(account)
