"""An inventory service in a process whose clock is off: `python -m ...shifted_service DATABASE_URL SECONDS`.

Prints its port, and ends when its standard input does. The clock is set off before anything else is imported.
"""

from __future__ import annotations

import asyncio
import datetime
import sys
import time
from typing import Any


def set_clock_off(seconds: float) -> None:
    """Everything that asks Python for the time of day gets one that is so many seconds ahead."""
    real_time, real_class = time.time, datetime.datetime

    class LikeReal(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real_class)

    class Shifted(real_class, metaclass=LikeReal):  # type: ignore[valid-type, misc]  # a class of this very moment
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return real_class.now(tz) + datetime.timedelta(seconds=seconds)

    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: int((real_time() + seconds) * 1e9)
    datetime.datetime = Shifted  # type: ignore[misc]  # that is the point


async def serve(database_url: str) -> None:
    """Runs until standard input ends."""
    from tests.integration.inventory.harness import InventoryHub

    hub = await InventoryHub.start(database_url)
    print(hub.running.port, time.time(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await hub.stop()


if __name__ == "__main__":
    set_clock_off(float(sys.argv[2]))
    asyncio.run(serve(sys.argv[1]))
