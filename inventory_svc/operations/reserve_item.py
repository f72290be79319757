"""Holds a unit until an instant. Of any number of callers at once, exactly one gets it."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from google.protobuf.message import Message

from chassis.idempotency import RequestKey
from inventory_svc.domain.item import Action, check
from inventory_svc.operations.change_one import UnitChange
from inventory_svc.storage.unit_changes import Claim

__all__ = ["DEFAULT_HOLD", "Claim", "reserve_item"]

M = TypeVar("M", bound=Message)

DEFAULT_HOLD = timedelta(hours=24)


async def reserve_item(changes: UnitChange[Claim, M], claim: Claim, key: RequestKey | None) -> M:
    """The unit, held. Raises ItemNotFound, StatusForbids, UnitContended, RequestIdReused.

    A repeat without a request id is refused.
    """
    return await changes.run(claim, key, lambda item: check(item, Action.RESERVE))
