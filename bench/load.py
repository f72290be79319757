"""The load generator, a process of its own: `python -m bench.load` reads jobs as lines of JSON and answers each with one line."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from bench.wire import Connection, Header, Requests, Tally

_GRACE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """Requests to send to one target, `connections` times `streams` at a time.

    Ends after `seconds`, or after each path or body was sent once when `once`; requests under way are waited for. Bodies are
    HTTP bodies in base64.
    """

    target: str
    paths: Sequence[str]
    bodies: Sequence[str] = ()
    headers: Sequence[Header] = ()
    secret: Sequence[Header] = ()
    connections: int = 4
    streams: int = 16
    seconds: float = 3.0
    once: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a job achieved. Latencies are in milliseconds."""

    answered: int
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def work(job: Job) -> Outcome:
    """Does one job. Raises OSError when the target cannot be reached."""
    requests = Requests(job.headers, job.secret, job.paths, [base64.b64decode(body) for body in job.bodies])
    tally = Tally()
    loop = asyncio.get_running_loop()
    host, _, port = job.target.rpartition(":")
    more = _supply(requests, job)
    began = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: Connection(requests, tally, job.streams, more), host, int(port)))[1]
        for _ in range(job.connections)
    ]
    await asyncio.wait_for(asyncio.gather(*(connection.done for connection in made)), job.seconds + _GRACE_SECONDS)
    seconds = time.perf_counter() - began
    p50, p99 = (percentile(tally.latencies, share) * 1000 for share in (0.5, 0.99))
    return Outcome(len(tally.latencies), tally.failed, seconds, p50, p99)


def _supply(requests: Requests, job: Job) -> Callable[[], tuple[bytes, bytes] | None]:
    payloads = requests.payloads()
    left = max(len(job.paths), len(job.bodies)) if job.once else sys.maxsize
    ends = time.perf_counter() + job.seconds

    def more() -> tuple[bytes, bytes] | None:
        nonlocal left
        if not left or (not job.once and time.perf_counter() > ends):
            return None
        left -= 1
        return next(payloads)

    return more


def main() -> None:
    """Works until its standard input ends."""
    for line in sys.stdin:
        given: dict[str, Any] = json.loads(line)
        outcome = uvloop.run(work(Job(**given)))
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
