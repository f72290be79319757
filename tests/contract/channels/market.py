"""A platform as a case sees it: its connector on one side, its shelves and buyers on the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import httpx2

from sync_svc.channels.base import Channel, ChannelAccount, ChannelOrder, ListingState, Outcome, PushResult
from sync_svc.channels.registry import installed_connectors

ACCOUNTS = (("EBAY", "MEKONG"), ("ECWID", "USAV"), ("ZOHO", "USAV"), ("AMAZON", "MAIN"))
# Cases that are not about quotas would take minutes within the published ones.
EASED_SWITCHES: dict[str, dict[str, Any]] = {
    "zoho": {"requests_per_minute": 0, "requests_per_day": 0},
    # What a test before has made slow is as quick as ever.
    "amazon": {"rate_scale": 1000.0, "search_lag_s": 0.0, "apply_delay_ms": 30.0},
}
PUBLISHED_SWITCHES: dict[str, dict[str, Any]] = {
    "zoho": {"requests_per_minute": 100, "requests_per_day": 5000},
    "amazon": {"rate_scale": 1.0},
}
OPTIONS: dict[str, dict[str, Any]] = {"AMAZON": {"send_content": True, "queue_wait_s": 0.2}}


@dataclass(frozen=True)
class Market:
    """One account on one platform."""

    platform: str
    account: str
    channel: Channel
    settings: ChannelAccount
    control: httpx2.AsyncClient

    async def shown(self, sku: str) -> list[dict[str, Any]]:
        """What buyers see of a SKU: normally one listing, or none."""
        query = {"platform": self.platform, "account": self.account, "sku": sku}
        answer = await self.control.get("/_control/listings", params=query)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def quantity(self, sku: str) -> int | None:
        """The quantity buyers see; None when there is no such listing. Two of them are an error."""
        found = [shown for shown in await self.shown(sku) if shown["status"] != "ENDED"]
        assert len(found) <= 1, found
        return found[0]["quantity"] if found else None

    async def buy(self, sku: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
        """Has a buyer order."""
        body = {"platform": self.platform, "account": self.account, "sku": sku, "quantity": quantity, **more}
        answer = await self.control.post("/_control/buy", json=body)
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    async def parcels(self, order_id: str) -> list[str]:
        """The tracking numbers that buyers see of an order."""
        query = {"platform": self.platform, "account": self.account}
        items = (await self.control.get("/_control/orders", params=query)).json()["items"]
        (found,) = [item for item in items if item["order_id"] == order_id]
        return [one["tracking_number"] for one in found["parcels"]]

    @property
    def has_bulk_writes(self) -> bool:
        """Whether one call changes many listings; Amazon has only feeds for that, which take minutes."""
        return self.platform != "AMAZON"

    async def switch(self, switches: dict[str, Any]) -> None:
        """Changes how the sandbox behaves."""
        answer = await self.control.patch("/_control/switches", json=switches)
        assert answer.status_code == 200, answer.text

    async def with_published_limits(self) -> Market:
        """The same account with the quotas its platform publishes, and a connector that knows no others."""
        await self.switch(PUBLISHED_SWITCHES)
        return await connect(self.control, self.platform, self.account)

    async def fault(self, kind: str, **fields: Any) -> None:
        """Sets a fault on this account's calls."""
        answer = await self.control.post("/_control/faults", json={"kind": kind, "platform": self.platform} | fields)
        assert answer.status_code == 201, answer.text

    async def clear_faults(self) -> None:
        await self.control.request("DELETE", "/_control/faults")

    async def calls(self) -> list[dict[str, Any]]:
        """The log of calls to this platform; the parts of a batch are not calls of their own."""
        answer = await self.control.get("/_control/log", params={"platform": self.platform})
        items: list[dict[str, Any]] = answer.json()["items"]
        return [item for item in items if not item["batch"]]

    async def push(self, *states: ListingState) -> list[PushResult]:
        """One push; the results in the order of the states."""
        results = {result.listing_id: result for result in await self.channel.push(states)}
        return [results[state.listing_id] for state in states]

    async def settle(self, state: ListingState, *, tries: int = 8) -> ListingState:
        """Pushes as the worker does until it is done, and returns the state with what was learned."""
        for _ in range(tries):
            (result,) = await self.push(state)
            state = replace(state, external_ids={**state.external_ids, **result.external_ids})
            if result.outcome is Outcome.DONE:
                return replace(state, content_changed=False)
            assert result.outcome in (Outcome.RETRY, Outcome.UNKNOWN), result
            assert result.code or result.message
            await asyncio.sleep(0.02 if result.retry_after_s is None else result.retry_after_s + 0.05)
        raise AssertionError(f"never done: {result}")

    async def all_orders(self, cursor: str = "") -> tuple[Sequence[ChannelOrder], str]:
        """Reads a window to its end."""
        orders: list[ChannelOrder] = []
        while True:
            page = await self.channel.orders_since(cursor)
            orders.extend(page.orders)
            cursor = page.cursor
            if not page.more:
                return orders, cursor


async def connect(control: httpx2.AsyncClient, platform: str, account: str) -> Market:
    """Builds the connector from what the sandbox says of the account."""
    accounts = (await control.get("/_control/accounts")).json()
    (found,) = [one for one in accounts if (one["platform"], one["account"]) == (platform, account)]
    settings = ChannelAccount(
        channel_id=1,
        platform=platform,
        account=account,
        api_base_url=found["api_base_url"],
        token_url=found["token_url"],
        site=found["site"],
        credentials=found["credentials"],
        webhook=found["webhook"],
        options={**found["options"], **OPTIONS.get(platform, {})},
    )
    return Market(platform, account, installed_connectors().create(settings), settings, control)


def state(number: int = 1, **changes: Any) -> ListingState:
    """A listing of three speakers at 49.99."""
    fields: dict[str, Any] = {
        "listing_id": number,
        "platform_sku": f"SKU{number:05d}",
        "title": f"Bose 201 Series IV no. {number}",
        "description": "A pair of bookshelf speakers.",
        "quantity": 3,
        "price": Decimal("49.99"),
    }
    return ListingState(**(fields | changes))
