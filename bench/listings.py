"""Listings by the hundred thousand, put straight into the tables, on a channel that nobody works, so that nothing is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from usav.sync.v1 import channel_pb2
from usav.sync.v1 import sync_service_pb2 as sync

from bench.stage import Stage
from chassis.hosts import plain_url

_INSERT = """
INSERT INTO sync.listing (channel_id, variant_id, sku, platform_sku, name, external_ids, desired_generation, synced_generation,
  content_generation, pushed_quantity, pushed_price, shown_is_sure, error_class, error_message, attempts, next_attempt_at,
  last_attempt_at, last_synced_at)
SELECT $1, $4, $5, 'BENCH-' || n, 'Bench listing ' || n, jsonb_build_object('listing_id', n::text),
  CASE WHEN n % 10 < 8 THEN 1 ELSE 2 END, 1, 0, 0, 199, true,
  CASE n % 10 WHEN 9 THEN 'PERMANENT' END, CASE n % 10 WHEN 9 THEN 'The platform refuses it.' ELSE '' END,
  CASE n % 10 WHEN 9 THEN 1 ELSE 0 END, CASE n % 10 WHEN 8 THEN now() + interval '1 day' END, now(), now()
FROM generate_series($2::bigint, $3::bigint) AS n
"""
_INSERT_SYNCED = _INSERT.replace("n % 10", "0")
_AT_A_TIME = 50_000


@asynccontextmanager
async def superuser(stage: Stage) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do anything."""
    connection = await asyncpg.connect(plain_url(stage.hub.database_url))
    try:
        yield connection
    finally:
        await connection.close()


async def silent_channel(stage: Stage, account: str) -> int:
    """A channel without credentials, which nobody works; answers its id."""
    channel = channel_pb2.Channel(platform=channel_pb2.Channel.ECWID, account=account)
    made = await stage.stubs["sync"].CreateChannel(
        sync.CreateChannelRequest(channel=channel), metadata=stage.credentials
    )
    return int(made.id)


async def put_listings(stage: Stage, channel_id: int, count: int, variant_id: int, sku: str, *, synced: bool) -> None:
    """So many listings of one variant: all synced, or a tenth each dirty and failed."""
    statement = _INSERT_SYNCED if synced else _INSERT
    async with superuser(stage) as connection:
        for begin in range(1, count + 1, _AT_A_TIME):
            end = min(count, begin + _AT_A_TIME - 1)
            await connection.execute(statement, channel_id, begin, end, variant_id, sku, timeout=120)
        await connection.execute("VACUUM ANALYZE sync.listing", timeout=120)


async def drop_listings(stage: Stage, channel_id: int) -> None:
    """Takes them away again, so that the next part begins as it would alone."""
    async with superuser(stage) as connection:
        await connection.execute("DELETE FROM sync.listing WHERE channel_id = $1", channel_id, timeout=120)
        await connection.execute("VACUUM sync.listing", timeout=120)
