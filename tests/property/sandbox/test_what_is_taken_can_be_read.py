"""Whatever Amazon and Zoho accept can be read, shown and sold afterwards: judging lets nothing through that breaks a view."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.amazon.views import PARTS
from sandbox.wire import Answer, Call
from sandbox.world import CannotBuy, Market, Purchase
from tests.integration.sandbox.clients import attributes, listing_path
from tests.property.sandbox.stocked import MARKETPLACE, ORGANIZATION, stocked_amazon, stocked_zoho

_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["DEFAULT", "USD"])
)
_NAMES = st.sampled_from(
    [
        *("value", "fulfillment_channel_code", "quantity", "our_price", "schedule", "value_with_tax", "currency"),
        *("marketplace_id", "initial_stock", "x"),
    ]
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=10
)
_ATTRIBUTES = st.dictionaries(st.sampled_from([*attributes(), "brand", "merchant_suggested_asin"]), _VALUES, max_size=4)
_OPERATIONS = st.sampled_from(["add", "replace", "merge", "delete"])
_FIELDS = st.dictionaries(
    st.sampled_from(["name", "sku", "rate", "description", "item_type", "locations", "unit", "custom_fields"]), _VALUES
)


def _call(market: Market, call: Call) -> Answer:
    market.identify(call)
    answer = market.handle(call)
    assert isinstance(answer, Answer)
    assert answer.status < 500
    answer.payload()
    return answer


def _sell_all(market: Market, account: str) -> None:
    for order in ("A1", "none"):
        try:
            market.buy(Purchase(account, ((order, 1),)))
        except CannotBuy:
            continue
    assert market.recent_orders("", 10)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given_attributes=_ATTRIBUTES, operation=_OPERATIONS, patch=st.booleans())
def test_amazon_listing_stays_readable(given_attributes: dict[str, Any], operation: str, patch: bool) -> None:
    market, headers = stocked_amazon()
    path = listing_path("A1").partition("?")[0]
    patches = [
        {"op": operation, "path": f"/attributes/{name}", "value": value} for name, value in given_attributes.items()
    ]
    changed = {"patches": patches} if patch else {"attributes": {**attributes(), **given_attributes}}
    body = json.dumps({"productType": "PRODUCT", **changed}).encode()
    _call(market, Call("PATCH" if patch else "PUT", path, MARKETPLACE, headers=headers, body=body))
    everything = {**MARKETPLACE, "includedData": ",".join(PARTS)}
    assert _call(market, Call("GET", path, everything, headers=headers)).status == 200
    _sell_all(market, "MAIN")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields=_FIELDS, changes=_FIELDS)
def test_zoho_item_stays_readable(fields: dict[str, Any], changes: dict[str, Any]) -> None:
    market, headers = stocked_zoho()
    body = json.dumps({"name": "n", **fields}).encode()
    created = _call(market, Call("POST", "/inventory/v1/items", ORGANIZATION, headers=headers, body=body))
    if created.status == 201:
        path = f"/inventory/v1/items/{created.body['item']['item_id']}"
        _call(market, Call("PUT", path, ORGANIZATION, headers=headers, body=json.dumps(changes).encode()))
        assert _call(market, Call("GET", path, ORGANIZATION, headers=headers)).status == 200
    query = {**ORGANIZATION, "sort_column": "rate", "search_text": "n"}
    assert _call(market, Call("GET", "/inventory/v1/items", query, headers=headers)).status == 200
    _sell_all(market, "USAV")
