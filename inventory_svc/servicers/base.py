"""What the rpcs of InventoryService share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import inventory_service_pb2_grpc, item_pb2

from chassis.context import current_call
from chassis.feed import Feed
from chassis.page_tokens import PageTokens
from inventory_svc.convert.items import item_message
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.scope import Warehouses
from inventory_svc.operations.allocate_together import AllocateTogether
from inventory_svc.operations.change_one import UnitChange
from inventory_svc.operations.release_item import Release
from inventory_svc.operations.reserve_item import Claim
from inventory_svc.operations.sell_item import Sale
from inventory_svc.operations.variants import Variants
from inventory_svc.operations.work import Session, Work

# The kind of thing, in the bounds of an access token, that stock is bound by.
BOUND_TO = "warehouses"


@dataclass(frozen=True)
class SingleChanges:
    """The changes that many callers ask for one unit at a time."""

    reserve: UnitChange[Claim, item_pb2.Item]
    release: UnitChange[Release, item_pb2.Item]
    sell: UnitChange[Sale, item_pb2.Item]


@dataclass(frozen=True)
class InventoryRpcs(inventory_service_pb2_grpc.InventoryServiceServicer):
    """Holds what bootstrap built."""

    work: Work
    single: SingleChanges
    allocate_together: AllocateTogether[service.AllocateUnitsResponse]
    variants: Variants
    page_tokens: PageTokens
    feed: Feed

    async def change_one(self, request: Any, change: Callable[[Session], Awaitable[Item]]) -> item_pb2.Item:
        """Changes one unit and answers it."""

        async def answered(session: Session) -> item_pb2.Item:
            return item_message(await change(session))

        # A location that is named has to stay until the unit is there.
        if getattr(request, "location", ""):
            return await self.work.in_transaction(request, item_pb2.Item, answered)
        return await self.work.on_one_unit(request, item_pb2.Item, answered)


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
        warehouses=principal.bound(BOUND_TO),
    )


def bound_warehouses() -> Warehouses:
    """What the caller is bound to."""
    return current_call().principal.bound(BOUND_TO)
