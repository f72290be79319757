"""Sells a unit: a free one at once, a held one to its holder or under the order it is held for."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from chassis.idempotency import RequestKey
from inventory_svc.domain.item import check_sell
from inventory_svc.operations.change_one import UnitChange
from inventory_svc.storage.unit_changes import Sale

__all__ = ["Sale", "sell_item"]

M = TypeVar("M", bound=Message)


async def sell_item(changes: UnitChange[Sale, M], sale: Sale, key: RequestKey | None) -> M:
    """The unit, sold. Raises ItemNotFound, StatusForbids, HeldForAnother, UnitContended, RequestIdReused.

    A repeat without a request id is refused.
    """
    cause = sale.cause
    return await changes.run(sale, key, lambda item: check_sell(item, cause.order_reference, cause.actor_id))
