"""The channel of one Zoho organization: joins calls, mapping, items, sales orders and webhooks."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

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
    Outcome,
    Parcel,
    PushResult,
    Quota,
    Told,
    WebhookRefused,
)
from sync_svc.channels.windows import cursor_behind, cursor_within, open_cursor
from sync_svc.channels.zoho import mapping, orders, shelf, shipping, webhooks
from sync_svc.channels.zoho.client import ZohoClient
from sync_svc.channels.zoho.listings import MAX_BATCH, ListingPusher

_REQUIRED = ("client_id", "client_secret", "refresh_token", "organization_id")
_KEPT_ORDERS = 2_000
_KEPT_SKUS = 5_000
# Orders that Zoho copies from marketplaces the hub takes orders from itself.
_OWN_CHANNELS = ("amazon", "ebay", "ecwid")


class ZohoChannel:
    """One organization. Long-lived: keeps its connections, token and quota."""

    def __init__(self, account: ChannelAccount, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in for the network in tests. Raises ValueError naming what is missing or wrong."""
        missing = [name for name in _REQUIRED if not account.credentials.get(name)]
        if missing:
            raise ValueError(f"A Zoho account needs {', '.join(missing)}.")
        self._account = account
        self._client = ZohoClient(account, transport)
        self._terms = mapping.terms_of(account.options)
        self._pusher = ListingPusher(self._client, self._terms)
        self._skipped = _skipped_channels(account.options)
        self._orders: OrderedDict[orders.Listed, ChannelOrder] = OrderedDict()
        self._skus: OrderedDict[str, str] = OrderedDict()

    @property
    def max_batch(self) -> int:
        return MAX_BATCH

    async def check(self) -> ChannelHealth:
        """Reads the organization, or an item where the token may not."""
        try:
            name = await self._client.organization_name()
        except ChannelError as error:
            if error.outcome not in (Outcome.AUTH, Outcome.PERMANENT):
                raise
            name = ""
        if not name:
            await self._client.any_item()
        return ChannelHealth(name or self._account.account)

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Creates or matches, then sets price and stock; see `listings`."""
        return await self._pusher.push(batch)

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Reads each listing's item."""
        return await self._pusher.read(batch)

    async def live_listings(self, cursor: str) -> FoundPage:
        """Lists what is offered; see `shelf`."""
        return await shelf.list_page(self._client, cursor, self._terms)

    async def orders_since(self, cursor: str) -> OrderPage:
        """Reads a part of the window of `cursor`; see `orders` for how changed ones are found."""
        window = open_cursor(cursor, datetime.now(UTC))
        body = await self._client.list_orders(orders.list_parameters(window))
        part = orders.changed_in(body, window, self._skipped)
        found = [await self._changed_order(listed) for listed in part.changed]
        return OrderPage(
            orders=[order for order in found if order is not None],
            cursor=cursor_within(part.following) if part.following else cursor_behind(window),
            more=part.following is not None,
        )

    async def _changed_order(self, listed: orders.Listed) -> ChannelOrder | None:
        """One order of a list; what was read for the same change is not read again."""
        known = self._orders.get(listed)
        order = known or await self.get_order(listed.order_id)
        if order is not None and known is None and order.modified_at == listed.modified_at:
            self._orders[listed] = order
            if len(self._orders) > _KEPT_ORDERS:
                self._orders.popitem(last=False)
        return order

    async def get_order(self, external_order_id: str) -> ChannelOrder | None:
        """Reads one order, and the SKUs of its items where its lines do not tell them."""
        order_id = mapping.text_id(external_order_id)
        body = await self._client.get_order(order_id) if order_id else None
        if body is None:
            return None
        await self._learn_skus(orders.lacks_skus(body))
        return orders.order_of(body, self._skus)

    async def _learn_skus(self, item_ids: Sequence[str]) -> None:
        unknown = [item_id for item_id in item_ids if item_id not in self._skus][:MAX_BATCH]
        if not unknown:
            return
        for item_id, item in (await self._client.get_items(unknown)).items():
            self._skus[item_id] = str(item.get("sku") or "")
        while len(self._skus) > _KEPT_SKUS:
            self._skus.popitem(last=False)

    async def ship(self, parcel: Parcel) -> Told:
        """Tells of a parcel; see `shipping`."""
        return await shipping.tell_parcel(self._client, parcel)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Checks the secret of the address, and the signature where there is one."""
        return webhooks.hints_of(headers, body, self._account.webhook, now=time.time())

    def answer_challenge(self, endpoint: str, challenge_code: str) -> bytes:
        """Zoho tests no address."""
        raise WebhookRefused("Zoho does not test webhook addresses.")

    async def connect_webhooks(self, endpoint: str) -> Mapping[str, str]:
        """Makes the address with its secret; a person enters it in a workflow of the organization, for want of a call.

        A stand-in for Zoho may name an address where it can be set.
        """
        token = self._account.webhook.get("token") or secrets.token_urlsafe(32)
        address = f"{endpoint}?{urlencode({'token': token})}"
        settings_url = self._account.webhook.get("configure_url")
        if settings_url:
            await self._client.configure_webhooks(settings_url, address)
        return {"token": token, "address": address}

    def quotas(self) -> list[Quota]:
        """Requests that could be made at once, of the most that ever can, and the day's."""
        throttle = self._client.throttle
        found = [Quota(name, throttle.burst(name), throttle.left(name)) for name in ("requests", "token")]
        if self._client.per_day:
            found.append(Quota("requests_today", self._client.per_day, self._client.left_today()))
        return found

    def token_expires_at(self) -> datetime | None:
        expires_at = self._client.token.expires_at
        return None if expires_at is None else datetime.fromtimestamp(expires_at, UTC)

    async def aclose(self) -> None:
        await self._client.aclose()


def _skipped_channels(options: Mapping[str, object]) -> tuple[str, ...]:
    given = options.get("skip_sales_channels")
    named = given if isinstance(given, list) else _OWN_CHANNELS
    return tuple(str(name).casefold() for name in named if name)
