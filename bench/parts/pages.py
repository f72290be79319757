"""Pages of the pending and the failed listings, as JSON through the gateway, where there are a million listings."""

from __future__ import annotations

from functools import partial

from bench.listings import drop_listings, put_listings, silent_channel
from bench.report import Row, Section
from bench.rounds import Contender, Samples, interleave
from bench.seeds import make_variants
from bench.stage import Stage

BAR_MS = 20.0
_FIRST_FAMILY = 48_001


async def run(stage: Stage) -> Section:
    """No ratios: the bars are the 99th percentiles of a page of fifty for one caller."""
    (variant,) = await make_variants(stage, _FIRST_FAMILY, 1)
    channel_id = await silent_channel(stage, "MILLION")
    count = stage.scale.large_rows * 10
    await put_listings(stage, channel_id, count, variant.id, variant.full_sku, synced=False)
    try:
        found = await interleave(
            {name: _pages(stage, name, channel_id) for name in ("pending", "errors")}, stage.scale.rounds
        )
    finally:
        await drop_listings(stage, channel_id)
    rows = [_row(f"GET /listings/{name}", samples) for name, samples in found.items()]
    return Section(f"Pages of pending and failed listings, among {count}", rows)


def _pages(stage: Stage, name: str, channel_id: int) -> Contender:
    """The whole list and what may narrow it, in turn."""
    path = f"/api/v1/listings/{name}?page_size=50"
    paths = [path, f"{path}&platform=ECWID", f"{path}&channel={channel_id}", f"{path}&platform=EBAY"]
    return Contender(partial(stage.generator.run, stage.json_job(paths, connections=1, streams=1)))


def _row(what: str, found: Samples) -> Row:
    measured = f"{found.per_second:,.0f}/s  p50 {found.p50_ms:.1f} p99 {found.p99_ms:.1f} ms"
    return Row(what, measured, value=found.p99_ms, at_most=BAR_MS, unit=" ms (p99)")
