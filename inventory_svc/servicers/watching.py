"""The feed of changes, and the snapshot it may begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import stock_change_pb2

from chassis.clock import now
from chassis.errors import InvalidArgument
from chassis.feed import Entry
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
        async for message in self._follow(token, watched):
            yield message

    async def _follow(self, token: str, watched: Watched) -> AsyncIterator[service.WatchStockResponse]:
        async for entry in self.feed.follow(token):
            if not isinstance(entry, Entry):
                checkpoint = stock_change_pb2.Checkpoint(check_time=to_timestamp(now()))
                yield service.WatchStockResponse(resume_token=entry.resume_token, checkpoint=checkpoint)
                continue
            change = read_change(entry.payload)
            if await watched.concerns(self.work.pool, change):
                variant = await self.variants.one("", change.variant_id)
                yield service.WatchStockResponse(
                    resume_token=entry.resume_token, change=change_message(change, variant.sku)
                )
