"""Pushing to Amazon: merged patches, acceptance that fails later, matching, and creation only where enough is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.amazon import listings
from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.base import ListingPhase, ListingState, Outcome, PushResult
from tests.factories.sync.engine import until
from tests.unit.channels.doubles import Call, Platform, amazon_account, fails, reply, state

ITEMS = "/listings/2021-08-01/items/A1SELLER"
ITEM = f"{ITEMS}/00845BK"
ACCEPTED = {"sku": "00845BK", "status": "ACCEPTED", "submissionId": "s", "issues": []}
KNOWN = {"listing_id": "B000000001", "product_type": "SPEAKERS"}
US = "ATVPDKIKX0DER"


def issue(message: str = "No.", code: str = "90220", **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "severity": "ERROR", "categories": ["INVALID_ATTRIBUTE"], **more}


def item(quantity: int = 2, price: str | None = "49.99", **changes: Any) -> dict[str, Any]:
    offer = {
        "marketplaceId": US,
        "offerType": "B2C",
        "price": {"amount": price, "currencyCode": "USD"},
    }
    return {
        "sku": "00845BK",
        "summaries": [{"marketplaceId": US, "asin": "B000000001", "productType": "SPEAKERS"}],
        "offers": [] if price is None else [{**offer, "offerType": "B2B", "price": {"amount": "1"}}, offer],
        "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": quantity}],
        "issues": [],
        **changes,
    }


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "_CONFIRM_AFTER_S", (0.0, 0.0, 0.0))


@pytest.fixture
def amazon() -> Platform:
    """A seller with one listing that shows what is asked for."""
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "Atza|t", "expires_in": 3600}))
    platform.on("GET", ITEM, (200, item()))
    platform.on("PATCH", ITEM, (200, ACCEPTED))
    platform.on("PUT", ITEM, (200, ACCEPTED))
    return platform


def channel(platform: Platform, **options: Any) -> AmazonChannel:
    return AmazonChannel(amazon_account(**options), transport=platform.transport)


async def push_one(platform: Platform, wanted: ListingState, **options: Any) -> PushResult:
    (result,) = await channel(platform, **options).push([wanted])
    return result


def known(**changes: Any) -> ListingState:
    return state(**{"external_ids": KNOWN, "content_changed": False, **changes})


async def test_quantity_and_price_are_merged_in_one_call(amazon: Platform) -> None:
    result = await push_one(amazon, known())
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    (call,) = amazon.seen("PATCH", ITEM)
    assert call.headers["x-amz-access-token"] == "Atza|t"
    assert "authorization" not in call.headers
    assert call.query == {"marketplaceIds": US}
    assert call.json == {
        "productType": "SPEAKERS",
        "patches": [
            {
                "op": "merge",
                "path": "/attributes/fulfillment_availability",
                "value": [{"fulfillment_channel_code": "DEFAULT", "quantity": 2}],
            },
            {
                "op": "merge",
                "path": "/attributes/purchasable_offer",
                "value": [
                    {
                        "marketplace_id": US,
                        "currency": "USD",
                        "our_price": [{"schedule": [{"value_with_tax": 49.99}]}],
                    }
                ],
            },
        ],
    }


async def test_price_that_is_not_ours_is_left_alone(amazon: Platform) -> None:
    await push_one(amazon, known(price=None))
    (call,) = amazon.seen("PATCH", ITEM)
    assert len(call.json["patches"]) == 1


async def test_content_goes_along_only_where_the_channel_says_so(amazon: Platform) -> None:
    await push_one(amazon, known(content_changed=True))
    await push_one(amazon, known(content_changed=True), send_content=True)
    plain, full = amazon.seen("PATCH", ITEM)
    assert len(plain.json["patches"]) == 2
    assert [patch["path"].rpartition("/")[2] for patch in full.json["patches"][2:]] == [
        "item_name",
        "product_description",
    ]
    assert full.json["patches"][2]["value"][0]["language_tag"] == "en_US"


async def test_refusal_within_a_success_is_permanent_with_its_issues(amazon: Platform) -> None:
    refused = {**ACCEPTED, "status": "INVALID", "issues": [issue("Too low."), issue("Too low."), issue("Odd.")]}
    amazon.on("PATCH", ITEM, (200, refused))
    result = await push_one(amazon, known())
    assert (result.outcome, result.code, result.message) == (
        Outcome.PERMANENT,
        "90220",
        "patchListingsItem: Too low. Odd.",
    )


async def test_answer_that_accepts_nothing_is_unknown(amazon: Platform) -> None:
    amazon.on("PATCH", ITEM, (200, {"sku": "00845BK"}))
    assert (await push_one(amazon, known())).outcome is Outcome.UNKNOWN


async def test_objection_after_acceptance_is_permanent(amazon: Platform) -> None:
    before, after = issue("Old.", "1"), issue("Conflicts.", "8541")
    amazon.on("GET", ITEM, (200, item(quantity=9, issues=[before])), (200, item(quantity=9, issues=[before, after])))
    result = await push_one(amazon, known())
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "8541")
    assert "Old." not in result.message
    assert "Conflicts." in result.message


async def test_objection_that_stood_before_is_looked_at_again_later(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (200, item(quantity=9, issues=[issue("Conflicts.", "8541")])))
    result = await push_one(amazon, known())
    assert (result.outcome, result.code, result.wait_s) == (Outcome.RETRY, "not_confirmed", 60.0)


async def test_issue_about_something_else_is_no_objection(amazon: Platform) -> None:
    issues = [issue(attributeNames=["batteries_required"]), {**issue(), "severity": "WARNING"}]
    amazon.on("GET", ITEM, (200, item(quantity=9, issues=issues)))
    assert (await push_one(amazon, known())).outcome is Outcome.DONE


async def test_old_issue_does_not_matter_once_the_listing_shows_what_was_sent(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (200, item(issues=[issue()])))
    assert (await push_one(amazon, known())).outcome is Outcome.DONE


async def test_confirmation_that_cannot_be_had_leaves_it_accepted(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (503, None))
    assert (await push_one(amazon, known())).outcome is Outcome.DONE


async def test_unknown_listing_is_matched_before_it_is_patched(amazon: Platform) -> None:
    result = await push_one(amazon, state())
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    assert [call.method for call in amazon.calls[1:3]] == ["GET", "PATCH"]


async def test_listing_that_went_is_looked_for_again(amazon: Platform) -> None:
    gone = {**ACCEPTED, "status": "INVALID", "issues": [issue("This SKU does not exist.", "13013")]}
    amazon.on("PATCH", ITEM, (200, gone))
    amazon.on("GET", ITEM, (404, {"errors": [{"code": "NOT_FOUND", "message": "not found"}]}))
    result = await push_one(amazon, known())
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "product_type_missing")


@pytest.mark.parametrize(
    ("wanted", "options", "code"),
    [
        ({}, {}, "product_type_missing"),
        ({}, {"product_type": "SPEAKERS", "create_listings": False}, "not_listed"),
        ({"price": None}, {"product_type": "SPEAKERS"}, "price_missing"),
    ],
)
async def test_what_keeps_a_listing_from_being_made(
    amazon: Platform, wanted: dict[str, Any], options: dict[str, Any], code: str
) -> None:
    amazon.on("GET", ITEM, (404, None))
    result = await push_one(amazon, state(**wanted), **options)
    assert (result.outcome, result.code) == (Outcome.PERMANENT, code)
    assert not amazon.seen("PUT", ITEM)


async def test_listing_is_made_from_the_options_and_its_own_metadata(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (404, None), (404, None), (200, item()))
    attributes = {
        "brand": [{"value": "Bose"}],
        "fulfillment_availability": [{"lead_time_to_ship_max_days": 2}],
    }
    result = await push_one(
        amazon,
        state(condition="R", metadata={"product_type": "SPEAKERS", "attributes": attributes}),
        attributes={"brand": [{"value": "None"}], "country_of_origin": [{"value": "US"}]},
    )
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    (call,) = amazon.seen("PUT", ITEM)
    made = call.json["attributes"]
    assert (call.json["productType"], call.json["requirements"]) == ("SPEAKERS", "LISTING")
    assert made["brand"] == [{"value": "Bose"}]
    assert made["condition_type"][0]["value"] == "refurbished_refurbished"
    assert made["fulfillment_availability"] == [
        {"lead_time_to_ship_max_days": 2, "fulfillment_channel_code": "DEFAULT", "quantity": 2}
    ]
    assert made["item_name"][0]["value"] == "Bose 201 Series IV"


async def test_new_listing_that_amazon_then_suppresses_is_told(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (404, None), (404, None), (200, item(quantity=0, issues=[issue("Conflicts.", "8541")])))
    result = await push_one(amazon, state(), product_type="SPEAKERS")
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "8541")


async def test_offer_on_a_page_amazon_has_needs_only_the_page(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (404, None), (200, item()))
    await push_one(amazon, state(metadata={"asin": "B000000001"}))
    (call,) = amazon.seen("PUT", ITEM)
    assert (call.json["productType"], call.json["requirements"]) == ("PRODUCT", "LISTING_OFFER_ONLY")
    assert call.json["attributes"]["merchant_suggested_asin"][0]["value"] == "B000000001"
    assert "item_name" not in call.json["attributes"]


async def test_nothing_to_sell_or_ended_makes_no_listing(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (404, None))
    for wanted in (state(quantity=0), state(phase=ListingPhase.ENDED)):
        assert (await push_one(amazon, wanted, product_type="X")).outcome is Outcome.DONE


async def test_stock_at_amazon_is_not_ours_to_set(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (200, item(fulfillmentAvailability=[{"fulfillmentChannelCode": "AMAZON_NA"}])))
    result = await push_one(amazon, state())
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "fulfilled_by_amazon")


async def test_ended_listing_loses_its_offer_and_keeps_its_page(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (200, item()), (200, item(quantity=0, price=None)))
    assert (await push_one(amazon, known(phase=ListingPhase.ENDED, quantity=0))).outcome is Outcome.DONE
    (call,) = amazon.seen("PATCH", ITEM)
    assert [patch["op"] for patch in call.json["patches"]] == ["merge", "delete"]


async def test_offer_that_cannot_be_taken_away_is_out_of_stock(amazon: Platform) -> None:
    refused = {**ACCEPTED, "status": "INVALID", "issues": [issue()]}
    amazon.on("PATCH", ITEM, (200, refused), (200, ACCEPTED))
    assert (await push_one(amazon, known(phase=ListingPhase.ENDED, quantity=0))).outcome is Outcome.DONE
    assert len(amazon.seen("PATCH", ITEM)[1].json["patches"]) == 1


async def test_ended_listing_is_deleted_where_the_channel_says_so(amazon: Platform) -> None:
    amazon.on("DELETE", ITEM, (200, ACCEPTED))
    wanted = known(phase=ListingPhase.ENDED, quantity=0)
    assert (await push_one(amazon, wanted, delete_ended=True)).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("lost", "outcome"),
    [
        (fails(httpx2.ReadTimeout), Outcome.UNKNOWN),
        (fails(httpx2.ConnectError), Outcome.RETRY),
        ((500, {"errors": [{"code": "InternalFailure", "message": "?"}]}), Outcome.RETRY),
        ((429, {"errors": [{"code": "QuotaExceeded", "message": "?"}]}), Outcome.RETRY),
        ((400, {"errors": [{"code": "InvalidInput", "message": "?", "details": "more"}]}), Outcome.PERMANENT),
        ((403, {"errors": [{"code": "Unauthorized", "message": "denied"}]}), Outcome.AUTH),
        ((200, {"errors": [{"code": "InternalFailure", "message": "?"}]}), Outcome.RETRY),
    ],
)
async def test_failures_are_sorted(amazon: Platform, lost: Any, outcome: Outcome) -> None:
    amazon.on("PATCH", ITEM, lost)
    result = await push_one(amazon, known())
    assert (result.outcome, result.retry_after_s) == (outcome, None)


@pytest.mark.parametrize(
    ("sku", "path"),
    [
        ("A/B", f"{ITEMS}/A%2FB"),
        ("50% off", f"{ITEMS}/50%25%20off"),
        ("Ä?#", f"{ITEMS}/%C3%84%3F%23"),
    ],
)
async def test_skus_are_encoded_whole(amazon: Platform, sku: str, path: str) -> None:
    amazon.on("PATCH", path, (200, ACCEPTED))
    amazon.on("GET", path, (200, item()))
    assert (await push_one(amazon, known(platform_sku=sku))).outcome is Outcome.DONE


async def test_sku_that_cannot_be_is_refused_unsent(amazon: Platform) -> None:
    result = await push_one(amazon, known(platform_sku="x" * 41))
    assert (result.outcome, result.code, amazon.calls) == (Outcome.PERMANENT, "sku_length", [])


async def test_many_are_read_by_search_and_the_rest_one_by_one(amazon: Platform) -> None:
    batch = [known(listing_id=number, platform_sku=f"S{number}") for number in range(6)]

    def search(call: Call) -> httpx2.Response:
        assert call.query["identifiers"] == "S0,S1,S2,S3,S4,S5"
        return reply(200, {"items": [item(sku=f"S{number}") for number in range(5)]})

    amazon.on("GET", ITEMS, search)
    amazon.on("GET", f"{ITEMS}/S5", (404, None))
    found = await channel(amazon).read(batch)
    assert [one.exists for one in found] == [True] * 5 + [False]
    assert (found[0].quantity, found[0].price, found[0].phase) == (2, Decimal("49.99"), ListingPhase.LIVE)


def unmatched(count: int, **changes: Any) -> list[ListingState]:
    return [
        state(listing_id=number, platform_sku=f"S{number}", external_ids={}, **changes)
        for number in range(1, count + 1)
    ]


async def test_many_that_are_not_to_be_shown_cost_one_search(amazon: Platform) -> None:
    amazon.on("GET", ITEMS, (200, {"items": [item(sku="S3")]}))
    amazon.on("PATCH", f"{ITEMS}/S3", (200, ACCEPTED))
    amazon.on("GET", f"{ITEMS}/S3", (200, item(quantity=0, sku="S3")))
    results = await channel(amazon).push(unmatched(20, quantity=0))
    assert {result.outcome for result in results} == {Outcome.DONE}
    assert len(amazon.seen("GET", ITEMS)) == 1
    (patch,) = [call for call in amazon.calls if call.method == "PATCH"]
    assert patch.path == f"{ITEMS}/S3"
    assert {call.path for call in amazon.calls if call.method == "GET"} == {ITEMS, f"{ITEMS}/S3"}


async def test_a_listing_that_was_just_made_is_taken_off_although_no_search_finds_it(amazon: Platform) -> None:
    amazon.on("GET", ITEMS, (200, {"items": []}))
    made = [one if one.listing_id > 1 else replace(one, external_ids={"made": "1"}) for one in unmatched(6, quantity=0)]
    amazon.on("GET", f"{ITEMS}/S1", (200, item(sku="S1")))
    amazon.on("PATCH", f"{ITEMS}/S1", (200, ACCEPTED))
    await channel(amazon).push(made)
    assert [call.path for call in amazon.calls if call.method == "PATCH"] == [f"{ITEMS}/S1"]


async def test_a_listing_that_is_not_shown_yet_is_known_to_be_made(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (404, None))
    result = await push_one(amazon, state(metadata={"product_type": "SPEAKERS", "attributes": {"brand": []}}))
    assert (result.outcome, result.external_ids) == (Outcome.DONE, {"made": "1"})


async def test_what_is_to_be_shown_and_no_search_finds_is_looked_for_itself(amazon: Platform) -> None:
    amazon.on("GET", ITEMS, (200, {"items": []}))
    for number in range(1, 7):
        amazon.on("GET", f"{ITEMS}/S{number}", (404, None))
    results = await channel(amazon).push(unmatched(6))
    assert {result.code for result in results} == {"product_type_missing"}


async def test_many_are_looked_for_one_by_one_when_they_cannot_be_searched(amazon: Platform) -> None:
    amazon.on("GET", ITEMS, (503, None))
    for number in range(1, 7):
        amazon.on("GET", f"{ITEMS}/S{number}", (404, None))
    results = await channel(amazon).push(unmatched(6, quantity=0))
    assert {result.outcome for result in results} == {Outcome.DONE}


async def test_what_is_sold_out_does_not_wait_behind_what_is_looked_for(amazon: Platform) -> None:
    amazon.on("GET", ITEMS, (200, {"items": []}))
    for number in range(1, 61):
        amazon.on("GET", f"{ITEMS}/S{number}", (404, None))
    seller = channel(amazon)
    looking = asyncio.ensure_future(seller.push(unmatched(60)))
    await until(lambda: len(amazon.calls) >= 10)
    (result,) = await seller.push([known(quantity=0)])
    assert result.outcome is Outcome.DONE
    assert len([call for call in amazon.calls if call.method == "GET"]) < 20
    looking.cancel()


async def test_listing_without_an_offer_reads_as_ended(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (200, item(price=None)))
    (found,) = await channel(amazon).read([known()])
    assert (found.exists, found.phase, found.price) == (True, ListingPhase.ENDED, None)


async def test_what_does_not_fit_into_a_push_is_given_back_unsent(
    amazon: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_BEGIN_WITHIN_S", -1.0)
    result = await push_one(amazon, known())
    assert (result.outcome, result.code, amazon.calls) == (Outcome.RETRY, "QUOTA", [])
