"""The marketplaces as a buyer sees them: the sandbox's shelves, and buying from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from hubctl.demo.failure import DemoFailed

Place = tuple[str, str, str]


@dataclass(frozen=True)
class Shown:
    """What a listing shows, and since when (Unix seconds)."""

    quantity: int
    changed_at: float


@dataclass(frozen=True)
class Sale:
    """An order at a marketplace, and when it was placed (Unix seconds)."""

    order_id: str
    sold_at: float


class Shelves:
    """The sandbox's control plane. A place is platform, account and the channel's own SKU."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx2.Client(base_url=self.url, timeout=10, trust_env=False)

    def accounts(self) -> set[tuple[str, str]]:
        """Platform and account of every seller here."""
        return {(item["platform"], item["account"]) for item in self._get("accounts", {})}

    def shown(self, place: Place) -> Shown | None:
        """What a listing shows; None while there is no such listing."""
        platform, account, sku = place
        items = self._get("listings", {"platform": platform, "account": account, "sku": sku})["items"]
        return Shown(items[0]["quantity"], items[0]["changed_at"]) if items else None

    def buy(self, place: Place) -> Sale:
        """A buyer takes one. Raises DemoFailed when it is not offered."""
        platform, account, sku = place
        order = {"platform": platform, "account": account, "sku": sku, "quantity": 1}
        answer = self._call("POST", "buy", json=order)
        if answer.status_code != httpx2.codes.CREATED:
            raise DemoFailed(f"the buyer could not buy {sku} on {platform} {account}: {answer.text}")
        told = answer.json()
        return Sale(told["order_id"], float(told["created_at"]))

    def _get(self, name: str, query: dict[str, str]) -> Any:
        answer = self._call("GET", name, params=query)
        answer.raise_for_status()
        return answer.json()

    def _call(self, method: str, name: str, **options: Any) -> httpx2.Response:
        try:
            return self._client.request(method, f"/_control/{name}", **options)
        except httpx2.TransportError as error:
            raise DemoFailed(
                f"the sandbox at {self.url} does not answer ({error}); look into the log sandbox.log"
            ) from None
