"""eBay's bulk_update_price_quantity: the smaller quantity shows, elements fail alone, revisions are counted."""

import aiohttp
import pytest

from sandbox import Sandbox
from sandbox.call_log import LogFilter
from tests.integration.sandbox.clients import INVENTORY, Client, ebay_seller, list_on_ebay

_PATH = f"{INVENTORY}/bulk_update_price_quantity"


def _update(sku: str, offer_id: str, total: int | None, own: int | None, price: str | None = None) -> dict[str, object]:
    change: dict[str, object] = {"offerId": offer_id}
    if own is not None:
        change["availableQuantity"] = own
    if price is not None:
        change["price"] = {"value": price, "currency": "USD"}
    element: dict[str, object] = {"sku": sku, "offers": [change]}
    if total is not None:
        element["shipToLocationAvailability"] = {"quantity": total}
    return element


@pytest.mark.parametrize(("total", "own", "shown"), [(5, 3, 3), (2, 3, 2), (0, 3, 0), (4, 4, 4)])
async def test_listing_shows_the_smaller_quantity(
    box: Sandbox, seller: Client, total: int, own: int, shown: int
) -> None:
    offer_id = await list_on_ebay(seller, "A1", 9)
    reply = await seller.post(_PATH, {"requests": [_update("A1", offer_id, total, own)]})
    assert reply.status == 200
    listing = box.shelves.get("EBAY", "USAV", "A1")
    assert listing is not None
    assert listing.quantity == shown


async def test_price_changes_with_it(box: Sandbox, seller: Client) -> None:
    offer_id = await list_on_ebay(seller, "A1")
    await seller.post(_PATH, {"requests": [_update("A1", offer_id, None, None, "12.34")]})
    listing = box.shelves.get("EBAY", "USAV", "A1")
    assert listing is not None
    assert (listing.price, listing.quantity) == ("12.34", 5)


async def test_elements_fail_alone_with_207(seller: Client) -> None:
    offer_id = await list_on_ebay(seller, "A1")
    other_id = await list_on_ebay(seller, "A2")
    body = {
        "requests": [
            _update("A1", offer_id, 1, 1),
            _update("A2", other_id, 1, -1),
            _update("A3", "99", 1, 1),
        ]
    }
    reply = await seller.post(_PATH, body)
    assert reply.status == 207
    told = [(entry["sku"], entry["statusCode"]) for entry in reply.body["responses"]]
    assert told == [("A1", 200), ("A2", 400), ("A3", 404)]
    assert reply.body["responses"][1]["errors"][0]["errorId"] == 25004


async def test_offer_of_another_sku_is_25754_and_unpublished_is_refused(seller: Client) -> None:
    offer_id = await list_on_ebay(seller, "A1")
    await list_on_ebay(seller, "A2")
    reply = await seller.post(_PATH, {"requests": [_update("A2", offer_id, None, 1)]})
    assert reply.body["responses"][0]["errors"][0]["errorId"] == 25754
    await seller.post(f"{INVENTORY}/offer/{offer_id}/withdraw")
    reply = await seller.post(_PATH, {"requests": [_update("A1", offer_id, None, 1)]})
    assert reply.body["responses"][0]["statusCode"] == 400


async def test_at_most_25_skus_and_only_one_when_strict(box: Sandbox, seller: Client) -> None:
    many = [{"sku": f"S{index}", "shipToLocationAvailability": {"quantity": 1}} for index in range(26)]
    assert (await seller.post(_PATH, {"requests": many})).status == 400
    offer_id = await list_on_ebay(seller, "A1")
    other_id = await list_on_ebay(seller, "A2")
    both = {"requests": [_update("A1", offer_id, 1, 1), _update("A2", other_id, 1, 1)]}
    assert (await seller.post(_PATH, both)).status == 200
    box.switches.ebay.one_sku_per_call = True
    assert (await seller.post(_PATH, both)).status == 400
    assert (await seller.post(_PATH, {"requests": both["requests"][:1]})).status == 200


async def test_total_alone_answers_without_offer_id(seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    reply = await seller.post(_PATH, {"requests": [{"sku": "A1", "shipToLocationAvailability": {"quantity": 2}}]})
    assert reply.status == 200
    assert "offerId" not in reply.body["responses"][0]


async def test_listing_is_revised_250_times_a_day_and_no_more(box: Sandbox, seller: Client) -> None:
    box.switches.ebay.revisions_per_day = 3
    offer_id = await list_on_ebay(seller, "A1")
    body = {"requests": [_update("A1", offer_id, 4, 4)]}
    for _ in range(3):
        assert (await seller.post(_PATH, body)).status == 200
    reply = await seller.post(_PATH, {"requests": [_update("A1", offer_id, 1, 1)]})
    assert reply.status == 207
    assert reply.body["responses"][0]["errors"][0]["errorId"] == 25002
    listing = box.shelves.get("EBAY", "USAV", "A1")
    assert listing is not None
    assert listing.quantity == 4


async def test_blocked_listing_is_free_again_the_next_day(box: Sandbox, session: aiohttp.ClientSession) -> None:
    box.switches.ebay.revisions_per_day = 1
    box.switches.ebay.token_life_s = 1e6
    seller = await ebay_seller(session, box)
    body = {"requests": [_update("A1", await list_on_ebay(seller, "A1"), 4, 4)]}
    assert (await seller.post(_PATH, body)).status == 200
    assert (await seller.post(_PATH, body)).status == 207
    box.clock.advance(86_400)
    assert (await seller.post(_PATH, body)).status == 200


async def test_without_out_of_stock_control_zero_ends_the_listing(box: Sandbox, seller: Client) -> None:
    box.switches.ebay.out_of_stock_control = False
    offer_id = await list_on_ebay(seller, "A1")
    await seller.post(_PATH, {"requests": [_update("A1", offer_id, 0, 0)]})
    read = (await seller.get(f"{INVENTORY}/offer/{offer_id}")).body
    assert read["status"] == "UNPUBLISHED"
    listing = box.shelves.get("EBAY", "USAV", "A1")
    assert listing is not None
    assert (listing.quantity, listing.status) == (0, "ENDED")


async def test_log_tells_sku_and_quantity_of_every_push(box: Sandbox, seller: Client) -> None:
    offer_id = await list_on_ebay(seller, "A1")
    cursor = box.log.cursor
    await seller.post(_PATH, {"requests": [_update("A1", offer_id, 2, 1)]})
    [entry] = box.log.entries(LogFilter(since=cursor, sets_quantity=True))
    assert entry.quantities == (("A1", 1),)
    assert entry.operation == "ebay.bulk_update_price_quantity"
    assert entry.account == "USAV"
