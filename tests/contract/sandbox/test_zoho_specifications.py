"""What the sandbox takes and answers as Zoho agrees with Zoho's own specifications, where they are at hand.

They describe successes only, and call ids text that their own examples show as bare numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from sandbox import Sandbox
from sandbox.world import Purchase, WantedLine
from tests.contract.sandbox.recording import Recorder, undocumented
from tests.contract.sandbox.specifications import VARIABLE, ZOHO, Operation, Specifications, folder
from tests.integration.sandbox.clients import Reply, ZohoClient, zoho

pytestmark = pytest.mark.skipif(folder("zoho") is None, reason=f"{VARIABLE} names no folder with Zoho's specifications")

_PREFIX = "/inventory/v1"
_OUTSIDE = {"/oauth/v2/token", "/oauth/v2/auth"}
# Fields of Zoho's real answers that its specification leaves out.
_EXTRA: dict[str, Any] = {
    "page_context": {"type": "object"},
    **{name: {"type": "number"} for name in ("stock_on_hand", "available_stock", "actual_available_stock")},
    **{name: {"type": "string"} for name in ("created_time", "last_modified_time", "status", "sku", "unit")},
    **{name: {"type": "string"} for name in ("item_type", "product_type", "source")},
    "packages": {"type": "array"},
    "sales_channel": {"type": "string"},
    "track_inventory": {"type": "boolean"},
    "is_combo_product": {"type": "boolean"},
}
# Documented with 200, answered with 201 as the other creations are.
_CREATED_WITH_201 = {"create_item"}


class ZohoRecorder(Recorder, ZohoClient):
    """Checks successes; of refusals nothing is documented."""

    def judge(self, operation: Operation, body: Any, reply: Reply) -> list[str]:
        """What is wrong with an exchange."""
        if reply.status >= 400:
            return [] if reply.body["code"] else ["a refusal without a code"]
        status = 200 if operation.name in _CREATED_WITH_201 else reply.status
        answered = dict(reply.body)
        # Documented as a list, shown and answered as an object.
        if operation.name in {"create_package", "get_package"}:
            answered["package"] = [answered["package"]]
        # Named otherwise in the schema of this answer than in every other one, and than in the examples.
        if operation.name in {"create_sales_order", "update_sales_order"}:
            answered["sales_order"] = answered.pop("salesorder")
        return operation.request_problems(body) + operation.response_problems(status, answered)


@dataclass
class Stage:
    """A sandbox with a recording client."""

    box: Sandbox
    zoho: ZohoRecorder


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """The stage; at the end nothing may have been noted."""
    async with Sandbox(0) as box, aiohttp.ClientSession() as session:
        box.switches.zoho.bare_ids = False
        client = await zoho(session, box)
        recorder = ZohoRecorder(
            client.session, client.base, client.headers, _specifications(), box.zoho.router, prefix=_PREFIX
        )
        yield Stage(box, recorder)
        assert not recorder.problems, recorder.problems


def _specifications() -> Specifications:
    path = folder("zoho")
    assert path is not None
    return Specifications(path, ZOHO, _EXTRA)


def test_every_operation_of_the_sandbox_is_documented() -> None:
    assert undocumented(Sandbox().zoho.router, _specifications(), _OUTSIDE) == []


async def test_items(stage: Stage) -> None:
    client = stage.zoho
    item_id = await client.item("W-1", 3, item_type="inventory", description="Tested.", unit="qty")
    await client.post("/items", {"name": "x", "sku": "W-1"})
    await client.put(f"/items/{item_id}", {"name": "Wave", "rate": 12.25})
    await client.get("/items?sku=W-1")
    await client.get(f"/itemdetails?item_ids={item_id}")
    await client.get(f"/items/{item_id}")
    for state in ("inactive", "active"):
        await client.post(f"/items/{item_id}/{state}")
        await client.post(f"/items/{state}?item_ids={item_id}")
    await client.get("/organizations")
    await client.delete(f"/items/{item_id}")
    await client.get(f"/items/{item_id}")


async def test_adjustments(stage: Stage) -> None:
    client = stage.zoho
    item_id = await client.item("W-1", 3)
    made = await client.adjust(item_id, 2, reference_number="HUB-1", description="d")
    path = f"/inventoryadjustments/{made.body['inventory_adjustment']['inventory_adjustment_id']}"
    await client.get("/inventoryadjustments")
    await client.get(path)
    await client.delete(path)
    stage.box.switches.zoho.approve_adjustments = True
    made = await client.adjust(item_id, 2)
    path = f"/inventoryadjustments/{made.body['inventory_adjustment']['inventory_adjustment_id']}"
    for step in ("submit", "approve"):
        await client.post(f"{path}/{step}")


async def test_orders_packages_and_shipments(stage: Stage) -> None:
    client = stage.zoho
    item_id = await client.item("W-1", 9)
    line = {"item_id": item_id, "quantity": 1, "rate": 5}
    body = {"customer_id": "4815000000044080", "date": "2026-01-31", "reference_number": "R-1", "line_items": [line]}
    created = await client.post("/salesorders", {**body, "salesorder_number": "HUB-1"})
    order_id = created.body["salesorder"]["salesorder_id"]
    [kept] = created.body["salesorder"]["line_items"]
    lines = [{**line, "line_item_id": kept["line_item_id"], "quantity": 2}, line]
    edited = {"customer_id": body["customer_id"], "salesorder_number": "HUB-1", "line_items": lines}
    assert (await client.put(f"/salesorders/{order_id}", edited)).status == 200
    stage.box.zoho.edit(order_id, [WantedLine("W-1", 3)])
    await client.get(f"/salesorders/{order_id}")
    await client.post(f"/salesorders/{order_id}/status/confirmed")
    await client.post(f"/salesorders/{order_id}/status/void")
    order_id = stage.box.zoho.buy(Purchase("USAV", (("W-1", 2),)))["order_id"]
    lines = (await client.get(f"/salesorders/{order_id}")).body["salesorder"]["line_items"]
    packed = {"date": "2026-01-31", "line_items": [{"so_line_item_id": lines[0]["line_item_id"], "quantity": 2}]}
    package = (await client.post(f"/packages?salesorder_id={order_id}", packed)).body["package"]
    await client.get(f"/packages/{package['package_id']}")
    shipment = {"shipment_number": "S-1", "date": "2026-01-31", "delivery_method": "UPS", "tracking_number": "1Z"}
    path = f"/shipmentorders?salesorder_id={order_id}&package_ids={package['package_id']}"
    shipped = (await client.post(path, shipment)).body["shipment_order"]
    await client.get(f"/shipmentorders/{shipped['shipment_id']}")
    await client.post(f"/shipmentorders/{shipped['shipment_id']}/status/delivered")
    await client.get("/salesorders")
    await client.get(f"/salesorders/{order_id}")
