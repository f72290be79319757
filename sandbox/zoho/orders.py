"""Sales orders: made, listed page by page, read, edited, confirmed and voided. The list knows no time, unless switched on."""

from __future__ import annotations

from sandbox.wire import Answer, Call, Json, Router
from sandbox.world import CannotEdit
from sandbox.zoho.edits import EDITED, rewrite_lines
from sandbox.zoho.errors import NOT_POSSIBLE, TAKEN, invalid, refuse, success
from sandbox.zoho.reading import day, document, identifier, moment, number, objects, paged, text, whole
from sandbox.zoho.sales import confirm_order, named_item, new_line, new_order, void_order
from sandbox.zoho.state import DRAFT, Item, SalesOrder
from sandbox.zoho.store import Store
from sandbox.zoho.views import order_document, order_summary

_BASE = "/inventory/v1/salesorders"
_ONE = f"{_BASE}/{{salesorder_id}}"


class SalesOrders:
    """Handlers of `salesorders`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("create_sales_order", f"POST {_BASE}", self.create)
        router.add("list_sales_orders", f"GET {_BASE}", self.list_some)
        router.add("get_sales_order", f"GET {_ONE}", self.get)
        router.add("update_sales_order", f"PUT {_ONE}", self.update)
        router.add("confirm_sales_order", f"POST {_ONE}/status/confirmed", self.confirm)
        router.add("void_sales_order", f"POST {_ONE}/status/void", self.void)

    def create(self, call: Call) -> Answer:
        """A draft, 201. Sending it again makes another, unless it brings its own number."""
        body = document(call)
        fields = {
            "customer_id": identifier(body.get("customer_id"), "customer_id"),
            "date": day(body, "date") if "date" in body else self._store.world.clock.now().date().isoformat(),
            "reference_number": text(body, "reference_number", 100),
            "notes": text(body, "notes"),
        }
        lines = [self._line(call, line) for line in objects(body, "line_items")]
        number = text(body, "salesorder_number", 100)
        if number and any(order.number == number for order in self._store.org.orders.values()):
            raise refuse(400, TAKEN, f"The sales order number {number} already exists.")
        order = new_order(self._store, fields, lines, DRAFT, number)
        self._store.changed_order(order, "salesorder.created")
        return success("Sales Order has been created.", 201, salesorder=self._shown(order))

    def list_some(self, call: Call) -> Answer:
        """The newest first. Only with `salesorder_filters` are time and order of change heeded; else they are ignored."""
        found = list(reversed(self._store.org.orders.values()))
        if self._store.world.switches.zoho.salesorder_filters:
            if "last_modified_time" in call.query:
                start = moment(call.query["last_modified_time"], "last_modified_time")
                found = [order for order in found if int(order.updated_at) >= start]
            if call.query.get("sort_column") == "last_modified_time":
                found.sort(key=lambda order: order.updated_at, reverse=call.query.get("sort_order", "D") != "A")
        return paged(call, "salesorders", found, order_summary)

    def get(self, call: Call) -> Answer:
        """One order with its lines."""
        return success("success", salesorder=self._shown(self._one(call)))

    def update(self, call: Call) -> Answer:
        """Gives it these lines: one that is named by its `line_item_id` is changed, one that is left out goes."""
        order, body = self._one(call), document(call)
        identifier(body.get("customer_id"), "customer_id")
        fields: Json = {name: text(body, name) for name in ("reference_number", "notes") if name in body}
        lines = [self._edited(call, order, line) for line in objects(body, "line_items")]
        if len({line["line_item_id"] for line in lines}) < len(lines):
            raise invalid("line_item_id")
        try:
            rewrite_lines(self._store, order, lines)
        except CannotEdit as refusal:
            raise refuse(400, NOT_POSSIBLE, f"The sales order cannot be edited: {refusal}.") from None
        order.fields |= fields
        self._store.changed_order(order, EDITED)
        return success("Sales Order has been updated.", salesorder=self._shown(order))

    def confirm(self, call: Call) -> Answer:
        """Makes a draft binding."""
        confirm_order(self._store, self._one(call))
        return success("The status of the Sales Order has been changed to Confirmed.")

    def void(self, call: Call) -> Answer:
        """Voids an order nothing of which was shipped."""
        void_order(self._store, self._one(call))
        return success("The status of the Sales Order has been changed to void.")

    def _line(self, call: Call, line: Json) -> tuple[Item, int, float]:
        item = self._store.item(identifier(line.get("item_id"), "item_id"))
        call.note(item.sku)
        quantity = whole(line, "quantity") if "quantity" in line else 1
        rate = number(line, "rate", float(item.fields.get("rate", 0)))
        if quantity < 1 or rate < 0:
            raise invalid("quantity" if quantity < 1 else "rate")
        return item, quantity, rate

    def _edited(self, call: Call, order: SalesOrder, line: Json) -> Json:
        if "line_item_id" not in line:
            return new_line(self._store, *self._line(call, line))
        line_id = identifier(line["line_item_id"], "line_item_id")
        known = next((each for each in order.lines if each["line_item_id"] == line_id), None)
        if known is None:
            raise invalid("line_item_id")
        item, quantity, rate = self._line(call, {"quantity": known["quantity"], "rate": known["rate"], **line})
        return {**known, **named_item(item, rate), "quantity": quantity}

    def _one(self, call: Call) -> SalesOrder:
        order = self._store.order(identifier(call.params["salesorder_id"], "salesorder_id"))
        for line in order.lines:
            call.note(line["sku"])
        return order

    def _shown(self, order: SalesOrder) -> Json:
        return order_document(order, self._store.packages_of(order))
