"""Ecwid's batches: tickets, order, failures, and the key that makes a repeat harmless."""

import asyncio
import json
from typing import Any

from sandbox import Sandbox
from sandbox.call_log import LogFilter
from tests.integration.sandbox.clients import Client


def _create(sku: str) -> dict[str, Any]:
    body = {"name": sku, "sku": sku, "price": 1, "quantity": 1}
    return {"id": sku, "path": "/products", "method": "POST", "body": body}


async def _finish(shop: Client, ticket: str, more: str = "") -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            body: dict[str, Any] = (await shop.get(f"/batch?ticket={ticket}{more}")).body
            if body["status"] == "COMPLETED":
                return body
            await asyncio.sleep(0.01)


async def _run(shop: Client, requests: list[dict[str, Any]], query: str = "") -> dict[str, Any]:
    opened = await shop.post(f"/batch{query}", requests)
    assert opened.status == 200, opened.body
    return await _finish(shop, opened.body["ticket"])


async def test_batch_is_executed_later_and_tells_every_answer(box: Sandbox, shop: Client) -> None:
    opened = await shop.post("/batch", [_create("A"), {"id": "p", "path": "/profile", "method": "GET"}])
    ticket = opened.body["ticket"]
    early = (await shop.get(f"/batch?ticket={ticket}")).body
    assert early["status"] in {"QUEUED", "IN_PROGRESS"}
    assert "responses" not in early
    done = await _finish(shop, ticket)
    assert (done["totalRequests"], done["completedRequests"]) == (2, 2)
    first = done["responses"][0]
    assert (first["id"], first["status"], first["httpStatusCode"]) == ("A", "COMPLETED", 200)
    assert first["httpBody"]["id"] == box.ecwid.store.by_sku["A"]


async def test_first_failure_stops_the_rest_unless_told_otherwise(shop: Client) -> None:
    requests = [_create("A"), _create("A"), _create("B")]
    done = await _run(shop, requests)
    assert [entry["status"] for entry in done["responses"]] == ["COMPLETED", "FAILED", "NOT_EXECUTED"]
    requests = [_create("A"), _create("C")]
    done = await _run(shop, requests, "?stopOnFirstFailure=false")
    assert [entry["status"] for entry in done["responses"]] == ["FAILED", "COMPLETED"]
    assert done["responses"][0]["httpBody"]["errorCode"] == "SKU_ALREADY_EXISTS"


async def test_same_key_gives_the_same_ticket_for_an_hour(box: Sandbox, shop: Client) -> None:
    query = "?deduplicationKey=k1"
    first = (await shop.post(f"/batch{query}", [_create("A")])).body["ticket"]
    assert (await shop.post(f"/batch{query}", [_create("A")])).body["ticket"] == first
    done = await _finish(shop, first)
    assert done["responses"][0]["status"] == "COMPLETED"
    box.clock.advance(3601)
    assert (await shop.post(f"/batch{query}", [_create("B")])).body["ticket"] != first


async def test_at_most_500_well_formed_requests(shop: Client) -> None:
    assert (await shop.post("/batch", [_create(str(index)) for index in range(501)])).status == 400
    assert (await shop.post("/batch", [])).status == 400
    assert (await shop.post("/batch", [{"path": "/products", "method": "PATCH"}])).status == 400
    assert (await shop.get("/batch?ticket=none")).status == 404


async def test_bodies_may_be_text_and_answers_escaped(shop: Client) -> None:
    request = {**_create("A"), "body": json.dumps(_create("A")["body"])}
    ticket = (await shop.post("/batch", [request])).body["ticket"]
    done = await _finish(shop, ticket, "&escapedJson=true")
    assert json.loads(done["responses"][0]["escapedHttpBody"])["id"]


async def test_every_request_of_a_batch_is_in_the_log_and_the_batch_costs_one_call(box: Sandbox, shop: Client) -> None:
    used = box.ecwid.throttle.used
    opened = await shop.post("/batch", [_create("A"), _create("B")])
    await asyncio.sleep(0.1)
    assert box.ecwid.throttle.used == used + 1
    entries = list(box.log.entries(LogFilter(operation="ecwid.create_product")))
    assert [entry.skus for entry in entries] == [("A",), ("B",)]
    assert {entry.batch for entry in entries} == {opened.body["ticket"]}


async def test_fault_inside_a_batch_hits_its_request_only(box: Sandbox, shop: Client) -> None:
    box.faults.set("server_error", operation="ecwid.create_product", sku="'B'", status=503)
    done = await _run(shop, [_create("A"), _create("B"), _create("C")], "?stopOnFirstFailure=false")
    assert [entry["httpStatusCode"] for entry in done["responses"]] == [200, 503, 200]
    assert len(list(box.log.entries(LogFilter(operation="ecwid.create_product", status=503)))) == 5
