"""Inventory locations and inventory items: created and replaced whole, read, listed and deleted."""

from __future__ import annotations

from itertools import islice

from sandbox.ebay.documents import (
    bulk_answer,
    bulk_elements,
    document,
    item_errors,
    page_links,
    page_of,
    require_language,
    sku_error,
)
from sandbox.ebay.errors import envelope, refuse, unknown_sku
from sandbox.ebay.publishing import revise_listings
from sandbox.ebay.state import Seller, item_quantity
from sandbox.ebay.store import Store
from sandbox.wire import Answer, Call, Json, Refused, Router

_BASE = "/sell/inventory/v1"


class Items:
    """Handlers of `location` and `inventory_item`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("get_locations", f"GET {_BASE}/location", self.list_locations)
        router.add("create_location", f"POST {_BASE}/location/{{key}}", self.create_location)
        router.add("get_location", f"GET {_BASE}/location/{{key}}", self.get_location)
        router.add("put_item", f"PUT {_BASE}/inventory_item/{{sku}}", self.put)
        router.add("get_item", f"GET {_BASE}/inventory_item/{{sku}}", self.get)
        router.add("delete_item", f"DELETE {_BASE}/inventory_item/{{sku}}", self.delete)
        router.add("get_items", f"GET {_BASE}/inventory_item", self.list_items)
        router.add("bulk_put_items", f"POST {_BASE}/bulk_create_or_replace_inventory_item", self.bulk_put)
        router.add("bulk_get_items", f"POST {_BASE}/bulk_get_inventory_item", self.bulk_get)

    def list_locations(self, call: Call) -> Answer:
        """All locations of the seller."""
        locations = [
            {"merchantLocationKey": key, **location} for key, location in self._store.seller(call).locations.items()
        ]
        links = page_links(f"{_BASE}/location?", 100, 0, len(locations))
        return Answer(200, {**links, "locations": locations})

    def create_location(self, call: Call) -> Answer:
        """A new location; 409 when the key is taken."""
        seller, key = self._store.seller(call), call.params["key"]
        body = document(call)
        if key in seller.locations:
            raise refuse(409, 25803, "merchantLocationKey already exists.")
        if len(key) > 36 or not isinstance(body.get("location"), dict):
            raise refuse(400, 25801, "Missing field location.")
        seller.locations[key] = {"merchantLocationStatus": "ENABLED", "locationTypes": ["STORE"], **body}
        self._store.keep_location(seller, key)
        return Answer(204)

    def get_location(self, call: Call) -> Answer:
        """One location."""
        key = call.params["key"]
        location = self._store.seller(call).locations.get(key)
        if location is None:
            raise refuse(404, 25805, "merchantLocationKey Not Found.")
        return Answer(200, {"merchantLocationKey": key, **location})

    def put(self, call: Call) -> Answer:
        """Creates an item or replaces all of it: what is left out is lost."""
        sku = call.params["sku"]
        call.note(sku)
        status, errors = self._replace(call, sku, document(call), require_language(call))
        if errors:
            return envelope(status, *errors)
        return Answer(status, {} if status == 201 else None)

    def bulk_put(self, call: Call) -> Answer:
        """The same for up to 25 items, each with its own status."""
        language = call.headers.get("Content-Language", "")
        requests = bulk_elements(document(call), 25727)
        skus = [entry.get("sku") for entry in requests]
        if len({str(sku) for sku in skus}) < len(skus):
            raise refuse(400, 25734, "SKU should be unique in the request.")
        require_language(call)
        return bulk_answer([self._bulk_element(call, entry, language) for entry in requests])

    def get(self, call: Call) -> Answer:
        """One item as it was sent."""
        sku = call.params["sku"]
        call.note(sku)
        seller = self._store.seller(call)
        if sku not in seller.items:
            raise refuse(404, 25710, "We didn't find the resource/entity you are requesting. Please verify the request")
        return Answer(200, _full(sku, seller.items[sku]))

    def bulk_get(self, call: Call) -> Answer:
        """Up to 25 items by SKU."""
        seller = self._store.seller(call)
        responses = []
        for entry in bulk_elements(document(call), 25727):
            sku = str(entry.get("sku"))
            call.note(sku)
            item = seller.items.get(sku)
            found = {"sku": sku, "statusCode": 200, "inventoryItem": _full(sku, item)} if item is not None else None
            responses.append(found or {"sku": sku, "statusCode": 404, "errors": [unknown_sku(sku)]})
        return bulk_answer(responses)

    def list_items(self, call: Call) -> Answer:
        """Items in pages; here `offset` counts pages."""
        seller = self._store.seller(call)
        limit, page = page_of(call, 25, 200)
        chosen = islice(seller.items.items(), page * limit, (page + 1) * limit)
        items = [_full(sku, item) for sku, item in chosen]
        links = page_links(f"{_BASE}/inventory_item?", limit, page, len(seller.items))
        return Answer(200, {**links, "size": len(items), "inventoryItems": items})

    def delete(self, call: Call) -> Answer:
        """Deletes an item with its offers and listings."""
        seller, sku = self._store.seller(call), call.params["sku"]
        call.note(sku)
        if seller.items.pop(sku, None) is None:
            raise refuse(404, 25710, "We didn't find the resource/entity you are requesting. Please verify the request")
        for offer in seller.offers_of(sku):
            seller.drop_offer(offer)
            self._store.keep_offer(seller, offer)
        self._store.keep_item(seller, sku)
        return Answer(204)

    def _bulk_element(self, call: Call, entry: Json, language: str) -> Json:
        sku = entry.get("sku")
        locale = entry.get("locale") or language.replace("-", "_")
        response: Json = {"sku": sku if isinstance(sku, str) else "", "locale": locale}
        fields = {name: value for name, value in entry.items() if name != "sku"}
        status, errors = self._replace(call, sku if isinstance(sku, str) else "", fields, locale)
        call.note(response["sku"])
        return {**response, "statusCode": 200 if status == 204 else status, "errors": errors, "warnings": []}

    def _replace(self, call: Call, sku: str, fields: Json, language: str) -> tuple[int, list[Json]]:
        seller = self._store.seller(call)
        wrong_sku = sku_error(sku, self._store.world.switches.ebay.strict_sku)
        errors = [wrong_sku] if wrong_sku else item_errors(fields)
        if errors:
            return 400, errors
        try:
            revise_listings(self._store, seller.offers_of(sku))
        except Refused as refused:
            return 400, refused.answer.body["errors"]
        existed = sku in seller.items
        seller.items[sku] = {"locale": language.replace("-", "_"), **fields}
        self._store.keep_item(seller, sku)
        _note_quantity(call, seller, sku)
        return (204 if existed else 201), []


def _note_quantity(call: Call, seller: Seller, sku: str) -> None:
    quantity = item_quantity(seller.items[sku])
    if quantity is not None:
        call.note(sku, quantity)


def _full(sku: str, item: Json) -> Json:
    return {"sku": sku, **item}
