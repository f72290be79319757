"""Whatever JSON a caller sends, a marketplace answers with a status of its own, never with an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.amazon import tokens as amazon_tokens
from sandbox.amazon.market import Amazon
from sandbox.ebay.market import Ebay
from sandbox.ecwid.market import Ecwid
from sandbox.ecwid.store import STORE_ID
from sandbox.wire import Call
from sandbox.world import Market
from sandbox.zoho.market import Zoho
from tests.integration.sandbox.clients import INVENTORY
from tests.property.sandbox.stocked import (
    MARKETPLACE,
    ORGANIZATION,
    handle,
    stocked_amazon,
    stocked_ebay,
    stocked_ecwid,
    stocked_zoho,
)
from tests.unit.sandbox.worlds import make_world

_NAMES = st.sampled_from(
    """requests sku offers offerId availableQuantity shipToLocationAvailability quantity price value currency product title
    availability pricingSummary listingPolicies marketplaceId format deliveryConfig endpoint payload status topicId name
    lineItems lineItemId trackingNumber shippingCarrierCode location alertEmail options quantityDelta unlimited enabled
    paymentStatus path method body id rate locations initial_stock item_type line_items item_id quantity_adjusted date
    reason adjustment_type customer_id so_line_item_id productType requirements attributes patches op
    fulfillment_availability fulfillment_channel_code purchasable_offer our_price schedule value_with_tax item_name
    contentType feedType marketplaceIds inputFeedDocumentId packageDetail orderItems packageReferenceId shipDate
    resourceSpecification sqs arn destinationId payloadVersion processingDirective""".split()  # noqa: SIM905  # a list of a hundred quoted words is harder to read
)
_TEXTS = [
    "A1",
    "FIXED_PRICE",
    "USD",
    "",
    "x",
    "2026-01-31",
    "quantity",
    "merge",
    "/attributes/item_name",
    "1",
    "9" * 30,
]
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(_TEXTS)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=12,
)
_TARGETS = [
    target
    for market in (Ebay(make_world()), Ecwid(make_world()), Zoho(make_world()), Amazon(make_world()))
    for target in market.router.targets()
    if target[0] != "GET"
]


_KNOWN = {
    "{sku}": "A1",
    "{offer_id}": "8209000010",
    "{store_id}": str(STORE_ID),
    "{product_id}": "370000001",
    "{item_id}": "6780203000000500001",
    "{salesorder_id}": "6780203000000500002",
    "{seller_id}": amazon_tokens.SELLER_ID,
    "{order_id}": "111-7654321-1234567",
    "{notification_type}": "ORDER_CHANGE",
}


def _path(template: str) -> str:
    for variable, value in _KNOWN.items():
        template = template.replace(variable, value)
    return template


def _stocked(template: str) -> tuple[Market, dict[str, str], dict[str, str]]:
    """The platform that knows the path, with something in it, and the headers and query its calls need."""
    if template.startswith("/api/v3"):
        return *stocked_ecwid(), {}
    if template.startswith(("/inventory/v1", "/oauth/v2")):
        return *stocked_zoho(), ORGANIZATION
    if template in _AMAZON_PATHS:
        return *stocked_amazon(), MARKETPLACE
    return *stocked_ebay(), {}


_AMAZON_PATHS = {path for _, path in Amazon(make_world()).router.targets()}


@pytest.mark.parametrize("target", _TARGETS, ids=lambda target: " ".join(target))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=_JSON)
def test_any_json_gets_an_answer(target: tuple[str, str], body: Any) -> None:
    method, template = target
    if "batch" in template:
        return
    market, headers, query = _stocked(template)
    raw = json.dumps(body).encode()
    answer = handle(market, Call(method, _path(template), query, headers=headers, body=raw))
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
    market, headers = stocked_ebay()
    body = json.dumps({"requests": elements}).encode()
    answer = handle(market, Call("POST", f"{INVENTORY}/bulk_update_price_quantity", headers=headers, body=body))
    assert answer is not None
    assert answer.status in {200, 207, 400}
