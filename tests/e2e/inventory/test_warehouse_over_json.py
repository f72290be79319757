"""Returns, batches, locations, transfers and counts through the gateway."""

from __future__ import annotations

import httpx2

from tests.e2e.inventory.test_inventory_over_json import STOCK, a_unit, answer_of, reason_and_fields, serial


async def test_a_unit_comes_back_by_serial_number_and_is_sold_again(admin: httpx2.AsyncClient) -> None:
    number = serial()
    unit = await a_unit(admin, serial_number=number, location="A1-S2")
    path = f"{STOCK}/serial/{number}"
    await answer_of(admin.post(f"{path}/sell", json={"order_reference": "J-1"}))
    back = await answer_of(admin.post(f"{path}/return", json={"reason": "hums", "location": "B2"}))
    assert (back["status"], back["location"], back["rma_number"]) == ("RMA", "B2", f"RMA-{unit['id']}-3")
    graded = await answer_of(
        admin.post(f"{STOCK}/{unit['id']}/restock", json={"sku": f"{unit['sku']}-R", "grade": "A"}), 404
    )
    assert graded["message"]
    restocked = await answer_of(admin.post(f"{STOCK}/{unit['id']}/restock", json={"grade": "A"}))
    assert (restocked["status"], restocked["grade"]) == ("AVAILABLE", "A")
    answer = await answer_of(
        admin.post(f"{STOCK}/sell/batch", json={"ids": [unit["id"]], "serial_numbers": ["?"], "allow_partial": True})
    )
    assert [(one["done"], one["reason"]) for one in answer["results"]] == [(True, ""), (False, "ITEM_NOT_FOUND")]


async def test_a_location_is_made_counted_and_removed(admin: httpx2.AsyncClient) -> None:
    code = f"J-{serial()}"
    made = await answer_of(admin.post(f"{STOCK}/locations", json={"code": code.lower(), "warehouse": "JSON"}))
    assert (made["code"], made["active"]) == (code, True)
    assert (await answer_of(admin.get(f"{STOCK}/locations/code/{code}")))["on_hand_units"] == "0"
    named = await answer_of(admin.patch(f"{STOCK}/locations/{made['id']}", json={"name": "Door"}))
    assert (named["name"], named["warehouse"]) == ("Door", "JSON")
    unit = await a_unit(admin, serial_number=serial(), location=code)
    refused = await admin.delete(f"{STOCK}/locations/{made['id']}")
    assert (refused.status_code, reason_and_fields(refused)[0]) == (400, "LOCATION_IN_USE")
    count = await answer_of(admin.post(f"{STOCK}/counts", json={"locations": [code]}))
    scanned = await answer_of(admin.post(f"{STOCK}/counts/{count['id']}/scan", json={"code": "nobody's"}))
    assert scanned["outcome"] == "UNKNOWN_CODE"
    closed = await answer_of(admin.post(f"{STOCK}/counts/{count['id']}/close", json={}))
    assert [one["kind"] for one in closed["differences"]] == ["MISSING", "UNKNOWN"]
    done = await answer_of(admin.post(f"{STOCK}/counts/{count['id']}/approve", json={}))
    assert [one["outcome"] for one in done["differences"]] == ["CORRECTED", "NEEDS_A_PERSON"]
    assert (await answer_of(admin.get(f"{STOCK}/{unit['id']}")))["status"] == "WRITTEN_OFF"
    await answer_of(admin.delete(f"{STOCK}/locations/{made['id']}"))


async def test_units_travel_between_warehouses(admin: httpx2.AsyncClient) -> None:
    code = f"J-{serial()}"
    await answer_of(admin.post(f"{STOCK}/locations", json={"code": code, "warehouse": code}))
    unit = await a_unit(admin, location="A1-S2")
    transfer = await answer_of(admin.post(f"{STOCK}/transfers", json={"to_warehouse": code, "ids": [unit["id"]]}))
    assert (await answer_of(admin.get(f"{STOCK}/{unit['id']}")))["status"] == "IN_TRANSIT"
    arrived = await answer_of(admin.post(f"{STOCK}/transfers/{transfer['id']}/receive", json={"location": code}))
    assert arrived["in_transit_units"] == "0"
    assert (await answer_of(admin.get(f"{STOCK}/{unit['id']}")))["location"] == code
