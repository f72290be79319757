"""What is sent to Zoho and Amazon, against their own specifications where a copy is present.

They may not be shipped: `HUB_PLATFORM_SPECS` names a folder that holds `zoho/items.yml`, `amazon/models/` and
their siblings.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx2
import jsonschema
import pytest

from sync_svc.channels.amazon import listings
from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.base import ListingPhase
from sync_svc.channels.zoho.adapter import ZohoChannel
from tests.contract.channels.market import Market, state
from tests.contract.channels.test_specifications import Recorder, ship_an_order
from tests.contract.sandbox.specifications import AMAZON, VARIABLE, ZOHO, Specifications, folder

# Asked for in the hope that it is heeded, and relied on nowhere: see the connector's `orders`.
_HOPED_FOR = {"list_sales_orders": {"sort_column", "sort_order", "last_modified_time"}}
# Documented once for all operations of a path, or in the path's own words.
_OF_THE_PATH = {"organization_id", "item_ids"}
_FILES = {"ZOHO": ZOHO, "AMAZON": AMAZON}
_CHANNELS: dict[str, Callable[..., Any]] = {"ZOHO": ZohoChannel, "AMAZON": AmazonChannel}


def check(request: httpx2.Request, platform: str, specifications: Specifications) -> None:
    """Path, query and body of one call."""
    path = request.url.raw_path.decode().partition("?")[0].removeprefix(f"/{platform.lower()}")
    found = specifications.find(request.method, path)
    assert found is not None, f"{platform} has no {request.method} {path}"
    known = {one["name"] for one in found.document.get("parameters", []) if one.get("in") == "query"}
    unknown = set(request.url.params) - known - _OF_THE_PATH - _HOPED_FOR.get(found.name, set())
    assert not unknown, f"{path}: {unknown}"
    body = json.loads(request.content) if request.content else None
    assert found.request_problems(body) == [], path


def is_elsewhere(request: httpx2.Request) -> bool:
    """Whether a call goes to no documented part of the platform: tokens, storage, queues."""
    path = request.url.path
    return path.endswith("/token") or ("/documents/" in path and "/feeds/" not in path) or "/sqs" in path


@pytest.fixture
async def recorder(market: Market) -> AsyncIterator[tuple[Market, Recorder]]:
    if market.platform not in _CHANNELS:
        pytest.skip("has a test of its own, or publishes no specification")
    if folder(market.platform.lower()) is None:
        pytest.skip(f"{VARIABLE} names no folder with {market.platform}'s specifications")
    recorder = Recorder()
    channel = _CHANNELS[market.platform](market.settings, transport=recorder)
    yield replace(market, channel=channel), recorder
    await channel.aclose()


def check_all(market: Market, recorded: Recorder) -> None:
    path = folder(market.platform.lower())
    assert path is not None
    specifications = Specifications(path, _FILES[market.platform])
    for request in recorded.requests:
        if not is_elsewhere(request):
            check(request, market.platform, specifications)


async def test_everything_sent_fits_the_specification(recorder: tuple[Market, Recorder]) -> None:
    market, recorded = recorder
    await market.switch({"zoho": {"approve_adjustments": True}})
    known = await market.settle(state())
    await market.switch({"zoho": {"approve_adjustments": False}})
    known = await market.settle(replace(known, quantity=1, price=None))
    await market.settle(replace(known, title="Another title", content_changed=True))
    await market.settle(replace(known, in_doubt=True, quantity=2))
    await market.channel.read([state(number) for number in range(1, 9)])
    await market.settle(replace(known, phase=ListingPhase.ENDED))
    await market.settle(known)
    await ship_an_order(market, known)
    await market.channel.orders_since("")
    await market.channel.get_order("1")
    await market.channel.connect_webhooks("http://127.0.0.1:9/x")
    await market.channel.live_listings("")
    await market.channel.live_listings("2" if market.platform == "ZOHO" else "2026-01-01T00:00:00.000Z|")
    await market.channel.check()
    assert len(recorded.requests) > 12
    recorded.requests = [request for request in recorded.requests if "/_control" not in str(request.url)]
    check_all(market, recorded)


async def test_feed_fits_amazons_schema(recorder: tuple[Market, Recorder], monkeypatch: pytest.MonkeyPatch) -> None:
    market, recorded = recorder
    if market.platform != "AMAZON":
        pytest.skip("only Amazon has feeds")
    monkeypatch.setattr(listings, "_MOST_SINGLE", 0)
    batch = [await market.settle(state(number)) for number in (1, 2)]
    await market.push(*(replace(one, quantity=7) for one in batch))
    check_all(market, recorded)
    uploads = [
        request for request in recorded.requests if request.method == "PUT" and "/documents/" in request.url.path
    ]
    path = folder("amazon")
    assert path is not None
    schema = json.loads((path / "feeds" / "listings-feed-schema-v2.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert len(uploads) == 1
    assert [error.message for error in validator.iter_errors(json.loads(uploads[0].content))] == []
