"""A mass price change: one rule of a channel, and every listing of it is planned anew; how long that takes and what memory."""

from __future__ import annotations

import time

from google.protobuf.field_mask_pb2 import FieldMask
from usav.sync.v1 import channel_pb2
from usav.sync.v1 import sync_service_pb2 as sync

from bench.listings import drop_listings, put_listings, silent_channel
from bench.meter import forget_peak, memory_mb
from bench.report import Row, Section
from bench.seeds import make_variants
from bench.stage import Stage

BAR_SECONDS = 20.0
GROWTH_BAR_MB = 20.0
_FIRST_FAMILY = 46_001


async def run(stage: Stage) -> Section:
    """No ratios: the bars are a time and megabytes."""
    (variant,) = await make_variants(stage, _FIRST_FAMILY, 1)
    channel_id = await silent_channel(stage, "REPRICED")
    count = stage.scale.large_rows
    await put_listings(stage, channel_id, count, variant.id, variant.full_sku, synced=True)
    pid = stage.pid("sync")
    forget_peak(pid)
    before, _ = memory_mb(pid)
    began = time.perf_counter()
    await _reprice(stage, channel_id)
    took = time.perf_counter() - began
    _, peak = memory_mb(pid)
    planned = await _dirty(stage, channel_id)
    await drop_listings(stage, channel_id)
    if planned != count:
        raise RuntimeError(f"{planned} of {count} listings were planned")
    grown = peak - before
    return Section(
        "Mass price change by a channel's rule",
        [
            Row(f"{count} listings planned", f"{took:.2f} s", value=took, at_most=BAR_SECONDS, unit=" s"),
            Row("memory of sync_svc", f"{before:.0f} to {peak:.0f} MB", value=grown, at_most=GROWTH_BAR_MB, unit=" MB"),
        ],
    )


async def _reprice(stage: Stage, channel_id: int) -> None:
    changed = channel_pb2.Channel(id=channel_id)
    changed.rules.price_factor = "0.9"
    request = sync.UpdateChannelRequest(channel=changed, update_mask=FieldMask(paths=["rules"]))
    await stage.stubs["sync"].UpdateChannel(request, metadata=stage.credentials, timeout=120)


async def _dirty(stage: Stage, channel_id: int) -> int:
    status = await stage.stubs["sync"].GetSyncStatus(sync.GetSyncStatusRequest(), metadata=stage.credentials)
    return sum(one.dirty_count for one in status.channels if one.channel_id == channel_id)
