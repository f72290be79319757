"""A sales order whose lines somebody changes: quantities, rows that go or come, another item picked in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sandbox.edits import paired, refuse_below, refuse_empty
from sandbox.wire import Json
from sandbox.world import CannotBuy, CannotEdit, WantedLine
from sandbox.zoho.sales import named_item, new_line, recommitted, sellable
from sandbox.zoho.state import VOID, SalesOrder
from sandbox.zoho.store import Store

EDITED = "salesorder.updated"


def edit_order(store: Store, order: SalesOrder, wanted: Sequence[WantedLine], *, webhook: bool = True) -> None:
    """Gives the order these lines, unless it has them. Raises CannotBuy, CannotEdit."""
    _refuse_void(order)
    kept, new = paired(order.lines, wanted)
    lines = [_edited(store, line, becomes) for line, becomes in kept if becomes]
    for each in new:
        item = sellable(store, each.sku, 0)
        lines.append(new_line(store, item, each.quantity, float(item.fields.get("rate", 0))))
    before = order.lines
    _refuse_not_shown(store, order, lines)
    rewrite_lines(store, order, lines)
    if order.lines != before:
        store.changed_order(order, EDITED, webhook=webhook)


def rewrite_lines(store: Store, order: SalesOrder, lines: list[Json]) -> None:
    """Puts lines in the place of the order's own, and commits what they need; not yet told of. Raises CannotEdit."""
    _refuse_void(order)
    refuse_empty(lines)
    after = {(line["line_item_id"], line["item_id"]): line["quantity"] for line in lines}
    for line in order.lines:
        # What is packed counts as sent: its package names the line.
        refuse_below(line["sku"], after.get((line["line_item_id"], line["item_id"]), 0), line["packed"])
    as_many = sum(line["quantity"] for line in lines) == sum(line["quantity"] for line in order.lines)
    with recommitted(store, order):
        order.lines = lines
        if not as_many:
            order.settle()


def _refuse_void(order: SalesOrder) -> None:
    if order.status == VOID:
        raise CannotEdit("a void sales order cannot be edited")


def _edited(store: Store, line: Json, becomes: WantedLine) -> Json:
    edited = {**line, "quantity": becomes.quantity}
    if becomes.sku == line["sku"]:
        return edited
    item = sellable(store, becomes.sku, 0)
    return {**edited, **named_item(item, float(item.fields.get("rate", 0)))}


def _refuse_not_shown(store: Store, order: SalesOrder, lines: Sequence[Json]) -> None:
    """What an item is needed more of must be shown beside what the order has of it already."""
    before, has, after = Counter[str](), Counter[str](), Counter[str]()
    for line in order.lines:
        before[line["item_id"]] += line["quantity"]
        has[line["item_id"]] += line["shipped"] + order.open_units(line)
    for line in lines:
        after[line["item_id"]] += line["quantity"]
    for item_id, sku in {line["item_id"]: line["sku"] for line in lines}.items():
        item = store.org.items.get(item_id)
        if after[item_id] <= before[item_id]:
            continue
        if item is None or not item.active:
            raise CannotBuy(sku, None)
        shown = max(0, store.available(item))
        if after[item_id] - has[item_id] > shown:
            raise CannotBuy(sku, shown)
