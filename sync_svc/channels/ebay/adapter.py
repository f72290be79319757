"""The channel of one eBay seller account: joins calls, mapping, listings and notifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2

from sync_svc.channels.base import (
    ChannelAccount,
    ChannelError,
    ChannelHealth,
    ChannelOrder,
    FoundPage,
    Hint,
    ListingState,
    LiveListing,
    OrderPage,
    Parcel,
    PushResult,
    Quota,
    Told,
)
from sync_svc.channels.ebay import errors, mapping, orders, shelf, shipping
from sync_svc.channels.ebay.client import DAILY_LIMITS, EbayClient
from sync_svc.channels.ebay.listings import ListingPusher
from sync_svc.channels.ebay.notifications import Notifications
from sync_svc.channels.ebay.terms import DEFAULT_LANGUAGE, DEFAULT_MARKETPLACE, SellerTerms
from sync_svc.channels.gathering import gather_bounded
from sync_svc.channels.windows import cursor_behind, cursor_within, open_cursor

MAX_BATCH = 25
_READS_AT_ONCE = 8
# How far our clock may run ahead of eBay's before a window is read without its last part.
_CLOCK_AHEAD = timedelta(minutes=2)
_REQUIRED = ("client_id", "client_secret", "refresh_token")


class EbayChannel:
    """One seller account. Long-lived: keeps its connections, tokens, quotas and eBay's keys."""

    def __init__(self, account: ChannelAccount, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in for the network in tests. Raises ValueError naming a missing credential."""
        missing = [name for name in _REQUIRED if not account.credentials.get(name)]
        if missing or not account.api_base_url:
            raise ValueError(f"An eBay account needs {', '.join(missing) or 'api_base_url'}.")
        self._account = account
        self._marketplace_id = account.site or DEFAULT_MARKETPLACE
        language = str(account.options.get("content_language") or DEFAULT_LANGUAGE)
        self._client = EbayClient(account, language, transport)
        self._pusher = ListingPusher(
            self._client,
            SellerTerms(self._client, account.options, self._marketplace_id),
            skus_per_call=_skus_per_call(account.options),
            marketplace_id=self._marketplace_id,
            may_create=account.options.get("create_listings") is not False,
        )
        self._notifications = Notifications(self._client, account)

    @property
    def max_batch(self) -> int:
        return MAX_BATCH

    async def check(self) -> ChannelHealth:
        """Reads one item."""
        await self._client.any_item()
        return ChannelHealth(self._account.account, _time_or_none(self._account.credentials.get("consent_expires_at")))

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Creates or matches, then sets price and quantity; see `listings`."""
        return await self._pusher.push(batch)

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Reads items 25 at a time and each one's offer."""
        chunks = [batch[i : i + MAX_BATCH] for i in range(0, len(batch), MAX_BATCH)]
        items: dict[str, Mapping[str, object]] = {}
        for chunk in chunks:
            items |= await self._client.get_items([state.platform_sku for state in chunk])

        async def read_one(state: ListingState) -> LiveListing:
            item = items.get(state.platform_sku)
            # There is no offer without an item.
            is_there = item is not None or not state.was_never_offered
            offer = await self._pusher.find_offer(state) if is_there else None
            return mapping.live_listing(state, item, offer)

        return await gather_bounded(read_one, batch, at_once=_READS_AT_ONCE)

    async def live_listings(self, cursor: str) -> FoundPage:
        """Lists what is offered; see `shelf`."""
        return await shelf.list_page(self._client, cursor, self._marketplace_id)

    async def orders_since(self, cursor: str) -> OrderPage:
        """Reads one page of the window of `cursor`."""
        window = open_cursor(cursor, datetime.now(UTC))
        try:
            body = await self._client.search_orders(orders.search_parameters(window))
        except ChannelError as error:
            if error.code != errors.DATE_IN_FUTURE:
                raise
            window = replace(window, end=window.end - _CLOCK_AHEAD)
            body = await self._client.search_orders(orders.search_parameters(window))
        listed = body.get("orders")
        found = listed if isinstance(listed, list) else []
        total = body.get("total")
        following = window.after(len(found), total if isinstance(total, int) else window.offset + len(found))
        return OrderPage(
            orders=[order for order in map(orders.order_of, found) if order is not None],
            cursor=cursor_within(following) if following else cursor_behind(window),
            more=following is not None,
        )

    async def get_order(self, external_order_id: str) -> ChannelOrder | None:
        """Reads one order."""
        return orders.order_of(await self._client.get_order(external_order_id))

    async def ship(self, parcel: Parcel) -> Told:
        """Tells of a parcel; see `shipping`."""
        return await shipping.tell_parcel(self._client, parcel)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Checks the signature with eBay's key; see `notifications`."""
        return await self._notifications.verify(headers, body)

    def answer_challenge(self, endpoint: str, challenge_code: str) -> bytes:
        """Answers eBay's test of the webhook address."""
        return self._notifications.answer_challenge(endpoint, challenge_code)

    async def connect_webhooks(self, endpoint: str) -> Mapping[str, str]:
        """Makes destination and subscription, or finds them."""
        return await self._notifications.connect(endpoint)

    def quotas(self) -> list[Quota]:
        """Calls that could be made at once, of the most that ever can."""
        throttle = self._client.throttle
        return [Quota(name, throttle.burst(name), throttle.left(name)) for name in DAILY_LIMITS]

    def token_expires_at(self) -> datetime | None:
        expires_at = self._client.seller_token.expires_at
        return None if expires_at is None else datetime.fromtimestamp(expires_at, UTC)

    async def aclose(self) -> None:
        await self._client.aclose()


def _skus_per_call(options: Mapping[str, object]) -> int:
    """One unless `batch_skus` is on: eBay's sources disagree on whether a call may hold more."""
    return MAX_BATCH if options.get("batch_skus") is True else 1


def _time_or_none(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
