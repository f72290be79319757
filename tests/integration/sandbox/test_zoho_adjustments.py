"""Zoho's adjustments: deltas that count twice when sent twice, and what organizations differ in."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.integration.sandbox.clients import ZohoClient


async def _stock(zoho: ZohoClient, item_id: str) -> int:
    return int((await zoho.get(f"/items/{item_id}")).body["item"]["stock_on_hand"])


async def test_delta_is_added_as_often_as_it_is_sent(zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 3)
    first = await zoho.adjust(item_id, -2, reference_number="HUB-1")
    assert first.status == 200
    assert first.body["inventory_adjustment"]["reference_number"] == "HUB-1"
    await zoho.adjust(item_id, -2, reference_number="HUB-1")
    assert await _stock(zoho, item_id) == -1


async def test_list_knows_pages_but_no_filter(zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1")
    for index in range(3):
        await zoho.adjust(item_id, 1, reference_number=f"HUB-{index}")
    found = (await zoho.get("/inventoryadjustments?per_page=2&reference_number=HUB-0")).body
    assert [entry["reference_number"] for entry in found["inventory_adjustments"]] == ["HUB-2", "HUB-1"]
    assert found["page_context"]["has_more_page"] is True
    assert "line_items" not in found["inventory_adjustments"][0]


async def test_one_document_takes_many_lines_all_or_none(zoho: ZohoClient) -> None:
    first, second = await zoho.item("W-1"), await zoho.item("W-2")
    lines = [
        {"item_id": first, "quantity_adjusted": 2},
        {"item_id": second, "quantity_adjusted": 5.0, "description": "d"},
    ]
    reply = await zoho.adjust(first, 0, line_items=lines)
    assert reply.body["inventory_adjustment"]["line_items"][1]["description"] == "d"
    assert [await _stock(zoho, item_id) for item_id in (first, second)] == [2, 5]
    reply = await zoho.adjust(first, 0, line_items=[*lines, {"item_id": "77", "quantity_adjusted": 1}])
    assert (reply.status, reply.body["code"]) == (404, 1002)
    assert await _stock(zoho, first) == 2


async def test_deleted_document_takes_back_what_it_did(zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 3)
    made = await zoho.adjust(item_id, 4)
    path = f"/inventoryadjustments/{made.body['inventory_adjustment']['inventory_adjustment_id']}"
    assert (await zoho.get(path)).status == 200
    assert (await zoho.delete(path)).status == 200
    assert await _stock(zoho, item_id) == 3
    assert (await zoho.get(path)).status == 404


async def test_with_approval_a_document_counts_only_in_the_end(box: Sandbox, zoho: ZohoClient) -> None:
    box.switches.zoho.approve_adjustments = True
    item_id = await zoho.item("W-1")
    made = (await zoho.adjust(item_id, 4)).body["inventory_adjustment"]
    path = f"/inventoryadjustments/{made['inventory_adjustment_id']}"
    assert made["status"] == "draft"
    assert (await zoho.post(f"{path}/approve")).status == 400
    await zoho.post(f"{path}/submit")
    assert await _stock(zoho, item_id) == 0
    await zoho.post(f"{path}/approve")
    assert await _stock(zoho, item_id) == 4


async def test_organizations_may_want_known_reasons_and_no_negative_stock(box: Sandbox, zoho: ZohoClient) -> None:
    box.switches.zoho.known_reasons = "Recount,Damaged"
    box.switches.zoho.prevent_negative_stock = True
    item_id = await zoho.item("W-1", 1)
    assert (await zoho.adjust(item_id, 1, reason="Just so")).status == 400
    assert (await zoho.adjust(item_id, -2)).status == 400
    assert (await zoho.adjust(item_id, -1)).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"date": "31.1.2026"},
        {"reason": ""},
        {"adjustment_type": "sum"},
        {"line_items": []},
        {"line_items": [{"item_id": 1.5}]},
    ],
)
async def test_wrong_documents_are_400(zoho: ZohoClient, fields: dict[str, object]) -> None:
    item_id = await zoho.item("W-1")
    assert (await zoho.adjust(item_id, 1, **fields)).status == 400


async def test_stock_of_untracked_items_is_none(zoho: ZohoClient) -> None:
    item_id = await zoho.item("S-1", item_type="sales")
    assert "stock_on_hand" not in (await zoho.get(f"/items/{item_id}")).body["item"]
    assert (await zoho.adjust(item_id, 1)).status == 400
