"""Merges holds that are asked for at the same time into one statement and one commit.

While a statement is under way the next callers gather behind it; a lone caller waits for nothing. Each caller's outcome is his
own: the statement waits for no lock, so a unit that is locked or not free is left to its caller alone, and a statement that
the database refuses is done again one unit at a time. Two callers of the same unit never share a statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import HubError, Unavailable
from inventory_svc.domain.item import Item
from inventory_svc.storage import unit_changes
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import Claim

_MOST = 256
# One statement builds in Postgres while the answers of another are handed out here.
_AT_ONCE = 4


@dataclass(slots=True)
class _Waiting:
    claim: Claim
    outcome: asyncio.Future[Item | None]


class ReserveTogether:
    """Holds units on the pool, many callers to a statement."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queue: dict[int, _Waiting] = {}
        self._running: asyncio.Task[None] | None = None

    async def reserve(self, claim: Claim) -> Item | None:
        """The unit, held; None when it is not AVAILABLE or somebody has it locked.

        Raises HubError; Unavailable leaves the outcome unknown.
        """
        while claim.item_id in self._queue:
            await asyncio.wait([self._queue[claim.item_id].outcome])
        waiting = _Waiting(claim, asyncio.get_running_loop().create_future())
        self._queue[claim.item_id] = waiting
        if len(self._queue) == 1:
            asyncio.get_running_loop().call_soon(self._start)
        try:
            return await waiting.outcome
        finally:
            # Whoever goes away before his statement starts is not held for.
            if self._queue.get(claim.item_id) is waiting:
                del self._queue[claim.item_id]

    def _start(self) -> None:
        if self._running is None and self._queue:
            batch = [self._queue.pop(item_id) for item_id in list(self._queue)[:_MOST]]
            self._running = asyncio.get_running_loop().create_task(self._serve(batch))
            self._running.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._running = None
        self._start()

    async def _serve(self, batch: Sequence[_Waiting]) -> None:
        try:
            items = await unit_changes.reserve(self._session, [waiting.claim for waiting in batch], waits=False)
        except HubError as error:
            if len(batch) == 1 or isinstance(error, Unavailable):
                _fail(batch, error)
                return
            for waiting in batch:
                await self._serve([waiting])
        except Exception as error:
            _fail(batch, error)
        else:
            found = {item.id: item for item in items}
            for waiting in batch:
                if not waiting.outcome.done():
                    waiting.outcome.set_result(found.get(waiting.claim.item_id))


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.outcome.done():
            waiting.outcome.set_exception(error)
            waiting.outcome.exception()  # marks it as seen, for the case that the caller has gone
