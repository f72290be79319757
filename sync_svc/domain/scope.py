"""The channels that a caller is bound to. None is not bound: the hub itself, and everybody without a scope.

Whoever is bound sees and changes the listings and orders of those channels only.
"""

from __future__ import annotations

from sync_svc.domain.errors import OutsideChannels

Channels = frozenset[int] | None


def check_channel(bound: Channels, channel_id: int) -> None:
    """Raises OutsideChannels."""
    if bound is not None and channel_id not in bound:
        raise OutsideChannels(channel_id, bound)
