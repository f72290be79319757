"""A request leaves one trace, from the gateway through every service into SQL and marketplace calls, with the right parents."""

from __future__ import annotations

import asyncio
import json

from tests.e2e.observability.stage import Stage
from tests.factories.collector import Sent

SYNC = "usav.sync.v1.SyncService/"
INVENTORY = "usav.inventory.v1.InventoryService/"
CATALOG = "usav.catalog.v1.CatalogService/"


async def test_an_order_is_one_trace_from_the_gateway_over_sync_and_inventory_into_sql(stage: Stage) -> None:
    serial = await stage.unit()
    sku = (await stage.admin.get(f"/api/v1/inventory/serial/{serial}")).json()["sku"]
    order = await stage.value(
        "INSERT INTO sync.channel_order (channel_id, external_order_id, status, paid)"
        " VALUES ($1, $2, 'NEEDS_ATTENTION', true) RETURNING id",
        await stage.channel("ECWID"),
        serial,
    )
    await stage.run(
        "INSERT INTO sync.order_line (order_id, line_id, position, platform_sku, quantity) VALUES ($1, '1', 1, 'ODD', 1)",
        order,
    )
    answer = await stage.admin.post(
        f"/api/v1/orders/{order}/resolve", json={"mappings": [{"line_id": "1", "sku": sku}]}
    )
    assert answer.status_code == 200, answer.text
    request_id = answer.headers["x-request-id"]

    resolved = await stage.collector.find(
        lambda one: one.name == f"{SYNC}ResolveOrder" and one.attributes.get("hub.request_id") == request_id,
        "the resolution",
    )
    gateway = await stage.collector.find(lambda one: one.span_id == resolved.parent_id, "the gateway's span")
    allocated = await stage.collector.find(
        lambda one: one.name == f"{INVENTORY}AllocateUnits" and one.parent_id == resolved.span_id, "the allocation"
    )
    await stage.collector.find(lambda one: is_sql(one, allocated, "hub-inventory"), "inventory's SQL")
    await stage.collector.find(lambda one: is_sql(one, resolved, "hub-sync"), "sync's SQL")
    assert (gateway.service, gateway.parent_id) == ("hub-gateway", "")
    assert (resolved.service, allocated.service) == ("hub-sync", "hub-inventory")
    assert {gateway.trace_id} == {resolved.trace_id, allocated.trace_id}
    assert resolved.attributes["hub.code"] == "OK"
    # The values of a statement are nobody's business.
    assert not any(serial in one.attributes.get("db.query.text", "") for one in stage.collector.spans)


async def test_a_push_is_a_trace_from_the_worker_over_inventory_to_the_marketplace(stage: Stage) -> None:
    serial = await stage.unit()
    item = (await stage.admin.get(f"/api/v1/inventory/serial/{serial}")).json()
    await stage.admin.patch(
        f"/api/v1/variants/{item['variant_id']}", json={"price": {"currency_code": "USD", "units": "9"}}
    )
    listing = {"variant_id": item["variant_id"], "channel_id": await stage.channel("EBAY"), "platform_sku": serial}
    await stage.post("/api/v1/listings", listing)
    push = await stage.collector.find(
        lambda one: one.name.startswith("push EBAY/") and item["sku"] in one.attributes["hub.skus"], "the push"
    )
    read = await stage.collector.find(
        lambda one: one.name == f"{INVENTORY}BatchGetAvailability" and one.trace_id == push.trace_id, "the truth"
    )
    called = await stage.collector.find(
        lambda one: one.attributes.get("hub.channel", "").startswith("EBAY/") and one.trace_id == push.trace_id,
        "the call",
    )
    assert (push.parent_id, read.parent_id, read.service) == ("", push.span_id, "hub-inventory")
    assert called.attributes["http.response.status_code"].isdigit()
    assert called.attributes["server.address"] == "127.0.0.1"


async def test_a_stranger_does_not_choose_the_trace(stage: Stage) -> None:
    chosen = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{chosen}-b7ad6b7169203331-01"}
    answer = await stage.admin.get("/api/v1/brands", headers=headers)
    request_id = answer.headers["x-request-id"]
    span = await stage.collector.find(
        lambda one: one.name == f"{CATALOG}ListBrands" and one.attributes["hub.request_id"] == request_id, "the list"
    )
    assert span.trace_id != chosen


async def test_logs_name_the_trace(stage: Stage) -> None:
    answer = await stage.admin.get("/api/v1/colors")
    request_id = answer.headers["x-request-id"]
    span = await stage.collector.find(lambda one: one.attributes.get("hub.request_id") == request_id, "the list")
    assert (await logged(stage, "catalog", request_id))["trace_id"] == span.trace_id


async def test_one_request_id_stands_in_the_logs_of_every_service_on_the_way(stage: Stage) -> None:
    serial = await stage.unit()
    variant = (await stage.admin.get(f"/api/v1/inventory/serial/{serial}")).json()["variant_id"]
    answer = await stage.admin.get(f"/api/v1/variants/{variant}")
    request_id = answer.headers["x-request-id"]
    for process, method in (("catalog", f"{CATALOG}GetVariant"), ("sync", f"{SYNC}ListListings")):
        line = await logged(stage, process, request_id)
        assert line["method"] == f"/{method}"
        assert line["code"] == "OK"
        assert line["role"] in {"ADMIN", "SYSTEM_BOT"}


async def logged(stage: Stage, process: str, request_id: str) -> dict[str, str]:
    """The line of a request in a process's log; lines are gathered for some milliseconds."""
    log = stage.hub.state.path / "logs" / f"{process}.log"
    for _ in range(50):
        for line in log.read_text().splitlines():
            if request_id in line:
                return dict(json.loads(line))
        await asyncio.sleep(0.1)
    raise AssertionError(f"{request_id} is not in {log}")


def is_sql(one: Sent, parent: Sent, service: str) -> bool:
    return (
        one.service == service
        and one.parent_id == parent.span_id
        and one.attributes.get("db.system.name") == "postgresql"
    )
