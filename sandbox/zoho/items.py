"""Items: created, changed field by field, found by SKU or time of change, taken off sale and deleted.

A stock can be given only with a new item; later it changes by adjustment documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.wire import Answer, Call, Json, Router
from sandbox.zoho.errors import NOT_POSSIBLE, TAKEN, invalid, refuse, success
from sandbox.zoho.reading import document, identifier, listed_ids, moment, number, paged, text, whole
from sandbox.zoho.state import Item
from sandbox.zoho.store import Store
from sandbox.zoho.views import item_document

_BASE = "/inventory/v1/items"
_ONE = f"{_BASE}/{{item_id}}"
_TEXTS = {"name": 255, "sku": 255, "description": 20_000, "unit": 100, "item_type": 50, "product_type": 50}
_PRICES = ("rate", "purchase_rate", "reorder_level")
_READ_ONLY = {"item_id", "status", "locations", "initial_stock", "initial_stock_rate", "created_time", "stock_on_hand"}
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "": lambda value, wanted: value == wanted,
    "_startswith": lambda value, wanted: value.startswith(wanted),
    "_contains": lambda value, wanted: wanted in value,
}
_NO_FILTERS = {"organization_id", "sku", "page", "per_page", "sort_column", "sort_order", "last_modified_time"}
_SORTS: dict[str, Callable[[Item], Any]] = {
    "name": lambda item: str(item.fields["name"]).casefold(),
    "sku": lambda item: item.sku,
    "rate": lambda item: item.fields.get("rate", 0),
    "created_time": lambda item: (item.created_at, item.item_id),
    "last_modified_time": lambda item: (item.updated_at, item.item_id),
    "stock_on_hand": lambda item: item.on_hand,
}


class Items:
    """Handlers of `items`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("create_item", f"POST {_BASE}", self.create)
        router.add("list_items", f"GET {_BASE}", self.list_some)
        router.add("delete_items", f"DELETE {_BASE}", self.delete_some)
        router.add("mark_items_active", f"POST {_BASE}/active", lambda call: self._mark_some(call, active=True))
        router.add("mark_items_inactive", f"POST {_BASE}/inactive", lambda call: self._mark_some(call, active=False))
        router.add("list_item_details", "GET /inventory/v1/itemdetails", self.details)
        router.add("get_item", f"GET {_ONE}", self.get)
        router.add("update_item", f"PUT {_ONE}", self.update)
        router.add("delete_item", f"DELETE {_ONE}", self.delete)
        router.add("mark_item_active", f"POST {_ONE}/active", lambda call: self._mark(call, active=True))
        router.add("mark_item_inactive", f"POST {_ONE}/inactive", lambda call: self._mark(call, active=False))

    def create(self, call: Call) -> Answer:
        """A new item, 201; its SKU may not be taken."""
        body = document(call)
        fields = _fields(body)
        if not fields.get("name"):
            raise invalid("name")
        sku = str(fields.get("sku", ""))
        self._refuse_taken(fields, None)
        now = self._store.world.clock.seconds()
        item = Item(self._store.next_id(), fields, now, now, on_hand=_initial_stock(body))
        call.note(sku, item.on_hand)
        self._store.changed_item(item, "item.created")
        return success("The item has been added.", 201, item=self._shown(item))

    def list_some(self, call: Call) -> Answer:
        """Items by SKU, name, status or time of change, newest first unless sorted otherwise."""
        found = self._candidates(call)
        if call.query.keys() - _NO_FILTERS:
            found = [item for item in found if _wanted(call, item)]
        since = call.query.get("last_modified_time")
        if since is not None:
            start = moment(since, "last_modified_time")
            found = [item for item in found if int(item.updated_at) >= start]
        key = _SORTS.get(call.query.get("sort_column", "created_time"))
        if key is None:
            raise invalid("sort_column")
        # Items are held in the order they were made, so the usual order costs nothing.
        newest_first = call.query.get("sort_order", "D") != "A"
        if "sort_column" in call.query:
            found.sort(key=key, reverse=newest_first)
        elif newest_first:
            found.reverse()
        return paged(call, "items", found, self._shown)

    def details(self, call: Call) -> Answer:
        """Many items at once, by id; unknown ones are left out."""
        found = [self._store.org.items[key] for key in listed_ids(call, "item_ids") if key in self._store.org.items]
        return success("success", items=[self._shown(item) for item in found])

    def get(self, call: Call) -> Answer:
        """One item."""
        return success("success", item=self._shown(self._one(call)))

    def update(self, call: Call) -> Answer:
        """Changes the fields that are given; stock is none of them."""
        item = self._one(call)
        fields = _fields(document(call))
        if "name" in fields and not fields["name"]:
            raise invalid("name")
        self._refuse_taken(fields, item)
        changed = {**item.fields, **fields}
        if changed != item.fields:
            item.fields = changed
            self._store.changed_item(item)
        return success("Item details have been saved.", item=self._shown(item))

    def delete(self, call: Call) -> Answer:
        """Deletes an item that no sales order names."""
        self._drop(self._one(call))
        return success("The item has been deleted.")

    def delete_some(self, call: Call) -> Answer:
        """Deletes items, all or none."""
        items = self._several(call)
        for item in items:
            self._refuse_sold(item)
        for item in items:
            self._drop(item)
        return success("The items have been deleted.")

    def _mark(self, call: Call, *, active: bool) -> Answer:
        self._set_active(self._one(call), active=active)
        return success(f"The item has been marked as {'Active' if active else 'Inactive'}.")

    def _mark_some(self, call: Call, *, active: bool) -> Answer:
        for item in self._several(call):
            self._set_active(item, active=active)
        return success(f"The items have been marked as {'Active' if active else 'Inactive'}.")

    def _set_active(self, item: Item, *, active: bool) -> None:
        if item.active != active:
            item.active = active
            self._store.changed_item(item)

    def _drop(self, item: Item) -> None:
        self._refuse_sold(item)
        self._store.dropped_item(item)

    def _refuse_taken(self, fields: Json, owner: Item | None) -> None:
        self._store.refuse_taken_sku(str(fields.get("sku", "")), owner)
        if not self._store.world.switches.zoho.unique_names or "name" not in fields:
            return
        if any(item.fields["name"] == fields["name"] and item is not owner for item in self._store.org.items.values()):
            raise refuse(400, TAKEN, f"The item {fields['name']} already exists.")

    def _refuse_sold(self, item: Item) -> None:
        orders = self._store.org.orders.values()
        if any(line["item_id"] == item.item_id for order in orders for line in order.lines):
            raise refuse(400, NOT_POSSIBLE, "Items which are a part of transactions cannot be deleted.")

    def _one(self, call: Call) -> Item:
        item = self._store.item(identifier(call.params["item_id"], "item_id"))
        call.note(item.sku)
        return item

    def _several(self, call: Call) -> list[Item]:
        items = [self._store.item(item_id) for item_id in listed_ids(call, "item_ids")]
        for item in items:
            call.note(item.sku)
        return items

    def _candidates(self, call: Call) -> list[Item]:
        sku = call.query.get("sku")
        if sku is None:
            return list(self._store.org.items.values())
        call.note(sku)
        found = self._store.find_sku(sku)
        return [found] if found else []

    def _shown(self, item: Item) -> Json:
        return item_document(item, self._store.available(item))


def _fields(body: Json) -> Json:
    """The fields of an item that may be written. Raises Refused."""
    fields = {name: value for name, value in body.items() if name not in _READ_ONLY}
    fields |= {name: text(body, name, most) for name, most in _TEXTS.items() if name in body}
    fields |= {name: number(body, name) for name in _PRICES if name in body}
    if any(fields.get(name, 0) < 0 for name in _PRICES):
        raise invalid("rate")
    return fields


def _initial_stock(body: Json) -> int:
    places = body.get("locations") or [{"initial_stock": body.get("initial_stock", 0)}]
    if not isinstance(places, list) or not all(isinstance(place, dict) for place in places):
        raise invalid("locations")
    return sum(whole(place, "initial_stock") for place in places)


def _wanted(call: Call, item: Item) -> bool:
    query = call.query
    status = query.get("status") or query.get("filter_by", "").removeprefix("Status.").lower()
    if status in {"active", "inactive"} and item.active != (status == "active"):
        return False
    search = query.get("search_text", "").casefold()
    if search and search not in f"{item.fields['name']}\n{item.sku}".casefold():
        return False
    return query.get("item_id", item.item_id) == item.item_id and all(
        matches(str(item.fields.get(name, "")), query[name + suffix])
        for name in ("name", "sku")
        for suffix, matches in _MATCHES.items()
        if name + suffix in query
    )
