"""Reads what an account offers, page by page, and makes it listings of the hub: what is called as a variant, or as what another
channel sells. The rest is kept for a person, and is matched by itself when a variant or a listing of that name appears.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from chassis.database import Database
from chassis.errors import HubError
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, FoundListing, Outcome
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Channel
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.unmatched import ImportLost, ImportTurn
from sync_svc.upstream import VariantSource
from sync_svc.workers.ends import printable
from sync_svc.workers.silence import Silence
from sync_svc.workers.wakeups import Alarm, Alarms

log = logging.getLogger(__name__)

LEASE_S = 120.0
_PAGE_TIME_LIMIT_S = 90.0
_PAUSE_AFTER_ERROR_S = 1.0
_FIRST_WAIT_S = 2.0
_MOST_ASKED = 1000
# Only what could be a SKU of the catalog is asked for there.
_LIKE_A_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
# Pushes come first: below this part of a quota an import waits for its refill.
_KEPT_FOR_PUSHES = 4
_REFILL_S = 1.0


@dataclass(frozen=True, slots=True)
class ImportTools:
    """What every importer shares."""

    db: Database
    variants: VariantSource
    notes: ChannelNotes
    pushes: Alarms
    backstop_s: float


class ListingImporter:
    """Imports one channel's listings; of several workers one has the turn."""

    def __init__(self, channel: Channel, connector: Connector, tools: ImportTools, alarm: Alarm) -> None:
        self._channel = channel
        self._connector = connector
        self._tools = tools
        self._alarm = alarm
        self._silence = Silence(tools.notes, channel.id)
        self._failures = 0

    async def run(self) -> None:
        """Import when asked to, until cancelled."""
        while True:
            try:
                await self._import_when_due()
            except HubError as error:
                log.warning("channel %d: listings cannot be imported: %s", self._channel.id, error.message)
                await asyncio.sleep(_PAUSE_AFTER_ERROR_S)
            await self._alarm.sleep(self._tools.backstop_s)

    async def _import_when_due(self) -> None:
        turn = await ImportTurn.claim(self._tools.db, self._channel.id, uuid4(), LEASE_S)
        if turn is None:
            return
        try:
            await self._import(turn)
            self._failures = 0
        except ImportLost:
            log.info("channel %d: another worker goes on with the import", self._channel.id)
        except (ChannelError, TimeoutError) as error:
            await self._give_up_for_now(turn, error)
        except (asyncio.CancelledError, HubError):
            with contextlib.suppress(HubError):
                await turn.release(0, "")
            raise

    async def _import(self, turn: ImportTurn) -> None:
        cursor = turn.cursor
        while True:
            async with asyncio.timeout(_PAGE_TIME_LIMIT_S):
                page = await self._connector.live_listings(cursor)
            if await turn.keep(page.listings, await self._variants_called(page.listings), page.cursor):
                self._tools.pushes.of(self._channel.id).ring_in(0)
            cursor = page.cursor
            if not cursor:
                return
            await self._leave_room()

    async def _variants_called(self, found: Sequence[FoundListing]) -> Mapping[int, str]:
        skus = sorted({one.platform_sku for one in found if _LIKE_A_SKU.fullmatch(one.platform_sku)})
        called: dict[int, str] = {}
        for start in range(0, len(skus), _MOST_ASKED):
            called |= await self._tools.variants.find_variants(skus[start : start + _MOST_ASKED])
        return called

    async def _leave_room(self) -> None:
        if any(quota.remaining * _KEPT_FOR_PUSHES < quota.limit for quota in self._connector.quotas()):
            await asyncio.sleep(_REFILL_S)

    async def _give_up_for_now(self, turn: ImportTurn, error: ChannelError | TimeoutError) -> None:
        self._failures += 1
        wait_s = backoff_s(self._failures, first_s=_FIRST_WAIT_S)
        message = "The platform did not answer in time."
        if isinstance(error, ChannelError):
            message = printable(error.message)
            if error.outcome is Outcome.AUTH:
                wait_s = await self._silence.heed(error.outcome, message, None) or wait_s
            wait_s = error.retry_after_s or wait_s
        log.info("channel %d: the import of listings waits %.0f s: %s", self._channel.id, wait_s, message)
        await turn.release(wait_s, message)
        self._alarm.ring_in(wait_s)
