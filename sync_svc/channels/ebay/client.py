"""eBay's calls, one method each: what is sent where, with which token and against which quota.

Two tokens: the seller's, from the refresh token, for everything of the account; the application's own, for notification keys
and destinations. A refused token is renewed once and the call repeated; a second refusal is the account's.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx2

from sync_svc.channels.base import ChannelAccount, ChannelError, Outcome
from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.ebay import errors, mapping
from sync_svc.channels.http import Answer, Wire
from sync_svc.channels.limits import SECONDS_PER_DAY, Limit
from sync_svc.channels.quota import Throttle
from sync_svc.channels.tokens import IssuedToken, TokenCache

_SCOPE = "https://api.ebay.com/oauth/api_scope"
SELLER_SCOPES = " ".join(
    f"{_SCOPE}/{name}"
    for name in ("sell.inventory", "sell.fulfillment", "sell.account", "commerce.notification.subscription")
)
_INVENTORY = "/sell/inventory/v1"
_FULFILLMENT = "/sell/fulfillment/v1"
_ACCOUNT = "/sell/account/v1"
_NOTIFICATION = "/commerce/notification/v1"
_ABSENT = frozenset({404})

# Published calls per day, of which a bucket never lets more through; token grants likewise.
DAILY_LIMITS = {
    "inventory": 2_000_000,
    "fulfillment": 100_000,
    "account": 25_000,
    "notification": 10_000,
    "token": 50_000,
    "app_token": 1_000,
    # Any caller of our webhook address can name a key, so these share little of the notification quota.
    "public_key": 1_000,
}


def token_url_of(account: ChannelAccount) -> str:
    """The account's token endpoint."""
    return account.token_url or f"{account.api_base_url.rstrip('/')}/identity/v1/oauth2/token"


def make_throttle() -> Throttle:
    """The buckets of one seller account."""
    limits = {name: Limit.per_window(calls, SECONDS_PER_DAY) for name, calls in DAILY_LIMITS.items()}
    return Throttle(limits["account"], limits)


class EbayClient:
    """One seller account's calls. Every method raises `ChannelError`."""

    def __init__(self, account: ChannelAccount, language: str, transport: httpx2.AsyncBaseTransport | None) -> None:
        self._credentials = account.credentials
        self._token_url = token_url_of(account)
        self._scopes = str(account.options.get("scopes") or SELLER_SCOPES)
        self._language = {"content-language": language}
        self.throttle = make_throttle()
        self.seller_token = TokenCache(self._refresh_grant)
        self._app_token = TokenCache(self._client_credentials_grant)
        self._wire = Wire(
            name=f"EBAY/{account.account}",
            base_url=account.api_base_url,
            throttle=self.throttle,
            explain=errors.explain,
            transport=transport,
        )

    async def aclose(self) -> None:
        await self._wire.aclose()

    # -- tokens ---------------------------------------------------------------------------------------------------

    async def _refresh_grant(self) -> IssuedToken:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._credentials["refresh_token"],
            "scope": self._scopes,
        }
        return await self._grant("token", form)

    async def _client_credentials_grant(self) -> IssuedToken:
        return await self._grant("app_token", {"grant_type": "client_credentials", "scope": _SCOPE})

    async def _grant(self, operation: str, form: Mapping[str, str]) -> IssuedToken:
        pair = f"{self._credentials['client_id']}:{self._credentials['client_secret']}"
        headers = {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        answer = await self._wire.send(
            "POST", self._token_url, operation=operation, headers=headers, form=form, harmless=True
        )
        body = fields_of(answer.body)
        value, lasts = body.get("access_token"), body.get("expires_in")
        if not isinstance(value, str) or not value or not isinstance(lasts, int) or lasts <= 0:
            raise ChannelError(Outcome.RETRY, f"{operation}: the answer holds no token", code="unreadable")
        return IssuedToken(value, float(lasts))

    async def _send(
        self, method: str, path: str, *, operation: str, token: TokenCache | None = None, **rest: Any
    ) -> Answer:
        cache = token or self.seller_token
        value = await cache.get()
        headers = {**rest.pop("headers", {}), "authorization": f"Bearer {value}"}
        try:
            return await self._wire.send(method, path, operation=operation, headers=headers, **rest)
        except ChannelError as error:
            if error.outcome is not Outcome.AUTH:
                raise
            cache.drop(value)
        headers["authorization"] = f"Bearer {await cache.get()}"
        return await self._wire.send(method, path, operation=operation, headers=headers, **rest)

    # -- items and offers -----------------------------------------------------------------------------------------

    async def any_item(self) -> None:
        """Reads one page of one item: the cheapest proof that the account can be used."""
        await self._send("GET", f"{_INVENTORY}/inventory_item", operation="inventory", params={"limit": "1"})

    async def list_items(self, page: int, size: int) -> Mapping[str, Any]:
        """Reads one page of inventory items; here the offset counts pages."""
        params = {"limit": str(size), "offset": str(page)}
        return fields_of(
            (await self._send("GET", f"{_INVENTORY}/inventory_item", operation="inventory", params=params)).body
        )

    async def get_items(self, skus: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Reads up to 25 inventory items; those that do not exist are left out."""
        answer = await self._send(
            "POST",
            f"{_INVENTORY}/bulk_get_inventory_item",
            operation="inventory",
            json_body={"requests": [{"sku": sku} for sku in skus]},
            harmless=True,
        )
        return mapping.items_of_bulk(answer.body)

    async def get_item(self, sku: str) -> Mapping[str, Any] | None:
        """Reads one inventory item; None when there is none."""
        return await self._object_or_none(f"{_INVENTORY}/inventory_item/{_segment(sku)}")

    async def put_item(self, sku: str, item: Mapping[str, Any]) -> None:
        """Creates or replaces an inventory item. Repeating it is safe."""
        path = f"{_INVENTORY}/inventory_item/{_segment(sku)}"
        await self._send("PUT", path, operation="inventory", headers=self._language, json_body=item)

    async def get_offers(self, sku: str) -> list[Mapping[str, Any]]:
        """Reads the offers of a SKU; none is an empty list, however eBay says so."""
        body = await self._object_or_none(f"{_INVENTORY}/offer", params={"sku": sku})
        return objects_of(body, "offers")

    async def get_offer(self, offer_id: str) -> Mapping[str, Any] | None:
        """Reads one offer; None when there is none."""
        return await self._object_or_none(f"{_INVENTORY}/offer/{_segment(offer_id)}")

    async def create_offer(self, offer: Mapping[str, Any]) -> str:
        """Creates an offer and returns its id. NOT safe to repeat: look for the SKU's offers first."""
        answer = await self._send(
            "POST", f"{_INVENTORY}/offer", operation="inventory", headers=self._language, json_body=offer
        )
        return _text_field(answer, "offerId")

    async def put_offer(self, offer_id: str, offer: Mapping[str, Any]) -> None:
        """Replaces an offer, and with it a published listing. Repeating it is safe."""
        path = f"{_INVENTORY}/offer/{_segment(offer_id)}"
        await self._send("PUT", path, operation="inventory", headers=self._language, json_body=offer)

    async def publish(self, offer_id: str) -> str:
        """Publishes an offer and returns the listing's id."""
        path = f"{_INVENTORY}/offer/{_segment(offer_id)}/publish"
        return _text_field(await self._send("POST", path, operation="inventory"), "listingId")

    async def withdraw(self, offer_id: str) -> None:
        """Ends the listing of an offer and keeps the offer."""
        await self._send("POST", f"{_INVENTORY}/offer/{_segment(offer_id)}/withdraw", operation="inventory")

    async def update_price_quantity(self, requests: Sequence[Mapping[str, Any]]) -> Any:
        """Sets prices and quantities of published offers and returns the answer's body. Repeating it is safe."""
        answer = await self._send(
            "POST",
            f"{_INVENTORY}/bulk_update_price_quantity",
            operation="inventory",
            json_body={"requests": list(requests)},
        )
        return answer.body

    async def first_location(self) -> str:
        """The key of an enabled inventory location; empty when the seller has none."""
        answer = await self._send(
            "GET", f"{_INVENTORY}/location", operation="inventory", params={"limit": "100"}, accept=_ABSENT
        )
        return mapping.enabled_location(answer.body)

    async def first_policy(self, kind: str, marketplace_id: str) -> str:
        """The id of the seller's default policy of a kind (`fulfillment`, `payment`, `return`); empty when there is none."""
        answer = await self._send(
            "GET",
            f"{_ACCOUNT}/{kind}_policy",
            operation="account",
            params={"marketplace_id": marketplace_id},
            accept=_ABSENT,
        )
        return mapping.default_policy(answer.body, kind)

    # -- orders ---------------------------------------------------------------------------------------------------

    async def search_orders(self, params: Mapping[str, str]) -> Mapping[str, Any]:
        """Reads one page of orders."""
        answer = await self._send("GET", f"{_FULFILLMENT}/order", operation="fulfillment", params=params)
        return fields_of(answer.body)

    async def get_order(self, order_id: str) -> Mapping[str, Any] | None:
        """Reads one order; None when there is none."""
        return await self._object_or_none(f"{_FULFILLMENT}/order/{_segment(order_id)}", operation="fulfillment")

    async def get_fulfillments(self, order_id: str) -> list[Mapping[str, Any]]:
        """Reads the packages of an order."""
        body = await self._object_or_none(_packages(order_id), operation="fulfillment")
        return objects_of(body, "fulfillments")

    async def create_fulfillment(self, order_id: str, fulfillment: Mapping[str, Any]) -> str:
        """Marks lines of an order as shipped and returns the package's id. NOT safe to repeat: look for it first."""
        answer = await self._send("POST", _packages(order_id), operation="fulfillment", json_body=fulfillment)
        return answer.headers.get("location", "").rpartition("/")[2]

    # -- notifications --------------------------------------------------------------------------------------------

    async def get_public_key(self, key_id: str) -> Mapping[str, Any] | None:
        """Reads the key a notification names; None when there is none."""
        path = f"{_NOTIFICATION}/public_key/{_segment(key_id)}"
        return await self._object_or_none(path, operation="public_key", token=self._app_token)

    async def notification(self, method: str, path: str, *, seller: bool = False, **rest: Any) -> Answer:
        """One call of the notification API: subscriptions in the seller's name, all else in the application's."""
        token = self.seller_token if seller else self._app_token
        return await self._send(method, _NOTIFICATION + path, operation="notification", token=token, **rest)

    async def _object_or_none(
        self, path: str, *, operation: str = "inventory", **rest: Any
    ) -> Mapping[str, Any] | None:
        try:
            answer = await self._send("GET", path, operation=operation, accept=_ABSENT, **rest)
        except ChannelError as error:
            if errors.is_not_found(error.code):
                return None
            raise
        if answer.status in _ABSENT:
            return None
        return answer.body if isinstance(answer.body, Mapping) else None


def _packages(order_id: str) -> str:
    return f"{_FULFILLMENT}/order/{_segment(order_id)}/shipping_fulfillment"


def _segment(value: str) -> str:
    return quote(value, safe="")


def _text_field(answer: Answer, name: str) -> str:
    """Reads an id out of the answer to a write; without one the write is in doubt."""
    value = fields_of(answer.body).get(name)
    if not value:
        raise ChannelError(Outcome.UNKNOWN, f"eBay's answer holds no {name}.", code="unreadable")
    return str(value)
