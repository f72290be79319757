"""Whatever JSON a caller sends, a marketplace answers with a status of its own, never with an exception."""

from __future__ import annotations

import base64
import inspect
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.ebay.market import Ebay
from sandbox.ebay.tokens import CLIENT_ID, CLIENT_SECRET, refresh_token_of
from sandbox.ecwid.market import TOKEN, Ecwid
from sandbox.ecwid.store import STORE_ID
from sandbox.wire import Answer, Call
from sandbox.world import Market
from tests.integration.sandbox.clients import INVENTORY, item, offer
from tests.unit.sandbox.worlds import make_world

_NAMES = st.sampled_from(
    """requests sku offers offerId availableQuantity shipToLocationAvailability quantity price value currency product title
    availability pricingSummary listingPolicies marketplaceId format deliveryConfig endpoint payload status topicId name
    lineItems lineItemId trackingNumber shippingCarrierCode location alertEmail options quantityDelta unlimited enabled
    paymentStatus path method body id""".split()  # noqa: SIM905  # a list of forty quoted words is harder to read
)
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["A1", "FIXED_PRICE", "USD", "", "x"])
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=12,
)
_TARGETS = [
    target
    for market in (Ebay(make_world()), Ecwid(make_world()))
    for target in market.router.targets()
    if target[0] != "GET"
]


def _handle(market: Market, call: Call) -> Answer | None:
    market.identify(call)
    outcome = market.handle(call)
    if isinstance(outcome, Answer):
        return outcome
    # Only destinations wait, for the endpoint they call; what comes before that has been judged by other examples.
    assert inspect.iscoroutine(outcome)
    outcome.close()
    return None


def _stocked_ebay() -> tuple[Market, dict[str, str]]:
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
        answer = _handle(market, Call(method, path, headers=headers, body=json.dumps(body).encode()))
        assert answer is not None
        assert answer.status < 300
    return market, headers


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()


def _path(template: str) -> str:
    known = {"{sku}": "A1", "{offer_id}": "8209000010", "{store_id}": str(STORE_ID), "{product_id}": "370000001"}
    for variable, value in known.items():
        template = template.replace(variable, value)
    return template


@pytest.mark.parametrize("target", _TARGETS, ids=lambda target: " ".join(target))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=_JSON)
def test_any_json_gets_an_answer(target: tuple[str, str], body: Any) -> None:
    method, template = target
    raw = json.dumps(body).encode()
    if template.startswith("/api/v3"):
        if "batch" in template:
            return
        shop = Ecwid(make_world())
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        create = {"name": "n", "sku": "A1", "quantity": 1, "price": 1}
        _handle(shop, Call("POST", f"/api/v3/{STORE_ID}/products", headers=headers, body=json.dumps(create).encode()))
        answer = _handle(shop, Call(method, _path(template), headers=headers, body=raw))
    else:
        market, headers = _stocked_ebay()
        answer = _handle(market, Call(method, _path(template), headers=headers, body=raw))
    assert answer is None or 200 <= answer.status < 500
    assert answer is None or answer.payload() is not None


@settings(max_examples=60, deadline=None)
@given(
    elements=st.lists(
        st.fixed_dictionaries({"sku": st.just("A1")}, optional={"shipToLocationAvailability": _JSON, "offers": _JSON}),
        min_size=1,
        max_size=1,
    )
)
def test_any_price_and_quantity_gets_a_status_per_element(elements: list[dict[str, Any]]) -> None:
    market, headers = _stocked_ebay()
    body = json.dumps({"requests": elements}).encode()
    answer = _handle(market, Call("POST", f"{INVENTORY}/bulk_update_price_quantity", headers=headers, body=body))
    assert answer is not None
    assert answer.status in {200, 207, 400}
