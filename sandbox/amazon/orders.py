"""Orders: what a sale creates, payment, cancellation and shipping.

A sale lowers the quantity when the order is placed, paid or not. A cancellation gives back only what was never paid.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.amazon import messages
from sandbox.amazon.errors import invalid_input
from sandbox.amazon.notifications import Notifications
from sandbox.amazon.state import Listing, Order
from sandbox.amazon.store import Store
from sandbox.clock import iso_from_seconds
from sandbox.wire import Json
from sandbox.world import CannotBuy, Purchase


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
        for line in order.lines if not order.paid else ():
            listing = self._store.account.listings.get(line["sku"])
            if listing is not None:
                self._move_stock(listing, -line["quantity"])
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
