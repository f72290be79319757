"""Orders: what a sale creates, their search, and the status changes that ship or cancel them.

The shop lowers its stock when an order is placed, paid or not, and gives it back when the order is cancelled.
"""

from __future__ import annotations

from sandbox.ecwid.errors import json_object, page, paging, refuse
from sandbox.ecwid.products import moment
from sandbox.ecwid.state import Order, Product, lower_stock, order_document, shown_quantity, stock_of
from sandbox.ecwid.store import Store
from sandbox.wire import Answer, Call, Json, Router
from sandbox.world import CannotBuy, Purchase

_BASE = "/api/v3/{store_id}/orders"
_ID_SPACE = 36**5
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHANGEABLE = {
    "fulfillmentStatus": "fulfillment_status",
    "paymentStatus": "payment_status",
    "trackingNumber": "tracking_number",
}


class Orders:
    """Handlers of `orders`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("search_orders", f"GET {_BASE}", self.search)
        router.add("get_order", f"GET {_BASE}/{{order_id}}", self.get)
        router.add("update_order", f"PUT {_BASE}/{{order_id}}", self.update)
        router.add("delete_order", f"DELETE {_BASE}/{{order_id}}", self.delete)

    def search(self, call: Call) -> Answer:
        """By time of change or creation and by status, newest change last."""
        limit, offset = paging(call)
        bounds = {name: moment(call, name, default) for name, default in _BOUNDS}
        payment = set(filter(None, call.query.get("paymentStatus", "").split(",")))
        fulfillment = set(filter(None, call.query.get("fulfillmentStatus", "").split(",")))
        found = [
            order
            for order in self._store.orders.values()
            if bounds["updatedFrom"] <= int(order.updated_at) <= bounds["updatedTo"]
            and bounds["createdFrom"] <= int(order.created_at) <= bounds["createdTo"]
            and (not payment or order.payment_status in payment)
            and (not fulfillment or order.fulfillment_status in fulfillment)
        ]
        found.sort(key=lambda order: (order.updated_at, order.number))
        return page([order_document(order) for order in found[offset : offset + limit]], len(found), limit, offset)

    def get(self, call: Call) -> Answer:
        """One order."""
        order = self._store.order(call.params["order_id"])
        for item in order.items:
            call.note(item["sku"])
        return Answer(200, order_document(order))

    def update(self, call: Call) -> Answer:
        """Changes statuses and the tracking number; other fields are taken and forgotten."""
        order = self._store.order(call.params["order_id"])
        fields = json_object(call)
        changes = {ours: fields[theirs] for theirs, ours in _CHANGEABLE.items() if theirs in fields}
        if not all(isinstance(value, str) for value in changes.values()):
            raise refuse(400, "Statuses and tracking numbers must be strings")
        change_order(self._store, order, changes)
        return Answer(200, {"updateCount": 1})

    def delete(self, call: Call) -> Answer:
        """Deletes an order."""
        order = self._store.order(call.params["order_id"])
        self._store.dropped_order(order)
        self._store.events.tell("order.deleted", order.number, {"orderId": order.order_id})
        return Answer(200, {"deleteCount": 1})


def place_order(store: Store, purchase: Purchase) -> Order:
    """A buyer takes what the shop shows, all lines or none. Raises CannotBuy."""
    taken = [(*sellable(store, sku, quantity), quantity) for sku, quantity in purchase.lines]
    number = store.world.keeper.next_id("ecwid.order", 516_000_001)
    now = store.world.clock.seconds()
    items = [new_item(store, product, combination, quantity) for product, combination, quantity in taken]
    order = Order(_text_id(number), number, now, now, items, "PAID" if purchase.paid else "AWAITING_PAYMENT")
    for product, combination, quantity in taken:
        lower_stock(product, combination, quantity)
        store.changed_product(product)
    store.changed_order(order)
    if purchase.webhook:
        store.events.tell("order.created", number, {"orderId": order.order_id})
    return order


def change_order(store: Store, order: Order, changes: dict[str, str], *, webhook: bool = True) -> None:
    """Sets statuses; a repeat changes nothing. A cancelled order gives its stock back, once."""
    before = order_document(order)
    for name, value in changes.items():
        setattr(order, name, value)
    after = order_document(order)
    if after == before:
        return
    if order.payment_status == "CANCELLED" and not order.restocked:
        _restock(store, order)
    store.changed_order(order)
    if webhook:
        store.events.tell("order.updated", order.number, status_data(before, after))


def _restock(store: Store, order: Order) -> None:
    order.restocked = True
    for item in order.items:
        found = store.find_sku(item["sku"])
        if found is not None:
            lower_stock(*found, -item["quantity"])
            store.changed_product(found[0])


def sellable(store: Store, sku: str, quantity: int) -> tuple[Product, Json | None]:
    """The product and variation of a SKU, if they show so many. Raises CannotBuy."""
    found = store.find_sku(sku)
    if found is None or not found[0].enabled:
        raise CannotBuy(sku, None)
    shown = shown_quantity(*found)
    if quantity > shown:
        raise CannotBuy(sku, shown)
    return found


def new_item(store: Store, product: Product, combination: Json | None, quantity: int) -> Json:
    """A line of an order."""
    price = (combination or {}).get("price", product.fields.get("price", 0))
    item: Json = {
        "id": store.world.keeper.next_id("ecwid.line", 140_000_001),
        "productId": product.product_id,
        "sku": str(combination["sku"]) if combination else product.sku,
        "name": product.fields.get("name", ""),
        "quantity": quantity,
        "price": price,
        "productPrice": price,
        "quantityInStock": stock_of(product, combination) or 0,
        "isShippingRequired": True,
    }
    if combination:
        item["combinationId"] = combination["id"]
        item["selectedOptions"] = combination.get("options", [])
    return item


def status_data(before: Json, after: Json) -> Json:
    """What `order.updated` tells."""
    return {
        "orderId": after["id"],
        "oldPaymentStatus": before["paymentStatus"],
        "newPaymentStatus": after["paymentStatus"],
        "oldFulfillmentStatus": before["fulfillmentStatus"],
        "newFulfillmentStatus": after["fulfillmentStatus"],
    }


def _text_id(number: int) -> str:
    """Five letters and digits, never twice; scattered, as the shop's own ids are."""
    value, text = number * 7_654_321 % _ID_SPACE, ""
    for _ in range(5):
        value, digit = divmod(value, 36)
        text += _DIGITS[digit]
    # A purely numeric id would be read as an order number.
    return f"X{text}" if text.isdecimal() else text


_BOUNDS = (
    ("updatedFrom", 0.0),
    ("updatedTo", float("inf")),
    ("createdFrom", 0.0),
    ("createdTo", float("inf")),
)
