"""A rule that changes what ten thousand listings show, on all four marketplaces without their quotas: how long one worker process
takes until every channel shows it."""

from __future__ import annotations

import time

import httpx2
from google.protobuf.field_mask_pb2 import FieldMask
from usav.sync.v1 import channel_pb2
from usav.sync.v1 import sync_service_pb2 as sync

from bench.report import Row, Section
from bench.sandbox import SandboxControl
from bench.seeds import make_variants
from bench.shop import Shop, account_of, connected_channels, lift_limits
from bench.stage import Stage

BAR_SECONDS = 30.0
_FIRST_FAMILY = 44_001
_PLATFORMS = ("EBAY", "ECWID", "ZOHO", "AMAZON")
_COPIES = 5
_UNITS, _CAP = 3, 2


async def run(stage: Stage) -> Section:
    """No ratios: the bar is a time."""
    async with httpx2.AsyncClient(base_url=stage.hub.sandbox_url, timeout=60, trust_env=False) as client:
        control = SandboxControl(client)
        channels = await connected_channels(stage, _PLATFORMS)
        await lift_limits(stage, control, channels)
        # One account of each platform.
        chosen = list({channel.platform: channel for channel in reversed(channels)}.values())
        variants = await make_variants(stage, _FIRST_FAMILY, stage.scale.drained // (_COPIES * len(chosen)))
        shop = Shop(stage, control, variants, [account_of(channel) for channel in chosen], units_of_each=_UNITS)
        await shop.open(copies=_COPIES)
        began = time.perf_counter()
        for channel in chosen:
            await _cap(stage, channel.id)
        await shop.settled()
        took = time.perf_counter() - began
    count = len(variants) * _COPIES * len(chosen)
    measured = f"{count} in {took:.1f} s, {count / took:.0f} a second"
    row = Row("dirty listings until all are synced", measured, value=took, at_most=BAR_SECONDS, unit=" s")
    return Section("Dirty listings drained by one process, no quotas", [row])


async def _cap(stage: Stage, channel_id: int) -> None:
    """No more than so many units are to be shown."""
    changed = channel_pb2.Channel(id=channel_id)
    changed.rules.cap_units = _CAP
    request = sync.UpdateChannelRequest(channel=changed, update_mask=FieldMask(paths=["rules"]))
    await stage.stubs["sync"].UpdateChannel(request, metadata=stage.credentials)
