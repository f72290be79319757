"""Pushing to Zoho: what is sent, in which order, and what is made of each answer. Stock is never sent twice for one change."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.base import ListingPhase, ListingState, Outcome, PushResult
from sync_svc.channels.zoho import adjustments, listings
from sync_svc.channels.zoho.adapter import ZohoChannel
from tests.unit.channels.doubles import Call, Platform, fails, reply, state, zoho_account

API = "/inventory/v1"
ITEMS, DETAILS, ADJUSTMENTS = f"{API}/items", f"{API}/itemdetails", f"{API}/inventoryadjustments"
ITEM_ID = 6780203000000500001
OK = {"code": 0, "message": "success"}
KNOWN = {"item_id": str(ITEM_ID), "listing_id": str(ITEM_ID)}


def item(**changes: Any) -> dict[str, Any]:
    fields = {
        "item_id": ITEM_ID,
        "sku": "00845BK",
        "name": "Bose 201 Series IV",
        "description": "A pair of bookshelf speakers.",
        "rate": 49.99,
        "unit": "qty",
        "status": "active",
        "available_stock": 5,
        "stock_on_hand": 6,
    }
    return fields | changes


def booked(**changes: Any) -> dict[str, Any]:
    return {**OK, "inventory_adjustment": {"inventory_adjustment_id": 77, "status": "adjusted", **changes}}


@pytest.fixture
def zoho() -> Platform:
    """An organization with one item of which five are available."""
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "t", "expires_in": 3600}))
    platform.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": item()}))
    platform.on("GET", ITEMS, (200, {**OK, "items": [item()]}))
    platform.on("GET", ADJUSTMENTS, (200, {**OK, "inventory_adjustments": []}))
    platform.on("POST", ADJUSTMENTS, (200, booked()))
    return platform


def channel(platform: Platform, **options: Any) -> ZohoChannel:
    return ZohoChannel(zoho_account(**options), transport=platform.transport)


async def push_one(platform: Platform, wanted: ListingState, **options: Any) -> PushResult:
    (result,) = await channel(platform, **options).push([wanted])
    return result


def known(**changes: Any) -> ListingState:
    return state(**{"external_ids": KNOWN, "content_changed": False, "generation": 7, **changes})


async def test_difference_to_what_is_available_is_booked_under_the_name_of_the_change(zoho: Platform) -> None:
    result = await push_one(zoho, known(quantity=2))
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    (call,) = zoho.seen("POST", ADJUSTMENTS)
    body = call.json
    assert (body["reference_number"], body["adjustment_type"]) == ("HUB-1-7", "quantity")
    (line,) = body["line_items"]
    assert line == {"item_id": str(ITEM_ID), "quantity_adjusted": -3, "description": "HUB-1-7"}
    assert call.query == {"organization_id": "10229182"}
    assert call.headers["authorization"] == "Zoho-oauthtoken t"


async def test_quantity_that_is_there_already_needs_no_document(zoho: Platform) -> None:
    result = await push_one(zoho, known(quantity=5))
    assert result.outcome is Outcome.DONE
    assert [call.method for call in zoho.calls[1:]] == ["GET"]


async def test_many_known_items_take_one_read_and_one_document(zoho: Platform) -> None:
    ids = [str(ITEM_ID + number) for number in range(3)]
    zoho.on("GET", DETAILS, (200, {**OK, "items": [item(item_id=int(one), sku=f"S{one[-1]}") for one in ids]}))
    batch = [
        known(listing_id=number, platform_sku=f"S{one[-1]}", external_ids={"item_id": one}, quantity=number)
        for number, one in enumerate(ids)
    ]
    results = await channel(zoho).push(batch)
    assert {result.outcome for result in results} == {Outcome.DONE}
    assert len(zoho.calls) == 3
    (call,) = zoho.seen("POST", ADJUSTMENTS)
    assert [line["quantity_adjusted"] for line in call.json["line_items"]] == [-5, -4, -3]
    assert call.json["reference_number"] == adjustments.document_reference(batch)


async def test_document_refused_as_a_whole_is_sent_line_by_line(zoho: Platform) -> None:
    zoho.on("GET", DETAILS, (200, {**OK, "items": [item(), item(item_id=ITEM_ID + 1, sku="B")]}))

    def refuse_groups(call: Call) -> httpx2.Response:
        lines = call.json["line_items"]
        is_bad = any(line["item_id"] == str(ITEM_ID + 1) for line in lines)
        return reply(400, {"code": 9, "message": "Not so."}) if is_bad else reply(200, booked())

    zoho.on("POST", ADJUSTMENTS, refuse_groups)
    other = known(listing_id=2, platform_sku="B", external_ids={"item_id": str(ITEM_ID + 1)})
    good, bad = await channel(zoho).push([known(), other])
    assert (good.outcome, bad.outcome, bad.code) == (Outcome.DONE, Outcome.PERMANENT, "9")
    assert len(zoho.seen("POST", ADJUSTMENTS)) == 3


@pytest.mark.parametrize(
    "lost",
    [fails(httpx2.ReadTimeout), fails(httpx2.ReadError), (500, {"code": 1000, "message": "internal"}), (504, "<html>")],
)
async def test_document_without_an_answer_is_unknown_and_remembered(zoho: Platform, lost: Any) -> None:
    zoho.on("POST", ADJUSTMENTS, lost)
    result = await push_one(zoho, known())
    assert (result.outcome, result.external_ids[adjustments.IN_DOUBT]) == (Outcome.UNKNOWN, "HUB-1-7")


async def test_document_that_never_left_is_simply_sent_again(zoho: Platform) -> None:
    zoho.on("POST", ADJUSTMENTS, fails(httpx2.ConnectError))
    result = await push_one(zoho, known())
    assert (result.outcome, result.external_ids) == (Outcome.RETRY, KNOWN)


async def test_doubt_is_looked_for_before_the_stock_is_read_and_then_forgotten(zoho: Platform) -> None:
    listed = [{"inventory_adjustment_id": 77, "reference_number": "HUB-1-7", "status": "adjusted"}]
    zoho.on("GET", ADJUSTMENTS, (200, {**OK, "inventory_adjustments": listed}))
    zoho.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": item(available_stock=2)}))
    result = await push_one(zoho, known(external_ids={**KNOWN, adjustments.IN_DOUBT: "HUB-1-7"}))
    assert (result.outcome, result.external_ids[adjustments.IN_DOUBT]) == (Outcome.DONE, "")
    assert [call.path for call in zoho.calls[1:]] == [ADJUSTMENTS, f"{ITEMS}/{ITEM_ID}"]


async def test_doubt_that_cannot_be_cleared_books_nothing(zoho: Platform) -> None:
    zoho.on("GET", ADJUSTMENTS, (503, None))
    result = await push_one(zoho, known(in_doubt=True))
    assert result.outcome is Outcome.UNKNOWN
    assert not zoho.seen("POST", ADJUSTMENTS)


@pytest.mark.parametrize("by", ["prefix", "item"])
async def test_document_left_waiting_by_a_dead_worker_is_made_to_count_first(zoho: Platform, by: str) -> None:
    reference = "HUB-1-6" if by == "prefix" else "HUB-Gabc"
    listed = [{"inventory_adjustment_id": 77, "reference_number": reference, "status": "draft"}]
    whole = {**listed[0], "line_items": [{"item_id": ITEM_ID}]}
    zoho.on("GET", ADJUSTMENTS, (200, {**OK, "inventory_adjustments": listed}))
    zoho.on("GET", f"{ADJUSTMENTS}/77", (200, {**OK, "inventory_adjustment": whole}))
    zoho.on("POST", f"{ADJUSTMENTS}/77/submit", (200, OK))
    zoho.on("POST", f"{ADJUSTMENTS}/77/approve", (200, OK))
    zoho.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": item(available_stock=2)}))
    result = await push_one(zoho, known(in_doubt=True))
    assert result.outcome is Outcome.DONE
    assert zoho.seen("POST", f"{ADJUSTMENTS}/77/approve")
    assert not zoho.seen("POST", ADJUSTMENTS)


async def test_document_of_another_listing_is_left_alone(zoho: Platform) -> None:
    listed = [{"inventory_adjustment_id": 77, "reference_number": "HUB-11-1", "status": "draft"}]
    zoho.on("GET", ADJUSTMENTS, (200, {**OK, "inventory_adjustments": listed}))
    result = await push_one(zoho, known(in_doubt=True))
    assert result.outcome is Outcome.DONE
    assert not zoho.seen("POST", f"{ADJUSTMENTS}/77/submit")


async def test_new_document_is_submitted_and_approved_when_it_says_so(zoho: Platform) -> None:
    zoho.on("POST", ADJUSTMENTS, (200, booked(status="draft")))
    zoho.on("POST", f"{ADJUSTMENTS}/77/submit", (200, OK))
    zoho.on("POST", f"{ADJUSTMENTS}/77/approve", (200, OK))
    assert (await push_one(zoho, known())).outcome is Outcome.DONE
    assert [call.path for call in zoho.calls[-2:]] == [f"{ADJUSTMENTS}/77/submit", f"{ADJUSTMENTS}/77/approve"]


async def test_approval_that_is_refused_waits_for_a_person_and_is_replaced_by_the_next_change(zoho: Platform) -> None:
    zoho.on("POST", ADJUSTMENTS, (200, booked(status="pending_approval")))
    zoho.on("POST", f"{ADJUSTMENTS}/77/approve", (400, {"code": 57, "message": "Not yours to approve."}))
    zoho.on("DELETE", f"{ADJUSTMENTS}/77", (200, OK))
    hub = channel(zoho)
    (result,) = await hub.push([known()])
    assert (result.outcome, result.code) == (Outcome.PERMANENT, adjustments.NEEDS_APPROVAL)
    listed = [{"inventory_adjustment_id": 77, "reference_number": "HUB-1-7", "status": "pending_approval"}]
    zoho.on("GET", ADJUSTMENTS, (200, {**OK, "inventory_adjustments": listed}))
    await hub.push([known(external_ids=result.external_ids, generation=8, quantity=1)])
    assert len(zoho.seen("DELETE", f"{ADJUSTMENTS}/77")) == 1
    assert [call.json["line_items"][0]["quantity_adjusted"] for call in zoho.seen("POST", ADJUSTMENTS)] == [-3, -4]


async def test_hub_that_may_not_approve_leaves_that_to_a_person(zoho: Platform) -> None:
    zoho.on("POST", ADJUSTMENTS, (200, booked(status="draft")))
    result = await push_one(zoho, known(), approve_adjustments=False)
    assert (result.outcome, result.code) == (Outcome.PERMANENT, adjustments.NEEDS_APPROVAL)


async def test_price_goes_with_what_the_item_holds(zoho: Platform) -> None:
    zoho.on("PUT", f"{ITEMS}/{ITEM_ID}", (200, OK))
    await push_one(zoho, known(quantity=5, price=Decimal("44.50")))
    (call,) = zoho.seen("PUT", f"{ITEMS}/{ITEM_ID}")
    assert call.json == {
        "name": "Bose 201 Series IV",
        "sku": "00845BK",
        "rate": 44.5,
        "unit": "qty",
        "description": "A pair of bookshelf speakers.",
    }


async def test_content_is_sent_only_when_it_changed(zoho: Platform) -> None:
    zoho.on("PUT", f"{ITEMS}/{ITEM_ID}", (200, OK))
    await push_one(zoho, known(quantity=5, title="Another"))
    assert not zoho.seen("PUT", f"{ITEMS}/{ITEM_ID}")
    await push_one(zoho, known(quantity=5, title="Another", content_changed=True))
    (call,) = zoho.seen("PUT", f"{ITEMS}/{ITEM_ID}")
    assert (call.json["name"], call.json["rate"]) == ("Another", 49.99)


async def test_unknown_listing_is_matched_by_its_sku(zoho: Platform) -> None:
    result = await push_one(zoho, state(quantity=5))
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    assert zoho.calls[1].query["sku"] == "00845BK"


def no_items(zoho: Platform, *later: dict[str, Any]) -> None:
    zoho.on("GET", ITEMS, (200, {**OK, "items": []}), (200, {**OK, "items": list(later)}))


async def test_missing_item_is_created_and_then_stocked(zoho: Platform) -> None:
    no_items(zoho)
    zoho.on("POST", ITEMS, (201, {**OK, "item": item(available_stock=0)}))
    result = await push_one(zoho, state(quantity=2))
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    (created,) = zoho.seen("POST", ITEMS)
    assert (created.json["sku"], created.json["rate"], created.json["item_type"]) == ("00845BK", 49.99, "inventory")
    (call,) = zoho.seen("POST", ADJUSTMENTS)
    assert call.json["line_items"][0]["quantity_adjusted"] == 2


async def test_stock_that_the_creation_does_not_tell_is_read(zoho: Platform) -> None:
    no_items(zoho)
    bare = {name: value for name, value in item().items() if "stock" not in name}
    zoho.on("POST", ITEMS, (201, {**OK, "item": bare}))
    zoho.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": item(available_stock=0)}))
    assert (await push_one(zoho, state(quantity=2))).outcome is Outcome.DONE


async def test_taken_name_gets_the_sku_beside_it(zoho: Platform) -> None:
    no_items(zoho)
    zoho.on("POST", ITEMS, (400, {"code": 1001, "message": "Exists."}), (201, {**OK, "item": item(available_stock=2)}))
    assert (await push_one(zoho, state())).outcome is Outcome.DONE
    assert [call.json["name"] for call in zoho.seen("POST", ITEMS)] == [
        "Bose 201 Series IV",
        "Bose 201 Series IV [00845BK]",
    ]


@pytest.mark.parametrize("lost", [fails(httpx2.ReadTimeout), (400, {"code": 1001, "message": "SKU exists."})])
async def test_item_that_is_there_after_all_is_used(zoho: Platform, lost: Any) -> None:
    no_items(zoho, item(available_stock=2))
    zoho.on("POST", ITEMS, lost)
    assert (await push_one(zoho, state())).external_ids == KNOWN
    assert len(zoho.seen("POST", ITEMS)) == 1


async def test_ended_item_goes_off_sale_and_comes_back(zoho: Platform) -> None:
    for status in ("active", "inactive"):
        zoho.on("POST", f"{ITEMS}/{ITEM_ID}/{status}", (200, OK))
    assert (await push_one(zoho, known(phase=ListingPhase.ENDED))).outcome is Outcome.DONE
    assert not zoho.seen("POST", ADJUSTMENTS)
    zoho.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": item(status="inactive")}))
    assert (await push_one(zoho, known(quantity=1))).outcome is Outcome.DONE
    assert zoho.seen("POST", f"{ITEMS}/{ITEM_ID}/active")
    assert zoho.seen("POST", ADJUSTMENTS)


@pytest.mark.parametrize(
    ("found", "wanted", "options", "code"),
    [
        ([], {"price": None}, {}, "price_missing"),
        ([], {}, {"create_listings": False}, "not_listed"),
        ([item(available_stock="", stock_on_hand=None)], {}, {}, "not_tracked"),
    ],
)
async def test_what_only_a_person_can_mend(
    zoho: Platform, found: list[Any], wanted: dict[str, Any], options: dict[str, Any], code: str
) -> None:
    zoho.on("GET", ITEMS, (200, {**OK, "items": found}))
    zoho.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": (found or [{}])[0]}))
    result = await push_one(zoho, state(**wanted), **options)
    assert (result.outcome, result.code) == (Outcome.PERMANENT, code)


async def test_nothing_to_sell_makes_no_item(zoho: Platform) -> None:
    no_items(zoho)
    assert (await push_one(zoho, state(quantity=0))).outcome is Outcome.DONE


async def test_stock_of_the_channels_own_location_counts(zoho: Platform) -> None:
    places = [
        {"location_id": 1, "location_available_stock": "9"},
        {"location_id": 2, "location_available_stock": "3.00"},
    ]
    zoho.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": item(locations=places)}))
    await push_one(zoho, known(quantity=1), location_id="2")
    (call,) = zoho.seen("POST", ADJUSTMENTS)
    assert call.json["location_id"] == "2"
    (line,) = call.json["line_items"]
    assert (line["quantity_adjusted"], line["location_id"]) == (-2, "2")


async def test_imported_id_of_another_item_is_not_believed(zoho: Platform) -> None:
    zoho.on("GET", f"{ITEMS}/{ITEM_ID}", (200, {**OK, "item": item(sku="OTHER")}))
    zoho.on("GET", ITEMS, (200, {**OK, "items": [item(item_id=5)]}))
    result = await push_one(zoho, state(external_ids={"listing_id": str(ITEM_ID)}, quantity=5))
    assert result.external_ids["item_id"] == "5"


async def test_items_are_read_one_by_one_where_many_cannot_be(zoho: Platform) -> None:
    zoho.on("GET", DETAILS, (400, {"code": 5, "message": "Invalid URL Passed"}))
    zoho.on("GET", f"{ITEMS}/8", (404, {"code": 1002, "message": "Item does not exist."}))
    no_items(zoho)
    first, second = await channel(zoho).read([known(), known(listing_id=2, external_ids={"item_id": "8"})])
    assert (first.exists, first.quantity, first.price) == (True, 5, Decimal("49.99"))
    assert not second.exists


async def test_what_does_not_fit_into_a_push_is_given_back_unsent(
    zoho: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_BEGIN_WITHIN_S", -1.0)
    result = await push_one(zoho, known())
    assert (result.outcome, result.code, result.retry_after_s) == (Outcome.RETRY, "QUOTA", None)
    assert not zoho.seen("POST", ADJUSTMENTS)


async def test_reference_tells_listings_and_generations_apart() -> None:
    one = known()
    assert adjustments.reference_of(one) != adjustments.reference_of(replace(one, generation=8))
    group = [one, known(listing_id=2)]
    assert adjustments.document_reference(group) == adjustments.document_reference(group[::-1])
