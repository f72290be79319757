"""What is sent to eBay, against eBay's own specifications where a copy is present.

They may not be shipped: `HUB_PLATFORM_SPECS` names a folder that holds `ebay/sell_inventory_v1_oas3.json` and its siblings.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest

from sync_svc.channels.base import ListingPhase, ListingState, ParcelLine
from sync_svc.channels.ebay.adapter import EbayChannel
from tests.contract.channels.market import Market, state
from tests.unit.channels.doubles import ebay_account, parcel

SPECIFICATIONS = os.environ.get("HUB_PLATFORM_SPECS", "")
pytestmark = pytest.mark.skipif(not SPECIFICATIONS, reason="HUB_PLATFORM_SPECS names no folder of specifications")
FILES = {
    "/sell/inventory/v1": "sell_inventory_v1_oas3.json",
    "/sell/fulfillment/v1": "sell_fulfillment_v1_oas3.json",
    "/sell/account/v1": "sell_account_v1_oas3.json",
    "/commerce/notification/v1": "commerce_notification_v1_oas3.json",
}


@cache
def specification(base: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((Path(SPECIFICATIONS) / "ebay" / FILES[base]).read_text())
    for schema in document["components"]["schemas"].values():
        # An unknown field is what this is to find; the documents themselves leave it open.
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    if product := document["components"]["schemas"].get("Product"):
        # The document calls this a string; its own text, and the API, want a list of values per name.
        product["properties"]["aspects"] = {"type": "object"}
    return document


def operation(method: str, path: str) -> tuple[str, Mapping[str, Any], dict[str, Any]]:
    """The base address, the operation a call fits and the document it stands in."""
    base = next(base for base in FILES if path.startswith(base))
    document = specification(base)
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path.removeprefix(base)) and method.lower() in operations:
            return base, operations[method.lower()], document
    raise AssertionError(f"eBay has no {method} {path}")


def check(request: httpx2.Request) -> None:
    """Path, query, required headers and body of one call."""
    path = request.url.raw_path.decode().partition("?")[0].removeprefix("/ebay")
    if path.endswith("/oauth2/token"):
        return
    _, found, document = operation(request.method, path)
    parameters = found.get("parameters", [])
    known = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    assert set(request.url.params) <= known, f"{path}: {set(request.url.params) - known}"
    for parameter in parameters:
        if parameter["in"] == "header" and parameter.get("required"):
            assert parameter["name"].lower() in request.headers, f"{path}: no {parameter['name']}"
    body = found.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is None:
        assert not request.content, path
    else:
        schema = {"$ref": body["$ref"], "components": document["components"]}
        errors = jsonschema.Draft202012Validator(schema).iter_errors(json.loads(request.content))
        assert [f"{path} {error.json_path}: {error.message}"[:300] for error in errors] == []


class Recorder(httpx2.AsyncBaseTransport):
    """Passes calls on and keeps them."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self._network = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


@pytest.fixture
async def recorder(market: Market) -> AsyncIterator[tuple[Market, Recorder]]:
    if market.platform != "EBAY":
        pytest.skip("has a test of its own, or publishes no specification")
    recorder = Recorder()
    channel = EbayChannel(market.settings, transport=recorder)
    yield replace(market, channel=channel), recorder
    await channel.aclose()


async def ship_an_order(market: Market, listing: ListingState) -> None:
    """A buyer's order goes out in two parcels, one of them told twice."""
    await market.settle(replace(listing, quantity=3, price=Decimal("49.99")))
    order = await market.channel.get_order((await market.buy(listing.platform_sku, 2))["order_id"])
    assert order is not None
    for shipment_id in (1, 2, 2):
        line = ParcelLine(order.lines[0].line_id, 1, 2)
        await market.channel.ship(
            parcel(
                external_order_id=order.external_order_id,
                lines=[line],
                shipment_id=shipment_id,
                tracking_number=f"1Z{shipment_id}",
            )
        )


async def test_everything_sent_fits_the_specification(recorder: tuple[Market, Recorder]) -> None:
    market, recorded = recorder
    known = await market.settle(
        state(metadata={"aspects": {"Brand": ["Bose"]}, "image_urls": ["https://i.test/1.jpg"]})
    )
    await market.settle(replace(known, quantity=1))
    await market.settle(replace(known, title="Another title", content_changed=True))
    await market.channel.read([known])
    await market.settle(replace(known, phase=ListingPhase.ENDED))
    await ship_an_order(market, replace(known, phase=ListingPhase.LIVE))
    await market.channel.orders_since("")
    await market.channel.get_order("1")
    await market.channel.live_listings("")
    await market.channel.check()
    assert len(recorded.requests) > 12
    for request in recorded.requests:
        check(request)


async def test_subscribing_fits_the_specification() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        check(request)
        if request.url.path.endswith("/token"):
            return httpx2.Response(200, json={"access_token": "t", "expires_in": 7200})
        return httpx2.Response(201, json={"destinationId": "d", "subscriptionId": "s"})

    account = replace(ebay_account(alert_email="a@hub.test"), token_url="https://ebay.test/oauth2/token")
    channel = EbayChannel(account, transport=httpx2.MockTransport(answer))
    await channel.connect_webhooks("https://hub.test/api/v1/webhooks/ebay/7")


async def test_terms_are_asked_for_as_specified() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        check(request)
        if request.method == "POST":
            return httpx2.Response(200, json={"access_token": "t", "expires_in": 7200})
        return httpx2.Response(200, json={})

    account = replace(ebay_account(), options={}, token_url="https://ebay.test/oauth2/token")
    await EbayChannel(account, transport=httpx2.MockTransport(answer)).push([state()])
