"""Products: created, changed field by field, adjusted by a delta, searched and deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.ecwid.errors import json_object, number_of, page, paging, refuse
from sandbox.ecwid.state import Product, lower_stock, product_document, stock_of
from sandbox.ecwid.store import Store
from sandbox.wire import Answer, Call, Json, Router

BASE = "/api/v3/{store_id}/products"
_READ_ONLY = {"id", "created", "updated", "createTimestamp", "updateTimestamp", "inStock", "combinations"}
_DATE_FORMS = ("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
_SORTS: dict[str, tuple[Callable[[Product], Any], bool]] = {
    "UPDATED_TIME_ASC": (lambda product: product.updated_at, False),
    "UPDATED_TIME_DESC": (lambda product: product.updated_at, True),
    "ADDED_TIME_ASC": (lambda product: product.created_at, False),
    "ADDED_TIME_DESC": (lambda product: product.created_at, True),
}


class Products:
    """Handlers of `products`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("search_products", f"GET {BASE}", self.search)
        router.add("create_product", f"POST {BASE}", self.create)
        router.add("get_product", f"GET {BASE}/{{product_id}}", self.get)
        router.add("update_product", f"PUT {BASE}/{{product_id}}", self.update)
        router.add("delete_product", f"DELETE {BASE}/{{product_id}}", self.delete)
        router.add("adjust_product", f"PUT {BASE}/{{product_id}}/inventory", self.adjust)

    def search(self, call: Call) -> Answer:
        """By SKU (exact, product or variation), by id, or by time of change; other filters give way to those."""
        limit, offset = paging(call)
        found = self._matching(call)
        chosen = [product_document(product) for product in found[offset : offset + limit]]
        return page(chosen, len(found), limit, offset)

    def create(self, call: Call) -> Answer:
        """A new product; an empty SKU gets a generated one, a taken one 409."""
        fields = _writable(json_object(call))
        if not fields.get("name"):
            raise refuse(400, "Missing required field: name")
        check_fields(fields)
        product_id = self._store.world.keeper.next_id("ecwid.product", 370_000_001)
        fields["sku"] = fields.get("sku") or f"{product_id % 100_000:05d}"
        call.note(fields["sku"], fields.get("quantity"))
        self._store.refuse_taken_sku(fields["sku"], None)
        now = self._store.world.clock.seconds()
        self._store.changed_product(Product(product_id, {"enabled": True, **fields}, now, now), "product.created")
        return Answer(200, {"id": product_id})

    def get(self, call: Call) -> Answer:
        """One product."""
        product = self._store.product(number_of(call, "product_id"))
        call.note(product.sku)
        return Answer(200, product_document(product))

    def update(self, call: Call) -> Answer:
        """Changes the fields that are given; quantities are absolute."""
        product = self._store.product(number_of(call, "product_id"))
        fields = _writable(json_object(call))
        call.note(product.sku, fields.get("quantity"))
        check_fields(fields)
        if "sku" in fields:
            if not fields["sku"]:
                raise refuse(400, "SKU may not be empty")
            self._store.refuse_taken_sku(fields["sku"], product)
        changed = {**product.fields, **with_stock_rule(fields)}
        if changed != product.fields:
            product.fields = changed
            self._store.changed_product(product)
        return Answer(200, {"updateCount": 1})

    def delete(self, call: Call) -> Answer:
        """Deletes a product with its variations."""
        product = self._store.product(number_of(call, "product_id"))
        call.note(product.sku)
        self._store.dropped_product(product)
        return Answer(200, {"deleteCount": 1})

    def adjust(self, call: Call) -> Answer:
        """Adds a delta to the stock; below zero is only warned of."""
        product = self._store.product(number_of(call, "product_id"))
        return adjusted(self._store, call, product, None)

    def _matching(self, call: Call) -> list[Product]:
        products = self._store.products
        if "productId" in call.query:
            ids = [int(text) for text in call.query["productId"].split(",") if text.isdecimal()]
            return [products[product_id] for product_id in ids if product_id in products]
        if call.query.get("sku"):
            call.note(call.query["sku"])
            found = self._store.find_sku(call.query["sku"])
            return [found[0]] if found else []
        start, end = moment(call, "updatedFrom", 0.0), moment(call, "updatedTo", float("inf"))
        enabled = call.query.get("enabled")
        found_all = [
            product
            for product in products.values()
            if start <= int(product.updated_at) <= end and enabled in (None, str(product.enabled).lower())
        ]
        key, reverse = _SORTS.get(call.query.get("sortBy", ""), (lambda product: product.product_id, False))
        return sorted(found_all, key=key, reverse=reverse)


def check_fields(fields: Json) -> None:
    """Types and ranges of what may be sent. Raises Refused with 400."""
    quantity, price, sku = fields.get("quantity", 0), fields.get("price", 0), fields.get("sku", "")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or abs(quantity) > 2**31 - 1:
        raise refuse(400, "Field 'quantity' must be an integer")
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < 1e12:
        raise refuse(400, "Field 'price' must be a number, 0 or more")
    if not isinstance(sku, str):
        raise refuse(400, "Field 'sku' must be a string")


def with_stock_rule(fields: Json) -> Json:
    """Setting a quantity ends unlimited stock; unlimited stock drops the quantity."""
    if "quantity" in fields and not fields.get("unlimited"):
        return {**fields, "unlimited": False}
    return fields


def adjusted(store: Store, call: Call, product: Product, combination: Json | None) -> Answer:
    """Applies `quantityDelta` to a product or variation."""
    delta = json_object(call).get("quantityDelta")
    if isinstance(delta, bool) or not isinstance(delta, int):
        raise refuse(400, "Field 'quantityDelta' must be an integer")
    sku = str(combination["sku"]) if combination else product.sku
    if stock_of(product, combination) is None:
        call.note(sku)
        return Answer(200, {"updateCount": 0})
    left = lower_stock(product, combination, -delta)
    call.note(sku, left)
    store.changed_product(product)
    body: Json = {"updateCount": 1}
    if left is not None and left < 0:
        body["warning"] = f"The quantity of {sku} is now negative: {left}"
    return Answer(200, body)


def moment(call: Call, name: str, default: float) -> float:
    """A time of the query: Unix seconds or one of the date forms. Raises Refused with 400."""
    text = call.query.get(name)
    if text is None:
        return default
    if text.isdecimal():
        return float(text)
    for form in _DATE_FORMS:
        try:
            parsed = datetime.strptime(text, form)  # noqa: DTZ007  # a date without zone is UTC here, set below
        except ValueError:
            continue
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    raise refuse(400, f"Wrong date parameter '{name}'")


def _writable(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if name not in _READ_ONLY and value is not None}
