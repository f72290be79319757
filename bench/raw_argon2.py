"""Passwords checked by argon2 and nothing else. `python -m bench.raw_argon2` reads jobs as lines of JSON."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from auth_svc.operations.password_hasher import standard_argon2
from bench.load import Outcome, percentile

_PASSWORD = "the password of a bench"


@dataclass(frozen=True)
class ArgonJob:
    """So many threads check the right password of a hash, one after the other, for so long."""

    threads: int
    seconds: float


def work(job: ArgonJob) -> Outcome:
    """Does one job."""
    argon = standard_argon2()
    stored = argon.hash(_PASSWORD)
    began = time.perf_counter()

    def check(_: int) -> list[float]:
        took = []
        while (started := time.perf_counter()) < began + job.seconds:
            argon.verify(stored, _PASSWORD)
            took.append(time.perf_counter() - started)
        return took

    with ThreadPoolExecutor(job.threads) as threads:
        latencies = [one for found in threads.map(check, range(job.threads)) for one in found]
    p50, p99 = (percentile(latencies, share) * 1000 for share in (0.5, 0.99))
    return Outcome(len(latencies), 0, time.perf_counter() - began, p50, p99)


def main() -> None:
    """Works until its standard input ends."""
    for line in sys.stdin:
        given: dict[str, Any] = json.loads(line)
        print(json.dumps(asdict(work(ArgonJob(**given)))), flush=True)


if __name__ == "__main__":
    main()
