"""`bulk_update_price_quantity`: absolute totals, offer quantities and prices, judged element by element.

The documents contradict each other on how many SKUs a call may hold; `one_sku_per_call` chooses the strict reading.
"""

from __future__ import annotations

from sandbox.ebay.documents import bulk_answer, bulk_elements, document, price_error, quantity_error
from sandbox.ebay.errors import error, refuse, unknown_offer, unknown_sku
from sandbox.ebay.publishing import revise_listings
from sandbox.ebay.state import Offer, Seller, set_item_quantity, whole
from sandbox.ebay.store import Store
from sandbox.wire import Answer, Call, Json, Refused, Router

_MAX_OFFERS = 25


class PriceQuantity:
    """The handler of the call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds it to the platform's router."""
        router.add("bulk_update_price_quantity", "POST /sell/inventory/v1/bulk_update_price_quantity", self.update)

    def update(self, call: Call) -> Answer:
        """Sets totals, offer quantities and prices of up to 25 SKUs; a repeat changes nothing."""
        requests = bulk_elements(document(call), 25709)
        if self._store.world.switches.ebay.one_sku_per_call and len(requests) > 1:
            raise refuse(400, 25709, "Invalid value for requests. Only one SKU can be updated per call.")
        skus = [str(entry.get("sku")) for entry in requests]
        if len(set(skus)) < len(skus):
            raise refuse(400, 25734, "SKU should be unique in the request.")
        seller = self._store.seller(call)
        responses: list[Json] = []
        for entry in requests:
            responses += self._element(call, seller, entry)
        return bulk_answer(responses)

    def _element(self, call: Call, seller: Seller, entry: Json) -> list[Json]:
        sku, offers = str(entry.get("sku")), entry.get("offers") or []
        call.note(sku)
        if not isinstance(offers, list) or len(offers) > _MAX_OFFERS or not all(isinstance(o, dict) for o in offers):
            return [_response(sku, "", 400, error(25709, "Invalid value for offers"))]
        if not isinstance(entry.get("shipToLocationAvailability") or {}, dict):
            return _all(sku, offers, 400, error(25709, "Invalid value for shipToLocationAvailability"))
        total = (entry.get("shipToLocationAvailability") or {}).get("quantity")
        if sku not in seller.items:
            return _all(sku, offers, 404, unknown_sku(sku))
        wrong_total = quantity_error(total)
        if wrong_total:
            return _all(sku, offers, 400, wrong_total)
        judged = [(change, self._judge(seller, sku, change)) for change in offers]
        sound = [change for change, wrong in judged if wrong is None]
        try:
            revise_listings(self._store, _touched(seller, sku, sound, total))
        except Refused as refused:
            return _all(sku, offers, 400, refused.answer.body["errors"][0])
        self._apply(call, seller, sku, total, sound)
        if not offers:
            return [_response(sku, "", 200)]
        return [
            _response(sku, str(change.get("offerId")), *((200, None) if wrong is None else wrong))
            for change, wrong in judged
        ]

    def _judge(self, seller: Seller, sku: str, change: Json) -> tuple[int, Json] | None:
        offer = seller.offers.get(str(change.get("offerId")))
        if offer is None:
            return 404, unknown_offer(str(change.get("offerId")))
        if offer.sku != sku:
            return 400, error(25754, "One or more provided offerId(s) are invalid. They belong to another SKU.")
        if not offer.published:
            return 400, error(25002, "A user error has occurred. The offer is not published; use updateOffer.")
        wrong = quantity_error(change.get("availableQuantity")) or price_error(change.get("price"))
        return (400, wrong) if wrong else None

    def _apply(self, call: Call, seller: Seller, sku: str, total: int | None, changes: list[Json]) -> None:
        if total is not None:
            set_item_quantity(seller.items[sku], total)
        for change in changes:
            offer = seller.offers[str(change["offerId"])]
            _change_offer(offer, change)
            self._store.keep_offer(seller, offer)
        set_quantities = [change["availableQuantity"] for change in changes if "availableQuantity" in change]
        if total is not None:
            set_quantities.append(total)
            self._store.keep_item(seller, sku)
        if set_quantities:
            call.note(sku, min(set_quantities))


def _change_offer(offer: Offer, change: Json) -> None:
    quantity, price = whole(change.get("availableQuantity")), change.get("price")
    if quantity is not None:
        offer.fields["availableQuantity"] = quantity
    if price is not None:
        amount = {"value": str(price["value"]), "currency": price["currency"]}
        offer.fields["pricingSummary"] = {**(offer.fields.get("pricingSummary") or {}), "price": amount}


def _touched(seller: Seller, sku: str, changes: list[Json], total: int | None) -> list[Offer]:
    if total is not None:
        return seller.offers_of(sku)
    return [seller.offers[offer_id] for offer_id in dict.fromkeys(str(change["offerId"]) for change in changes)]


def _all(sku: str, offers: list[Json], status: int, wrong: Json) -> list[Json]:
    ids = [str(change.get("offerId")) for change in offers] or [""]
    return [_response(sku, offer_id, status, wrong) for offer_id in ids]


def _response(sku: str, offer_id: str, status: int, wrong: Json | None = None) -> Json:
    response: Json = {"sku": sku, "statusCode": status, "errors": [wrong] if wrong else [], "warnings": []}
    if offer_id:
        response["offerId"] = offer_id
    return response
