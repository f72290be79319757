"""Plain HTTP clients of the sandbox, the way a connector calls it, without any of a connector's care."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

from sandbox import Sandbox
from sandbox.amazon import queue
from sandbox.amazon import tokens as amazon_tokens
from sandbox.amazon.reading import MARKETPLACE_ID
from sandbox.ebay.store import LOCATION_KEY, policy_ids
from sandbox.ebay.tokens import CLIENT_ID, CLIENT_SECRET, PUBLIC, refresh_token_of
from sandbox.ecwid.market import TOKEN
from sandbox.ecwid.store import STORE_ID
from sandbox.zoho import tokens as zoho_tokens
from sandbox.zoho.views import LOCATION_ID, ORGANIZATION_ID


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


@dataclass
class ZohoClient(Client):
    """A client that names the organization in every call."""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Sends a call of the organization."""
        organization = f"{'&' if '?' in path else '?'}organization_id={ORGANIZATION_ID}"
        return await super().call(method, path + organization, body, **headers)

    async def item(self, sku: str, quantity: int = 0, **fields: Any) -> str:
        """Creates an item; its id."""
        places = [{"location_id": LOCATION_ID, "initial_stock": quantity}]
        body = {"name": f"Wave {sku}", "sku": sku, "rate": 99.5, "locations": places, **fields}
        created = await self.post("/items", body)
        assert created.status == 201, created.body
        return str(created.body["item"]["item_id"])

    async def adjust(self, item_id: str, delta: float, **fields: Any) -> Reply:
        """Posts an adjustment of one line."""
        line = {"item_id": item_id, "quantity_adjusted": delta}
        body = {"date": "2026-01-31", "reason": "Recount", "adjustment_type": "quantity", "line_items": [line]}
        return await self.post("/inventoryadjustments", {**body, **fields})


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


async def zoho_token(session: aiohttp.ClientSession, box: Sandbox, **changes: str) -> Reply:
    """Calls Zoho's token endpoint."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": zoho_tokens.REFRESH_TOKEN,
        "client_id": zoho_tokens.CLIENT_ID,
        "client_secret": zoho_tokens.CLIENT_SECRET,
        **changes,
    }
    async with session.post(f"{box.url}/zoho/oauth/v2/token", params=form) as response:
        return Reply(response.status, await response.json())


async def zoho(session: aiohttp.ClientSession, box: Sandbox) -> ZohoClient:
    """A client of the Zoho organization."""
    token = (await zoho_token(session, box)).body
    headers = {"Authorization": f"Zoho-oauthtoken {token['access_token']}"}
    return ZohoClient(session, f"{token['api_domain']}/inventory/v1", headers)


async def amazon_token(session: aiohttp.ClientSession, box: Sandbox, **form: str) -> Reply:
    """Calls Amazon's token endpoint; for the seller unless another grant is named."""
    whole = {
        "grant_type": "refresh_token",
        "refresh_token": amazon_tokens.REFRESH_TOKEN,
        "client_id": amazon_tokens.CLIENT_ID,
        "client_secret": amazon_tokens.CLIENT_SECRET,
        **form,
    }
    async with session.post(f"{box.url}/amazon/auth/o2/token", data=whole) as response:
        return Reply(response.status, await response.json())


async def amazon(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """A client with the seller's token."""
    token = (await amazon_token(session, box)).body["access_token"]
    return Client(session, f"{box.url}/amazon", {"x-amz-access-token": token})


async def amazon_application(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """A client with the application's own token."""
    grant = {"grant_type": "client_credentials", "scope": amazon_tokens.NOTIFICATIONS_SCOPE}
    token = (await amazon_token(session, box, **grant)).body["access_token"]
    return Client(session, f"{box.url}/amazon", {"x-amz-access-token": token})


def listing_path(sku: str, query: str = "") -> str:
    """A listing's path in the seller's marketplace."""
    where = f"/listings/2021-08-01/items/{amazon_tokens.SELLER_ID}/{quote(sku, safe='')}"
    return f"{where}?marketplaceIds={MARKETPLACE_ID}{query}"


def attributes(quantity: int = 5, price: float = 99.5, title: str = "Wave Radio") -> dict[str, Any]:
    """The attributes of a listing."""
    schedule = [{"value_with_tax": price}]
    return {
        "item_name": [{"value": title, "language_tag": "en_US", "marketplace_id": MARKETPLACE_ID}],
        "condition_type": [{"value": "used_good", "marketplace_id": MARKETPLACE_ID}],
        "fulfillment_availability": [
            {"fulfillment_channel_code": "DEFAULT", "quantity": quantity, "lead_time_to_ship_max_days": 2}
        ],
        "purchasable_offer": [
            {"marketplace_id": MARKETPLACE_ID, "currency": "USD", "our_price": [{"schedule": schedule}]}
        ],
    }


def stock_patch(quantity: int, op: str = "merge") -> dict[str, Any]:
    """A patch of the quantity."""
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}]
    patch = {"op": op, "path": "/attributes/fulfillment_availability", "value": value}
    return {"productType": "PRODUCT", "patches": [patch]}


async def list_on_amazon(client: Client, box: Sandbox, sku: str, quantity: int = 5, price: float = 99.5) -> None:
    """Lists a SKU, and waits until that is applied."""
    body = {"productType": "PRODUCT", "requirements": "LISTING", "attributes": attributes(quantity, price)}
    reply = await client.put(listing_path(sku), body)
    assert reply.body["status"] == "ACCEPTED", reply.body
    assert await box.shelves.wait_for(("AMAZON", "MAIN", sku), quantity, 5.0)


async def ask_queue(client: Client, action: str, **body: Any) -> Reply:
    """One call of the queue's service."""
    url = f"{client.base}{queue.QUEUE_PATH}"
    headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
    async with client.session.post(url, data=json.dumps({"QueueUrl": url, **body}), headers=headers) as response:
        return Reply(response.status, json.loads(await response.read()))


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
