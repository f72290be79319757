"""How listings come to stand on eBay, against recorded-shaped answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.base import ListingPhase, Outcome, PushResult
from sync_svc.channels.ebay import revisions
from sync_svc.channels.ebay.adapter import EbayChannel
from tests.unit.channels.doubles import Platform, ebay_account, fails, state

ITEM = "/sell/inventory/v1/inventory_item/00845BK"
OFFERS = "/sell/inventory/v1/offer"
OFFER = "/sell/inventory/v1/offer/9001"
PUBLISH = f"{OFFER}/publish"
WITHDRAW = f"{OFFER}/withdraw"
BULK = "/sell/inventory/v1/bulk_update_price_quantity"
NOT_FOUND = {"errors": [{"errorId": 25710, "domain": "API_INVENTORY", "category": "REQUEST", "message": "not found"}]}
BUSY = {"errors": [{"errorId": 25025, "category": "APPLICATION", "message": "concurrent access"}]}
DUPLICATE = {
    "errors": [
        {
            "errorId": 25002,
            "category": "REQUEST",
            "message": "A user error has occurred. Offer entity already exists.",
            "parameters": [{"name": "offerId", "value": "9001"}],
        }
    ]
}
KNOWN = {"offer_id": "9001", "listing_id": "110500"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revisions, "_BUSY_DELAYS_S", (0.0, 0.0, 0.0))


@pytest.fixture
def platform() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "t1", "expires_in": 7200, "token_type": "User Access Token"}))
    return platform


def item(**changes: Any) -> dict[str, Any]:
    return {
        "sku": "00845BK",
        "locale": "en_US",
        "product": {
            "title": "Bose 201 Series IV",
            "description": "A pair of bookshelf speakers.",
            "imageUrls": ["https://i.ebayimg.test/1.jpg"],
            "aspects": {"Brand": ["Bose"]},
        },
        "condition": "USED_VERY_GOOD",
        "packageWeightAndSize": {"weight": {"value": 10.5, "unit": "POUND"}},
        "availability": {"shipToLocationAvailability": {"quantity": 2}},
    } | changes


def offer(**changes: Any) -> dict[str, Any]:
    return {
        "offerId": "9001",
        "sku": "00845BK",
        "marketplaceId": "EBAY_US",
        "format": "FIXED_PRICE",
        "availableQuantity": 2,
        "categoryId": "14990",
        "listingDescription": "A pair of bookshelf speakers.",
        "listingDuration": "GTC",
        "merchantLocationKey": "main",
        "listingPolicies": {"fulfillmentPolicyId": "6001", "paymentPolicyId": "6002", "returnPolicyId": "6003"},
        "pricingSummary": {"price": {"currency": "USD", "value": "49.99"}},
        "status": "PUBLISHED",
        "listing": {"listingId": "110500", "listingStatus": "ACTIVE", "soldQuantity": 0},
    } | changes


def element(status: int, sku: str = "00845BK", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "offerId": "9001", "statusCode": status} | more


def nothing_there(platform: Platform) -> None:
    platform.on("GET", OFFERS, (404, NOT_FOUND))
    platform.on("GET", ITEM, (404, NOT_FOUND))
    platform.on("PUT", ITEM, (201, {}))
    platform.on("POST", OFFERS, (201, {"offerId": "9001"}))
    platform.on("POST", PUBLISH, (200, {"listingId": "110500"}))


async def push_one(platform: Platform, **changes: Any) -> PushResult:
    channel = EbayChannel(ebay_account(), transport=platform.transport)
    (result,) = await channel.push([state(**changes)])
    return result


async def test_new_listing_is_made_of_item_offer_and_publish(platform: Platform) -> None:
    nothing_there(platform)
    result = await push_one(platform)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    (put,) = platform.seen("PUT", ITEM)
    assert put.headers["content-language"] == "en-US"
    assert put.json["condition"] == "USED_EXCELLENT"
    assert put.json["availability"]["shipToLocationAvailability"]["quantity"] == 2
    (created,) = platform.seen("POST", OFFERS)
    assert created.json["sku"] == "00845BK"
    assert created.json["pricingSummary"] == {"price": {"currency": "USD", "value": "49.99"}}
    assert created.json["listingPolicies"]["returnPolicyId"] == "6003"
    assert created.json["availableQuantity"] == 2
    assert not platform.seen("PUT", OFFER)


async def test_sku_is_percent_encoded_in_paths_and_queries(platform: Platform) -> None:
    encoded = "/sell/inventory/v1/inventory_item/WH%2FGY%20%25"
    platform.on("GET", OFFERS, (404, NOT_FOUND))
    platform.on("GET", encoded, (404, NOT_FOUND))
    platform.on("PUT", encoded, (204, None))
    platform.on("POST", OFFERS, (201, {"offerId": "9001"}))
    platform.on("POST", PUBLISH, (200, {"listingId": "110500"}))
    assert (await push_one(platform, platform_sku="WH/GY %")).outcome is Outcome.DONE
    assert platform.seen("GET", OFFERS)[0].query["sku"] == "WH/GY %"


async def test_duplicate_offer_is_recovered_and_published(platform: Platform) -> None:
    nothing_there(platform)
    unpublished = offer(status="UNPUBLISHED", listing=None)
    platform.on("GET", OFFERS, (404, NOT_FOUND), (200, {"offers": [unpublished], "total": 1}))
    platform.on("POST", OFFERS, (400, DUPLICATE))
    result = await push_one(platform)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    assert not platform.seen("PUT", OFFER)


async def test_offer_made_without_an_answer_is_found_and_not_made_again(platform: Platform) -> None:
    nothing_there(platform)
    unpublished = offer(status="UNPUBLISHED", listing=None)
    platform.on("GET", OFFERS, (200, {"offers": []}), (200, {"offers": [unpublished]}))
    platform.on("POST", OFFERS, fails(httpx2.ReadTimeout))
    assert (await push_one(platform)).outcome is Outcome.DONE
    assert len(platform.seen("POST", OFFERS)) == 1


async def test_offer_whose_fate_stays_unknown_is_reported_so(platform: Platform) -> None:
    nothing_there(platform)
    platform.on("POST", OFFERS, fails(httpx2.ReadTimeout))
    assert (await push_one(platform)).outcome is Outcome.UNKNOWN


async def test_publish_without_an_answer_is_read_back(platform: Platform) -> None:
    nothing_there(platform)
    platform.on("POST", PUBLISH, fails(httpx2.ReadError))
    platform.on("GET", OFFER, (200, offer()))
    result = await push_one(platform)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)


async def test_refused_publish_keeps_the_offer_id(platform: Platform) -> None:
    nothing_there(platform)
    refusal = {"errors": [{"errorId": 25005, "category": "REQUEST", "message": "Invalid category."}]}
    platform.on("POST", PUBLISH, (400, refusal))
    result = await push_one(platform)
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "25005")
    assert result.external_ids == {"offer_id": "9001"}


async def test_known_listing_gets_both_quantities_and_price_in_one_call(platform: Platform) -> None:
    platform.on("POST", BULK, (200, {"responses": [element(200)]}))
    result = await push_one(platform, external_ids=KNOWN, content_changed=False)
    assert result.outcome is Outcome.DONE
    assert [call.path for call in platform.calls] == ["/token", BULK]
    price = {"currency": "USD", "value": "49.99"}
    assert platform.seen("POST", BULK)[0].json == {
        "requests": [
            {
                "sku": "00845BK",
                "shipToLocationAvailability": {"quantity": 2},
                "offers": [{"offerId": "9001", "availableQuantity": 2, "price": price}],
            }
        ]
    }


async def test_listing_without_a_price_of_ours_keeps_the_platforms(platform: Platform) -> None:
    platform.on("POST", BULK, (200, {"responses": [element(200)]}))
    await push_one(platform, external_ids=KNOWN, content_changed=False, price=None)
    assert "price" not in platform.seen("POST", BULK)[0].json["requests"][0]["offers"][0]


async def test_partial_failure_of_a_bulk_call_is_told_per_sku(platform: Platform) -> None:
    refused = {"errorId": 25004, "category": "REQUEST", "message": "Invalid quantity."}
    body = {"responses": [element(200, "A"), element(400, "B", errors=[refused]), element(500, "C")]}
    platform.on("POST", BULK, (207, body))
    channel = EbayChannel(ebay_account(batch_skus=True), transport=platform.transport)
    batch = [
        state(listing_id=number, platform_sku=sku, external_ids=KNOWN | {"offer_id": sku}, content_changed=False)
        for number, sku in enumerate("ABCD")
    ]
    results = {result.listing_id: result for result in await channel.push(batch)}
    assert [results[number].outcome for number in range(4)] == [
        Outcome.DONE,
        Outcome.PERMANENT,
        Outcome.RETRY,
        Outcome.UNKNOWN,
    ]
    assert results[1].code == "25004"
    assert len(platform.seen("POST", BULK)) == 1


async def test_one_sku_per_call_unless_switched_on(platform: Platform) -> None:
    platform.on("POST", BULK, lambda call: httpx2.Response(200, json={"responses": [element(200, _sku(call))]}))
    channel = EbayChannel(ebay_account(), transport=platform.transport)
    batch = [
        state(listing_id=number, platform_sku=f"S{number}", external_ids=KNOWN, content_changed=False)
        for number in range(3)
    ]
    results = await channel.push(batch)
    assert [result.outcome for result in results] == [Outcome.DONE] * 3
    assert len(platform.seen("POST", BULK)) == 3


def _sku(call: Any) -> str:
    sku = call.json["requests"][0]["sku"]
    assert isinstance(sku, str)
    return sku


async def test_bulk_call_refused_as_a_whole_is_repeated_one_by_one(platform: Platform) -> None:
    def one_only(call: Any) -> httpx2.Response:
        if len(call.json["requests"]) > 1:
            return httpx2.Response(400, json={"errors": [{"errorId": 25709, "category": "REQUEST", "message": "one"}]})
        return httpx2.Response(200, json={"responses": [element(200, _sku(call))]})

    platform.on("POST", BULK, one_only)
    channel = EbayChannel(ebay_account(batch_skus=True), transport=platform.transport)
    batch = [
        state(listing_id=number, platform_sku=f"S{number}", external_ids=KNOWN, content_changed=False)
        for number in range(2)
    ]
    assert [result.outcome for result in await channel.push(batch)] == [Outcome.DONE] * 2


async def test_busy_item_is_tried_again_and_then_given_back(platform: Platform) -> None:
    platform.on("POST", BULK, (500, BUSY), (500, BUSY), (200, {"responses": [element(200)]}))
    assert (await push_one(platform, external_ids=KNOWN, content_changed=False)).outcome is Outcome.DONE
    platform.on("POST", BULK, (500, BUSY))
    result = await push_one(platform, external_ids=KNOWN, content_changed=False)
    assert (result.outcome, result.code) == (Outcome.RETRY, "25025")
    assert len(platform.seen("POST", BULK)) == 3 + 4


async def test_listing_that_vanished_is_made_again(platform: Platform) -> None:
    nothing_there(platform)
    gone = {"errorId": 25713, "category": "REQUEST", "message": "This Offer is not available"}
    platform.on("POST", BULK, (200, {"responses": [element(400, errors=[gone])]}))
    result = await push_one(platform, external_ids=KNOWN, content_changed=False)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)


async def test_matched_listing_with_the_same_content_is_only_revised(platform: Platform) -> None:
    platform.on("GET", OFFERS, (200, {"offers": [offer()]}))
    platform.on("GET", ITEM, (200, item()))
    platform.on("POST", BULK, (200, {"responses": [element(200)]}))
    result = await push_one(platform, quantity=5)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    assert not platform.seen("PUT", ITEM)
    assert not platform.seen("PUT", OFFER)


async def test_changed_title_keeps_what_the_hub_does_not_own(platform: Platform) -> None:
    platform.on("GET", OFFERS, (200, {"offers": [offer(lotSize=2)]}))
    platform.on("GET", ITEM, (200, item()))
    platform.on("PUT", ITEM, (204, None))
    platform.on("PUT", OFFER, (200, {"offerId": "9001"}))
    result = await push_one(platform, title="Bose 201 Series IV, tested", price=Decimal("59.90"))
    assert result.outcome is Outcome.DONE
    sent = platform.seen("PUT", ITEM)[0].json
    assert sent["product"]["title"] == "Bose 201 Series IV, tested"
    assert sent["product"]["imageUrls"] == ["https://i.ebayimg.test/1.jpg"]
    assert sent["packageWeightAndSize"] == {"weight": {"value": 10.5, "unit": "POUND"}}
    assert sent["condition"] == "USED_VERY_GOOD"
    assert "locale" not in sent
    changed = platform.seen("PUT", OFFER)[0].json
    assert changed["lotSize"] == 2
    assert changed["pricingSummary"]["price"]["value"] == "59.90"
    assert not {"offerId", "status", "listing", "sku", "marketplaceId", "format"} & set(changed)


async def test_description_that_only_repeats_the_title_replaces_nothing(platform: Platform) -> None:
    platform.on("GET", OFFERS, (200, {"offers": [offer()]}))
    platform.on("GET", ITEM, (200, item()))
    platform.on("POST", BULK, (200, {"responses": [element(200)]}))
    result = await push_one(platform, description="Bose 201 Series IV")
    assert result.outcome is Outcome.DONE
    assert not platform.seen("PUT", ITEM)


async def test_nothing_to_sell_and_nothing_shown_makes_nothing(platform: Platform) -> None:
    nothing_there(platform)
    result = await push_one(platform, quantity=0)
    assert (result.outcome, dict(result.external_ids)) == (Outcome.DONE, {})
    assert not platform.seen("PUT", ITEM)


async def test_new_listing_without_a_price_waits_for_a_person(platform: Platform) -> None:
    nothing_there(platform)
    result = await push_one(platform, price=None)
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "price_missing")


async def test_impossible_sku_is_refused_without_a_call(platform: Platform) -> None:
    result = await push_one(platform, platform_sku="X" * 51)
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "25708")
    assert not platform.calls


async def test_ended_listing_is_withdrawn_and_keeps_its_offer(platform: Platform) -> None:
    platform.on("GET", OFFER, (200, offer()))
    platform.on("POST", WITHDRAW, (200, {"listingId": "110500"}))
    result = await push_one(platform, phase=ListingPhase.ENDED, external_ids=KNOWN)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, {"offer_id": "9001"})


@pytest.mark.parametrize("answer", [(404, NOT_FOUND), (200, offer(status="UNPUBLISHED", listing=None))])
async def test_ending_what_has_ended_is_done(platform: Platform, answer: tuple[int, Any]) -> None:
    platform.on("GET", OFFER, answer)
    platform.on("GET", OFFERS, (404, NOT_FOUND))
    result = await push_one(platform, phase=ListingPhase.ENDED, external_ids=KNOWN)
    assert result.outcome is Outcome.DONE
    assert not platform.seen("POST", WITHDRAW)


async def test_withdraw_without_an_answer_is_read_back(platform: Platform) -> None:
    platform.on("GET", OFFER, (200, offer()), (200, offer(status="UNPUBLISHED", listing=None)))
    platform.on("POST", WITHDRAW, fails(httpx2.ReadTimeout))
    assert (await push_one(platform, phase=ListingPhase.ENDED, external_ids=KNOWN)).outcome is Outcome.DONE


async def test_last_revisions_of_the_day_are_kept_for_zero(platform: Platform) -> None:
    platform.on("POST", BULK, (200, {"responses": [element(200)]}))
    channel = EbayChannel(ebay_account(), transport=platform.transport)
    usual = revisions.REVISIONS_PER_DAY - revisions.REVISIONS_KEPT_FOR_ZERO
    for _ in range(usual):
        (result,) = await channel.push([state(external_ids=KNOWN, content_changed=False)])
        assert result.outcome is Outcome.DONE
    (result,) = await channel.push([state(external_ids=KNOWN, content_changed=False)])
    assert (result.outcome, result.code, result.retry_after_s) == (Outcome.RETRY, "revisions_spent", None)
    (result,) = await channel.push([state(external_ids=KNOWN, content_changed=False, quantity=0)])
    assert result.outcome is Outcome.DONE
    assert len(platform.seen("POST", BULK)) == usual + 1


async def test_expired_token_is_renewed_once_and_the_call_repeated(platform: Platform) -> None:
    platform.on("POST", "/token", *((200, {"access_token": f"t{n}", "expires_in": 7200}) for n in (1, 2)))
    expired = {"errors": [{"errorId": 1001, "category": "REQUEST", "message": "Invalid access token"}]}
    platform.on("POST", BULK, (401, expired), (200, {"responses": [element(200)]}))
    assert (await push_one(platform, external_ids=KNOWN, content_changed=False)).outcome is Outcome.DONE
    tokens = [call.headers["authorization"] for call in platform.seen("POST", BULK)]
    assert tokens == ["Bearer t1", "Bearer t2"]


async def test_revoked_consent_is_the_accounts_trouble(platform: Platform) -> None:
    platform.on("POST", "/token", (400, {"error": "invalid_grant", "error_description": "the token was revoked"}))
    result = await push_one(platform, external_ids=KNOWN, content_changed=False)
    assert (result.outcome, result.code) == (Outcome.AUTH, "invalid_grant")


async def test_token_request_names_the_application_and_the_grant(platform: Platform) -> None:
    platform.on("POST", BULK, (200, {"responses": [element(200)]}))
    await push_one(platform, external_ids=KNOWN, content_changed=False)
    (call,) = platform.seen("POST", "/token")
    assert call.headers["authorization"] == "Basic YXBwOmFwcC1zZWNyZXQ="
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert b"grant_type=refresh_token&refresh_token=v%5E1.refresh&scope=" in call.content


async def test_terms_the_options_leave_out_are_asked_of_ebay(platform: Platform) -> None:
    nothing_there(platform)
    locations = {
        "locations": [
            {"merchantLocationKey": "old", "merchantLocationStatus": "DISABLED"},
            {"merchantLocationKey": "irvine", "merchantLocationStatus": "ENABLED"},
        ]
    }
    platform.on("GET", "/sell/inventory/v1/location", (200, locations))
    for kind in ("fulfillment", "payment", "return"):
        policies = [
            {f"{kind}PolicyId": "1", "categoryTypes": [{"name": "ALL_EXCLUDING_MOTORS_VEHICLES", "default": False}]},
            {f"{kind}PolicyId": "2", "categoryTypes": [{"name": "ALL_EXCLUDING_MOTORS_VEHICLES", "default": True}]},
        ]
        platform.on("GET", f"/sell/account/v1/{kind}_policy", (200, {f"{kind}Policies": policies}))
    blank = ("merchant_location_key", "fulfillment_policy_id", "payment_policy_id", "return_policy_id")
    channel = EbayChannel(ebay_account(**dict.fromkeys(blank, "")), transport=platform.transport)
    await channel.push([state()])
    await channel.push([state()])
    created = platform.seen("POST", OFFERS)[0].json
    assert created["merchantLocationKey"] == "irvine"
    assert created["listingPolicies"] == {"fulfillmentPolicyId": "2", "paymentPolicyId": "2", "returnPolicyId": "2"}
    assert len(platform.seen("GET", "/sell/inventory/v1/location")) == 1


async def test_read_shows_the_smaller_quantity_and_the_phase(platform: Platform) -> None:
    bulk_items = {"responses": [{"sku": "00845BK", "statusCode": 200, "inventoryItem": item()}]}
    platform.on("POST", "/sell/inventory/v1/bulk_get_inventory_item", (200, bulk_items))
    platform.on("GET", OFFER, (200, offer(availableQuantity=1)))
    platform.on("GET", OFFERS, (404, NOT_FOUND))
    channel = EbayChannel(ebay_account(), transport=platform.transport)
    known, absent = await channel.read([state(external_ids=KNOWN), state(listing_id=2, platform_sku="ABSENT")])
    assert (known.exists, known.quantity, known.price) == (True, 1, Decimal("49.99"))
    assert known.phase is ListingPhase.LIVE
    assert known.external_ids == KNOWN
    assert not absent.exists


def test_missing_credentials_are_named() -> None:
    account = ebay_account()
    object.__setattr__(account, "credentials", {"client_id": "app"})
    with pytest.raises(ValueError, match="client_secret, refresh_token"):
        EbayChannel(account)
