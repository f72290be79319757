"""The job of the hub seen from outside: things on the shelf, listings on every sandbox channel, and buyers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from deploy.local.hub import Hub


@dataclass
class Shop:
    """One variant with units on the shelf, listed on every channel."""

    admin: httpx2.AsyncClient
    sandbox: httpx2.AsyncClient
    sku: str = ""
    variant_id: str = ""
    channels: list[dict[str, Any]] = field(default_factory=list)
    mark: str = field(default_factory=lambda: secrets.token_hex(4).upper())

    async def post(self, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
        """A POST at the gateway, as the admin."""
        answer = await self.admin.post(path, json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """A GET at the gateway, as the admin."""
        answer = await self.admin.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def stock(self, units: int) -> None:
        """A new variant with so many units."""
        family = await self.post("/api/v1/families", {"name": f"Radio {self.mark}"})
        identity = await self.post("/api/v1/identities", {"product_id": family["product_id"], "type": "PRODUCT"})
        price = {"currency_code": "USD", "units": "99"}
        variant = await self.post(
            "/api/v1/variants", {"identity_id": identity["id"], "name": f"Radio {self.mark}", "price": price}
        )
        self.sku, self.variant_id = variant["full_sku"], variant["id"]
        await self.post("/api/v1/inventory/receive", {"sku": self.sku, "count": units, "location": "A1-S1"})

    async def list_everywhere(self) -> None:
        """A listing on every channel, each shown by its platform when this returns."""
        self.channels = [
            one for one in (await self.get("/api/v1/channels"))["items"] if one["connection"] == "CONNECTED"
        ]
        assert len(self.channels) >= 4
        for one in self.channels:
            listing = {"variant_id": self.variant_id, "channel_id": one["id"], "platform_sku": self.platform_sku(one)}
            await self.post("/api/v1/listings", listing)
        await self.until(self._is_synced)

    def platform_sku(self, channel: dict[str, Any]) -> str:
        """The channel's own SKU."""
        return f"S{self.mark}{channel['id']}"

    async def shown(self) -> dict[str, int]:
        """What buyers see on each channel."""
        found = {}
        for one in self.channels:
            query = {"platform": one["platform"], "account": one["account"], "sku": self.platform_sku(one)}
            (shelf,) = (await self.sandbox.get("/_control/listings", params=query)).json()["items"]
            found[f"{one['platform']} {one['account']}"] = shelf["quantity"]
        return found

    async def buy(self, channel: dict[str, Any], quantity: int = 1, **more: Any) -> str:
        """A buyer buys on one channel; answers the platform's order id."""
        body = {"platform": channel["platform"], "account": channel["account"], "sku": self.platform_sku(channel)}
        answer = await self.sandbox.post("/_control/buy", json={**body, "quantity": quantity, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    async def offer_without_the_hub(self, account: str, sku: str) -> None:
        """A product in the Ecwid store that the hub knows nothing of."""
        accounts = (await self.sandbox.get("/_control/accounts")).json()
        (found,) = [one for one in accounts if (one["platform"], one["account"]) == ("ECWID", account)]
        base = found["api_base_url"].rstrip("/").removesuffix("/api/v3")
        store, token = found["credentials"]["store_id"], found["credentials"]["access_token"]
        answer = await self.sandbox.post(
            f"{base}/api/v3/{store}/products",
            json={"name": "Mystery", "sku": sku, "price": 5, "quantity": 1, "enabled": True},
            headers={"authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text

    async def shows_everywhere(self, quantity: int, timeout_s: float = 20.0) -> None:
        """Wait until buyers see this quantity on every channel."""

        async def is_so() -> bool:
            return set((await self.shown()).values()) == {quantity}

        await self.until(is_so, timeout_s)

    async def until(self, condition: Callable[[], Awaitable[bool]], timeout_s: float = 20.0) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + timeout_s
        while not await condition():
            assert time.monotonic() < deadline, "it did not come to that in time"
            await asyncio.sleep(0.05)

    async def _is_synced(self) -> bool:
        listings = (await self.get("/api/v1/listings", variant_id=self.variant_id))["items"]
        assert not [one for one in listings if one["status"] == "ERROR"], listings
        return bool(listings) and all(one["status"] == "SYNCED" for one in listings)


@pytest.fixture
async def shop(hub: Hub, admin: httpx2.AsyncClient) -> AsyncIterator[Shop]:
    async with shop_of(hub, admin) as made:
        yield made


@asynccontextmanager
async def shop_of(hub: Hub, admin: httpx2.AsyncClient) -> AsyncIterator[Shop]:
    """A shop whose sandbox channels are connected."""
    async with httpx2.AsyncClient(base_url=hub.sandbox_url, timeout=30, trust_env=False) as sandbox:
        made = Shop(admin, sandbox)

        async def has_channels() -> bool:
            channels = (await made.get("/api/v1/channels"))["items"]
            return len([one for one in channels if one["connection"] == "CONNECTED"]) >= 4

        await made.until(has_channels)
        yield made
