"""Raw statements by asyncpg, in a process of its own: what a service without gRPC, rules and messages could reach.

`python -m bench.raw_load` reads jobs as lines of JSON and answers each with one line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import asyncpg
import uvloop

from bench.load import Outcome, percentile


@dataclass(frozen=True, kw_only=True)
class RawJob:
    """A statement to run once per value of its parameter, by so many callers over so many connections.

    A statement that answers no row has failed.
    """

    url: str
    sql: str
    values: Sequence[int]
    callers: int
    connections: int


async def work(job: RawJob) -> Outcome:
    """Does one job."""
    latencies: list[float] = []
    values = iter(job.values)
    async with asyncpg.create_pool(job.url, min_size=job.connections, max_size=job.connections, reset=_keep) as pool:
        began = time.perf_counter()
        failed = await asyncio.gather(*(_call(pool, job.sql, values, latencies) for _ in range(job.callers)))
        seconds = time.perf_counter() - began
    p50, p99 = (percentile(latencies, share) * 1000 for share in (0.5, 0.99))
    return Outcome(len(latencies), sum(failed), seconds, p50, p99)


async def _keep(_: object) -> None:
    """No reset query, as in the services."""


async def _call(pool: asyncpg.Pool, sql: str, values: Iterator[int], latencies: list[float]) -> int:
    failed = 0
    for value in values:
        began = time.perf_counter()
        async with pool.acquire() as connection:
            found = await connection.fetchrow(sql, value)
        if found is None:
            failed += 1
        else:
            latencies.append(time.perf_counter() - began)
    return failed


def main() -> None:
    """Works until its standard input ends."""
    for line in sys.stdin:
        print(json.dumps(asdict(uvloop.run(work(RawJob(**json.loads(line)))))), flush=True)


if __name__ == "__main__":
    main()
