"""Keeps a whole account silent when its platform asks for that or refuses it, and ends the silence when it answers again."""

from __future__ import annotations

from sync_svc.channels.base import Outcome
from sync_svc.domain.backoff import AUTH_CAP_S, AUTH_FIRST_S, backoff_s
from sync_svc.domain.channel import Block
from sync_svc.storage.channels import ChannelNotes

_MESSAGE_CHARS = 1000


class Silence:
    """One channel's silence, as one worker sees and makes it."""

    def __init__(self, notes: ChannelNotes, channel_id: int) -> None:
        self._notes = notes
        self._channel_id = channel_id
        # A former process may have left the account blocked.
        self._may_be_blocked = True

    async def heed(self, outcome: Outcome, message: str, retry_after_s: float | None) -> float | None:
        """Act on one answer: seconds of silence when it asks for some, else None."""
        if outcome is Outcome.AUTH:
            count = await self._notes.block_count(self._channel_id)
            wait_s = backoff_s(count + 1, first_s=AUTH_FIRST_S, cap_s=AUTH_CAP_S)
            await self._block(Block.AUTH, wait_s, message)
            return wait_s
        if retry_after_s:
            await self._block(Block.THROTTLE, retry_after_s, message)
            return retry_after_s
        if outcome is Outcome.DONE and self._may_be_blocked:
            await self._notes.unblock(self._channel_id)
            self._may_be_blocked = False
        return None

    async def _block(self, block: Block, wait_s: float, message: str) -> None:
        self._may_be_blocked = True
        await self._notes.block(self._channel_id, block, wait_s, message.replace("\0", "")[:_MESSAGE_CHARS])
