"""The marketplaces' side of a measurement: buyers, and when each channel was told a quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

# Published limits would measure the limits; the benchmark asks how fast the hub is.
_NO_LIMITS = {
    "ebay": {"revisions_per_day": 0},
    "ecwid": {"requests_per_minute": 0},
    "zoho": {"requests_per_minute": 0, "requests_per_day": 0},
    "amazon": {"rate_scale": 1000.0},
}


@dataclass(frozen=True)
class Told:
    """A quantity that a channel acknowledged, and when (Unix seconds)."""

    platform: str
    account: str
    sku: str
    quantity: int
    at: float


_PUBLISHED = {
    "ebay": {"revisions_per_day": 250},
    "ecwid": {"requests_per_minute": 600},
    "zoho": {"requests_per_minute": 100, "requests_per_day": 5_000},
    "amazon": {"rate_scale": 1.0},
}


class SandboxControl:
    """The sandbox's control plane."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def lift_limits(self) -> None:
        """No quotas from here on."""
        await self._send("PATCH", "/_control/switches", json=_NO_LIMITS)

    async def set_published_limits(self) -> None:
        """The quotas the platforms publish."""
        await self._send("PATCH", "/_control/switches", json=_PUBLISHED)

    async def over_quota(self) -> int:
        """Calls that were refused for a quota, of all platforms."""
        return sum((await self._send("GET", "/_control/stats"))["over_quota"].values())

    async def buy(self, platform: str, account: str, sku: str) -> float:
        """A buyer buys one; answers when the sale was made, in Unix seconds."""
        sold = await self._send(
            "POST", "/_control/buy", json={"platform": platform, "account": account, "sku": sku, "quantity": 1}
        )
        return float(sold["time"])

    async def cursor(self) -> int:
        """Where the log ends now."""
        return int((await self._send("GET", "/_control/log", params={"limit": 0}))["cursor"])

    async def told(self, since: int) -> list[Told]:
        """Every quantity that was set since, as it was acknowledged."""
        query = {"since": since, "sets_quantity": "true", "limit": 50_000}
        entries = (await self._send("GET", "/_control/log", params=query))["items"]
        return [told for entry in entries if 200 <= entry["status"] < 300 for told in _told(entry)]

    async def _send(self, method: str, path: str, **more: Any) -> Any:
        answer = await self._client.request(method, path, **more)
        answer.raise_for_status()
        return answer.json()


def _told(entry: Mapping[str, Any]) -> list[Told]:
    return [
        Told(entry["platform"], entry["account"], sku, int(quantity), float(entry["time"]))
        for sku, quantity in entry["quantities"].items()
    ]
