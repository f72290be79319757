"""Variations of a product. One without its own SKU has its product's stock and can't be adjusted."""

from __future__ import annotations

from sandbox.ecwid.errors import json_object, number_of, refuse
from sandbox.ecwid.products import BASE, adjusted, check_fields, with_stock_rule
from sandbox.ecwid.state import Product, combination_document
from sandbox.ecwid.store import Store
from sandbox.wire import Answer, Call, Json, Router

_ALL = f"{BASE}/{{product_id}}/combinations"
_ONE = f"{_ALL}/{{combination_id}}"


class Combinations:
    """Handlers of `combinations`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("get_combinations", f"GET {_ALL}", self.list_all)
        router.add("create_combination", f"POST {_ALL}", self.create)
        router.add("get_combination", f"GET {_ONE}", self.get)
        router.add("update_combination", f"PUT {_ONE}", self.update)
        router.add("delete_combination", f"DELETE {_ONE}", self.delete)
        router.add("adjust_combination", f"PUT {_ONE}/inventory", self.adjust)

    def list_all(self, call: Call) -> Answer:
        """All variations, as a plain list."""
        product = self._store.product(number_of(call, "product_id"))
        return Answer(200, [combination_document(product, entry) for entry in product.combinations])

    def create(self, call: Call) -> Answer:
        """A new variation; 409 when its SKU or its options are taken."""
        product = self._store.product(number_of(call, "product_id"))
        fields = json_object(call)
        check_fields(fields)
        if not isinstance(fields.get("options"), list) or not fields["options"]:
            raise refuse(400, "Missing required field: options")
        if any(entry.get("options") == fields["options"] for entry in product.combinations):
            raise refuse(409, "The specified options variation already exists")
        if fields.get("sku"):
            self._store.refuse_taken_sku(fields["sku"], None)
            call.note(fields["sku"], fields.get("quantity"))
        combination_id = self._store.world.keeper.next_id("ecwid.combination", 70_000_001)
        number = len(product.combinations) + 1
        product.combinations.append({**fields, "id": combination_id, "combinationNumber": number})
        self._store.changed_product(product)
        return Answer(200, {"id": combination_id})

    def get(self, call: Call) -> Answer:
        """One variation."""
        product, combination = self._find(call)
        return Answer(200, combination_document(product, combination))

    def update(self, call: Call) -> Answer:
        """Changes the fields that are given; quantities are absolute."""
        product, combination = self._find(call)
        fields = {name: value for name, value in json_object(call).items() if name not in {"id", "combinationNumber"}}
        check_fields(fields)
        if fields.get("sku"):
            self._store.refuse_taken_sku(fields["sku"], product, combination)
        call.note(str(fields.get("sku") or combination.get("sku") or product.sku), fields.get("quantity"))
        changed = {**combination, **with_stock_rule(fields)}
        if changed != combination:
            combination.update(changed)
            self._store.changed_product(product)
        return Answer(200, {"updateCount": 1})

    def delete(self, call: Call) -> Answer:
        """Deletes a variation."""
        product, combination = self._find(call)
        product.combinations.remove(combination)
        self._store.changed_product(product)
        return Answer(200, {"deleteCount": 1})

    def adjust(self, call: Call) -> Answer:
        """Adds a delta to the variation's stock."""
        product, combination = self._find(call)
        if not combination.get("sku"):
            raise refuse(400, "SKU for combination is not set")
        return adjusted(self._store, call, product, combination)

    def _find(self, call: Call) -> tuple[Product, Json]:
        product = self._store.product(number_of(call, "product_id"))
        combination = product.combination(number_of(call, "combination_id"))
        if combination is None:
            raise refuse(404, "Combination not found")
        return product, combination
