"""From a sale at the counter to the last of six channels on all four marketplaces, without their quotas."""

from __future__ import annotations

import httpx2

from bench.report import Section
from bench.sandbox import SandboxControl
from bench.seeds import make_variants
from bench.shop import Shop, account_of, connected_channels, delay_row, lift_limits
from bench.stage import Stage

P50_BAR_SECONDS = 0.25
P99_BAR_SECONDS = 1.0
_FIRST_FAMILY = 42_001
_PLATFORMS = ("EBAY", "ECWID", "ZOHO", "AMAZON")


async def run(stage: Stage) -> Section:
    """No ratios: the bars are the median and the 99th percentile in seconds."""
    scale = stage.scale
    async with httpx2.AsyncClient(base_url=stage.hub.sandbox_url, timeout=60, trust_env=False) as client:
        control = SandboxControl(client)
        channels = await connected_channels(stage, _PLATFORMS)
        await lift_limits(stage, control, channels)
        variants = await make_variants(stage, _FIRST_FAMILY, min(scale.channel_variants, scale.channel_sales))
        accounts = [account_of(channel) for channel in channels]
        shop = Shop(stage, control, variants, accounts, units_of_each=-(-scale.channel_sales // len(variants)))
        await shop.open()
        sold = await shop.delays(shop.sell, count=scale.channel_sales, per_second=scale.channel_sales_per_second)
    rows = delay_row("sale at the counter", sold, p99_bar_s=P99_BAR_SECONDS, p50_bar_s=P50_BAR_SECONDS)
    return Section(f"To the last of {len(channels)} channels, {scale.channel_sales_per_second:g} sales a second", rows)
