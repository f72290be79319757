"""The sellers' state in one place: found by call, kept across restarts, and shown on the shelves after every change."""

from __future__ import annotations

from sandbox.ebay.errors import envelope as refusal
from sandbox.ebay.errors import unknown_offer, unknown_sku
from sandbox.ebay.state import (
    UNPUBLISHED,
    Offer,
    Order,
    Seller,
    as_json,
    offer_from_json,
    order_from_json,
    shown_quantity,
    title_of,
)
from sandbox.ebay.tokens import SELLERS
from sandbox.shelves import Shown
from sandbox.wire import Call, Json, Refused
from sandbox.world import World

PLATFORM = "EBAY"
LOCATION_KEY = "usav-warehouse"
CATEGORY_ID = "14990"
MARKETPLACE_ID = "EBAY_US"
_ORDERS_KEPT = 50_000


def policy_ids(seller: str) -> dict[str, str]:
    """The business policies a seller has from the start, by the field of an offer that names them."""
    base = 6_000_000_000 + SELLERS.index(seller) * 10
    return {
        "fulfillmentPolicyId": str(base + 1),
        "paymentPolicyId": str(base + 2),
        "returnPolicyId": str(base + 3),
    }


class Store:
    """All sellers. Every change goes through `kept_*` so that it is written and shown."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sellers: dict[str, Seller] = {}
        self._order_owner: dict[str, str] = {}
        self.begin()
        keeper = world.keeper
        keeper.register("ebay.location", self._dump_location, self._restore_location)
        keeper.register("ebay.item", self._dump_item, self._restore_item)
        keeper.register("ebay.offer", self._dump_offer, self._restore_offer)
        keeper.register("ebay.order", self._dump_order, self._restore_order)

    def begin(self) -> None:
        """Sellers as on the first day: one location, policies, nothing listed."""
        self.sellers = {name: Seller(name) for name in SELLERS}
        self._order_owner.clear()
        for seller in self.sellers.values():
            seller.locations[LOCATION_KEY] = _first_location()

    def seller(self, call: Call) -> Seller:
        """The seller whose token the call carries."""
        return self.sellers[call.account]

    def item(self, seller: Seller, sku: str) -> Json:
        """An inventory item. Raises Refused with 404."""
        item = seller.items.get(sku)
        if item is None:
            raise Refused(refusal(404, unknown_sku(sku)))
        return item

    def offer(self, seller: Seller, offer_id: str) -> Offer:
        """An offer. Raises Refused with 404."""
        offer = seller.offers.get(offer_id)
        if offer is None:
            raise Refused(refusal(404, unknown_offer(offer_id)))
        return offer

    def find_order(self, order_id: str) -> tuple[Seller, Order] | None:
        """An order of any seller."""
        owner = self._order_owner.get(order_id)
        return None if owner is None else (self.sellers[owner], self.sellers[owner].orders[order_id])

    def keep_location(self, seller: Seller, key: str) -> None:
        """A location changed or went."""
        self.world.keeper.touch("ebay.location", f"{seller.name}/{key}")

    def keep_item(self, seller: Seller, sku: str) -> None:
        """An item changed or went."""
        self.world.keeper.touch("ebay.item", f"{seller.name}/{sku}")
        self.show(seller, sku)

    def keep_offer(self, seller: Seller, offer: Offer) -> None:
        """An offer changed or went."""
        self.world.keeper.touch("ebay.offer", f"{seller.name}/{offer.offer_id}")
        self.show(seller, offer.sku)

    def keep_order(self, seller: Seller, order: Order) -> None:
        """An order is new or changed; the oldest go when there are too many."""
        seller.orders[order.order_id] = order
        self._order_owner[order.order_id] = seller.name
        self.world.shelves.mark_changed()
        self.world.keeper.touch("ebay.order", f"{seller.name}/{order.order_id}")
        if len(seller.orders) > _ORDERS_KEPT:
            oldest = next(iter(seller.orders))
            del seller.orders[oldest], self._order_owner[oldest]
            self.world.keeper.touch("ebay.order", f"{seller.name}/{oldest}")

    def show(self, seller: Seller, sku: str) -> None:
        """Puts on the shelf what buyers see of a SKU; ends listings that may not stand at zero."""
        item, offers = seller.items.get(sku), seller.offers_of(sku)
        if not self.world.switches.ebay.out_of_stock_control:
            for offer in offers:
                if offer.published and shown_quantity(offer, item) == 0:
                    offer.status = UNPUBLISHED
                    self.world.keeper.touch("ebay.offer", f"{seller.name}/{offer.offer_id}")
        listed = [offer for offer in offers if offer.listing_id]
        if not listed:
            self.world.shelves.remove(PLATFORM, seller.name, sku)
            return
        best = next((offer for offer in listed if offer.published), listed[-1])
        self.world.shelves.put(_shown(seller, best, item))

    def _dump_location(self, key: str) -> Json | None:
        seller, _, location = key.partition("/")
        return self.sellers[seller].locations.get(location)

    def _restore_location(self, key: str, document: Json) -> None:
        seller, _, location = key.partition("/")
        self.sellers[seller].locations[location] = document

    def _dump_item(self, key: str) -> Json | None:
        seller, _, sku = key.partition("/")
        return self.sellers[seller].items.get(sku)

    def _restore_item(self, key: str, document: Json) -> None:
        seller, _, sku = key.partition("/")
        self.sellers[seller].items[sku] = document
        self.show(self.sellers[seller], sku)

    def _dump_offer(self, key: str) -> Json | None:
        seller, _, offer_id = key.partition("/")
        offer = self.sellers[seller].offers.get(offer_id)
        return None if offer is None else as_json(offer)

    def _restore_offer(self, key: str, document: Json) -> None:
        seller = self.sellers[key.partition("/")[0]]
        offer = offer_from_json(document)
        seller.add_offer(offer)
        self.show(seller, offer.sku)

    def _dump_order(self, key: str) -> Json | None:
        seller, _, order_id = key.partition("/")
        order = self.sellers[seller].orders.get(order_id)
        return None if order is None else as_json(order)

    def _restore_order(self, key: str, document: Json) -> None:
        seller, _, order_id = key.partition("/")
        self.sellers[seller].orders[order_id] = order_from_json(document)
        self._order_owner[order_id] = seller


def listing_status(offer: Offer, item: Json | None) -> str:
    """ListingStatusEnum of an offer that has been published."""
    if not offer.published:
        return "ENDED"
    return "ACTIVE" if shown_quantity(offer, item) else "OUT_OF_STOCK"


def _shown(seller: Seller, offer: Offer, item: Json | None) -> Shown:
    return Shown(
        platform=PLATFORM,
        account=seller.name,
        sku=offer.sku,
        listing_id=offer.listing_id,
        reference=offer.offer_id,
        title=title_of(item),
        price=str(offer.price.get("value", "")),
        currency=str(offer.price.get("currency", "")),
        quantity=shown_quantity(offer, item),
        status=listing_status(offer, item),
    )


def _first_location() -> Json:
    return {
        "location": {"address": {"city": "San Jose", "stateOrProvince": "CA", "postalCode": "95112", "country": "US"}},
        "name": "USAV warehouse",
        "merchantLocationStatus": "ENABLED",
        "locationTypes": ["WAREHOUSE"],
    }
