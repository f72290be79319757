"""A reconciliation pass over one account of each marketplace within the quotas they publish: listings compared with the hub."""

from __future__ import annotations

import time
from collections.abc import Sequence

import httpx2
from usav.sync.v1 import channel_pb2, drift_pb2

from bench.report import Row, Section
from bench.sandbox import SandboxControl
from bench.seeds import make_variants
from bench.shop import Shop, account_of, connected_channels, lift_limits, publish_limits, until
from bench.stage import Stage

BAR_PER_HOUR = 100_000
_FIRST_FAMILY = 45_001
_PLATFORMS = ("EBAY", "ECWID", "ZOHO", "AMAZON")
_COPIES = 5
_PASS_SECONDS = 300.0
_HOUR_S = 3600.0


async def run(stage: Stage) -> Section:
    """No ratios: the bar is what an hour would carry."""
    async with httpx2.AsyncClient(base_url=stage.hub.sandbox_url, timeout=60, trust_env=False) as client:
        control = SandboxControl(client)
        channels = await connected_channels(stage, _PLATFORMS)
        chosen = list({channel.platform: channel for channel in reversed(channels)}.values())
        await lift_limits(stage, control, chosen)
        variants = await make_variants(stage, _FIRST_FAMILY, stage.scale.compared // _COPIES)
        await Shop(stage, control, variants, [account_of(channel) for channel in chosen], units_of_each=1).open(
            copies=_COPIES
        )
        await publish_limits(stage, control, chosen)
        before = await control.over_quota()
        took = await _reconcile(stage, chosen)
        refused = await control.over_quota() - before
        await lift_limits(stage, control, chosen)
    rows = [_row(platform, count, seconds) for platform, (count, seconds) in sorted(took.items())]
    whole = sum(count / seconds for count, seconds in took.values()) * _HOUR_S
    rows.append(Row("all of them in an hour", f"{whole:,.0f} listings", value=whole, at_least=BAR_PER_HOUR))
    rows.append(Row("calls over quota", str(refused), value=float(refused), at_most=0.0))
    return Section("Drift: listings read and compared within the published quotas", rows)


async def _reconcile(stage: Stage, channels: Sequence[channel_pb2.Channel]) -> dict[str, tuple[int, float]]:
    """How many listings each channel's pass compared, and in how many seconds."""
    began, wall = time.perf_counter(), time.time()
    for channel in channels:
        await stage.stubs["sync"].Reconcile(
            drift_pb2.ReconcileRequest(channel=str(channel.id)), metadata=stage.credentials
        )
    names = {channel.id: channel_pb2.Channel.Platform.Name(channel.platform) for channel in channels}
    found: dict[str, tuple[int, float]] = {}

    async def are_done() -> bool:
        answer = await stage.stubs["sync"].ListDrift(
            drift_pb2.ListDriftRequest(page_size=1), metadata=stage.credentials
        )
        for one in answer.passes:
            name = names.get(one.channel_id)
            if name and name not in found and one.HasField("finish_time") and one.finish_time.ToSeconds() >= wall - 1:
                found[name] = (int(one.checked_count), time.perf_counter() - began)
        return len(found) == len(names)

    await until(are_done, _PASS_SECONDS)
    return found


def _row(platform: str, count: int, seconds: float) -> Row:
    return Row(platform, f"{count} in {seconds:.1f} s, {count / seconds:.0f} a second")
