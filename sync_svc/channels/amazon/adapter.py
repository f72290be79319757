"""The channel of one Amazon seller: joins calls, listings, feeds, orders and the queue of notifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2

from sync_svc.channels.amazon import mapping, notifications, orders, shelf, shipping
from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.amazon.feeds import BREAK_EVEN, Feeds
from sync_svc.channels.amazon.listings import ListingPusher
from sync_svc.channels.amazon.queue import WAIT_S, NotificationQueue
from sync_svc.channels.amazon.sigv4 import AwsKeys
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
    Outcome,
    Parcel,
    PushResult,
    QueuedHints,
    Quota,
    Told,
    WebhookRefused,
)
from sync_svc.channels.codec import time_or_none

_REQUIRED = ("client_id", "client_secret", "refresh_token", "seller_id")
_SHOWN_QUOTAS = ("patchListingsItem", "getListingsItem", "createFeed", "searchOrders", "getOrder")
# How far our clock may run ahead of Amazon's before a window is read without its last part.
_CLOCK_AHEAD = timedelta(minutes=3)


class AmazonChannel:
    """One seller in one marketplace. Long-lived: keeps its connections, tokens and buckets."""

    def __init__(self, account: ChannelAccount, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in for the network in tests. Raises ValueError naming what is missing or wrong."""
        missing = [name for name in _REQUIRED if not account.credentials.get(name)]
        if missing:
            raise ValueError(f"An Amazon account needs {', '.join(missing)}.")
        self._account = account
        self._seller_id = account.credentials["seller_id"]
        self._terms = terms = mapping.terms_of(account.options, account.site)
        self._client = AmazonClient(account, terms.marketplace_id, transport)
        feeds = Feeds(self._client, terms, self._seller_id)
        self._pusher = ListingPusher(self._client, terms, feeds, feed_from=_feed_from(account.options))
        self._queue = _queue_of(account, self._client)

    @property
    def max_batch(self) -> int:
        return self._pusher.max_batch

    async def check(self) -> ChannelHealth:
        """Reads one listing."""
        await self._client.any_listing()
        return ChannelHealth(self._account.account, time_or_none(self._account.credentials.get("consent_expires_at")))

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Matches or creates, then sets price and quantity; see `listings`."""
        return await self._pusher.push(batch)

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Reads listings, 20 at a time where there are many."""
        return await self._pusher.read(batch)

    async def live_listings(self, cursor: str) -> FoundPage:
        """Lists what is offered; see `shelf`."""
        return await shelf.list_page(self._client, cursor, self._terms)

    async def orders_since(self, cursor: str) -> OrderPage:
        """Reads one page of the search of `cursor`; none while no search may be made, which is most of the time."""
        search = orders.open_search(cursor, datetime.now(UTC))
        if self._client.throttle.left("searchOrders") < 1:
            return OrderPage([], cursor)
        try:
            body = await self._client.search_orders(orders.search_parameters(search))
        except ChannelError as error:
            if error.outcome is not Outcome.PERMANENT:
                raise
            search = _without_what_was_refused(search, error)
            body = await self._client.search_orders(orders.search_parameters(search))
        token = orders.next_token(body)
        listed = body.get("orders")
        found = [orders.order_of(order) for order in (listed if isinstance(listed, list) else [])]
        return OrderPage(
            orders=[order for order in found if order is not None],
            cursor=replace(search, token=token).cursor if token else search.cursor_behind,
            more=bool(token),
        )

    async def get_order(self, external_order_id: str) -> ChannelOrder | None:
        """Reads one order; None also for one that Amazon ships from its own stock."""
        return orders.order_of(await self._client.get_order(external_order_id))

    async def ship(self, parcel: Parcel) -> Told:
        """Tells of a parcel; see `shipping`."""
        return await shipping.tell_parcel(self._client, parcel, self._terms.marketplace_id)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Amazon calls no address."""
        raise WebhookRefused("Amazon sends its notifications to a queue.")

    def answer_challenge(self, endpoint: str, challenge_code: str) -> bytes:
        """Amazon tests no address."""
        raise WebhookRefused("Amazon sends its notifications to a queue.")

    async def connect_webhooks(self, endpoint: str) -> Mapping[str, str]:
        """Has notifications put into the queue that the options name; `endpoint` is of no use to Amazon."""
        queue_arn = str(self._account.options.get("queue_arn") or "")
        if not queue_arn:
            return {}
        return await notifications.subscribe(self._client, queue_arn, f"usav-hub-{self._account.channel_id}")

    @property
    def has_queue(self) -> bool:
        """Whether the options name a queue."""
        return self._queue is not None

    async def receive_hints(self) -> QueuedHints:
        """Waits some seconds for notifications."""
        if self._queue is None:
            return QueuedHints()
        messages = await self._queue.receive()
        hints = [notifications.hint_of(message.body, self._seller_id) for message in messages]
        return QueuedHints(hints, [message.receipt for message in messages])

    async def settle_hints(self, queued: QueuedHints) -> None:
        """Takes notifications out of the queue."""
        if self._queue is not None:
            await self._queue.delete(queued.receipts)

    def quotas(self) -> list[Quota]:
        """Calls that could be made at once, of the most that ever can."""
        throttle = self._client.throttle
        return [Quota(name, throttle.burst(name), throttle.left(name)) for name in _SHOWN_QUOTAS]

    def token_expires_at(self) -> datetime | None:
        expires_at = self._client.seller_token.expires_at
        return None if expires_at is None else datetime.fromtimestamp(expires_at, UTC)

    async def aclose(self) -> None:
        await self._pusher.aclose()
        await self._client.aclose()


def _without_what_was_refused(search: orders.Search, error: ChannelError) -> orders.Search:
    """The same search from its beginning when its token was too old, or with an earlier end when our clock is ahead."""
    if search.token:
        return replace(search, token="")
    earlier = search.window.end - _CLOCK_AHEAD
    if earlier <= search.window.start:
        raise error
    return replace(search, window=replace(search.window, end=earlier))


def _queue_of(account: ChannelAccount, client: AmazonClient) -> NotificationQueue | None:
    url = str(account.options.get("queue_url") or "")
    if not url:
        return None
    credentials, options = account.credentials, account.options
    key_id, secret = credentials.get("aws_access_key_id", ""), credentials.get("aws_secret_access_key", "")
    keys = AwsKeys(key_id, secret, credentials.get("aws_session_token", "")) if key_id and secret else None
    wait_s = options.get("queue_wait_s", WAIT_S)
    if isinstance(wait_s, bool) or not isinstance(wait_s, int | float) or not 0 <= wait_s <= WAIT_S:
        raise ValueError(f"The option queue_wait_s is a number from 0 to {WAIT_S}.")
    return NotificationQueue(client.wire, url, str(options.get("aws_region") or ""), keys, wait_s=wait_s)


def _feed_from(options: Mapping[str, object]) -> int:
    value = options.get("feed_from", BREAK_EVEN)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError("The option feed_from is a number of listings, 0 for never.")
    return int(value)
