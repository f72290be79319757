"""From a sale to the last channel: sales at a steady pace, each followed until every channel has taken the lower number.

A channel's confirmation is the sandbox's answer to the push, by the sandbox's own clock, which is this machine's.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx2
from usav.catalog.v1 import variant_pb2
from usav.inventory.v1 import inventory_service_pb2 as inventory
from usav.sync.v1 import channel_pb2, listing_pb2
from usav.sync.v1 import sync_service_pb2 as sync

from bench.load import percentile
from bench.report import Row, Section
from bench.sandbox import SandboxControl, Told
from bench.seeds import make_variants
from bench.stage import Stage
from bench.units import messages, receipt_lines, receive

P99_BAR_SECONDS = 1.0
_FIRST_FAMILY = 40_001
# Marketplaces that take a number within the call that brings it; the others work through feeds in minutes of their own.
_PLATFORMS = ("EBAY", "ECWID")
_VARIANTS = 100
_UNITS_OF_EACH = 8
_SETTLE_SECONDS = 90.0
_CATCH_UP_SECONDS = 10.0

Account = tuple[str, str]


class NotSettled(Exception):
    """The listings were not all on their channels in time, or a sale did not reach them."""


@dataclass
class _Sale:
    """One sale: of which SKU, when, what is left, and the channel it was made on (none: at the counter)."""

    sku: str
    left: int
    at: float = 0.0
    channel: Account | None = None


@dataclass
class _Shop:
    """Variants listed on every channel, with units to sell one after the other."""

    stage: Stage
    control: SandboxControl
    variants: list[variant_pb2.Variant]
    channels: list[Account]
    units: dict[str, list[int]] = field(default_factory=dict)

    async def open(self) -> None:
        """Receives units, lists everything everywhere, and waits until the channels show it."""
        serials = (f"S{number:06}" for number in range(len(self.variants) * _UNITS_OF_EACH))
        ids = await receive(self.stage, messages(receipt_lines(self.variants, serials)))
        for place, unit in enumerate(ids):
            self.units.setdefault(self.variants[place % len(self.variants)].full_sku, []).append(unit)
        for platform, account in self.channels:
            listings = [_listing(variant, platform, account) for variant in self.variants]
            request = sync.BatchUpsertListingsRequest(listings=listings)
            await self.stage.stubs["sync"].BatchUpsertListings(request, metadata=self.stage.credentials)
        await _until(self._is_settled, _SETTLE_SECONDS)

    async def _is_settled(self) -> bool:
        """Whether all are shown; some marketplaces list by themselves, so only those that are measured are counted."""
        shown = 0
        for platform in _PLATFORMS:
            request = sync.ListListingsRequest(
                status=listing_pb2.Listing.SYNCED, platform=channel_pb2.Channel.Platform.Value(platform), page_size=1
            )
            answer = await self.stage.stubs["sync"].ListListings(request, metadata=self.stage.credentials)
            shown += answer.total_size
        return shown >= len(self.variants) * len(self.channels)

    def next_sale(self, number: int) -> tuple[_Sale, int]:
        """The next sale of the SKU whose turn it is, and the unit that is sold."""
        sku = self.variants[number % len(self.variants)].full_sku
        unit = self.units[sku].pop()
        return _Sale(sku, len(self.units[sku])), unit

    async def sell(self, number: int) -> _Sale:
        """A sale at the counter; its time is when the call was made."""
        sale, unit = self.next_sale(number)
        sale.at = time.time()
        await self.stage.stubs["inventory"].SellItem(
            inventory.SellItemRequest(id=unit, order_reference=f"COUNTER-{unit}"), metadata=self.stage.credentials
        )
        return sale

    async def buy(self, number: int) -> _Sale:
        """A buyer's order on one of the channels in turn; its time is when the marketplace took it."""
        sale, _ = self.next_sale(number)
        sale.channel = self.channels[number % len(self.channels)]
        sale.at = await self.control.buy(*sale.channel, sale.sku)
        return sale


async def run(stage: Stage) -> Section:
    """No ratios: the bar is the 99th percentile in seconds."""
    async with httpx2.AsyncClient(base_url=stage.hub.sandbox_url, timeout=60, trust_env=False) as client:
        control = SandboxControl(client)
        await control.lift_limits()
        channels = await _channels(stage)
        variants = await make_variants(stage, _FIRST_FAMILY, min(_VARIANTS, stage.scale.sales))
        shop = _Shop(stage, control, variants, channels)
        await shop.open()
        sold = await _delays(shop, shop.sell)
        bought = await _delays(shop, shop.buy)
    pace = f"{stage.scale.sales_per_second:g} sales a second"
    return Section(
        f"From a sale to the last of {len(channels)} channels, {pace}",
        [_row("sale at the counter (SellItem, gRPC)", sold), _row("a buyer's order on one of the channels", bought)],
    )


async def _delays(shop: _Shop, make: Callable[[int], Awaitable[_Sale]]) -> list[float]:
    """Seconds from each sale to its last channel. Raises NotSettled when some never got there."""
    cursor = await shop.control.cursor()
    sales = await _paced(make, shop.stage.scale.sales, shop.stage.scale.sales_per_second)
    deadline = time.monotonic() + _CATCH_UP_SECONDS
    while True:
        told = await shop.control.told(cursor)
        found = [delay for sale in sales if (delay := _delay(sale, shop.channels, told)) is not None]
        if len(found) == len(sales):
            return found
        if time.monotonic() > deadline:
            raise NotSettled(f"{len(sales) - len(found)} of {len(sales)} sales did not reach every channel in time")
        await asyncio.sleep(0.2)


async def _paced(make: Callable[[int], Awaitable[_Sale]], count: int, per_second: float) -> list[_Sale]:
    """Starts one sale after the other at a steady pace, whether or not the earlier ones have come back."""
    began, started = time.monotonic(), []
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        started.append(asyncio.ensure_future(make(number)))
    return await asyncio.gather(*started)


def _delay(sale: _Sale, channels: Sequence[Account], told: Sequence[Told]) -> float | None:
    """Seconds to the last channel that had to be told; None while one has not been."""
    first: dict[Account, float] = defaultdict(lambda: float("inf"))
    for one in told:
        if one.sku == sale.sku and one.at >= sale.at and one.quantity <= sale.left:
            account = (one.platform, one.account)
            first[account] = min(first[account], one.at)
    last = max(first[account] for account in channels if account != sale.channel)
    return None if last == float("inf") else last - sale.at


def _listing(variant: variant_pb2.Variant, platform: str, account: str) -> listing_pb2.ListingUpsert:
    return listing_pb2.ListingUpsert(
        variant_id=variant.id,
        sku=variant.full_sku,
        platform=channel_pb2.Channel.Platform.Value(platform),
        account=account,
        platform_sku=variant.full_sku,
        name=variant.name,
    )


async def _channels(stage: Stage) -> list[Account]:
    """The sandbox's channels, once all are connected."""
    found: list[Account] = []

    async def are_connected() -> bool:
        answer = await stage.stubs["sync"].ListChannels(sync.ListChannelsRequest(), metadata=stage.credentials)
        named = [(channel_pb2.Channel.Platform.Name(one.platform), one) for one in answer.items]
        asked = [(platform, one) for platform, one in named if platform in _PLATFORMS]
        found[:] = [(platform, one.account) for platform, one in asked]
        return len(found) > 1 and all(one.connection == channel_pb2.Channel.CONNECTED for _, one in asked)

    await _until(are_connected, _SETTLE_SECONDS)
    return found


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise NotSettled("the channels were not ready in time")
        await asyncio.sleep(0.1)


def _row(what: str, delays: Sequence[float]) -> Row:
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    measured = f"{len(delays)} sales  p50 {p50 * 1000:.0f} ms  p99 {p99 * 1000:.0f} ms"
    return Row(what, measured, value=p99, at_most=P99_BAR_SECONDS, unit=" s (p99)")
