"""The channel of one Ecwid store: joins calls, mapping, listings and webhooks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

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
    WebhookRefused,
)
from sync_svc.channels.codec import fields_of
from sync_svc.channels.ecwid import mapping, orders, shelf, shipping, webhooks
from sync_svc.channels.ecwid.client import MAX_BATCH, EcwidClient, Request
from sync_svc.channels.ecwid.listings import ListingPusher
from sync_svc.channels.windows import cursor_behind, cursor_within, open_cursor

_REQUIRED = ("store_id", "access_token")


class EcwidChannel:
    """One store. Long-lived: keeps its connections and its quota."""

    def __init__(self, account: ChannelAccount, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in for the network in tests. Raises ValueError naming a missing credential."""
        missing = [name for name in _REQUIRED if not account.credentials.get(name)]
        if missing or not account.api_base_url:
            raise ValueError(f"An Ecwid account needs {', '.join(missing) or 'api_base_url'}.")
        self._account = account
        self._store_id = account.credentials["store_id"]
        # The application's secret signs its webhooks; it is no use for anything else here.
        self._client_secret = account.webhook.get("client_secret") or account.credentials.get("client_secret", "")
        self._client = EcwidClient(account, transport)
        self._pusher = ListingPusher(self._client, may_create=account.options.get("create_listings") is not False)

    @property
    def max_batch(self) -> int:
        return MAX_BATCH

    async def check(self) -> ChannelHealth:
        """Reads one product."""
        await self._client.send(Request("GET", "/products"), params={"limit": "1"})
        return ChannelHealth(self._account.account)

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Creates or matches, then sets price and quantity; see `listings`."""
        return await self._pusher.push(batch)

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Reads each listing's product."""
        return await self._pusher.read(batch)

    async def live_listings(self, cursor: str) -> FoundPage:
        """Lists what is offered; see `shelf`."""
        return await shelf.list_page(self._client, cursor)

    async def orders_since(self, cursor: str) -> OrderPage:
        """Reads one page of the window of `cursor`."""
        window = open_cursor(cursor, datetime.now(UTC))
        answer = await self._client.send(Request("GET", "/orders"), params=orders.search_parameters(window))
        body = fields_of(answer.body)
        listed, total = body.get("items"), body.get("total")
        count = len(listed) if isinstance(listed, list) else 0
        following = window.after(count, total if isinstance(total, int) else window.offset + count)
        return OrderPage(
            orders=orders.orders_of(body),
            cursor=cursor_within(following) if following else cursor_behind(window),
            more=following is not None,
        )

    async def get_order(self, external_order_id: str) -> ChannelOrder | None:
        """Reads one order, by its text id or its internal number; beside others when few requests are left."""
        (reply,) = await self._client.send_all([Request("GET", f"/orders/{quote(external_order_id, safe='')}")])
        if not isinstance(reply, ChannelError):
            return orders.order_of(reply.body)
        if reply.code == mapping.NOT_FOUND:
            return None
        raise reply

    async def ship(self, parcel: Parcel) -> Told:
        """Tells of a parcel; see `shipping`."""
        return await shipping.tell_parcel(self._client, parcel)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Checks the signature, the time and the store."""
        return webhooks.hints_of(
            headers, body, client_secret=self._client_secret, store_id=self._store_id, now=time.time()
        )

    def answer_challenge(self, endpoint: str, challenge_code: str) -> bytes:
        """Ecwid tests no address."""
        raise WebhookRefused("Ecwid does not test webhook addresses.")

    async def connect_webhooks(self, endpoint: str) -> Mapping[str, str]:
        """Sets the address where a call for it is known.

        Ecwid has none: the address stands in the application's settings. A stand-in for the store may name one of its own.
        """
        settings_url = self._account.webhook.get("configure_url")
        if not settings_url:
            return {}
        await self._client.configure_webhooks(settings_url, endpoint)
        return {"endpoint": endpoint}

    def quotas(self) -> list[Quota]:
        """Requests that could be made at once, of the most that ever can."""
        throttle = self._client.throttle
        return [Quota("requests", throttle.burst(""), throttle.left(""))]

    def token_expires_at(self) -> datetime | None:
        """Ecwid's tokens do not end while the application is installed."""
        return None

    async def aclose(self) -> None:
        await self._client.aclose()
