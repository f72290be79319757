"""Offers: created, replaced whole, published, withdrawn and deleted, one at a time or up to 25 in a call."""

from __future__ import annotations

from sandbox.ebay.documents import (
    bulk_answer,
    bulk_elements,
    document,
    offer_errors,
    page_links,
    page_of,
    require_language,
)
from sandbox.ebay.errors import envelope, error, invalid, refuse, unknown_offer, unknown_sku
from sandbox.ebay.publishing import publish, publish_errors, revise_listings, withdraw
from sandbox.ebay.state import Offer, Seller
from sandbox.ebay.store import Store, listing_status
from sandbox.wire import Answer, Call, Json, Refused, Router

_BASE = "/sell/inventory/v1"
_KEYS = ("sku", "marketplaceId", "format")


class Offers:
    """Handlers of `offer` and its bulk calls."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("create_offer", f"POST {_BASE}/offer", self.create)
        router.add("get_offers", f"GET {_BASE}/offer", self.list_offers)
        router.add("get_offer", f"GET {_BASE}/offer/{{offer_id}}", self.get)
        router.add("update_offer", f"PUT {_BASE}/offer/{{offer_id}}", self.update)
        router.add("delete_offer", f"DELETE {_BASE}/offer/{{offer_id}}", self.delete)
        router.add("publish_offer", f"POST {_BASE}/offer/{{offer_id}}/publish", self.publish)
        router.add("withdraw_offer", f"POST {_BASE}/offer/{{offer_id}}/withdraw", self.withdraw)
        router.add("bulk_create_offer", f"POST {_BASE}/bulk_create_offer", self.bulk_create)
        router.add("bulk_publish_offer", f"POST {_BASE}/bulk_publish_offer", self.bulk_publish)

    def create(self, call: Call) -> Answer:
        """A new unpublished offer; 25002 naming the existing one for the same SKU, marketplace and format."""
        body = document(call)
        require_language(call)
        status, errors, offer = self._create(call, body)
        return envelope(status, *errors) if offer is None else Answer(status, {"offerId": offer.offer_id})

    def bulk_create(self, call: Call) -> Answer:
        """The same for up to 25 offers."""
        requests = bulk_elements(document(call), 25730)
        require_language(call)
        keys = [tuple(str(entry.get(name)) for name in _KEYS) for entry in requests]
        if len(set(keys)) < len(keys):
            raise refuse(400, 25729, "The combination of SKU, marketplaceId and format should be unique.")
        return bulk_answer([self._bulk_created(call, entry) for entry in requests])

    def list_offers(self, call: Call) -> Answer:
        """The offers of one SKU; 404 when it has none."""
        sku = call.query.get("sku")
        if not sku:
            raise invalid("sku")
        call.note(sku)
        seller = self._store.seller(call)
        marketplace, limit_page = call.query.get("marketplace_id"), page_of(call, 100, 100)
        offers = [
            offer for offer in seller.offers_of(sku) if not marketplace or offer.marketplace_id == marketplace.upper()
        ]
        if not offers:
            raise Refused(envelope(404, unknown_offer(sku)))
        limit, page = limit_page
        chosen = [self._full(seller, offer) for offer in offers[page * limit : (page + 1) * limit]]
        links = page_links(f"{_BASE}/offer?sku={sku}&", limit, page, len(offers))
        return Answer(200, {**links, "size": len(chosen), "offers": chosen})

    def get(self, call: Call) -> Answer:
        """One offer with its listing."""
        seller = self._store.seller(call)
        offer = self._store.offer(seller, call.params["offer_id"])
        call.note(offer.sku)
        return Answer(200, self._full(seller, offer))

    def update(self, call: Call) -> Answer:
        """Replaces all fields of an offer; for a published one this revises the listing."""
        seller, body = self._store.seller(call), document(call)
        require_language(call)
        offer = self._store.offer(seller, call.params["offer_id"])
        call.note(offer.sku)
        fields = {name: value for name, value in body.items() if name not in _KEYS}
        errors = offer_errors(fields)
        if offer.published and not errors:
            # A listing may stand at zero, so the quantity rule of publishing does not apply to its revision.
            errors = [
                entry for entry in publish_errors(self._store, seller, offer, fields) if entry["errorId"] != 25004
            ]
        if errors:
            return envelope(400, *errors)
        revise_listings(self._store, [offer])
        offer.fields = fields
        call.note(offer.sku, offer.available)
        self._store.keep_offer(seller, offer)
        return Answer(200, {"offerId": offer.offer_id})

    def delete(self, call: Call) -> Answer:
        """Ends the listing and forgets the offer."""
        seller = self._store.seller(call)
        offer = self._store.offer(seller, call.params["offer_id"])
        call.note(offer.sku)
        seller.drop_offer(offer)
        self._store.keep_offer(seller, offer)
        return Answer(204)

    def publish(self, call: Call) -> Answer:
        """Makes the listing; a repeat answers with the same listing."""
        seller = self._store.seller(call)
        offer = self._store.offer(seller, call.params["offer_id"])
        call.note(offer.sku)
        errors = self._publish(seller, offer)
        return envelope(400, *errors) if errors else Answer(200, {"listingId": offer.listing_id})

    def bulk_publish(self, call: Call) -> Answer:
        """The same for up to 25 offers."""
        seller = self._store.seller(call)
        requests = bulk_elements(document(call), 25730)
        ids = [str(entry.get("offerId")) for entry in requests]
        if len(set(ids)) < len(ids):
            raise refuse(400, 25731, "OfferId should be unique in the request.")
        return bulk_answer([self._bulk_published(call, seller, offer_id) for offer_id in ids])

    def withdraw(self, call: Call) -> Answer:
        """Ends the listing and keeps the offer."""
        seller = self._store.seller(call)
        offer = self._store.offer(seller, call.params["offer_id"])
        call.note(offer.sku, 0)
        if not offer.published:
            raise refuse(400, 25002, "A user error has occurred. The offer is not published.")
        withdraw(self._store, seller, offer)
        return Answer(200, {"listingId": offer.listing_id})

    def _create(self, call: Call, body: Json) -> tuple[int, list[Json], Offer | None]:
        seller = self._store.seller(call)
        sku, marketplace, form = (body.get(name) for name in _KEYS)
        if not isinstance(sku, str) or not isinstance(marketplace, str) or form != "FIXED_PRICE":
            return 400, [error(25709, "Invalid value for sku, marketplaceId or format.")], None
        call.note(sku)
        if sku not in seller.items:
            return 400, [unknown_sku(sku)], None
        existing = next((offer for offer in seller.offers_of(sku) if offer.marketplace_id == marketplace), None)
        if existing is not None:
            return 400, [_exists(existing)], None
        fields = {name: value for name, value in body.items() if name not in _KEYS}
        errors = offer_errors(fields)
        if errors:
            return 400, errors, None
        offer_id = str(self._store.world.keeper.next_id("ebay.offer", 8_209_000_010))
        offer = Offer(offer_id, sku, marketplace, form, fields)
        seller.add_offer(offer)
        self._store.keep_offer(seller, offer)
        return 201, [], offer

    def _bulk_created(self, call: Call, entry: Json) -> Json:
        status, errors, offer = self._create(call, entry)
        response = {name: entry[name] for name in _KEYS if isinstance(entry.get(name), str)}
        if offer is not None:
            response["offerId"] = offer.offer_id
        return {**response, "statusCode": status, "errors": errors, "warnings": []}

    def _bulk_published(self, call: Call, seller: Seller, offer_id: str) -> Json:
        offer = seller.offers.get(offer_id)
        if offer is None:
            return {"offerId": offer_id, "statusCode": 404, "errors": [unknown_offer(offer_id)], "warnings": []}
        call.note(offer.sku)
        errors = self._publish(seller, offer)
        if errors:
            return {"offerId": offer_id, "statusCode": 400, "errors": errors, "warnings": []}
        return {"offerId": offer_id, "listingId": offer.listing_id, "statusCode": 200, "errors": [], "warnings": []}

    def _publish(self, seller: Seller, offer: Offer) -> list[Json]:
        errors = [] if offer.published else publish_errors(self._store, seller, offer, offer.fields)
        if not errors:
            publish(self._store, seller, offer)
        return errors

    def _full(self, seller: Seller, offer: Offer) -> Json:
        full = {
            **offer.fields,
            "offerId": offer.offer_id,
            "sku": offer.sku,
            "marketplaceId": offer.marketplace_id,
            "format": offer.format,
            "status": offer.status,
        }
        if offer.published:
            status = listing_status(offer, seller.items.get(offer.sku))
            full["listing"] = {"listingId": offer.listing_id, "listingStatus": status, "soldQuantity": offer.sold}
        return full


def _exists(offer: Offer) -> Json:
    return error(
        25002,
        "A user error has occurred. Offer entity already exists.",
        parameters={"offerId": offer.offer_id},
    )
