"""Raw Postgres by its own load program, from the wheel the hub runs on."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

from bench.load import Outcome
from deploy.local.postgres import program

_COUNT = re.compile(r"number of transactions actually processed: (\d+)")
_FAILED = re.compile(r"number of failed transactions: (\d+)")
_LATENCY = re.compile(r"latency average = ([\d.]+) ms")
_SPEED = re.compile(r"tps = ([\d.]+)")


class PgbenchFailed(Exception):
    """pgbench did not finish; the text is its own."""


async def pgbench(url: str, script: Path, variables: Mapping[str, int], *, clients: int, seconds: float) -> Outcome:
    """Runs a script as prepared statements for some seconds. Latencies are pgbench's average. Raises PgbenchFailed."""
    return await _run(url, script, variables, "--client", str(clients), "--time", str(max(1, round(seconds))))


async def pgbench_each(
    url: str, script: Path, variables: Mapping[str, int], *, clients: int, transactions: int
) -> Outcome:
    """As `pgbench`, so many times for each client."""
    return await _run(url, script, variables, "--client", str(clients), "--transactions", str(transactions))


async def _run(url: str, script: Path, variables: Mapping[str, int], *how_much: str) -> Outcome:
    defined = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        *(str(program("pgbench")), "--no-vacuum", "--protocol=prepared", "--jobs", "1", "--file", str(script)),
        *(*defined, *how_much, url),
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode(errors="replace")
    if process.returncode:
        raise PgbenchFailed(output)
    count, speed, latency = (found.search(output) for found in (_COUNT, _SPEED, _LATENCY))
    if not (count and speed and latency):
        raise PgbenchFailed(output)
    answered, failed = int(count[1]), _FAILED.search(output)
    average = float(latency[1])
    return Outcome(answered, int(failed[1]) if failed else 0, answered / float(speed[1]), average, average)
