"""The Ecwid store's state in one place: found by id or SKU, kept across restarts, shown on the shelves, told by webhook."""

from __future__ import annotations

from sandbox.ecwid.errors import refuse
from sandbox.ecwid.events import Events
from sandbox.ecwid.state import Order, Product, as_json, shown_quantity, stock_of
from sandbox.shelves import Shown
from sandbox.wire import Json
from sandbox.world import World

PLATFORM = "ECWID"
ACCOUNT = "USAV"
STORE_ID = 48_702_000
_ORDERS_KEPT = 50_000


class Store:
    """Products by id and SKU, orders by id. `changed_*` writes, shows and tells."""

    def __init__(self, world: World, events: Events) -> None:
        self.world = world
        self.events = events
        self.products: dict[int, Product] = {}
        self.by_sku: dict[str, int] = {}
        self._skus_of: dict[int, set[str]] = {}
        self.orders: dict[str, Order] = {}
        self._order_numbers: dict[int, str] = {}
        world.keeper.register("ecwid.product", self._dump_product, self._restore_product)
        world.keeper.register("ecwid.order", self._dump_order, self._restore_order)

    def clear(self) -> None:
        """An empty shop."""
        self.products.clear()
        self.by_sku.clear()
        self._skus_of.clear()
        self.orders.clear()
        self._order_numbers.clear()

    def product(self, product_id: int) -> Product:
        """A product. Raises Refused with 404."""
        product = self.products.get(product_id)
        if product is None:
            raise refuse(404, "Product not found")
        return product

    def find_sku(self, sku: str) -> tuple[Product, Json | None] | None:
        """The product that has the SKU itself or on a variation."""
        product = self.products.get(self.by_sku.get(sku, -1))
        if product is None:
            return None
        return next(((product, entry) for known, entry in product.skus() if known == sku), None)

    def order(self, order_id: str) -> Order:
        """An order by text id or number. Raises Refused with 404."""
        if order_id.isdecimal():
            order_id = self._order_numbers.get(int(order_id), order_id)
        order = self.orders.get(order_id)
        if order is None:
            raise refuse(404, "Order not found")
        return order

    def refuse_taken_sku(self, sku: str, owner: Product | None, combination: Json | None = None) -> None:
        """SKUs are unique over products and variations. Raises Refused with 409."""
        found = self.find_sku(sku)
        if found is None:
            return
        product, entry = found
        same = owner is not None and product is owner and (entry or {}).get("id") == (combination or {}).get("id")
        if not same:
            raise refuse(409, f"SKU already exists: {sku}", "SKU_ALREADY_EXISTS")

    def changed_product(self, product: Product, event: str = "product.updated") -> None:
        """A product is new or changed."""
        product.updated_at = self.world.clock.seconds()
        self.products[product.product_id] = product
        self._index(product)
        self.world.keeper.touch("ecwid.product", str(product.product_id))
        self.events.tell(event, product.product_id)

    def dropped_product(self, product: Product) -> None:
        """A product is gone."""
        del self.products[product.product_id]
        self._index(product)
        self.world.keeper.touch("ecwid.product", str(product.product_id))
        self.events.tell("product.deleted", product.product_id)

    def changed_order(self, order: Order) -> None:
        """An order is new or changed; the oldest go when there are too many."""
        order.updated_at = self.world.clock.seconds()
        self._keep_order(order)
        if len(self.orders) > _ORDERS_KEPT:
            oldest = self.orders.pop(next(iter(self.orders)))
            self._order_numbers.pop(oldest.number, None)
            self.world.keeper.touch("ecwid.order", oldest.order_id)

    def dropped_order(self, order: Order) -> None:
        """An order is gone."""
        del self.orders[order.order_id]
        self._order_numbers.pop(order.number, None)
        self.world.keeper.touch("ecwid.order", order.order_id)

    def _keep_order(self, order: Order) -> None:
        self.orders[order.order_id] = order
        self._order_numbers[order.number] = order.order_id
        self.world.shelves.mark_changed()
        self.world.keeper.touch("ecwid.order", order.order_id)

    def _index(self, product: Product) -> None:
        living = product.product_id in self.products
        skus = dict(product.skus()) if living else {}
        for sku in self._skus_of.get(product.product_id, set()) - skus.keys():
            self.by_sku.pop(sku, None)
            self.world.shelves.remove(PLATFORM, ACCOUNT, sku)
        for sku, combination in skus.items():
            self.by_sku[sku] = product.product_id
            self.world.shelves.put(_shown(product, sku, combination))
        self._skus_of[product.product_id] = set(skus)
        if not living:
            del self._skus_of[product.product_id]

    def _dump_product(self, key: str) -> Json | None:
        product = self.products.get(int(key))
        return None if product is None else as_json(product)

    def _restore_product(self, key: str, document: Json) -> None:
        product = Product(**document)
        self.products[product.product_id] = product
        self._index(product)

    def _dump_order(self, key: str) -> Json | None:
        order = self.orders.get(key)
        return None if order is None else as_json(order)

    def _restore_order(self, key: str, document: Json) -> None:
        order = Order(**document)
        self.orders[order.order_id] = order
        self._order_numbers[order.number] = order.order_id


def _shown(product: Product, sku: str, combination: Json | None) -> Shown:
    stock = stock_of(product, combination)
    price = (combination or {}).get("price", product.fields.get("price", 0))
    on_sale = "UNLIMITED" if stock is None else "ACTIVE" if stock > 0 else "OUT_OF_STOCK"
    return Shown(
        platform=PLATFORM,
        account=ACCOUNT,
        sku=sku,
        listing_id=str(product.product_id),
        reference=str(combination["id"]) if combination else str(product.product_id),
        title=str(product.fields.get("name", "")),
        price=f"{price:.2f}",
        currency="USD",
        quantity=shown_quantity(product, combination),
        status=on_sale if product.enabled else "HIDDEN",
    )
