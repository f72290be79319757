"""A shop on the sandbox's marketplaces: variants listed on every channel and sold at a steady pace, each sale followed until the
last channel has taken the lower number.

A channel's confirmation is the sandbox's answer to the push, by the sandbox's own clock, which is this machine's.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from usav.catalog.v1 import variant_pb2
from usav.inventory.v1 import inventory_service_pb2 as inventory
from usav.sync.v1 import channel_pb2, listing_pb2
from usav.sync.v1 import sync_service_pb2 as sync

from bench.load import percentile
from bench.report import Row
from bench.sandbox import SandboxControl, Told
from bench.stage import Stage
from bench.units import messages, receipt_lines, receive

# On a machine that does other work, ten thousand new listings take minutes to be made.
SETTLE_SECONDS = 300.0
_CATCH_UP_SECONDS = 15.0
_LISTINGS_PER_CALL = 500
# What a channel may be told of its quotas; the benchmark asks how fast the hub is, not how fast a platform lets it be.
_UNLIMITED: dict[str, dict[str, Any]] = {
    "ECWID": {"requests_per_minute": 0},
    "ZOHO": {"requests_per_minute": 0, "requests_per_day": 0},
    "AMAZON": {"feed_from": 0},
}

# As the sandbox's switches have them, in bench/sandbox.py.
_PUBLISHED: dict[str, dict[str, Any]] = {
    "ECWID": {"requests_per_minute": 600},
    "ZOHO": {"requests_per_minute": 100, "requests_per_day": 5_000},
}

Account = tuple[str, str]


class NotSettled(Exception):
    """The listings were not all on their channels in time, or a sale did not reach them."""


@dataclass
class Sale:
    """One sale: of which SKU, when, what is left, and the channel it was made on (none: at the counter)."""

    sku: str
    left: int
    at: float = 0.0
    channel: Account | None = None


@dataclass
class Shop:
    """Variants listed on every channel, with units to sell one after the other."""

    stage: Stage
    control: SandboxControl
    variants: list[variant_pb2.Variant]
    channels: list[Account]
    units_of_each: int = 8
    units: dict[str, list[int]] = field(default_factory=dict)
    _others: int = 0
    """Listings of other parts that wait for something, as for a price."""

    async def open(self, *, copies: int = 1) -> None:
        """Receives units, lists everything everywhere (so many listings of a variant), and waits until the channels show it."""
        self._others = await unsettled(self.stage, self.channels)
        prefix = self.variants[0].id
        serials = (f"S{prefix}-{number:06}" for number in range(len(self.variants) * self.units_of_each))
        ids = await receive(self.stage, messages(receipt_lines(self.variants, serials)))
        for place, unit in enumerate(ids):
            self.units.setdefault(self.variants[place % len(self.variants)].full_sku, []).append(unit)
        for platform, account in self.channels:
            listings = [
                _listing(variant, platform, account, copy) for copy in range(copies) for variant in self.variants
            ]
            for begin in range(0, len(listings), _LISTINGS_PER_CALL):
                request = sync.BatchUpsertListingsRequest(listings=listings[begin : begin + _LISTINGS_PER_CALL])
                await self.stage.stubs["sync"].BatchUpsertListings(request, metadata=self.stage.credentials)
        await self.settled()

    async def settled(self) -> None:
        """Waits until every channel shows everything. Raises NotSettled."""
        await until(self._is_settled, SETTLE_SECONDS)

    async def _is_settled(self) -> bool:
        return await unsettled(self.stage, self.channels) <= self._others

    def next_sale(self, number: int) -> tuple[Sale, int]:
        """The next sale of the SKU whose turn it is, and the unit that is sold."""
        sku = self.variants[number % len(self.variants)].full_sku
        unit = self.units[sku].pop()
        return Sale(sku, len(self.units[sku])), unit

    async def sell(self, number: int) -> Sale:
        """A sale at the counter; its time is when the call was made."""
        sale, unit = self.next_sale(number)
        sale.at = time.time()
        await self.stage.stubs["inventory"].SellItem(
            inventory.SellItemRequest(id=unit, order_reference=f"COUNTER-{unit}"), metadata=self.stage.credentials
        )
        return sale

    async def buy(self, number: int) -> Sale:
        """A buyer's order on one of the channels in turn; its time is when the marketplace took it."""
        sale, _ = self.next_sale(number)
        sale.channel = self.channels[number % len(self.channels)]
        sale.at = await self.control.buy(*sale.channel, sale.sku)
        return sale

    async def delays(self, make: Callable[[int], Awaitable[Sale]], *, count: int, per_second: float) -> list[float]:
        """Seconds from each of so many sales to its last channel. Raises NotSettled when some never got there."""
        cursor = await self.control.cursor()
        sales = await _paced(make, count, per_second)
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while True:
            told = _by_sku(await self.control.told(cursor))
            found = [delay for sale in sales if (delay := _delay(sale, self.channels, told)) is not None]
            if len(found) == len(sales):
                return found
            if time.monotonic() > deadline:
                missing = len(sales) - len(found)
                raise NotSettled(f"{missing} of {len(sales)} sales did not reach every channel in time")
            await asyncio.sleep(0.5)


async def unsettled(stage: Stage, channels: Sequence[Account]) -> int:
    """Listings of these channels that do not show yet what they should."""
    status = await stage.stubs["sync"].GetSyncStatus(sync.GetSyncStatusRequest(), metadata=stage.credentials)
    asked = set(channels)
    return sum(
        one.pending_count + one.dirty_count + one.error_count
        for one in status.channels
        if (channel_pb2.Channel.Platform.Name(one.platform), one.account) in asked
    )


async def connected_channels(stage: Stage, platforms: Sequence[str]) -> list[channel_pb2.Channel]:
    """The sandbox's channels on these platforms, once all are connected. Raises NotSettled."""
    found: list[channel_pb2.Channel] = []

    async def are_connected() -> bool:
        answer = await stage.stubs["sync"].ListChannels(sync.ListChannelsRequest(), metadata=stage.credentials)
        # Other parts make channels that speak with nobody.
        usable = [one for one in answer.items if one.connection != channel_pb2.Channel.NO_CREDENTIALS]
        found[:] = [one for one in usable if channel_pb2.Channel.Platform.Name(one.platform) in platforms]
        is_complete = len({one.platform for one in found}) == len(platforms)
        return is_complete and all(one.connection == channel_pb2.Channel.CONNECTED for one in found)

    await until(are_connected, SETTLE_SECONDS)
    return found


async def lift_limits(stage: Stage, control: SandboxControl, channels: Sequence[channel_pb2.Channel]) -> None:
    """No quotas from here on, neither the sandbox's nor what the channels know of them."""
    await control.lift_limits()
    await _tell_channels(stage, channels, _UNLIMITED)


async def publish_limits(stage: Stage, control: SandboxControl, channels: Sequence[channel_pb2.Channel]) -> None:
    """The quotas the platforms publish, for both sides."""
    await _tell_channels(stage, channels, _PUBLISHED)
    await control.set_published_limits()


async def _tell_channels(
    stage: Stage, channels: Sequence[channel_pb2.Channel], options: Mapping[str, Mapping[str, Any]]
) -> None:
    for channel in channels:
        if more := options.get(channel_pb2.Channel.Platform.Name(channel.platform)):
            await _set_options(stage, channel, more)


async def _set_options(stage: Stage, channel: channel_pb2.Channel, more: Mapping[str, Any]) -> None:
    """The channel's options as they were, and these."""
    changed = channel_pb2.Channel(id=channel.id, options=channel.options)
    changed.options.update(more)
    request = sync.UpdateChannelRequest(channel=changed, update_mask=FieldMask(paths=["options"]))
    await stage.stubs["sync"].UpdateChannel(request, metadata=stage.credentials)


def account_of(channel: channel_pb2.Channel) -> Account:
    """A channel as the sandbox names it."""
    return channel_pb2.Channel.Platform.Name(channel.platform), channel.account


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Waits for a condition. Raises NotSettled."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise NotSettled("the channels were not ready in time")
        await asyncio.sleep(0.1)


def delay_row(what: str, delays: Sequence[float], *, p99_bar_s: float, p50_bar_s: float | None = None) -> list[Row]:
    """The line of a run of sales; two where the median has a bar as well."""
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    measured = f"{len(delays)} sales  p50 {p50 * 1000:.0f} ms  p99 {p99 * 1000:.0f} ms"
    rows = [Row(what, measured, value=p99, at_most=p99_bar_s, unit=" s (p99)")]
    if p50_bar_s is not None:
        rows.append(Row(f"{what}, median", f"p50 {p50 * 1000:.0f} ms", value=p50, at_most=p50_bar_s, unit=" s (p50)"))
    return rows


async def _paced(make: Callable[[int], Awaitable[Sale]], count: int, per_second: float) -> list[Sale]:
    """Starts one sale after the other at a steady pace, whether or not the earlier ones have come back."""
    began, started = time.monotonic(), []
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        started.append(asyncio.ensure_future(make(number)))
    return await asyncio.gather(*started)


def _by_sku(told: Sequence[Told]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        found[one.sku].append(one)
    return found


def _delay(sale: Sale, channels: Sequence[Account], told: dict[str, list[Told]]) -> float | None:
    """Seconds to the last channel that had to be told; None while one has not been."""
    first: dict[Account, float] = defaultdict(lambda: float("inf"))
    for one in told[sale.sku]:
        if one.at >= sale.at and one.quantity <= sale.left:
            account = (one.platform, one.account)
            first[account] = min(first[account], one.at)
    last = max(first[account] for account in channels if account != sale.channel)
    return None if last == float("inf") else last - sale.at


def _listing(variant: variant_pb2.Variant, platform: str, account: str, copy: int) -> listing_pb2.ListingUpsert:
    return listing_pb2.ListingUpsert(
        variant_id=variant.id,
        sku=variant.full_sku,
        platform=channel_pb2.Channel.Platform.Value(platform),
        account=account,
        platform_sku=f"{variant.full_sku}-{copy}" if copy else variant.full_sku,
        name=f"{variant.name} {copy}" if copy else variant.name,
    )
