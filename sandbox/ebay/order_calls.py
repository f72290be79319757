"""The Fulfillment API: orders by modification or creation window, one order, its packages.

Here `offset` counts orders, not pages, and a window may not end in the future.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from sandbox.ebay.documents import document
from sandbox.ebay.errors import refuse
from sandbox.ebay.orders import fulfillment_path, order_document, ship
from sandbox.ebay.state import Order, Seller
from sandbox.ebay.store import Store
from sandbox.wire import Answer, Call, Json, Router

_BASE = "/sell/fulfillment/v1/order"
_FILTER = re.compile(r"(\w+):(\[[^\]]*\]|\{[^}]*\})(?:,|$)")
_TWO_YEARS_S = 2 * 366 * 86_400
_DEFAULT_WINDOW_S = 90 * 86_400
_UNENCODED = re.compile(r"[\[\]{}|]")
_STATUSES = {"NOT_STARTED", "IN_PROGRESS", "FULFILLED"}

Window = Callable[[Order], bool]


class OrderCalls:
    """Handlers of `order` and `shipping_fulfillment`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("get_orders", f"GET {_BASE}", self.list_orders)
        router.add("get_order", f"GET {_BASE}/{{order_id}}", self.get)
        packages = f"{_BASE}/{{order_id}}/shipping_fulfillment"
        router.add("get_shipping_fulfillments", f"GET {packages}", self.list_packages)
        router.add("create_shipping_fulfillment", f"POST {packages}", self.create_package)
        router.add("get_shipping_fulfillment", f"GET {packages}/{{fulfillment_id}}", self.get_package)

    def list_orders(self, call: Call) -> Answer:
        """Orders of the last 90 days, or those the filter names, or up to 50 by id."""
        seller = self._store.seller(call)
        if "orderIds" in call.query:
            return self._by_ids(seller, call.query["orderIds"].split(","))
        limit, offset = _paging(call)
        if _UNENCODED.search(call.raw_query):
            raise refuse(400, 30800, "Invalid filter value. Encode [ ] { } and | in the URL.")
        wanted = self._filter(call.query.get("filter", ""))
        orders = sorted(
            (order for order in seller.orders.values() if wanted(order)),
            key=lambda order: (order.created_at, order.order_id),
        )
        href = f"{self._store.world.base_url}/ebay{_BASE}"
        return Answer(200, _page(call, href, orders, limit, offset))

    def get(self, call: Call) -> Answer:
        """One order, with its cancel requests."""
        return Answer(200, order_document(self._order(call), alone=True))

    def list_packages(self, call: Call) -> Answer:
        """The packages of an order."""
        packages = self._order(call).fulfillments
        return Answer(200, {"fulfillments": packages, "total": len(packages)})

    def create_package(self, call: Call) -> Answer:
        """Marks lines as shipped; 201 with the address of the package."""
        order = self._order(call)
        package = ship(self._store, self._store.seller(call), order, document(call))
        location = self._store.world.base_url + "/ebay" + fulfillment_path(order, package)
        return Answer(201, {}, {"Location": location})

    def get_package(self, call: Call) -> Answer:
        """One package."""
        wanted = call.params["fulfillment_id"]
        for package in self._order(call).fulfillments:
            if package["fulfillmentId"] == wanted:
                return Answer(200, package)
        raise refuse(404, 32110, f"Invalid shipping fulfillment ID: {wanted}")

    def _order(self, call: Call) -> Order:
        order = self._store.seller(call).orders.get(call.params["order_id"])
        if order is None:
            raise refuse(404, 32100, f"Invalid order ID: {call.params['order_id']}")
        for line in order.lines:
            call.note(line["sku"])
        return order

    def _by_ids(self, seller: Seller, ids: list[str]) -> Answer:
        if len(ids) > 50:
            raise refuse(400, 30900, "Exceeded maximum number of order IDs (the current limit is 50)")
        orders = [seller.orders[order_id] for order_id in ids if order_id in seller.orders]
        documents = [order_document(order, alone=False) for order in orders]
        return Answer(200, {"href": _BASE, "total": len(orders), "limit": 50, "offset": 0, "orders": documents})

    def _filter(self, text: str) -> Window:
        filters = dict(_FILTER.findall(text))
        if _FILTER.sub("", text):
            raise refuse(400, 30800, f"Invalid filter value {text} for filter")
        unknown = filters.keys() - {"creationdate", "lastmodifieddate", "orderfulfillmentstatus"}
        if unknown:
            raise refuse(400, 30700, f"Invalid filter name: {min(unknown)}")
        statuses = _statuses(filters.get("orderfulfillmentstatus"))
        window = self._window(filters)
        return lambda order: window(order) and (not statuses or order.fulfillment_status in statuses)

    def _window(self, filters: dict[str, str]) -> Window:
        now = self._store.world.clock.seconds()
        if "creationdate" in filters:
            start, end = _range(filters["creationdate"], now)
            return lambda order: start <= _millis(order.created_at) <= end
        if "lastmodifieddate" in filters:
            start, end = _range(filters["lastmodifieddate"], now)
            return lambda order: start <= _millis(order.modified_at) <= end
        return lambda order: order.created_at >= now - _DEFAULT_WINDOW_S


def _paging(call: Call) -> tuple[int, int]:
    limit, offset = call.query.get("limit", "50"), call.query.get("offset", "0")
    if not limit.isdecimal() or not 1 <= int(limit) <= 200:
        raise refuse(400, 31100, f"Invalid limit: {limit}")
    if not offset.isdecimal():
        raise refuse(400, 31000, f"Invalid offset: {offset}")
    return int(limit), int(offset)


def _page(call: Call, href: str, orders: list[Order], limit: int, offset: int) -> Json:
    def link(start: int) -> str:
        given = quote(call.query["filter"], safe="") if "filter" in call.query else ""
        return f"{href}?limit={limit}&offset={start}" + (f"&filter={given}" if given else "")

    chosen = orders[offset : offset + limit]
    page: Json = {"href": link(offset), "total": len(orders), "limit": limit, "offset": offset}
    page["orders"] = [order_document(order, alone=False) for order in chosen]
    if offset + limit < len(orders):
        page["next"] = link(offset + limit)
    if offset > 0:
        page["prev"] = link(max(0, offset - limit))
    return page


def _statuses(text: str | None) -> set[str]:
    statuses = set(text[1:-1].split("|")) if text else set()
    if statuses - _STATUSES:
        raise refuse(400, 30800, f"Invalid filter value {text} for filter orderfulfillmentstatus")
    return statuses


def _range(text: str, now: float) -> tuple[float, float]:
    first, dots, last = text[1:-1].partition("..")
    if not first or not dots:
        raise refuse(400, 30820, "Start date is missing")
    start, end = _moment(first), _moment(last) if last else now
    if start > now or (last and end > now):
        raise refuse(400, 30850, "Start and end dates can't be in the future")
    if start > end:
        raise refuse(400, 30840, "Start date should be before end date")
    if start < now - _TWO_YEARS_S:
        raise refuse(400, 30830, "Time range between start date and end date must be within '2' years.")
    return start, end


def _moment(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise refuse(400, 30810, "Invalid date format") from None


def _millis(seconds: float) -> float:
    """Orders are compared by the milliseconds they are told with."""
    return int(seconds * 1000) / 1000
