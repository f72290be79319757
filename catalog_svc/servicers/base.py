"""What the rpcs of CatalogService share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.catalog.v1 import catalog_service_pb2_grpc

from catalog_svc.domain.row import Row
from catalog_svc.queries.lists import Listing, page
from catalog_svc.queries.lookups import Lookups
from catalog_svc.servicers.listings import Listings
from chassis.database import Database
from chassis.feed import Feed
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens, page_size

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class CatalogRpcs(catalog_service_pb2_grpc.CatalogServiceServicer):
    """Holds what bootstrap built."""

    db: Database
    lookups: Lookups
    once: Idempotency
    page_tokens: PageTokens
    feed: Feed
    listings: Listings

    async def list_page(
        self,
        request: Any,
        listing: Listing,
        given: Mapping[str, Any],
        answer_type: Callable[..., M],
        to_message: Callable[[Any], Message],
    ) -> M:
        """One page of any list. Raises InvalidArgument for a negative size, PageTokenInvalid."""
        after, total = self.page_tokens.position(request) or (None, None)
        found = await page(self.db, listing, given, after, total, page_size(request.page_size))
        token = "" if found.next_key is None else self.page_tokens.seal(request, (found.next_key, found.total))
        items = [to_message(row) for row in found.rows]
        return answer_type(items=items, next_page_token=token, total_size=found.total)

    async def write(
        self,
        request: Message,
        answer_type: type[M],
        work: Callable[[AsyncConnection], Awaitable[Row]],
        to_message: Callable[[Row], M],
    ) -> M:
        """Runs an operation once per request id and answers the row it left."""

        async def answered(conn: AsyncConnection) -> M:
            return to_message(await work(conn))

        return await self.once.run(request, answer_type, answered)

    async def erase(self, request: Message, work: Callable[[AsyncConnection], Awaitable[None]]) -> Empty:
        """Runs an operation that leaves nothing, once per request id."""

        async def answered(conn: AsyncConnection) -> Empty:
            await work(conn)
            return Empty()

        return await self.once.run(request, Empty, answered)


def given(**filters: Any) -> dict[str, Any]:
    """The filters that were set; None stands for one that was not."""
    return {name: value for name, value in filters.items() if value is not None}


def optional(request: Message, name: str) -> Any:
    """The value of a field with presence; None when it is unset."""
    return getattr(request, name) if request.HasField(name) else None
