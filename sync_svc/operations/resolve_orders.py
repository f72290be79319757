"""Resolves orders that need a person: which variant a line means, and another try."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import Aborted, HubError
from sync_svc.domain.errors import OrderLineUnknown, OrderNotOpen, VariantUnknown
from sync_svc.domain.listing import NewListing
from sync_svc.domain.order import Order
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.operations.desk import Desk
from sync_svc.operations.take_orders import is_open
from sync_svc.storage import listings, orders
from sync_svc.storage.deliveries import OrderTask
from sync_svc.upstream import KnownVariant

_BUSY = "The order is being applied at this moment; try again in a moment."
_RETRY_S = 1.0


async def find_variants(desk: Desk, skus: Mapping[str, str]) -> dict[str, KnownVariant]:
    """The variant of each line, from the catalog. Raises VariantUnknown, Unavailable."""
    found = {}
    for line_id, sku in skus.items():
        variant = await desk.truth.find_variant(sku=sku.strip().upper())
        if variant is None:
            raise VariantUnknown("mappings", sku)
        found[line_id] = variant
    return found


async def map_lines(
    conn: AsyncConnection, order_id: int, variants: Mapping[str, KnownVariant], bound: Channels
) -> Order:
    """Say which variants the lines mean, for this order and (as listings of the channel) for the next ones.

    Raises OrderNotFound, OutsideChannels, OrderNotOpen, OrderLineUnknown.
    """
    order = await orders.get_order_in(conn, order_id)
    check_channel(bound, order.channel_id)
    if not is_open(order):
        raise OrderNotOpen(order_id, order.status.value)
    lines = {line.line_id: line for line in order.lines}
    for line_id, variant in variants.items():
        if line_id not in lines:
            raise OrderLineUnknown(order_id, line_id)
        await orders.map_line(conn, order_id, line_id, variant_id=variant.id, sku=variant.sku)
        if lines[line_id].platform_sku:
            new = NewListing(order.channel_id, variant.id, variant.sku, lines[line_id].platform_sku)
            await listings.insert_missing(conn, [new])
    return await orders.get_order_in(conn, order_id)


async def apply_again(desk: Desk, order_id: int, bound: Channels) -> Order:
    """Try an open order again and answer it as it is then; one that is not open is answered as it is. Safe to repeat.

    Raises OrderNotFound, OutsideChannels, Aborted while a worker applies it, Unavailable when inventory does not answer.
    """
    order = await orders.get_order(desk.db, order_id)
    check_channel(bound, order.channel_id)
    if not is_open(order):
        return order
    lease = uuid4()
    task = await desk.db.run(lambda conn: desk.tasks.claim_one(conn, order.channel_id, order.external_order_id, lease))
    if task is None:
        raise Aborted(_BUSY, retry_after_s=1)
    return await _apply(desk, task, order_id)


async def _apply(desk: Desk, task: OrderTask, order_id: int) -> Order:
    try:
        # As it is under the lease: until then a worker may have taken in that it is cancelled.
        order = await orders.get_order(desk.db, order_id)
        await desk.intake.apply(task, order, cancelled=order.cancelled)
    except HubError as error:
        await desk.tasks.fail(task, _RETRY_S, error.message)
        raise
    return await orders.get_order(desk.db, order_id)
