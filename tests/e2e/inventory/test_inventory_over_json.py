"""Stock through the gateway as its users know it: paths, shapes, one winner of many, errors with fields."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import Any

import httpx2
import pytest

API = "/api/v1"
STOCK = f"{API}/inventory"
_names = itertools.count(1)


def reason_and_fields(answer: httpx2.Response) -> tuple[str, list[str]]:
    """The reason of an error and the fields it names."""
    details = answer.json()["details"]
    reason = next(item["reason"] for item in details if "reason" in item)
    return reason, [item["field"] for part in details for item in part.get("field_violations", [])]


def serial() -> str:
    return f"SN-{uuid.uuid4().hex[:12].upper()}"


async def answer_of(call: Any, status: int = 200) -> Any:
    answer = await call
    assert answer.status_code == status, answer.text
    return answer.json()


async def a_sku(admin: httpx2.AsyncClient) -> str:
    """The SKU of a new variant of a new family."""
    family = await answer_of(admin.post(f"{API}/families", json={"name": f"Stock {next(_names)}"}))
    body = {"product_id": family["product_id"], "type": "PRODUCT"}
    identity = await answer_of(admin.post(f"{API}/identities", json=body))
    variant = await answer_of(admin.post(f"{API}/variants", json={"identity_id": identity["id"], "color_code": "BK"}))
    return str(variant["full_sku"])


async def a_unit(admin: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    sku = fields.pop("sku", None) or await a_sku(admin)
    unit: dict[str, Any] = await answer_of(admin.post(STOCK, json={"sku": sku, **fields}))
    return unit


async def test_life_of_a_unit(admin: httpx2.AsyncClient) -> None:
    number = serial()
    cost = {"currency_code": "USD", "units": "12", "nanos": 500000000}
    unit = await a_unit(admin, serial_number=number, location="A1-S2", unit_cost=cost)
    assert (unit["status"], unit["serial_number"], unit["unit_cost"]) == ("AVAILABLE", number, cost)
    assert isinstance(unit["id"], str)
    path = f"{STOCK}/{unit['id']}"
    assert await answer_of(admin.get(path)) == unit
    assert await answer_of(admin.get(f"{STOCK}/serial/{number.lower()}")) == unit

    changed = await answer_of(admin.patch(path, json={"notes": "tested", "etag": unit["etag"]}))
    assert (changed["notes"], changed["location"]) == ("tested", "A1-S2")
    stale = await admin.patch(path, json={"notes": "late", "etag": unit["etag"]})
    assert (stale.status_code, reason_and_fields(stale)[0]) == (409, "ETAG_MISMATCH")
    moved = await answer_of(admin.post(f"{STOCK}/move", json={"serial_number": number, "location": "B2"}))
    assert moved["location"] == "B2"

    held = await answer_of(admin.post(f"{path}/reserve", json={"order_reference": "J-1", "hold_duration": "90s"}))
    assert (held["status"], held["reservation"]["order_reference"]) == ("RESERVED", "J-1")
    freed = await answer_of(admin.post(f"{STOCK}/serial/{number}/release", json={}))
    assert (freed["status"], "reservation" in freed) == ("AVAILABLE", False)
    price = {"currency_code": "USD", "units": "99", "nanos": 0}
    sold = await answer_of(admin.post(f"{path}/sell", json={"order_reference": "J-2", "sale_price": price}))
    assert (sold["status"], sold["order_reference"], sold["sale_price"]) == ("SOLD", "J-2", price)
    again = await admin.post(f"{path}/sell", json={})
    assert again.status_code == 400
    assert "SOLD" in again.json()["message"]
    history = await answer_of(admin.get(f"{path}/history"))
    assert [row["action"] for row in history["items"]] == ["RECEIVE", "EDIT", "MOVE", "RESERVE", "RELEASE", "SELL"]
    by_order = await answer_of(admin.get(f"{STOCK}/movements", params={"order_reference": "J-2", "sku": unit["sku"]}))
    assert [row["action"] for row in by_order["items"]] == ["SELL"]


async def test_fifty_callers_reserve_one_unit_exactly_one_wins(admin: httpx2.AsyncClient) -> None:
    for _ in range(3):
        unit = await a_unit(admin, serial_number=serial())
        paths = [f"{STOCK}/{unit['id']}/reserve", f"{STOCK}/serial/{unit['serial_number']}/reserve"]
        answers = await asyncio.gather(*(admin.post(paths[number % 2], json={}) for number in range(50)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200] + [400] * 49
        lost = next(answer for answer in answers if answer.status_code == 400)
        assert reason_and_fields(lost)[0] == "STATUS_FORBIDS"


async def test_receive_by_count_serials_and_lines(admin: httpx2.AsyncClient) -> None:
    sku = await a_sku(admin)
    counted = await answer_of(admin.post(f"{STOCK}/receive", json={"sku": sku, "count": 3, "location": "R1"}))
    named = await answer_of(admin.post(f"{STOCK}/receive", json={"sku": sku, "serial_numbers": [serial(), serial()]}))
    assert (len(counted["items"]), len(named["items"])) == (3, 2)
    parts = [
        {"request_id": uuid.uuid4().hex, "lines": [{"sku": sku, "count": 4}, {"sku": sku, "serial_number": serial()}]},
        {"lines": [{"sku": sku, "location": "R2"}]},
    ]
    first = await answer_of(admin.post(f"{STOCK}/receive/batch", json=parts))
    assert (first["received_units"], len(first["item_ids"])) == ("6", 6)
    assert await answer_of(admin.post(f"{STOCK}/receive/batch", json=parts)) == first
    summary = await answer_of(admin.get(f"{STOCK}/summary", params={"sku": sku}))
    assert (summary["available_units"], summary["total_units"]) == ("11", "11")
    by_id = await answer_of(admin.get(f"{STOCK}/summary/{summary['variant_id']}"))
    assert by_id == summary


async def test_stock_is_shown_every_way(admin: httpx2.AsyncClient) -> None:
    first, second = await a_sku(admin), await a_sku(admin)
    units = (await answer_of(admin.post(f"{STOCK}/receive", json={"sku": first, "count": 2, "location": "E1"})))[
        "items"
    ]
    await answer_of(admin.post(f"{STOCK}/{units[0]['id']}/reserve", json={}))
    free = await answer_of(admin.get(f"{STOCK}/availability", params=[("sku", first), ("sku", second)]))
    assert [(item["sku"], item["free_units"]) for item in free["items"]] == [(first, "1"), (second, "0")]
    by_id = await answer_of(admin.get(f"{STOCK}/availability", params={"variant_id": units[0]["variant_id"]}))
    assert by_id["items"][0]["free_units"] == "1"
    listed = await answer_of(admin.get(STOCK, params={"sku": first, "status": "RESERVED", "page_size": 1}))
    assert ([item["id"] for item in listed["items"]], listed["total_size"]) == ([units[0]["id"]], "1")
    audited = await answer_of(admin.get(f"{STOCK}/audit/{first}"))
    assert [(place["location"], place["status"], place["units"]) for place in audited["places"]] == [
        ("E1", "AVAILABLE", "1"),
        ("E1", "RESERVED", "1"),
    ]
    value = await answer_of(admin.get(f"{STOCK}/value/total", params={"location": "E1"}))
    assert (value["total"]["units"], value["total"]["units_without_cost"]) == ("2", "2")


async def test_order_is_allocated_and_given_back(admin: httpx2.AsyncClient) -> None:
    sku = await a_sku(admin)
    await answer_of(admin.post(f"{STOCK}/receive", json={"sku": sku, "count": 2}))
    reference = f"WEB:{uuid.uuid4().hex}"
    order = {"order_reference": reference, "sell": True, "lines": [{"line_id": "1", "sku": sku, "quantity": 2}]}
    sold = await answer_of(admin.post(f"{STOCK}/allocations", json=order))
    assert [(line["state"], len(line["items"])) for line in sold["lines"]] == [("SOLD", 2)]
    more = await admin.post(f"{STOCK}/allocations", json={**order, "order_reference": f"{reference}-2"})
    assert (more.status_code, reason_and_fields(more)[0]) == (400, "OUT_OF_STOCK")
    given = await answer_of(admin.post(f"{STOCK}/allocations/{reference}/release", json={"reason": "cancelled"}))
    assert [(line["state"], len(line["items"])) for line in given["lines"]] == [("RELEASED", 2)]


async def test_move_batch_and_delete(admin: httpx2.AsyncClient) -> None:
    sku = await a_sku(admin)
    units = (await answer_of(admin.post(f"{STOCK}/receive", json={"sku": sku, "count": 3})))["items"]
    ids = [unit["id"] for unit in units]
    moved = await answer_of(admin.post(f"{STOCK}/move/batch", json={"ids": ids, "location": "M1"}))
    assert {unit["location"] for unit in moved["items"]} == {"M1"}
    await answer_of(admin.delete(f"{STOCK}/{ids[0]}", params={"reason": "typing error"}))
    assert (await admin.get(f"{STOCK}/{ids[0]}")).status_code == 404
    assert len((await answer_of(admin.get(f"{STOCK}/{ids[0]}/history")))["items"]) == 3


async def test_repeat_with_its_request_id_changes_nothing(admin: httpx2.AsyncClient) -> None:
    sku, request_id = await a_sku(admin), uuid.uuid4().hex
    calls = [admin.post(STOCK, params={"request_id": request_id}, json={"sku": sku}) for _ in range(10)]
    answers = [await answer_of(call) for call in calls]
    assert all(answer == answers[0] for answer in answers)
    other = await admin.post(STOCK, params={"request_id": request_id}, json={"sku": sku, "location": "X"})
    assert (other.status_code, reason_and_fields(other)) == (400, ("REQUEST_ID_REUSED", ["request_id"]))


async def test_body_cannot_name_another_unit_than_the_path(admin: httpx2.AsyncClient) -> None:
    first, second = await a_unit(admin), await a_unit(admin)
    answer = await admin.post(f"{STOCK}/{first['id']}/reserve", json={"id": second["id"]})
    assert answer.status_code == 400
    unit = await answer_of(admin.get(f"{STOCK}/{second['id']}"))
    assert unit["status"] == "AVAILABLE"


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("", {"sku": "NO-SUCH-SKU"}, ["item.sku"]),
        ("", {"sku": "a\u0000b"}, ["item.sku"]),
        ("", {"sku": "S", "unit_cost": {"units": "-1"}}, ["item.unit_cost"]),
        ("/receive", {"sku": "S", "count": -1}, ["count"]),
        ("/receive", {"sku": "S", "location": "x" * 1_000}, ["location"]),
        ("/receive/batch", [], ["lines"]),
        ("/receive/batch", [{"lines": [{"sku": "S", "count": 100001}]}], ["lines[0].count"]),
        ("/move", {"id": "1", "location": " "}, ["location"]),
        ("/1/reserve", {"hold_duration": "0s"}, ["hold_duration"]),
        ("/allocations", {"order_reference": "X", "lines": []}, ["lines"]),
    ],
)
async def test_bad_body_names_its_field(admin: httpx2.AsyncClient, path: str, body: Any, fields: list[str]) -> None:
    answer = await admin.post(STOCK + path, json=body)
    assert answer.status_code in (400, 404), answer.text
    assert reason_and_fields(answer)[1] == fields


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", '{"sku": '),
        ("", '{"variant_id": 1e30}'),
        ("", '{"sku": "S", "unit_cost": {"units": NaN}}'),
        ("/receive", '{"sku": "S", "count": 10000000000000000000000000000000}'),
        ("/receive", '{"sku": "S", "count": "many"}'),
        ("/abc/reserve", "{}"),
        ("/99999999999999999999/sell", "{}"),
        ("/receive/batch", '{"lines": []}'),
        ("/1/reserve", '{"hold_duration": "soon"}'),
    ],
)
async def test_malformed_json_is_a_bad_request(admin: httpx2.AsyncClient, path: str, body: str) -> None:
    answer = await admin.post(STOCK + path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["code"]


async def test_roles_are_kept(hub: Any, client: httpx2.AsyncClient, admin: httpx2.AsyncClient) -> None:
    name = f"rep_{uuid.uuid4().hex[:8]}"
    user = {"username": name, "password": "nine purple lanterns", "role": "SALES_REP"}
    await answer_of(admin.post(f"{API}/auth/users", json=user))
    form = {"grant_type": "password", "username": name, "password": user["password"]}
    tokens = await answer_of(client.post(f"{API}/auth/token", data=form))
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.get(STOCK, headers=headers)).status_code == 200
    assert (await client.post(STOCK, headers=headers, json={"sku": "S"})).status_code == 403
    assert (await client.get(f"{STOCK}/value/total", headers=headers)).status_code == 403
    assert (await client.get(STOCK)).status_code == 401
