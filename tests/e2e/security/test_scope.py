"""What users are bound to, through the gateway as JSON: set, enforced by every service, and changed everywhere at once."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import httpx2

PASSWORD = "nine purple lanterns"
PROMISED_SECONDS = 60.0


async def bound_user(admin: httpx2.AsyncClient, role: str, **scope: Any) -> tuple[str, httpx2.AsyncClient]:
    """The id of a fresh user with that scope, and a client signed in as it."""
    username = f"bound_{uuid.uuid4().hex[:12]}"
    wanted = {"username": username, "password": PASSWORD, "role": role, "scope": scope}
    created = await admin.post("/api/v1/auth/users", json=wanted)
    assert created.status_code == 200, created.text
    return created.json()["id"], await signed_in(admin, username)


async def signed_in(admin: httpx2.AsyncClient, username: str) -> httpx2.AsyncClient:
    form = {"grant_type": "password", "username": username, "password": PASSWORD}
    tokens = (await admin.post("/api/v1/auth/token", data=form)).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    return httpx2.AsyncClient(base_url=admin.base_url, headers=headers, timeout=30)


async def place(admin: httpx2.AsyncClient, warehouse: str) -> dict[str, Any]:
    code = f"SC-{uuid.uuid4().hex[:8]}".upper()
    made = await admin.post("/api/v1/inventory/locations", json={"code": code, "warehouse": warehouse})
    assert made.status_code == 200, made.text
    found: dict[str, Any] = made.json()
    return found


def reason(answer: httpx2.Response) -> str:
    return next((one["reason"] for one in answer.json().get("details", ()) if "reason" in one), "")


async def test_an_operator_is_kept_to_the_own_warehouse(admin: httpx2.AsyncClient) -> None:
    east, west = f"E-{uuid.uuid4().hex[:8]}", f"W-{uuid.uuid4().hex[:8]}"
    mine, theirs = await place(admin, east), await place(admin, west)
    user_id, operator = await bound_user(admin, "WAREHOUSE_OP", warehouses=[east])
    async with operator:
        me = (await operator.get("/api/v1/auth/me")).json()
        assert me["scope"]["warehouses"] == [east]
        refused = await operator.get(f"/api/v1/inventory/locations/{theirs['id']}")
        assert (refused.status_code, reason(refused)) == (403, "OUTSIDE_YOUR_WAREHOUSES")
        refused = await operator.post("/api/v1/inventory/counts", json={"locations": [theirs["code"]]})
        assert (refused.status_code, reason(refused)) == (403, "OUTSIDE_YOUR_WAREHOUSES")
        listed = (await operator.get("/api/v1/inventory/locations")).json()
        assert [one["id"] for one in listed["items"]] == [mine["id"]]
        changed = await admin.patch(f"/api/v1/auth/users/{user_id}", json={"scope": {"warehouses": [west]}})
        assert changed.status_code == 200, changed.text
        deadline = time.monotonic() + PROMISED_SECONDS
        while (await operator.get(f"/api/v1/inventory/locations/{mine['id']}")).status_code != 401:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    async with await signed_in(admin, me["username"]) as operator:
        assert (await operator.get(f"/api/v1/inventory/locations/{theirs['id']}")).status_code == 200
        refused = await operator.get(f"/api/v1/inventory/locations/{mine['id']}")
        assert reason(refused) == "OUTSIDE_YOUR_WAREHOUSES"
        unbound = await admin.patch(f"/api/v1/auth/users/{user_id}?update_mask=scope", json={})
        assert "scope" not in unbound.json() or unbound.json()["scope"] is None
    async with await signed_in(admin, me["username"]) as operator:
        assert (await operator.get(f"/api/v1/inventory/locations/{mine['id']}")).status_code == 200


async def test_a_sales_rep_is_kept_to_the_own_channel(admin: httpx2.AsyncClient) -> None:
    channels = (await admin.get("/api/v1/channels")).json()["items"]
    mine, theirs = channels[0]["id"], channels[1]["id"]
    _, seller = await bound_user(admin, "SALES_REP", channel_ids=[mine])
    async with seller:
        seen = (await seller.get("/api/v1/sync/status")).json()["channels"]
        assert [one["channel_id"] for one in seen] == [mine]
        assert (await seller.get(f"/api/v1/channels/{mine}")).status_code == 200
        refused = await seller.get(f"/api/v1/channels/{theirs}")
        assert (refused.status_code, reason(refused)) == (403, "OUTSIDE_YOUR_CHANNELS")
        refused = await seller.post(
            "/api/v1/listings", json={"channel_id": theirs, "variant_id": "1", "platform_sku": "SCOPE-1"}
        )
        assert refused.status_code in (400, 403)
        listed = (await seller.get("/api/v1/listings?page_size=1000")).json()["items"]
        assert {one["channel_id"] for one in listed} <= {mine}


async def test_a_misspelt_scope_opens_nothing(admin: httpx2.AsyncClient) -> None:
    wanted = {"username": f"bound_{uuid.uuid4().hex[:12]}", "password": PASSWORD, "role": "WAREHOUSE_OP"}
    created = await admin.post("/api/v1/auth/users", json={**wanted, "scope": {"warehouse": ["EAST"]}})
    assert created.status_code == 400, created.text
