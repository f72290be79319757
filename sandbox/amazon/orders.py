"""Orders: what a sale creates, payment, cancellation, whole or in part, and shipping.

A sale lowers the quantity when the order is placed, paid or not. A cancellation gives back only what was never paid.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.amazon import messages
from sandbox.amazon.errors import invalid_input
from sandbox.amazon.notifications import Notifications
from sandbox.amazon.state import Listing, Order
from sandbox.amazon.store import PLATFORM, Store
from sandbox.clock import iso_from_seconds
from sandbox.edits import paired, refuse_below, refuse_swaps
from sandbox.wire import Json
from sandbox.world import CannotBuy, CannotEdit, Purchase, WantedLine


class Sales:
    """Places, pays, cancels and ships orders, and tells of it."""

    def __init__(self, store: Store, notifications: Notifications) -> None:
        self._store = store
        self._notifications = notifications

    def place(self, purchase: Purchase) -> Order:
        """A buyer takes what the listings show, all lines or none. Raises CannotBuy."""
        taken = [(self._sellable(sku, quantity), quantity) for sku, quantity in purchase.lines]
        now = self._store.world.clock.seconds()
        order = Order(
            order_id=_order_id(self._store.world.keeper.next_id("amazon.order", 1)),
            created_at=now,
            updated_at=now,
            paid=purchase.paid,
            lines=[self._line(listing, quantity) for listing, quantity in taken],
        )
        for listing, quantity in taken:
            self._move_stock(listing, quantity)
        self._changed(order, tell=purchase.webhook)
        return order

    def pay(self, order: Order, *, tell: bool) -> None:
        """Payment is authorized; a repeat changes nothing."""
        if not order.paid and not order.cancelled:
            order.paid = True
            self._changed(order, tell=tell)

    def cancel(self, order: Order, *, tell: bool) -> None:
        """The order is cancelled, if nothing of it was shipped; a repeat changes nothing."""
        if order.cancelled or any(line["shipped"] for line in order.lines):
            return
        order.cancelled = True
        for line in order.lines:
            self._give_back(order, line, line["quantity"])
        self._changed(order, tell=tell)

    def edit(self, order: Order, wanted: Sequence[WantedLine], *, tell: bool) -> None:
        """The seller cancels what these lines lack; a repeat changes nothing. Raises CannotEdit."""
        if order.cancelled:
            raise CannotEdit("a cancelled order cannot be edited")
        refuse_swaps(wanted, PLATFORM)
        kept, added = paired(order.lines, wanted)
        left = [(line, becomes.quantity if becomes else 0) for line, becomes in kept]
        if added or any(units > line["quantity"] for line, units in left):
            raise CannotEdit("nothing can be added to an order of Amazon")
        for line, units in left:
            refuse_below(line["sku"], units, line["shipped"])
        if all(units == line["quantity"] for line, units in left):
            return
        for line, units in left:
            self._cancel_units(order, line, line["quantity"] - units)
        order.cancelled = not any(units for _, units in left)
        self._changed(order, tell=tell)

    def ship(self, order: Order, package: Json, units: Sequence[tuple[Json, int]]) -> None:
        """Confirms a package of (line, quantity), or edits the one of the same reference. Raises Refused."""
        if order.status in {"PENDING", "CANCELLED"}:
            raise invalid_input(f"The order is {order.status} and cannot be shipped.")
        others = [known for known in order.packages if known["packageReferenceId"] != package["packageReferenceId"]]
        shipped = {line["order_item_id"]: _shipped(others, line) for line in order.lines}
        for line, quantity in units:
            shipped[line["order_item_id"]] += quantity
            if shipped[line["order_item_id"]] > line["quantity"]:
                raise invalid_input("The quantity shipped exceeds the quantity ordered.")
        for line in order.lines:
            line["shipped"] = shipped[line["order_item_id"]]
        created = iso_from_seconds(self._store.world.clock.seconds())
        items = [{"orderItemId": line["order_item_id"], "quantity": quantity} for line, quantity in units]
        order.packages = [*others, {**package, "createdTime": created, "items": items}]
        self._changed(order, tell=True)

    def _cancel_units(self, order: Order, line: Json, units: int) -> None:
        if units:
            line["quantity"] -= units
            line["cancelled"] = line.get("cancelled", 0) + units
            self._give_back(order, line, units)

    def _give_back(self, order: Order, line: Json, units: int) -> None:
        listing = self._store.account.listings.get(line["sku"])
        if listing is not None and units and not order.paid:
            self._move_stock(listing, -units)

    def _changed(self, order: Order, *, tell: bool) -> None:
        self._store.keep_order(order)
        if tell:
            self._notifications.tell(messages.ORDER_CHANGE, messages.order_change(order))

    def _move_stock(self, listing: Listing, units: int) -> None:
        listing.sell(units)
        self._store.keep_listing(listing)
        self._notifications.tell(messages.QUANTITY_CHANGE, messages.quantity_change(listing))

    def _sellable(self, sku: str, quantity: int) -> Listing:
        listing = self._store.account.listings.get(sku)
        if listing is None or listing.price is None or listing.suppressed:
            raise CannotBuy(sku, None)
        if quantity > listing.shown:
            raise CannotBuy(sku, listing.shown)
        return listing

    def _line(self, listing: Listing, quantity: int) -> Json:
        amount, currency = listing.price or ("0.00", "USD")
        return {
            "order_item_id": str(self._store.world.keeper.next_id("amazon.order_item", 40_000_000_000_001)),
            "sku": listing.sku,
            "asin": listing.asin,
            "title": listing.title,
            "quantity": quantity,
            "shipped": 0,
            "price": amount,
            "currency": currency,
        }


def _shipped(packages: Sequence[Json], line: Json) -> int:
    return sum(
        item["quantity"]
        for package in packages
        for item in package["items"]
        if item["orderItemId"] == line["order_item_id"]
    )


def _order_id(number: int) -> str:
    """3-7-7 digits, never twice; scattered, as Amazon's own are."""
    middle = number * 7_654_321 % 10**7
    return f"{111 + number // 10**7 % 889:03d}-{middle:07d}-{number * 1_234_567 % 10**7:07d}"
