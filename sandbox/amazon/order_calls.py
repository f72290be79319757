"""Orders 2026-01-01 by time or id, and the confirmation of a shipment, which is still of version 0.

A search sees nothing of the last two minutes, and a page token holds only for the search it was given for.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sandbox.amazon.errors import invalid_input, not_found
from sandbox.amazon.orders import Sales
from sandbox.amazon.reading import check_marketplaces, choices, count, document, listed, moment, objects, text
from sandbox.amazon.state import Order
from sandbox.amazon.store import Store
from sandbox.amazon.views import ORDER_PARTS, order_document
from sandbox.clock import iso_from_seconds
from sandbox.wire import Answer, Call, Json, Router

_BASE = "/orders/2026-01-01/orders"
_STATUSES = (
    *("PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED"),
    *("SHIPPED", "CANCELLED", "UNFULFILLABLE"),
)
_BOUNDS = ("createdAfter", "createdBefore", "lastUpdatedAfter", "lastUpdatedBefore")
_MAY_CHANGE = {"maxResultsPerPage", "includedData", "paginationToken"}
_TOKEN_LIFE_S = 86_400
_MOST_MARKETPLACES = 50


class OrderCalls:
    """Handlers of `orders`."""

    def __init__(self, store: Store, sales: Sales) -> None:
        self._store = store
        self._sales = sales

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("search_orders", f"GET {_BASE}", self.search)
        router.add("get_order", f"GET {_BASE}/{{order_id}}", self.get)
        router.add("confirm_shipment", "POST /orders/v0/orders/{order_id}/shipmentConfirmation", self.confirm)

    def search(self, call: Call) -> Answer:
        """Orders changed or created since a time, oldest change first."""
        name = _one_bound(call)
        marketplaces = listed(call, "marketplaceIds")
        if len(marketplaces) > _MOST_MARKETPLACES:
            raise invalid_input("'marketplaceIds' names too many.")
        check_marketplaces(marketplaces)
        parts = choices(call, "includedData", ORDER_PARTS)
        size = count(call, "maxResultsPerPage", 100, 100)
        before, position = self._place(call, name)
        found = self._matching(call, name, before)
        left = [order for order in found if _key(order, name) > position]
        body: Json = {
            "orders": [self._shown(order, parts) for order in left[:size]],
            f"{name}Before": iso_from_seconds(before),
        }
        if len(left) > size:
            body["pagination"] = {"nextToken": self._token(call, before, _key(left[size - 1], name))}
        return Answer(200, body)

    def get(self, call: Call) -> Answer:
        """One order."""
        order = self._order(call)
        return Answer(200, {"order": self._shown(order, choices(call, "includedData", ORDER_PARTS))})

    def confirm(self, call: Call) -> Answer:
        """Confirms a package, 204. The same reference again edits that package."""
        order, body = self._order(call), document(call)
        check_marketplaces([text(body, "marketplaceId")])
        detail = body.get("packageDetail")
        if not isinstance(detail, dict):
            raise invalid_input("'packageDetail' is missing or not valid.")
        package = _package(detail)
        units = [_unit(order, entry) for entry in objects(detail, "orderItems")]
        if len({line["order_item_id"] for line, _ in units}) < len(units):
            raise invalid_input("An order item is named twice.")
        self._sales.ship(order, package, units)
        return Answer(204)

    def _shown(self, order: Order, parts: Collection[str]) -> Json:
        stays = self._store.world.switches.amazon.quantity_ordered_stays
        return order_document(order, parts, ordered_stays=stays)

    def _order(self, call: Call) -> Order:
        order = self._store.account.orders.get(call.params["order_id"])
        if order is None:
            raise not_found("Order")
        for line in order.lines:
            call.note(line["sku"])
        return order

    def _place(self, call: Call, name: str) -> tuple[float, tuple[float, str]]:
        """Until when to look, and behind which order to go on."""
        latest = self._store.world.clock.seconds() - self._store.world.switches.amazon.search_lag_s
        given, after = moment(call, f"{name}Before"), moment(call, f"{name}After") or 0.0
        if given is not None and (given > latest or given < after):
            raise invalid_input(f"'{name}Before' must be after '{name}After' and two minutes before now.")
        token = call.query.get("paginationToken")
        if token is None:
            return latest if given is None else given, (0.0, "")
        return self._opened(call, token)

    def _matching(self, call: Call, name: str, before: float) -> list[Order]:
        after = _millis(moment(call, f"{name}After") or 0.0)
        statuses = choices(call, "fulfillmentStatuses", _STATUSES)
        by_merchant = choices(call, "fulfilledBy", ("MERCHANT", "AMAZON"))
        found = [
            order
            for order in self._store.account.orders.values()
            if after <= _key(order, name)[0] <= before
            and (not statuses or order.status in statuses)
            and (not by_merchant or "MERCHANT" in by_merchant)
        ]
        return sorted(found, key=lambda order: _key(order, name))

    def _token(self, call: Call, before: float, position: tuple[float, str]) -> str:
        sealed = {"for": _fingerprint(call), "at": self._store.world.clock.seconds(), "place": [before, *position]}
        return base64.urlsafe_b64encode(json.dumps(sealed).encode()).decode()

    def _opened(self, call: Call, token: str) -> tuple[float, tuple[float, str]]:
        try:
            opened: Any = json.loads(base64.urlsafe_b64decode(token))
            before, moved, order_id = opened["place"]
            age_s = self._store.world.clock.seconds() - opened["at"]
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise invalid_input("'paginationToken' is not valid.") from None
        if opened.get("for") != _fingerprint(call) or age_s > _TOKEN_LIFE_S:
            raise invalid_input("'paginationToken' is expired, or other parameters have changed since.")
        return float(before), (float(moved), str(order_id))


def _one_bound(call: Call) -> str:
    given = {name for name in _BOUNDS if name in call.query}
    if ("createdAfter" in given) == ("lastUpdatedAfter" in given):
        raise invalid_input("Exactly one of 'createdAfter' and 'lastUpdatedAfter' must be given.")
    name = "created" if "createdAfter" in given else "lastUpdated"
    if given - {f"{name}After", f"{name}Before"}:
        raise invalid_input("The bounds of creation and of last update cannot be mixed.")
    return name


def _key(order: Order, name: str) -> tuple[float, str]:
    """Orders are compared by the milliseconds they are told with."""
    seconds = order.created_at if name == "created" else order.updated_at
    return _millis(seconds), order.order_id


def _millis(seconds: float) -> float:
    return int(seconds * 1000) / 1000


def _fingerprint(call: Call) -> list[list[str]]:
    return sorted([name, value] for name, value in call.query.items() if name not in _MAY_CHANGE)


def _package(detail: Json) -> Json:
    reference = detail.get("packageReferenceId")
    if not isinstance(reference, str) or not (reference.isascii() and reference.isdecimal()) or int(reference) < 1:
        raise invalid_input("'packageReferenceId' must be a positive number.")
    carrier = text(detail, "carrierCode", 100)
    return {
        "packageReferenceId": reference,
        "carrier": text(detail, "carrierName", 100) if carrier == "Other" else carrier,
        "trackingNumber": text(detail, "trackingNumber", 100),
        "shipDate": _time(detail, "shipDate"),
    }


def _time(detail: Json, name: str) -> str:
    value = text(detail, name, 50)
    try:
        return datetime.fromisoformat(value).isoformat()
    except ValueError:
        raise invalid_input(f"'{name}' is not an ISO 8601 time.") from None


def _unit(order: Order, entry: Json) -> tuple[Json, int]:
    quantity = entry.get("quantity")
    line = next((line for line in order.lines if line["order_item_id"] == entry.get("orderItemId")), None)
    if line is None:
        raise invalid_input("The order item does not belong to the order.")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise invalid_input("'quantity' must be a number from 1.")
    return line, quantity
