"""Search, and the feed of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
from usav.catalog.v1 import search_pb2, watch_pb2

from catalog_svc.convert.messages import change_message, search_result
from catalog_svc.queries.search import Position, Try, search
from catalog_svc.servicers.base import CatalogRpcs
from chassis.feed import Entry
from chassis.page_tokens import page_size


class FindingRpcs(CatalogRpcs):
    """SearchCatalog, WatchCatalog."""

    async def SearchCatalog(
        self, request: search_pb2.SearchCatalogRequest, context: grpc.aio.ServicerContext
    ) -> search_pb2.SearchCatalogResponse:
        """One page, best first."""
        given = self.page_tokens.position(request)
        position = Position(Try(given[0]), given[1]) if given else None
        kinds = {search_pb2.SearchResult.Kind.Name(kind) for kind in request.kinds}
        found = await search(self.db, request.q, kinds, page_size(request.page_size), position)
        token = self.page_tokens.seal(request, (found.next.attempt, found.next.skip)) if found.next else ""
        items = [search_result(row) for row in found.rows]
        return search_pb2.SearchCatalogResponse(items=items, next_page_token=token, total_size=found.total)

    async def WatchCatalog(
        self, request: watch_pb2.WatchCatalogRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[watch_pb2.WatchCatalogResponse]:
        """Every change from the token on, for ever."""
        async for item in self.feed.follow(request.resume_token):
            answer = watch_pb2.WatchCatalogResponse(resume_token=item.resume_token)
            if isinstance(item, Entry):
                answer.change.CopyFrom(change_message(item.kind, item.key, item.payload))
            else:
                answer.checkpoint.SetInParent()
            yield answer
