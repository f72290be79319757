"""Inventory adjustments: the documents that change stock. Each adds a delta; sending one twice counts twice."""

from __future__ import annotations

from sandbox.wire import Answer, Call, Json, Router
from sandbox.zoho.errors import NOT_POSSIBLE, invalid, refuse, success, unknown
from sandbox.zoho.reading import day, document, identifier, objects, paged, text, whole
from sandbox.zoho.state import ADJUSTED, DRAFT, PENDING, Adjustment
from sandbox.zoho.store import Store
from sandbox.zoho.views import adjustment_document, adjustment_summary

_BASE = "/inventory/v1/inventoryadjustments"
_ONE = f"{_BASE}/{{inventory_adjustment_id}}"


class Adjustments:
    """Handlers of `inventoryadjustments`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("create_adjustment", f"POST {_BASE}", self.create)
        router.add("list_adjustments", f"GET {_BASE}", self.list_some)
        router.add("get_adjustment", f"GET {_ONE}", self.get)
        router.add("delete_adjustment", f"DELETE {_ONE}", self.delete)
        router.add("submit_adjustment", f"POST {_ONE}/submit", self.submit)
        router.add("approve_adjustment", f"POST {_ONE}/approve", self.approve)

    def create(self, call: Call) -> Answer:
        """A new document. It counts at once, unless the organization wants adjustments approved."""
        body = document(call)
        fields = self._fields(body)
        lines = [self._line(call, line) for line in objects(body, "line_items")]
        status = DRAFT if self._store.world.switches.zoho.approve_adjustments else ADJUSTED
        now = self._store.world.clock.seconds()
        adjustment = Adjustment(self._store.next_id(), fields, lines, status, now)
        self._refuse_below_zero(adjustment)
        if status == ADJUSTED:
            self._apply(adjustment)
            for line in lines:
                item = self._store.item(line["item_id"])
                call.note(item.sku, self._store.available(item))
        self._store.changed_adjustment(adjustment)
        return success("Inventory Adjustment has been added", inventory_adjustment=self._shown(adjustment))

    def list_some(self, call: Call) -> Answer:
        """All documents, newest first; no filter is known here."""
        found = list(reversed(self._store.org.adjustments.values()))
        return paged(call, "inventory_adjustments", found, adjustment_summary)

    def get(self, call: Call) -> Answer:
        """One document."""
        return success("success", inventory_adjustment=self._shown(self._one(call)))

    def delete(self, call: Call) -> Answer:
        """Deletes a document and takes back what it did."""
        adjustment = self._one(call)
        if adjustment.status == ADJUSTED:
            self._apply(adjustment, sign=-1)
        self._store.dropped_adjustment(adjustment)
        return success("Inventory Adjustment has been deleted.")

    def submit(self, call: Call) -> Answer:
        """Hands a draft in for approval."""
        return self._move(call, DRAFT, PENDING, "The adjustment has been submitted for approval successfully.")

    def approve(self, call: Call) -> Answer:
        """Approves a document that was handed in: it counts from now on."""
        answer = self._move(call, PENDING, ADJUSTED, "You have approved the adjustment.")
        self._apply(self._one(call))
        return answer

    def _move(self, call: Call, before: str, after: str, message: str) -> Answer:
        adjustment = self._one(call)
        if adjustment.status != before:
            raise refuse(400, NOT_POSSIBLE, f"The adjustment is {adjustment.status}, not {before}.")
        adjustment.status = after
        self._store.changed_adjustment(adjustment)
        return success(message)

    def _fields(self, body: Json) -> Json:
        if body.get("adjustment_type") != "quantity":
            raise invalid("adjustment_type")
        reason = text(body, "reason", 500)
        known = self._store.world.switches.zoho.known_reasons
        if not reason or (known and reason not in known.split(",")):
            raise invalid("reason")
        return {
            "date": day(body, "date"),
            "reason": reason,
            "adjustment_type": "quantity",
            "reference_number": text(body, "reference_number", 100),
            "description": text(body, "description"),
        }

    def _line(self, call: Call, line: Json) -> Json:
        item = self._store.item(identifier(line.get("item_id"), "item_id"))
        call.note(item.sku)
        if not item.tracked:
            raise refuse(400, NOT_POSSIBLE, f"Stock of the item {item.fields['name']} is not tracked.")
        delta = whole(line, "quantity_adjusted")
        if not delta:
            raise invalid("quantity_adjusted")
        return {
            "item_id": item.item_id,
            "line_item_id": self._store.next_id(),
            "quantity_adjusted": delta,
            "description": text(line, "description"),
        }

    def _refuse_below_zero(self, adjustment: Adjustment) -> None:
        if not self._store.world.switches.zoho.prevent_negative_stock:
            return
        for line in adjustment.lines:
            if self._store.item(line["item_id"]).on_hand + line["quantity_adjusted"] < 0:
                raise refuse(400, NOT_POSSIBLE, "The stock on hand of an item may not become negative.")

    def _apply(self, adjustment: Adjustment, sign: int = 1) -> None:
        for line in adjustment.lines:
            item = self._store.org.items.get(line["item_id"])
            if item is not None:
                item.on_hand += sign * line["quantity_adjusted"]
                self._store.stocked(item)

    def _one(self, call: Call) -> Adjustment:
        key = identifier(call.params["inventory_adjustment_id"], "inventory_adjustment_id")
        found = self._store.org.adjustments.get(key)
        if found is None:
            raise unknown("Inventory Adjustment")
        return found

    def _shown(self, adjustment: Adjustment) -> Json:
        items = self._store.org.items
        names = {
            line["item_id"]: str(items[line["item_id"]].fields["name"])
            for line in adjustment.lines
            if line["item_id"] in items
        }
        return adjustment_document(adjustment, names)
