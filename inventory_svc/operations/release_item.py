"""Gives a held unit free again."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from chassis.idempotency import RequestKey
from inventory_svc.domain.item import check_release
from inventory_svc.operations.change_one import UnitChange
from inventory_svc.storage.unit_changes import Release

__all__ = ["Release", "release_item"]

M = TypeVar("M", bound=Message)


async def release_item(changes: UnitChange[Release, M], release: Release, key: RequestKey | None) -> M:
    """The unit, free. An order reference in the cause must be the hold's.

    Raises ItemNotFound, StatusForbids, HeldForAnother, UnitContended, RequestIdReused. A repeat without a request id is refused.
    """
    return await changes.run(release, key, lambda item: check_release(item, release.cause.order_reference))
