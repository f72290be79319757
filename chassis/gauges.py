"""Numbers that are read rather than counted: every few seconds, from the database, as long as somebody scrapes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.database import Database, Statement
from chassis.errors import HubError
from chassis.metrics import LOOP_LAG, Rows

log = logging.getLogger(__name__)

Numbers = Mapping[tuple[str, ...], float]
_LAG_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the rows of some gauges come from; one source may serve several."""

    gauges: Sequence[Rows]
    read: Callable[[], Awaitable[Sequence[Numbers]]]


def by_statement(db: Database, gauge: Rows, statement: Statement, **parameters: Any) -> Reading:
    """Rows of a statement that answers the labels in order, then the number; a row without a number is left out."""

    async def read() -> Sequence[Numbers]:
        rows = await db.fetch(statement, **parameters)
        return [{tuple(map(str, row[:-1])): float(row[-1]) for row in map(tuple, rows) if row[-1] is not None}]

    return Reading([gauge], read)


async def keep_reading(readings: Sequence[Reading], every_s: float) -> None:
    """Reads for as long as the service runs."""
    while True:
        for reading in readings:
            await read_once(reading)
        await asyncio.sleep(every_s)


async def read_once(reading: Reading) -> None:
    """Reads one; a number that cannot be read is shown as none at all, never as the one it was."""
    try:
        numbers = await reading.read()
    except HubError as error:
        log.warning("a gauge cannot be read: %s", error.message)
        numbers = [{} for _ in reading.gauges]
    for gauge, rows in zip(reading.gauges, numbers, strict=True):
        gauge.replace(rows)


async def watch_event_loop() -> None:
    """Measures how punctual the event loop is: whatever blocks it delays every call of the process."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_SECONDS
        await asyncio.sleep(_LAG_SECONDS)
        LOOP_LAG.observe(max(0.0, loop.time() - due))
