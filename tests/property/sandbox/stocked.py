"""Marketplaces with something in them, without sockets, and how to call them."""

from __future__ import annotations

import base64
import inspect
import json
from urllib.parse import urlencode

from sandbox.amazon import tokens as amazon_tokens
from sandbox.amazon.market import Amazon
from sandbox.amazon.reading import MARKETPLACE_ID
from sandbox.ebay.market import Ebay
from sandbox.ebay.tokens import CLIENT_ID, CLIENT_SECRET, refresh_token_of
from sandbox.ecwid.market import TOKEN, Ecwid
from sandbox.ecwid.store import STORE_ID
from sandbox.wire import Answer, Call
from sandbox.world import Market, Purchase
from sandbox.zoho import tokens as zoho_tokens
from sandbox.zoho.market import Zoho
from sandbox.zoho.views import ORGANIZATION_ID
from tests.integration.sandbox.clients import INVENTORY, attributes, item, listing_path, offer
from tests.unit.sandbox.worlds import make_world

ORGANIZATION = {"organization_id": ORGANIZATION_ID, "salesorder_id": "6780203000000500002", "package_ids": "1"}
MARKETPLACE = {"marketplaceIds": MARKETPLACE_ID}


def handle(market: Market, call: Call) -> Answer | None:
    """The answer to a call; None where it waits for someone."""
    market.identify(call)
    outcome = market.handle(call)
    if isinstance(outcome, Answer):
        return outcome
    # Only eBay's destinations and Amazon's queue wait; what comes before that has been judged by other examples.
    assert inspect.iscoroutine(outcome)
    outcome.close()
    return None


def stocked_ebay() -> tuple[Market, dict[str, str]]:
    """eBay with a listing, and the headers of a seller."""
    market = Ebay(make_world())
    token = market.tokens.issue(
        Call(
            "POST",
            "/",
            headers={"Authorization": _basic()},
            body=f"grant_type=refresh_token&refresh_token={refresh_token_of('USAV')}".encode(),
        )
    ).body["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Content-Language": "en-US"}
    for method, path, body in (
        ("PUT", f"{INVENTORY}/inventory_item/A1", item()),
        ("POST", f"{INVENTORY}/offer", offer("A1")),
        ("POST", f"{INVENTORY}/offer/8209000010/publish", {}),
    ):
        answer = handle(market, Call(method, path, headers=headers, body=json.dumps(body).encode()))
        assert answer is not None
        assert answer.status < 300
    return market, headers


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()


def stocked_ecwid() -> tuple[Market, dict[str, str]]:
    """Ecwid with a product, and the application's headers."""
    shop = Ecwid(make_world())
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    create = {"name": "n", "sku": "A1", "quantity": 1, "price": 1}
    handle(shop, Call("POST", f"/api/v3/{STORE_ID}/products", headers=headers, body=json.dumps(create).encode()))
    return shop, headers


def stocked_zoho() -> tuple[Market, dict[str, str]]:
    """Zoho with an item and an order, and the headers of a call."""
    market = Zoho(make_world())
    form = urlencode(
        {
            "grant_type": "refresh_token",
            "refresh_token": zoho_tokens.REFRESH_TOKEN,
            "client_id": zoho_tokens.CLIENT_ID,
            "client_secret": zoho_tokens.CLIENT_SECRET,
        }
    )
    token = market.tokens.issue(Call("POST", "/", body=form.encode())).body["access_token"]
    headers = {"Authorization": f"Zoho-oauthtoken {token}", "Content-Type": "application/json"}
    create = json.dumps({"name": "n", "sku": "A1", "rate": 1, "initial_stock": 3}).encode()
    answer = handle(market, Call("POST", "/inventory/v1/items", ORGANIZATION, headers=headers, body=create))
    assert answer is not None
    assert answer.status == 201
    market.buy(Purchase("USAV", (("A1", 1),)))
    return market, headers


def stocked_amazon() -> tuple[Market, dict[str, str]]:
    """Amazon with a listing and an order, and the headers of the seller."""
    market = Amazon(make_world())
    form = urlencode(
        {
            "grant_type": "refresh_token",
            "refresh_token": amazon_tokens.REFRESH_TOKEN,
            "client_id": amazon_tokens.CLIENT_ID,
            "client_secret": amazon_tokens.CLIENT_SECRET,
        }
    )
    token = market.tokens.issue(Call("POST", "/", body=form.encode())).body["access_token"]
    headers = {"x-amz-access-token": token, "Content-Type": "application/json"}
    path, _, _ = listing_path("A1").partition("?")
    body = json.dumps({"productType": "PRODUCT", "attributes": attributes()}).encode()
    answer = handle(market, Call("PUT", path, MARKETPLACE, headers=headers, body=body))
    assert answer is not None
    assert answer.body["status"] == "ACCEPTED"
    market.buy(Purchase("MAIN", (("A1", 1),)))
    return market, headers
