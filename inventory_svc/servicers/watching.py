"""The feed of changes, and the snapshot it may begin with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import stock_change_pb2

from chassis.clock import now
from chassis.errors import InvalidArgument
from chassis.feed import CHECKPOINT_SECONDS, Entries, Entry
from inventory_svc.convert.items import item_message
from inventory_svc.convert.ledger import change_message
from inventory_svc.convert.values import to_timestamp
from inventory_svc.queries.changes import read_change
from inventory_svc.queries.watching import Watched, snapshot
from inventory_svc.servicers.base import InventoryRpcs, bound_warehouses


class WatchingRpcs(InventoryRpcs):
    """WatchStock."""

    async def WatchStock(
        self, request: service.WatchStockRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[service.WatchStockResponse]:
        """Every change from the token on, perhaps behind a snapshot."""
        watched = Watched(frozenset(request.variant_ids), request.location_prefix, bound_warehouses())
        token = request.resume_token
        if request.snapshot:
            if token:
                raise InvalidArgument.of("snapshot", "a snapshot begins anew; leave resume_token out")
            # Taken first: what commits while the units are read is told again behind them.
            token = await self.feed.current_token()
            async for item in snapshot(self.work.pool, watched):
                yield service.WatchStockResponse(item=item_message(item))
        async for message in self._follow(token, watched, max(1, request.changes_per_message)):
            yield message

    async def _follow(self, token: str, watched: Watched, most: int) -> AsyncIterator[service.WatchStockResponse]:
        """A reader whom nothing concerned for a while gets a checkpoint, so that his token does not grow old."""
        loop = asyncio.get_running_loop()
        spoken = loop.time()
        async for step in self.feed.follow_in_batches(token, most):
            found = await self._changes(step.entries, watched) if isinstance(step, Entries) else []
            if not found and isinstance(step, Entries) and loop.time() - spoken < CHECKPOINT_SECONDS:
                continue
            yield _message(step.resume_token, found, as_one=most == 1)
            spoken = loop.time()

    async def _changes(self, entries: Sequence[Entry], watched: Watched) -> list[stock_change_pb2.StockChange]:
        changes = [read_change(entry.payload) for entry in entries]
        concern = [change for change in changes if await watched.concerns(self.work.pool, change)]
        return [change_message(change, (await self.variants.one("", change.variant_id)).sku) for change in concern]


def _message(token: str, found: Sequence[stock_change_pb2.StockChange], *, as_one: bool) -> service.WatchStockResponse:
    if not found:
        checkpoint = stock_change_pb2.Checkpoint(check_time=to_timestamp(now()))
        return service.WatchStockResponse(resume_token=token, checkpoint=checkpoint)
    if as_one:
        return service.WatchStockResponse(resume_token=token, change=found[0])
    return service.WatchStockResponse(resume_token=token, changes=stock_change_pb2.StockChanges(changes=found))
