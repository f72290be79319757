"""Packages of a sales order, and shipments of packages. Neither is idempotent; a shipment number may not come twice."""

from __future__ import annotations

from sandbox.wire import Answer, Call, Json, Router
from sandbox.zoho.errors import NOT_POSSIBLE, TAKEN, invalid, refuse, success, unknown
from sandbox.zoho.reading import day, document, identifier, listed_ids, objects, text, whole
from sandbox.zoho.sales import ship_units
from sandbox.zoho.state import DRAFT, VOID, Package, SalesOrder, Shipment
from sandbox.zoho.store import Store
from sandbox.zoho.views import package_document, shipment_document

_PACKAGES = "/inventory/v1/packages"
_SHIPMENTS = "/inventory/v1/shipmentorders"


class Shipping:
    """Handlers of `packages` and `shipmentorders`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("create_package", f"POST {_PACKAGES}", self.create_package)
        router.add("get_package", f"GET {_PACKAGES}/{{package_id}}", self.get_package)
        router.add("create_shipment", f"POST {_SHIPMENTS}", self.create_shipment)
        router.add("get_shipment", f"GET {_SHIPMENTS}/{{shipmentorder_id}}", self.get_shipment)
        router.add("mark_delivered", f"POST {_SHIPMENTS}/{{shipmentorder_id}}/status/delivered", self.deliver)

    def create_package(self, call: Call) -> Answer:
        """Packs lines of a confirmed order, 201; no more than is left of a line."""
        order = self._order(call)
        if order.status in {DRAFT, VOID}:
            raise refuse(400, NOT_POSSIBLE, "Packages cannot be created for a sales order that is not confirmed.")
        body = document(call)
        date, number = day(body, "date"), text(body, "package_number", 100)
        lines = [_packed(order, line) for line in objects(body, "line_items")]
        _refuse_too_many(order, lines)
        count = self._store.world.keeper.next_id("zoho.package", 1)
        package = Package(
            package_id=self._store.next_id(),
            number=number or f"PA-{count:05d}",
            salesorder_id=order.salesorder_id,
            date=date,
            lines=[{"line_item_id": self._store.next_id(), **line} for line in lines],
            created_at=self._store.world.clock.seconds(),
        )
        for line in package.lines:
            _line_of(order, line)["packed"] += line["quantity"]
        self._store.keep_package(package)
        self._store.changed_order(order)
        shown = package_document(package, order)
        return success("Package created successfully. It's now time to ship!", 201, package=shown)

    def get_package(self, call: Call) -> Answer:
        """One package."""
        package = self._package(identifier(call.params["package_id"], "package_id"))
        return success("success", package=package_document(package, self._store.order(package.salesorder_id)))

    def create_shipment(self, call: Call) -> Answer:
        """Ships packages of an order, 201: their units leave the shelf."""
        order = self._order(call)
        packages = [self._package(package_id) for package_id in listed_ids(call, "package_ids")]
        fields = self._shipment_fields(document(call))
        if any(package.salesorder_id != order.salesorder_id for package in packages):
            raise invalid("package_ids")
        if any(package.status != "not_shipped" for package in packages) or order.status == VOID:
            raise refuse(400, NOT_POSSIBLE, "The package has already been shipped.")
        now = self._store.world.clock.seconds()
        ids = [package.package_id for package in packages]
        shipment = Shipment(self._store.next_id(), order.salesorder_id, ids, fields, now)
        for package in packages:
            package.status = "shipped"
            self._store.keep_package(package)
        units = [(_line_of(order, line), line["quantity"]) for package in packages for line in package.lines]
        ship_units(self._store, order, units)
        self._store.keep_shipment(shipment)
        self._store.changed_order(order, "salesorder.shipped")
        return success("Shipment created successfully.", 201, shipment_order=shipment_document(shipment, order))

    def get_shipment(self, call: Call) -> Answer:
        """One shipment."""
        shipment = self._shipment(call)
        order = self._store.order(shipment.salesorder_id)
        return success("success", shipment_order=shipment_document(shipment, order))

    def deliver(self, call: Call) -> Answer:
        """Marks a shipment as delivered; a repeat changes nothing."""
        shipment = self._shipment(call)
        order = self._store.order(shipment.salesorder_id)
        if shipment.status != "delivered":
            shipment.status = "delivered"
            self._store.keep_shipment(shipment)
            for package_id in shipment.package_ids:
                package = self._package(package_id)
                package.status = "delivered"
                self._store.keep_package(package)
            packages = self._store.packages_of(order)
            if order.status == "shipped" and all(package.status == "delivered" for package in packages):
                order.status = "fulfilled"
            self._store.changed_order(order, "salesorder.delivered")
        return success("The Shipment Order has been marked as Delivered.")

    def _order(self, call: Call) -> SalesOrder:
        order = self._store.order(identifier(call.query.get("salesorder_id"), "salesorder_id"))
        for line in order.lines:
            call.note(line["sku"])
        return order

    def _package(self, package_id: str) -> Package:
        package = self._store.org.packages.get(package_id)
        if package is None:
            raise unknown("Package")
        return package

    def _shipment(self, call: Call) -> Shipment:
        key = identifier(call.params["shipmentorder_id"], "shipmentorder_id")
        shipment = self._store.org.shipments.get(key)
        if shipment is None:
            raise unknown("Shipment Order")
        return shipment

    def _shipment_fields(self, body: Json) -> Json:
        names = ("shipment_number", "delivery_method", "tracking_number")
        fields: Json = {name: text(body, name, 200) for name in names}
        missing = next((name for name in names if not fields[name]), None)
        if missing is not None:
            raise invalid(missing)
        taken = {shipment.fields["shipment_number"] for shipment in self._store.org.shipments.values()}
        if fields["shipment_number"] in taken:
            raise refuse(400, TAKEN, f"The shipment number {fields['shipment_number']} already exists.")
        return {**fields, "date": day(body, "date"), "reference_number": text(body, "reference_number", 100)}


def _packed(order: SalesOrder, line: Json) -> Json:
    line_id, quantity = identifier(line.get("so_line_item_id"), "so_line_item_id"), whole(line, "quantity")
    if all(known["line_item_id"] != line_id for known in order.lines):
        raise invalid("so_line_item_id")
    if quantity < 1:
        raise invalid("quantity")
    return {"so_line_item_id": line_id, "quantity": quantity}


def _line_of(order: SalesOrder, packed: Json) -> Json:
    return next(line for line in order.lines if line["line_item_id"] == packed["so_line_item_id"])


def _refuse_too_many(order: SalesOrder, packed: list[Json]) -> None:
    for line in order.lines:
        wanted = sum(entry["quantity"] for entry in packed if entry["so_line_item_id"] == line["line_item_id"])
        if line["packed"] + wanted > line["quantity"]:
            raise refuse(400, NOT_POSSIBLE, "The quantity packed exceeds the quantity ordered.")
