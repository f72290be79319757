"""The Zoho organization in one place: found by id or SKU, kept across restarts, shown on the shelves, told by webhook."""

from __future__ import annotations

from sandbox.shelves import Shown
from sandbox.wire import Json
from sandbox.world import World
from sandbox.zoho.errors import TAKEN, refuse, unknown
from sandbox.zoho.hooks import Hooks
from sandbox.zoho.state import (
    Adjustment,
    Item,
    Organization,
    Package,
    SalesOrder,
    Shipment,
    as_json,
)
from sandbox.zoho.tokens import ACCOUNT
from sandbox.zoho.views import item_document, order_document

PLATFORM = "ZOHO"
_FIRST_ID = 6_780_203_000_000_500_001
_KEPT = 50_000


class Store:
    """The organization. `changed_*` writes, shows and tells."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self.world = world
        self.hooks = hooks
        self.org = Organization()
        keeper = world.keeper
        keeper.register("zoho.item", lambda key: _dumped(self.org.items.get(key)), self._restore_item)
        keeper.register("zoho.adjustment", lambda key: _dumped(self.org.adjustments.get(key)), self._restore_adjustment)
        keeper.register("zoho.order", lambda key: _dumped(self.org.orders.get(key)), self._restore_order)
        keeper.register("zoho.package", lambda key: _dumped(self.org.packages.get(key)), self._restore_package)
        keeper.register("zoho.shipment", lambda key: _dumped(self.org.shipments.get(key)), self._restore_shipment)

    def clear(self) -> None:
        """An empty organization."""
        self.org = Organization()

    def next_id(self) -> str:
        """An id nothing else of the organization has."""
        return str(self.world.keeper.next_id("zoho.id", _FIRST_ID))

    def item(self, item_id: str) -> Item:
        """An item. Raises Refused with 404."""
        item = self.org.items.get(item_id)
        if item is None:
            raise unknown("Item")
        return item

    def find_sku(self, sku: str) -> Item | None:
        """The item of a SKU, active or not."""
        return self.org.items.get(self.org.by_sku.get(sku, ""))

    def order(self, salesorder_id: str) -> SalesOrder:
        """A sales order. Raises Refused with 404."""
        order = self.org.orders.get(salesorder_id)
        if order is None:
            raise unknown("Sales order")
        return order

    def packages_of(self, order: SalesOrder) -> list[Package]:
        """The packages of an order, oldest first."""
        return [package for package in self.org.packages.values() if package.salesorder_id == order.salesorder_id]

    def refuse_taken_sku(self, sku: str, owner: Item | None) -> None:
        """SKUs are unique in the organization. Raises Refused with 400."""
        found = self.find_sku(sku) if sku else None
        if found is not None and found is not owner:
            raise refuse(400, TAKEN, f"Item with the SKU {sku} already exists.")

    def available(self, item: Item) -> int:
        """What can still be sold of an item."""
        return item.on_hand - (item.committed if self.world.switches.zoho.orders_commit_stock else 0)

    def changed_item(self, item: Item, event: str = "item.edited") -> None:
        """An item is new or was edited."""
        item.updated_at = self.world.clock.seconds()
        self.org.items[item.item_id] = item
        self._index(item)
        self.stocked(item)
        self.hooks.tell(event, item_document(item, self.available(item)))

    def stocked(self, item: Item) -> None:
        """The stock of an item changed, by a document; that is no edit of the item."""
        self.world.keeper.touch("zoho.item", item.item_id)
        if item.sku:
            self.world.shelves.put(self._shown(item))

    def dropped_item(self, item: Item) -> None:
        """An item is gone."""
        del self.org.items[item.item_id]
        self._index(item)
        self.world.keeper.touch("zoho.item", item.item_id)

    def changed_adjustment(self, adjustment: Adjustment) -> None:
        """An adjustment is new or changed; the oldest go when there are too many."""
        self.org.adjustments[adjustment.adjustment_id] = adjustment
        self.world.keeper.touch("zoho.adjustment", adjustment.adjustment_id)
        if len(self.org.adjustments) > _KEPT:
            oldest = next(iter(self.org.adjustments))
            del self.org.adjustments[oldest]
            self.world.keeper.touch("zoho.adjustment", oldest)

    def dropped_adjustment(self, adjustment: Adjustment) -> None:
        """An adjustment is gone."""
        del self.org.adjustments[adjustment.adjustment_id]
        self.world.keeper.touch("zoho.adjustment", adjustment.adjustment_id)

    def changed_order(self, order: SalesOrder, event: str = "salesorder.edited", *, webhook: bool = True) -> None:
        """A sales order is new or changed."""
        order.updated_at = self.world.clock.seconds()
        self.org.orders[order.salesorder_id] = order
        self.world.shelves.mark_changed()
        self.world.keeper.touch("zoho.order", order.salesorder_id)
        if webhook:
            self.hooks.tell(event, order_document(order, self.packages_of(order)))
        if len(self.org.orders) > _KEPT:
            self._forget_order(next(iter(self.org.orders)))

    def keep_package(self, package: Package) -> None:
        """A package is new or changed."""
        self.org.packages[package.package_id] = package
        self.world.keeper.touch("zoho.package", package.package_id)

    def keep_shipment(self, shipment: Shipment) -> None:
        """A shipment is new or changed."""
        self.org.shipments[shipment.shipment_id] = shipment
        self.world.keeper.touch("zoho.shipment", shipment.shipment_id)

    def _forget_order(self, salesorder_id: str) -> None:
        del self.org.orders[salesorder_id]
        self.world.keeper.touch("zoho.order", salesorder_id)

    def _index(self, item: Item) -> None:
        before = self.org.sku_of.pop(item.item_id, "")
        sku = item.sku if item.item_id in self.org.items else ""
        if before and before != sku:
            del self.org.by_sku[before]
            self.world.shelves.remove(PLATFORM, ACCOUNT, before)
        if sku:
            self.org.by_sku[sku], self.org.sku_of[item.item_id] = item.item_id, sku

    def _shown(self, item: Item) -> Shown:
        quantity = max(0, self.available(item)) if item.active else 0
        on_sale = "UNTRACKED" if not item.tracked else "ACTIVE" if quantity else "OUT_OF_STOCK"
        return Shown(
            platform=PLATFORM,
            account=ACCOUNT,
            sku=item.sku,
            listing_id=item.item_id,
            reference=item.item_id,
            title=str(item.fields.get("name", "")),
            price=f"{item.fields.get('rate', 0):.2f}",
            currency="USD",
            quantity=quantity,
            status=on_sale if item.active else "INACTIVE",
        )

    def _restore_item(self, key: str, document: Json) -> None:
        item = Item(**document)
        self.org.items[key] = item
        self._index(item)
        if item.sku:
            self.world.shelves.put(self._shown(item))

    def _restore_adjustment(self, key: str, document: Json) -> None:
        self.org.adjustments[key] = Adjustment(**document)

    def _restore_order(self, key: str, document: Json) -> None:
        self.org.orders[key] = SalesOrder(**document)

    def _restore_package(self, key: str, document: Json) -> None:
        self.org.packages[key] = Package(**document)

    def _restore_shipment(self, key: str, document: Json) -> None:
        self.org.shipments[key] = Shipment(**document)


def _dumped(entity: Item | Adjustment | SalesOrder | Package | Shipment | None) -> Json | None:
    return None if entity is None else as_json(entity)
