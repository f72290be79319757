"""Keeps what an account has used of its quotas, so that a restart gives nobody a second helping.

Uses per day are added up over all processes; the level of a bucket is this process's own. What was used in the last seconds
before a process is killed is not kept; the margins of the limits cover that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from chassis.errors import HubError
from sync_svc.channels.quota import DailyBudget, Meters
from sync_svc.storage.quotas import QuotaRecords

log = logging.getLogger(__name__)

SAVE_EVERY_S = 2.0
_KEPT_DAYS = 2


class QuotaKeeper:
    """Restores and keeps one connector's meters."""

    def __init__(self, meters: Meters, records: QuotaRecords) -> None:
        self._meters = meters
        self._records = records
        self._kept = [throttle.taken for throttle in meters.throttles]

    async def restore(self) -> None:
        """Go on with what was kept; to be called before the connector is used. Raises HubError."""
        levels = await self._records.levels()
        for place, throttle in enumerate(self._meters.throttles):
            for operation in throttle.kept():
                if (level := levels.get(_bucket(place, operation))) is not None:
                    throttle.restore({operation: level.tokens}, level.elapsed_s)
        for budget in self._meters.budgets:
            day = budget.today()
            budget.learn(day, await self._records.uses(budget.subject, day))
            await self._records.trim(day - _KEPT_DAYS)

    async def run(self) -> None:
        """Keep what changes every few seconds until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(SAVE_EVERY_S)
                with contextlib.suppress(HubError):
                    await self.save()
        finally:
            with contextlib.suppress(HubError):
                await self.save()

    async def save(self) -> None:
        """Keep what has changed since the last time. Raises HubError, and then it is kept the next time."""
        taken = [throttle.taken for throttle in self._meters.throttles]
        levels = {
            _bucket(place, operation): tokens
            for place, throttle in enumerate(self._meters.throttles)
            if taken[place] != self._kept[place]
            for operation, tokens in throttle.kept().items()
        }
        if levels:
            await self._records.keep_levels(levels)
            self._kept = taken
        for budget in self._meters.budgets:
            await self._save_budget(budget)

    async def _save_budget(self, budget: DailyBudget) -> None:
        day, unsaved = budget.take_unsaved()
        if not unsaved:
            return
        try:
            budget.learn(day, await self._records.add_uses(budget.subject, day, unsaved))
        except HubError:
            budget.put_back(day, unsaved)
            raise


def _bucket(place: int, operation: str) -> str:
    return f"{place}:{operation}"
