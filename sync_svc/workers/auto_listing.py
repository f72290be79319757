"""Makes the listings of variants that were in the catalog before a channel's rule `auto_list` was switched on, page by page.

What is made or changed in the catalog meanwhile comes by its feed; both look first whether there is a listing already.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from uuid import uuid4

from chassis.database import Database
from chassis.errors import Code, HubError
from sync_svc.domain.channel import Channel
from sync_svc.storage.auto_listing import ListingTurn, TurnLost
from sync_svc.upstream import VariantSource
from sync_svc.workers.wakeups import Alarm, Alarms

log = logging.getLogger(__name__)

LEASE_S = 30.0
_RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class ListTools:
    """What every such worker shares."""

    db: Database
    variants: VariantSource
    pushes: Alarms
    backstop_s: float
    """A change of the rule restarts the worker; it is woken for the turn of a worker that has died."""


class AutoLister:
    """Lists the catalog on one channel; of several workers one has the turn."""

    def __init__(self, channel: Channel, tools: ListTools, alarm: Alarm) -> None:
        self._channel = channel
        self._tools = tools
        self._alarm = alarm

    async def run(self) -> None:
        """List what is to be listed, until cancelled."""
        while True:
            wait_s = self._tools.backstop_s
            try:
                await self._list_when_due()
            except HubError as error:
                log.warning("channel %d: the catalog cannot be listed now: %s", self._channel.id, error.message)
                wait_s = _RETRY_S
            await self._alarm.sleep(wait_s)

    async def _list_when_due(self) -> None:
        turn = ListingTurn(self._tools.db, self._channel.id, uuid4(), lease_s=LEASE_S)
        page_token = await turn.claim()
        if page_token is None:
            return
        try:
            await self._list(turn, page_token)
        except TurnLost:
            log.info("channel %d: the listing of the catalog was begun anew or ended", self._channel.id)
        except (HubError, asyncio.CancelledError) as error:
            # A page's token that the catalog no longer takes is one of an earlier key: what is listed already is passed over.
            is_stale = isinstance(error, HubError) and error.code is Code.INVALID_ARGUMENT
            with contextlib.suppress(HubError):
                await turn.release(from_the_beginning=is_stale)
            raise

    async def _list(self, turn: ListingTurn, page_token: str) -> None:
        made = 0
        while True:
            page = await self._tools.variants.list_variants(page_token)
            made += await turn.list_page(page.skus, page.next_page_token)
            self._tools.pushes.of(self._channel.id).ring_in(0)
            page_token = page.next_page_token
            if not page_token:
                log.info("channel %d: the catalog is listed, %d listings were made", self._channel.id, made)
                return
