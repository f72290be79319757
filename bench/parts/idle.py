"""What a hub costs while nothing happens: CPU of each of its processes, with a hundred thousand listings on a channel."""

from __future__ import annotations

import asyncio

from bench.listings import drop_listings, put_listings, silent_channel
from bench.meter import cpu_seconds, with_descendants
from bench.report import Row, Section
from bench.seeds import make_variants
from bench.stage import Stage

BAR_PERCENT = 2.0
_FIRST_FAMILY = 47_001
_SETTLE_SECONDS = 5.0


async def run(stage: Stage) -> Section:
    """No ratios: the bar is a part of one core, for everything but the marketplaces' stand-in."""
    (variant,) = await make_variants(stage, _FIRST_FAMILY, 1)
    channel_id = await silent_channel(stage, "IDLE")
    count = stage.scale.large_rows
    await put_listings(stage, channel_id, count, variant.id, variant.full_sku, synced=True)
    await asyncio.sleep(_SETTLE_SECONDS)
    # The connections of an idle hub stay, and so do the processes that serve them; Postgres tidies up in others that come and go.
    pids = {name: with_descendants(stage.pid(name)) for name in stage.hub.processes}
    before = {name: cpu_seconds(found, ended_children=True) for name, found in pids.items()}
    await asyncio.sleep(stage.scale.idle_seconds)
    spent = {name: cpu_seconds(found, ended_children=True) - before[name] for name, found in pids.items()}
    share = {name: part / stage.scale.idle_seconds * 100 for name, part in spent.items()}
    await drop_listings(stage, channel_id)
    total = sum(part for name, part in share.items() if name != "sandbox")
    measured = "  ".join(f"{name} {part:.2f} %" for name, part in sorted(share.items()))
    return Section(
        f"Idle with {count} listings (CPU of a core)",
        [
            Row("sync_svc", f"{share['sync']:.2f} %", value=share["sync"], at_most=BAR_PERCENT, unit=" %"),
            Row("the whole hub", measured, value=total, at_most=BAR_PERCENT, unit=" %"),
        ],
    )
