"""An order that the seller edits: items in other quantities, fewer or new ones, and the stock that moves by the difference."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.ecwid.orders import new_item, sellable, status_data
from sandbox.ecwid.state import Order, lower_stock, order_document
from sandbox.ecwid.store import PLATFORM, Store
from sandbox.edits import paired, refuse_below, refuse_empty, refuse_swaps
from sandbox.wire import Json
from sandbox.world import CannotEdit, WantedLine

# Ecwid ships orders whole.
_SENT = frozenset({"SHIPPED", "OUT_FOR_DELIVERY", "DELIVERED", "RETURNED"})


def edit_order(store: Store, order: Order, wanted: Sequence[WantedLine], *, webhook: bool = True) -> None:
    """Gives the order these lines, unless it has them. Raises CannotBuy, CannotEdit."""
    if order.payment_status == "CANCELLED":
        raise CannotEdit("a cancelled order cannot be edited")
    refuse_empty(wanted)
    refuse_swaps(wanted, PLATFORM)
    kept, new = paired(order.items, wanted)
    for item, line in kept:
        sent = item["quantity"] if order.fulfillment_status in _SENT else 0
        refuse_below(item["sku"], line.quantity if line else 0, sent)
    moves = [(item["sku"], (line.quantity if line else 0) - item["quantity"]) for item, line in kept]
    for sku, units in moves:
        if units > 0:
            sellable(store, sku, units)
    items = [{**item, "quantity": line.quantity} for item, line in kept if line]
    items += [new_item(store, *sellable(store, line.sku, line.quantity), line.quantity) for line in new]
    if items != order.items:
        _move_stock(store, [*moves, *((line.sku, line.quantity) for line in new)])
        _changed(store, order, items, webhook=webhook)


def _move_stock(store: Store, moves: Sequence[tuple[str, int]]) -> None:
    for sku, units in moves:
        found = store.find_sku(sku)
        if found is not None and units:
            lower_stock(*found, units)
            store.changed_product(found[0])


def _changed(store: Store, order: Order, items: list[Json], *, webhook: bool) -> None:
    order.items = items
    store.changed_order(order)
    if webhook:
        document = order_document(order)
        store.events.tell("order.updated", order.number, status_data(document, document))
