"""Work of one channel that comes piece by piece under leases: what is due is taken, as much as there is room for, and done side
by side. A piece that was just queued does not wait for those under way to end; each has a time limit shorter than its lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from chassis.errors import HubError
from sync_svc.workers.errands import Errands, take
from sync_svc.workers.wakeups import Alarm

log = logging.getLogger(__name__)

LEASE_S = 60.0
TIME_LIMIT_S = 45.0
_PAUSE_AFTER_ERROR_S = 0.5

Piece = TypeVar("Piece")


class PieceLeases(Protocol[Piece]):
    """Where the pieces come from."""

    async def take(self, channel_id: int, lease: UUID, most: int) -> list[Piece]:
        """Take due pieces of a channel, the longest waiting first. Raises HubError."""
        ...

    async def give_back(self, taken: Sequence[Piece]) -> None:
        """End the leases of pieces that nothing was done for. Raises HubError."""
        ...


class LeasedWork(Generic[Piece]):
    """Takes and does one channel's pieces of one kind; the leases keep two workers off one piece."""

    def __init__(
        self,
        channel_id: int,
        what: str,
        leases: PieceLeases[Piece],
        do: Callable[[Piece], Coroutine[Any, Any, None]],
        alarm: Alarm,
        *,
        at_once: int,
        backstop_s: float,
        new_lease: Callable[[], UUID],
    ) -> None:
        """`what` names the pieces in the log; `do` sees to the end of a piece's lease, whatever happens."""
        self._channel_id = channel_id
        self._what = what
        self._leases = leases
        self._do = do
        self._alarm = alarm
        self._at_once = at_once
        self._backstop_s = backstop_s
        self._new_lease = new_lease
        self._errands = Errands(f"channel {channel_id}")

    async def run(self) -> None:
        """Work until cancelled; what is under way then gets a moment to end."""
        try:
            while True:
                try:
                    await self.take_next()
                except HubError as error:
                    log.warning("channel %d: no %s can be taken: %s", self._channel_id, self._what, error.message)
                    await asyncio.sleep(_PAUSE_AFTER_ERROR_S)
        finally:
            await self._errands.stop()

    async def take_next(self) -> None:
        """Begin what is due, as far as there is room; sleep when there is no more of it, or no more room. Raises HubError."""
        room = self._at_once - len(self._errands)
        taken: list[Piece] = []
        if room:
            taken = await take(self._leases.take(self._channel_id, self._new_lease(), room), self._leases.give_back)
        for piece in taken:
            self._errands.start(self._do(piece), then=self._look_again)
        if len(taken) < room or not room:
            # Whatever becomes due from now on is rung for.
            await self._alarm.sleep(self._backstop_s)

    def _look_again(self) -> None:
        """There is room again, and the piece that has ended may be due anew, or have another one behind it."""
        self._alarm.ring_in(0)
