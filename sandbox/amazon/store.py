"""The seller's state in one place: found by id, kept across restarts, shown on the shelves after every change."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from sandbox.amazon.later import Later
from sandbox.amazon.state import Account, Document, Feed, Listing, Order, Subscription, as_json
from sandbox.amazon.tokens import ACCOUNT
from sandbox.shelves import Shown
from sandbox.wire import Json
from sandbox.world import World

PLATFORM = "AMAZON"
_ORDERS_KEPT = 50_000
_DOCUMENTS_KEPT = 100
_FEEDS_KEPT = 1000


class Store:
    """The account. Every change goes through `keep_*` or `drop_*` so that it is written and shown."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.later = Later()
        self.account = Account()
        self._register("listing", lambda account: account.listings, Listing, self.show)
        self._register("order", lambda account: account.orders, Order)
        self._register("document", lambda account: account.documents, Document)
        self._register("feed", lambda account: account.feeds, Feed)
        self._register("subscription", lambda account: account.subscriptions, Subscription)
        self._register("destination", lambda account: account.destinations, dict)

    def clear(self) -> None:
        """A seller of the first day."""
        self.later.clear()
        self.account = Account()

    def keep_listing(self, listing: Listing) -> None:
        """A listing is new or changed."""
        listing.updated_at = self.world.clock.seconds()
        self.account.listings[listing.sku] = listing
        self.world.keeper.touch("amazon.listing", listing.sku)
        self.show(listing)

    def drop_listing(self, sku: str) -> None:
        """A listing is gone; a repeat changes nothing."""
        if self.account.listings.pop(sku, None) is not None:
            self.world.keeper.touch("amazon.listing", sku)
            self.world.shelves.remove(PLATFORM, ACCOUNT, sku)

    def keep_order(self, order: Order) -> None:
        """An order is new or changed; the oldest go when there are too many."""
        order.updated_at = self.world.clock.seconds()
        self.world.shelves.mark_changed()
        self._keep("order", self.account.orders, order.order_id, order, _ORDERS_KEPT)

    def keep_document(self, document: Document) -> None:
        """A feed document is new or was uploaded; the oldest go when there are too many."""
        self._keep("document", self.account.documents, document.document_id, document, _DOCUMENTS_KEPT)

    def keep_feed(self, feed: Feed) -> None:
        """A feed is new or has come further; the oldest go when there are too many."""
        self._keep("feed", self.account.feeds, feed.feed_id, feed, _FEEDS_KEPT)

    def keep_destination(self, destination: Json) -> None:
        """A destination is new."""
        self.account.destinations[destination["destinationId"]] = destination
        self.world.keeper.touch("amazon.destination", destination["destinationId"])

    def drop_destination(self, destination_id: str) -> None:
        """A destination is gone."""
        del self.account.destinations[destination_id]
        self.world.keeper.touch("amazon.destination", destination_id)

    def keep_subscription(self, subscription: Subscription) -> None:
        """A subscription is new."""
        self.account.subscriptions[subscription.subscription_id] = subscription
        self.world.keeper.touch("amazon.subscription", subscription.subscription_id)

    def drop_subscription(self, subscription: Subscription) -> None:
        """A subscription is gone."""
        del self.account.subscriptions[subscription.subscription_id]
        self.world.keeper.touch("amazon.subscription", subscription.subscription_id)

    def subscription_to(self, notification_type: str) -> Subscription | None:
        """The subscription to a type of notification."""
        found = self.account.subscriptions.values()
        return next((entry for entry in found if entry.notification_type == notification_type), None)

    def show(self, listing: Listing) -> None:
        """Puts on the shelf what buyers see of a listing."""
        amount, currency = listing.price or ("0.00", "USD")
        on_sale = "INACTIVE" if listing.suppressed or not listing.price else "OUT_OF_STOCK"
        self.world.shelves.put(
            Shown(
                platform=PLATFORM,
                account=ACCOUNT,
                sku=listing.sku,
                listing_id=listing.asin,
                reference=listing.sku,
                title=listing.title,
                price=amount,
                currency=currency,
                quantity=listing.shown,
                status="ACTIVE" if listing.shown else on_sale,
            )
        )

    def _keep(self, kind: str, found: dict[str, Any], key: str, entity: Any, most: int) -> None:
        found[key] = entity
        self.world.keeper.touch(f"amazon.{kind}", key)
        if len(found) > most:
            oldest = next(iter(found))
            del found[oldest]
            self.world.keeper.touch(f"amazon.{kind}", oldest)

    def _register(
        self,
        kind: str,
        of: Callable[[Account], dict[str, Any]],
        make: Callable[..., Any],
        restored: Callable[[Any], None] = lambda entity: None,
    ) -> None:
        def dump(key: str) -> Json | None:
            entity = of(self.account).get(key)
            return entity if entity is None or isinstance(entity, dict) else as_json(entity)

        def restore(key: str, document: Json) -> None:
            of(self.account)[key] = make(**document)
            restored(of(self.account)[key])

        self.world.keeper.register(f"amazon.{kind}", dump, restore)


def opaque_id(kind: str) -> str:
    """An id of the form Amazon gives to feeds and documents."""
    return f"amzn1.tortuga.{kind}.{secrets.token_hex(12)}"
