"""What the rpcs of InventoryService share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.inventory.v1 import inventory_service_pb2_grpc, item_pb2

from chassis.context import current_call
from chassis.feed import Feed
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens
from inventory_svc.convert.items import item_message
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.reserve_together import ReserveTogether
from inventory_svc.operations.variants import Variants
from inventory_svc.storage.session import PoolSession, Session, TransactionSession

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class InventoryRpcs(inventory_service_pb2_grpc.InventoryServiceServicer):
    """Holds what bootstrap built. `once` pokes the feed after each commit; changes on the pool do it themselves."""

    pool: PoolSession
    once: Idempotency
    reserve_together: ReserveTogether
    variants: Variants
    page_tokens: PageTokens
    feed: Feed

    async def in_transaction(
        self,
        request: Message,
        answer_type: type[M],
        work: Callable[[TransactionSession], Awaitable[M]],
        *,
        body: bytes | None = None,
    ) -> M:
        """Runs a change of several statements once per request id."""

        async def on_connection(connection: AsyncConnection) -> M:
            return await work(TransactionSession(connection))

        return await self.once.run(request, answer_type, on_connection, body=body)

    async def change_one(self, request: Any, work: Callable[[Session], Awaitable[Item]]) -> item_pb2.Item:
        """Runs a change of one unit: with a request id in a transaction with its answer, without as the one statement it is."""

        async def answered(session: Session) -> item_pb2.Item:
            return item_message(await work(session))

        if request.request_id:
            return await self.in_transaction(request, item_pb2.Item, answered)
        answer = await answered(self.pool)
        self.feed.poke()
        return answer


def cause_of(request: Any, order_reference: str = "") -> Cause:
    """Who calls and why, for the ledger."""
    call = current_call()
    principal = call.principal
    return Cause(
        actor_id=principal.user_id,
        actor_name=principal.username,
        actor_role=principal.role,
        request_id=getattr(request, "request_id", "") or call.request_id,
        reason=getattr(request, "reason", "").strip(),
        order_reference=order_reference.strip(),
    )
