"""Tells one channel's platform of the parcels that have left the house, each exactly once.

The connector reads what the platform knows before it sends anything, so a parcel whose answer never came, or whose worker died,
is simply told again. A platform that went wrong on the way gets a moment first: what it was sent may still be on its way there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, Outcome
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Channel
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.shipments import LeasedParcel, ShipmentLeases
from sync_svc.workers.ends import printable
from sync_svc.workers.leased import TIME_LIMIT_S, LeasedWork
from sync_svc.workers.silence import Silence
from sync_svc.workers.wakeups import Alarm

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ShipTools:
    """What every shipment worker shares."""

    leases: ShipmentLeases
    notes: ChannelNotes
    backstop_s: float
    settle_s: float = 5.0
    """Seconds before a parcel is told again whose answer never came."""
    new_lease: Callable[[], UUID] = uuid4


class ShipmentWorker:
    """Tells one channel's parcels; the lease on the order keeps two workers off one order."""

    def __init__(self, channel: Channel, connector: Connector, tools: ShipTools, alarm: Alarm) -> None:
        self._channel = channel
        self._connector = connector
        self._tools = tools
        self._alarm = alarm
        self._silence = Silence(tools.notes, channel.id)
        self._work = LeasedWork(
            *(channel.id, "parcels", tools.leases, self._tell, alarm),
            at_once=_MOST_AT_ONCE,
            backstop_s=tools.backstop_s,
            new_lease=tools.new_lease,
        )

    async def run(self) -> None:
        """Tell until cancelled; parcels under way then get a moment to end."""
        await self._work.run()

    async def _tell(self, taken: LeasedParcel) -> None:
        """One parcel, with a time limit shorter than its lease."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                told = await self._connector.ship(taken.parcel)
        except ChannelError as error:
            await self._not_told(taken, error, started)
        except TimeoutError:
            late = ChannelError(Outcome.UNKNOWN, "The platform did not answer in time.", code="timeout")
            await self._not_told(taken, late, started)
        except Exception as error:
            log.error("channel %d: telling of a parcel broke", self._channel.id, exc_info=error)
            broken = ChannelError(Outcome.UNKNOWN, "The connector broke; see the log.", code="broken")
            await self._not_told(taken, broken, started)
        else:
            await self._silence.heed(Outcome.DONE, "", None)
            await self._tools.leases.told(taken, told, _since(started))

    async def _not_told(self, taken: LeasedParcel, error: ChannelError, started: float) -> None:
        message = printable(error.message)
        parcel = taken.parcel
        log.warning("channel %d: shipment %d waits: %s", self._channel.id, parcel.shipment_id, message)
        wait_s = await self._silence.heed(error.outcome, message, error.retry_after_s) or backoff_s(taken.attempts + 1)
        if error.outcome is Outcome.UNKNOWN:
            wait_s = max(wait_s, self._tools.settle_s)
        code = printable(error.code)
        await self._tools.leases.not_told(taken, error.outcome, message, code, wait_s, _since(started))
        self._alarm.ring_in(wait_s)


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
