"""Plain HTTP clients of the sandbox, the way a connector calls it, without any of a connector's care."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

from sandbox import Sandbox
from sandbox.ebay.store import LOCATION_KEY, policy_ids
from sandbox.ebay.tokens import CLIENT_ID, CLIENT_SECRET, PUBLIC, refresh_token_of
from sandbox.ecwid.market import TOKEN
from sandbox.ecwid.store import STORE_ID


@dataclass
class Reply:
    """Status, parsed body (None when it is empty or no JSON), and headers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Client:
    """One caller with fixed headers below a base URL."""

    session: aiohttp.ClientSession
    base: str
    headers: dict[str, str]

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Sends a call; `body` goes as JSON, bytes as they are."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        arguments: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        if body is None:
            arguments = {}
        async with self.session.request(method, self.base + path, headers=sent, **arguments) as response:
            raw = await response.read()
            parsed = await response.json() if raw and response.content_type == "application/json" else None
            return Reply(response.status, parsed, dict(response.headers))

    async def get(self, path: str) -> Reply:
        """GET."""
        return await self.call("GET", path)

    async def post(self, path: str, body: Any = None) -> Reply:
        """POST of a JSON body."""
        return await self.call("POST", path, body)

    async def put(self, path: str, body: Any) -> Reply:
        """PUT of a JSON body."""
        return await self.call("PUT", path, body)

    async def delete(self, path: str) -> Reply:
        """DELETE."""
        return await self.call("DELETE", path)


async def request_token(session: aiohttp.ClientSession, box: Sandbox, form: dict[str, str], secret: str = "") -> Reply:
    """Calls eBay's token endpoint."""
    pair = base64.b64encode(f"{CLIENT_ID}:{secret or CLIENT_SECRET}".encode()).decode()
    url = f"{box.url}/ebay/identity/v1/oauth2/token"
    async with session.post(url, data=form, headers={"Authorization": f"Basic {pair}"}) as response:
        return Reply(response.status, await response.json())


async def ebay_seller(session: aiohttp.ClientSession, box: Sandbox, seller: str = "USAV") -> Client:
    """A client with a seller's token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token_of(seller)}
    return _ebay(session, box, await request_token(session, box, form))


async def ebay_application(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """A client with the application's token."""
    return _ebay(session, box, await request_token(session, box, {"grant_type": "client_credentials", "scope": PUBLIC}))


def ecwid(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """A client of the Ecwid store."""
    return Client(session, f"{box.url}/ecwid/api/v3/{STORE_ID}", {"Authorization": f"Bearer {TOKEN}"})


def control(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """A client of the control plane."""
    return Client(session, f"{box.url}/_control", {})


def _ebay(session: aiohttp.ClientSession, box: Sandbox, token: Reply) -> Client:
    headers = {"Authorization": f"Bearer {token.body['access_token']}", "Content-Language": "en-US"}
    return Client(session, f"{box.url}/ebay", headers)


def item(quantity: int = 5, title: str = "Wave Radio") -> dict[str, Any]:
    """An inventory item."""
    return {
        "product": {"title": title, "description": "Tested."},
        "condition": "USED_EXCELLENT",
        "availability": {"shipToLocationAvailability": {"quantity": quantity}},
    }


def offer(sku: str, quantity: int | None = 5, seller: str = "USAV", price: str = "99.50") -> dict[str, Any]:
    """An offer with all that publishing needs."""
    document: dict[str, Any] = {
        "sku": sku,
        "marketplaceId": "EBAY_US",
        "format": "FIXED_PRICE",
        "categoryId": "14990",
        "listingDescription": "Tested and cleaned.",
        "listingDuration": "GTC",
        "merchantLocationKey": LOCATION_KEY,
        "listingPolicies": policy_ids(seller),
        "pricingSummary": {"price": {"value": price, "currency": "USD"}},
    }
    if quantity is not None:
        document["availableQuantity"] = quantity
    return document


INVENTORY = "/sell/inventory/v1"


async def list_on_ebay(client: Client, sku: str, quantity: int = 5, seller: str = "USAV") -> str:
    """Lists a SKU; the offer id."""
    put = await client.put(f"{INVENTORY}/inventory_item/{quote(sku, safe='')}", item(quantity))
    assert put.status in {201, 204}
    created = await client.post(f"{INVENTORY}/offer", offer(sku, quantity, seller))
    assert created.status == 201, created.body
    published = await client.post(f"{INVENTORY}/offer/{created.body['offerId']}/publish")
    assert published.status == 200, published.body
    return str(created.body["offerId"])
