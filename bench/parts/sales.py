"""From a sale to the last channel, on the marketplaces that take a number within the call that brings it."""

from __future__ import annotations

import httpx2

from bench.report import Section
from bench.sandbox import SandboxControl
from bench.seeds import make_variants
from bench.shop import Shop, account_of, connected_channels, delay_row
from bench.stage import Stage

P99_BAR_SECONDS = 1.0
_FIRST_FAMILY = 40_001
# The others answer with documents and acceptance of their own; the part `channels` has all of them.
_PLATFORMS = ("EBAY", "ECWID")
_VARIANTS = 100


async def run(stage: Stage) -> Section:
    """No ratios: the bar is the 99th percentile in seconds."""
    async with httpx2.AsyncClient(base_url=stage.hub.sandbox_url, timeout=60, trust_env=False) as client:
        control = SandboxControl(client)
        channels = await connected_channels(stage, _PLATFORMS)
        await control.lift_limits()
        variants = await make_variants(stage, _FIRST_FAMILY, min(_VARIANTS, stage.scale.sales))
        shop = Shop(stage, control, variants, [account_of(channel) for channel in channels])
        await shop.open()
        sold = await shop.delays(shop.sell, count=stage.scale.sales, per_second=stage.scale.sales_per_second)
        bought = await shop.delays(shop.buy, count=stage.scale.sales, per_second=stage.scale.sales_per_second)
    rate = f"{stage.scale.sales_per_second:g} sales a second"
    return Section(
        f"From a sale to the last of {len(channels)} channels, {rate}",
        [
            *delay_row("sale at the counter (SellItem, gRPC)", sold, p99_bar_s=P99_BAR_SECONDS),
            *delay_row("a buyer's order on one of the channels", bought, p99_bar_s=P99_BAR_SECONDS),
        ],
    )
