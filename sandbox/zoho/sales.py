"""What happens to sales orders: a sale, confirmation, shipping, voiding, and the stock each of them commits or frees.

A confirmed order commits stock; a shipment takes it off the shelf; a void order gives back what was not shipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sandbox.wire import Json
from sandbox.world import CannotBuy, Purchase
from sandbox.zoho.errors import NOT_POSSIBLE, refuse
from sandbox.zoho.state import CONFIRMED, DRAFT, VOID, Item, SalesOrder
from sandbox.zoho.store import Store
from sandbox.zoho.views import CUSTOMER_ID


def new_order(
    store: Store, fields: Json, lines: Sequence[tuple[Item, int, float]], status: str, number: str = ""
) -> SalesOrder:
    """An order of (item, quantity, rate) lines, not yet told of. Without a number it gets the next one."""
    now = store.world.clock.seconds()
    order = SalesOrder(
        salesorder_id=store.next_id(),
        number=number or f"SO-{store.world.keeper.next_id('zoho.salesorder', 1):05d}",
        fields=fields,
        lines=[new_line(store, item, quantity, rate) for item, quantity, rate in lines],
        status=DRAFT,
        created_at=now,
        updated_at=now,
    )
    with recommitted(store, order):
        order.status = status
    return order


def place_order(store: Store, purchase: Purchase) -> SalesOrder:
    """Someone sells what the organization shows, all lines or none: confirmed when paid, else a draft. Raises CannotBuy."""
    taken = [(sellable(store, sku, quantity), quantity) for sku, quantity in purchase.lines]
    today = store.world.clock.now().date().isoformat()
    fields = {"customer_id": CUSTOMER_ID, "date": today, "reference_number": ""}
    lines = [(item, quantity, float(item.fields.get("rate", 0))) for item, quantity in taken]
    order = new_order(store, fields, lines, CONFIRMED if purchase.paid else DRAFT)
    store.changed_order(order, "salesorder.created", webhook=purchase.webhook)
    return order


def confirm_order(store: Store, order: SalesOrder, *, webhook: bool = True) -> None:
    """A draft becomes binding; a repeat changes nothing. Raises Refused for a void one."""
    if order.status == VOID:
        raise refuse(400, NOT_POSSIBLE, "A void sales order cannot be confirmed.")
    if order.status == DRAFT:
        with recommitted(store, order):
            order.status = CONFIRMED
        store.changed_order(order, "salesorder.confirmed", webhook=webhook)


def void_order(store: Store, order: SalesOrder, *, webhook: bool = True) -> None:
    """The order is void; a repeat changes nothing. Raises Refused when something was shipped."""
    if any(line["shipped"] for line in order.lines):
        raise refuse(400, NOT_POSSIBLE, "A sales order that was shipped cannot be voided.")
    if order.status != VOID:
        with recommitted(store, order):
            order.status = VOID
        store.changed_order(order, "salesorder.void", webhook=webhook)


def ship_units(store: Store, order: SalesOrder, units: Sequence[tuple[Json, int]]) -> None:
    """Units of (line, quantity) leave the shelf."""
    with recommitted(store, order):
        for line, quantity in units:
            line["shipped"] += quantity
            item = store.org.items.get(line["item_id"])
            if item is not None:
                item.on_hand -= quantity
        order.settle()


@contextmanager
def recommitted(store: Store, order: SalesOrder) -> Iterator[None]:
    """Around a change of an order: frees what it had committed, and commits what it then needs."""
    freed = _commit(store, order, -1)
    try:
        yield
    finally:
        # An item that an edit has taken out of the order is freed only.
        for item in (freed | _commit(store, order, 1)).values():
            store.stocked(item)


def new_line(store: Store, item: Item, quantity: int, rate: float) -> Json:
    """A line of an order, nothing of it packed."""
    named = named_item(item, rate)
    return {"line_item_id": store.next_id(), **named, "quantity": quantity, "packed": 0, "shipped": 0}


def named_item(item: Item, rate: float) -> Json:
    """What a line tells of its item."""
    return {"item_id": item.item_id, "sku": item.sku, "name": str(item.fields["name"]), "rate": rate}


def sellable(store: Store, sku: str, quantity: int) -> Item:
    """The item of a SKU, if it shows so many. Raises CannotBuy."""
    item = store.find_sku(sku)
    if item is None or not item.active:
        raise CannotBuy(sku, None)
    shown = max(0, store.available(item))
    if quantity > shown:
        raise CannotBuy(sku, shown)
    return item


def _commit(store: Store, order: SalesOrder, sign: int) -> dict[str, Item]:
    touched = {}
    for line in order.lines:
        item = store.org.items.get(line["item_id"])
        if item is not None:
            item.committed += sign * order.open_units(line)
            touched[item.item_id] = item
    return touched
