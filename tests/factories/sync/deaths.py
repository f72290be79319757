"""A sync process that dies at a step of a push, and the steps there are: each lease, each call before it leaves and after its
answer, each record. What a dead process was doing never goes on, unless a test wakes it up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest

from sync_svc.channels.http import Wire
from sync_svc.domain.channel import Channel
from sync_svc.planner import Truth
from sync_svc.storage.leases import Lease, Leases, Recorded, Timing
from sync_svc.upstream import KnownVariant, TruthSource
from sync_svc.workers.push import PushWorker
from tests.factories.sync.engine import Engine


class Death:
    """Stops whoever comes to the step at this place (from 0); counts the steps of one who never dies."""

    def __init__(self, at: int = -1) -> None:
        self._at = at
        self.steps: list[str] = []
        self.came = asyncio.Event()
        self.woken = asyncio.Event()
        self.is_buried = False

    async def step(self, name: str) -> None:
        """A step of a push."""
        await self.stay_dead()
        self.steps.append(name)
        if len(self.steps) - 1 == self._at:
            self.came.set()
            await self.stay_dead()

    def is_at_its_end(self) -> bool:
        """Whether what a woken process was doing is recorded, or is not."""
        return self.steps[-1] == "after the record"

    async def stay_dead(self) -> None:
        """Nothing of a dead process goes on."""
        if self.came.is_set():
            await self.woken.wait()
        if self.is_buried:
            raise asyncio.CancelledError


_DEATH: ContextVar[Death | None] = ContextVar("death", default=None)


async def _step(name: str) -> None:
    if (death := _DEATH.get()) is not None:
        await death.step(name)


def mark_calls(patch: pytest.MonkeyPatch) -> None:
    """Make every call of a connector two steps."""
    exchange = Wire._exchange

    async def marked(self: Wire, operation: str, request: httpx2.Request) -> Any:
        call = f"{request.method} {request.url.path}"
        await _step(f"before {call}")
        answer = await exchange(self, operation, request)
        await _step(f"after {call}")
        return answer

    patch.setattr(Wire, "_exchange", marked)


class _MarkedLeases(Leases):
    async def take(self, channel_id: int, token: UUID, most: int, *, only_urgent: bool = False) -> Lease | None:
        if (death := _DEATH.get()) is not None:
            await death.stay_dead()
        lease = await super().take(channel_id, token, most, only_urgent=only_urgent)
        if lease is not None:
            await _step("leased")
        return lease

    async def record(self, lease: Lease, ends: Sequence[Recorded], timing: Timing) -> dict[int, float | None]:
        await _step("before the record")
        recorded = await super().record(lease, ends, timing)
        await _step("after the record")
        return recorded


class _MarkedTruth:
    def __init__(self, truth: TruthSource) -> None:
        self._truth = truth

    async def truth(self, variant_ids: Sequence[int]) -> Truth:
        truth = await self._truth.truth(variant_ids)
        await _step("the truth is read")
        return truth

    async def find_variant(self, *, variant_id: int = 0, sku: str = "") -> KnownVariant | None:
        return await self._truth.find_variant(variant_id=variant_id, sku=sku)


class DyingProcess:
    """A push worker of a process of its own; `async with` ends what is left of it."""

    def __init__(self, engine: Engine, channel: Channel, death: Death, *, lease_s: float) -> None:
        leases = _MarkedLeases(engine.db, owner="dying", lease_s=lease_s, gap_s=engine.gap_s)
        tools = replace(engine.push_tools, leases=leases, truth=_MarkedTruth(engine.hub), push_timeout_s=3600.0)
        self.death = death
        self._worker = PushWorker(channel, engine.connectors.of(channel), tools, engine.alarms.pushes.of(channel.id))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> DyingProcess:
        token = _DEATH.set(self.death)
        try:
            self._task = asyncio.create_task(self._worker.run())
        finally:
            _DEATH.reset(token)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        self.death.is_buried = True
        self.death.woken.set()
        await asyncio.gather(self._task, return_exceptions=True)
